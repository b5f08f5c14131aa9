/*
 * eligible.c
 *	  Who may be handed out to whom: the one answer for allocation and
 *	  assignment.
 *
 * lead_available only narrows the search; what counts is decided here, from
 * the newest committed state.  Every look-up is one statement for the batch.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/bans.h"
#include "core/eligible.h"
#include "core/holds.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/fold.h"
#include "util/uuid.h"

static const char *const rule_names[LP_RULES] = {
	[LP_RULE_KNOWN] = "known",
	[LP_RULE_NOT_BANNED] = "not_banned",
	[LP_RULE_REACHABLE] = "reachable",
	[LP_RULE_NOT_OWNED] = "not_owned",
	[LP_RULE_NOT_KEPT] = "not_kept",
	[LP_RULE_NOT_REPLIED] = "not_replied",
	[LP_RULE_NOT_COOLING] = "not_cooling",
	[LP_RULE_CLIENT_ACTIVE] = "client_active",
	[LP_RULE_EXCLUDE_DOMAINS] = "exclude_domains",
	[LP_RULE_COMPANY_EXCLUSIVE] = "company_exclusive",
};

/*
 * Whether a client other than $2 ever contacted the lead, and none of its
 * assignments frees it (kept_until has come by $3).
 */
#define CONTACTED_BY_ANOTHER(state) \
	"EXISTS (SELECT FROM (SELECT " state ".contacted_by" \
	"  UNION ALL SELECT k.client_id FROM @s@.lead_touches k" \
	"   WHERE k.lead_id = " state ".lead_id" \
	"    AND k.state IN ('dispatched', 'unknown', 'sent')) d(client_id)" \
	" WHERE d.client_id <> $2 AND NOT EXISTS (" \
	"  SELECT FROM @s@.lead_assignments f WHERE f.lead_id = " state ".lead_id" \
	"   AND f.client_id = d.client_id AND f.kept_until <= $3))"

static LpSql contacted_sql = LP_SQL(
	"SELECT s.lead_id FROM @s@.lead_state s"
	" WHERE s.lead_id = ANY ($1) AND " CONTACTED_BY_ANOTHER("s"),
	UUIDARRAYOID, UUIDOID, TIMESTAMPTZOID);

/*
 * Leads of others behind the same address or number: those that another
 * client owns or has contacted.
 */
static LpSql shared_sql = LP_SQL(
	"SELECT s.lead_id, t.by_email"
	" FROM @s@.lead_state s JOIN LATERAL ("
	"  SELECT e.lead_id, e.contacted_by, e.state, true AS by_email"
	"   FROM @s@.lead_state e"
	"   WHERE e.email_key = s.email_key AND e.lead_id <> s.lead_id"
	"  UNION ALL SELECT e.lead_id, e.contacted_by, e.state, false"
	"   FROM @s@.lead_state e"
	"   WHERE e.phone_key = s.phone_key AND e.lead_id <> s.lead_id) t ON true"
	" WHERE s.lead_id = ANY ($1) AND t.state <> 'merged'"
	" AND (EXISTS (SELECT FROM @s@.lead_assignments o WHERE o.lead_id = t.lead_id"
	"   AND o.status = 'active' AND o.client_id <> $2)"
	"  OR " CONTACTED_BY_ANOTHER("t") ")",
	UUIDARRAYOID, UUIDOID, TIMESTAMPTZOID);

static LpSql status_sql = LP_SQL(
	"SELECT u.n FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_pool p ON p.id = u.id"
	" WHERE @s@.lp_fold(p.email_status) = ANY ($2)",
	UUIDARRAYOID, TEXTARRAYOID);

#define BIT(rule) (1 << LP_RULE_##rule)
#define CHANNEL(channel) (1 << LP_CHANNEL_##channel)

const char *
lp_rule_name(LpRule rule)
{
	return rule_names[rule];
}

static LpEligible *
find(LpEligible *list, int n, const pg_uuid_t *id)
{
	for (int i = 0; i < n; i++)
		if (lp_uuid_equal(&list[i].lead->id, id))
			return &list[i];
	return NULL;
}

/* Bans of the person, and of the addresses by which it would be reached. */
static void
apply_bans(LpEligible *list, int n, const pg_uuid_t *ids, const LpClient *client,
		   TimestampTz now)
{
	List	  **bans = lp_bans_of_leads(ids, n, now);
	ListCell   *cell;

	for (int i = 0; i < n; i++)
	{
		foreach(cell, bans[i])
		{
			LpBan	   *ban = lfirst(cell);

			if (lp_ban_stops(ban, &client->id, LP_CHANNEL_NONE, now) != LP_BAN_STOPS_NOTHING)
				list[i].broken |= BIT(NOT_BANNED);
			for (LpChannel channel = 0; channel < LP_CHANNELS; channel++)
				if (lp_ban_stops(ban, &client->id, channel, now) != LP_BAN_STOPS_NOTHING)
					list[i].channels &= ~(1 << channel);
		}
	}
}

/* Addresses that the lead itself has. */
static int
own_channels(const LpLead *lead)
{
	int			bits = 0;

	if (lead->flags & LP_LEAD_EMAIL)
		bits |= CHANNEL(EMAIL);
	if (lead->flags & LP_LEAD_LINKEDIN)
		bits |= CHANNEL(LINKEDIN);
	if (lead->flags & LP_LEAD_PHONE)
		bits |= CHANNEL(VOICE);
	if ((lead->flags & LP_LEAD_PHONE) && !(lead->flags & LP_LEAD_LANDLINE))
		bits |= CHANNEL(SMS);
	if (lead->flags & LP_LEAD_MAIL)
		bits |= CHANNEL(MAIL);
	return bits;
}

/* Email reaches only those whose address has a status that was asked for. */
static void
apply_email_statuses(LpEligible *list, int n, const LpTexts *statuses,
					 const pg_uuid_t *ids)
{
	Datum		values[2];
	uint64		found;
	bool	   *fine;

	if ((statuses->n == 1 && strcmp(statuses->values[0], "verified") == 0))
	{
		for (int i = 0; i < n; i++)
			if (!(list[i].lead->flags & LP_LEAD_EMAIL_VERIFIED))
				list[i].channels &= ~CHANNEL(EMAIL);
		return;
	}
	values[0] = lp_array_of_uuids(ids, n);
	values[1] = lp_array_of_texts(statuses->values, statuses->n);
	found = lp_sql_run(&status_sql, values, NULL);
	fine = palloc0(sizeof(bool) * n);
	for (uint64 row = 0; row < found; row++)
		fine[lp_col_int(row, 1, 0) - 1] = true;
	for (int i = 0; i < n; i++)
		if (!fine[i])
			list[i].channels &= ~CHANNEL(EMAIL);
}

/* People behind one address are one recipient. */
static void
apply_shared_addresses(LpEligible *list, int n, const Datum *values)
{
	uint64		found = lp_sql_run(&shared_sql, values, NULL);

	for (uint64 row = 0; row < found; row++)
	{
		LpEligible *item = find(list, n, DatumGetUUIDP(lp_col(row, 1)));

		if (lp_col_bool(row, 2))
			item->channels &= ~CHANNEL(EMAIL);
		else
			item->channels &= ~(CHANNEL(SMS) | CHANNEL(VOICE));
	}
}

static bool
is_kept(const LpLead *lead, const LpClient *client, TimestampTz now)
{
	return lead->kept_until > now && lead->kept_for != NULL &&
		!lp_uuid_equal(lead->kept_for, &client->id);
}

/* The rules that the slim row alone decides. */
static void
apply_state(LpEligible *item, const LpClient *client, TimestampTz now)
{
	LpLead	   *lead = item->lead;

	if (!lead->known)
		item->broken |= BIT(KNOWN);
	if (lead->owner != NULL)
		item->broken |= BIT(NOT_OWNED);
	if (is_kept(lead, client, now))
		item->broken |= BIT(NOT_KEPT);
	if (!TIMESTAMP_IS_NOBEGIN(lead->replied_at) || !TIMESTAMP_IS_NOBEGIN(lead->converted_at))
		item->broken |= BIT(NOT_REPLIED);
	if (!TIMESTAMP_IS_NOBEGIN(lead->not_interested_at) &&
		now < lp_clock_add(lead->not_interested_at, &client->not_interested_cooling))
		item->broken |= BIT(NOT_COOLING);
	if (strcmp(client->status, "active") != 0)
		item->broken |= BIT(CLIENT_ACTIVE);
	if (lp_client_excludes(client, lead->email_domain) ||
		lp_client_excludes(client, lead->company_domain) ||
		lp_client_excludes(client, lead->company_host))
		item->broken |= BIT(EXCLUDE_DOMAINS);
}

LpEligible *
lp_eligible_check(const LpClient *client, const LpCriteria *criteria,
				  const pg_uuid_t *ids, int n, TimestampTz now)
{
	LpEligible *list = palloc0(sizeof(LpEligible) * Max(n, 1));
	LpLead	   *leads = lp_lead_load(ids, n);
	Datum		values[] = {lp_array_of_uuids(ids, n), UUIDPGetDatum(&client->id),
	TimestampTzGetDatum(now)};
	bool	   *held;
	uint64		found;

	for (int i = 0; i < n; i++)
	{
		list[i].lead = &leads[i];
		list[i].channels = own_channels(&leads[i]);
		apply_state(&list[i], client, now);
	}
	apply_bans(list, n, ids, client, now);
	found = lp_sql_run(&contacted_sql, values, NULL);
	for (uint64 row = 0; row < found; row++)
		find(list, n, DatumGetUUIDP(lp_col(row, 1)))->broken |= BIT(NOT_KEPT);
	held = lp_holds_of_others(leads, n, &client->id);
	for (int i = 0; i < n; i++)
		if (held[i])
			list[i].broken |= BIT(COMPANY_EXCLUSIVE);
	if (criteria == NULL)
		return list;

	apply_email_statuses(list, n, &criteria->email_statuses, ids);
	apply_shared_addresses(list, n, values);
	for (int i = 0; i < n; i++)
		if ((list[i].channels & criteria->channels) == 0)
			list[i].broken |= BIT(REACHABLE);
	return list;
}
