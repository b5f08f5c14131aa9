/*
 * ownership.c
 *	  lp_assign and lp_release: one lead to one client, and back.
 *
 * Exclusivity is the unique index lead_assignments_one_owner; what is checked
 * here gives a caller a better answer than a constraint's.  All under the
 * client's lock, then the lead's.  An assignment ends in assignment_state.c, and
 * never comes back.  A start is read under the lead's lock and is never before
 * the end of the one before, so that the history of a lead never overlaps.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/available.h"
#include "core/client.h"
#include "core/eligible.h"
#include "core/holds.h"
#include "core/room.h"
#include "core/touch.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_assign);
PG_FUNCTION_INFO_V1(lp_release);

static LpSql move_sql = LP_SQL(
	"UPDATE @s@.lead_assignments SET campaign_id = coalesce($2, campaign_id)"
	" WHERE id = $1 RETURNING *",
	UUIDOID, UUIDOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_assignments (lead_id, client_id, campaign_id, origin,"
	" reason, assigned_at) VALUES ($1, $2, $3, $6, $4, greatest($5,"
	"  (SELECT max(e.ended_at) FROM @s@.lead_assignments e WHERE e.lead_id = $1)))"
	" RETURNING *",
	UUIDOID, UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID);

/*
 * What a client owns of some leads, and whether it contacted them: a claim is
 * no contact, what left or may have left is.  What has converted for the client
 * stays; a conversion by an earlier client is that client's.
 */
static LpSql owned_sql = LP_SQL(
	"SELECT a.id, a.lead_id, a.first_contacted_at IS NOT NULL"
	"  OR EXISTS (SELECT FROM @s@.lead_touches t"
	"   WHERE t.lead_id = a.lead_id AND t.client_id = $2"
	"    AND t.state IN ('dispatched', 'unknown', 'sent'))"
	" FROM @s@.lead_assignments a JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" WHERE a.lead_id = ANY ($1) AND a.client_id = $2 AND a.status = 'active'"
	"  AND (s.converted_at IS NULL OR NOT " LP_CONVERTED_BY_OWNER("a", "s") ")",
	UUIDARRAYOID, UUIDOID);

static LpSql last_sql = LP_SQL(
	"SELECT status FROM @s@.lead_assignments"
	" WHERE lead_id = $1 AND ($2 IS NULL OR client_id = $2)"
	" ORDER BY assigned_at DESC, id DESC LIMIT 1",
	UUIDOID, UUIDOID);

static LpSql keep_sql = LP_SQL(
	"UPDATE @s@.lead_state SET kept_for = $2, kept_until = $3 WHERE lead_id = ANY ($1)",
	UUIDARRAYOID, UUIDOID, TIMESTAMPTZOID);

/* Kept from every other client until then. */
static void
keep(const LpClient *client, const pg_uuid_t *lead_ids, int n, TimestampTz until)
{
	Datum		values[] = {lp_array_of_uuids(lead_ids, n), UUIDPGetDatum(&client->id),
	TimestampTzGetDatum(until)};

	if (n > 0)
		lp_sql_run_list(&keep_sql, n, values, NULL);
}

LpGivenBack
lp_ownership_end(const LpClient *client, const pg_uuid_t *lead_ids, int n,
				 LpAssignmentState to, const char *reason, TimestampTz at)
{
	Datum		values[] = {lp_array_of_uuids(lead_ids, n), UUIDPGetDatum(&client->id)};
	TimestampTz until = lp_client_keeps_until(client, at);
	LpGivenBack result = {0};
	uint64		owned = lp_sql_run_list(&owned_sql, n, values, NULL);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(owned, 1));
	pg_uuid_t  *contacted = palloc(sizeof(pg_uuid_t) * Max(owned, 1));
	TimestampTz *kept_until = palloc(sizeof(TimestampTz) * Max(owned, 1));

	for (uint64 row = 0; row < owned; row++)
	{
		ids[row] = *DatumGetUUIDP(lp_col(row, 1));
		kept_until[row] = lp_col_bool(row, 3) ? until : DT_NOBEGIN;
		if (lp_col_bool(row, 3))
			contacted[result.contacted++] = *DatumGetUUIDP(lp_col(row, 2));
	}
	result.ended = owned;
	keep(client, contacted, result.contacted, until);
	lp_assignments_end(ids, kept_until, owned, to, reason, at);
	return result;
}

pg_noreturn static void refuse(int code, const pg_uuid_t *lead_id, const char *message,
							   const char *detail, const char *hint);

static void
refuse(int code, const pg_uuid_t *lead_id, const char *message,
	   const char *detail, const char *hint)
{
	ereport(ERROR,
			errcode(code),
			errmsg("lead \"%s\" %s", lp_uuid_text(lead_id), message),
			detail ? errdetail("%s", detail) : 0,
			hint ? errhint("%s", hint) : 0);
}

/* A reply or a refusal, as an error. */
static void
require_quiet(const LpEligible *item)
{
	const pg_uuid_t *id = &item->lead->id;

	if (item->broken & (1 << LP_RULE_NOT_REPLIED))
		refuse(ERRCODE_LP_STATE, id, "has replied",
			   "from: replied, to: assigned", "A lead that replied is not handed out again.");
	if (item->broken & (1 << LP_RULE_NOT_COOLING))
		refuse(ERRCODE_LP_STATE, id, "said not interested",
			   "from: cooling, to: assigned", "Wait until the cooling period is over.");
}

void
lp_ownership_require(const LpEligible *item, const LpClient *client, TimestampTz now,
					 bool tell_state)
{
	const pg_uuid_t *id = &item->lead->id;
	int			broken = item->broken;

#define BROKEN(rule) (broken & (1 << LP_RULE_##rule))
	if (BROKEN(NOT_BANNED))
		refuse(ERRCODE_LP_BANNED, id, "must not be contacted",
			   "A ban covers the person.", NULL);
	if (tell_state)
		require_quiet(item);
	if (BROKEN(NOT_OWNED) || BROKEN(NOT_KEPT) || BROKEN(COMPANY_EXCLUSIVE))
		refuse(ERRCODE_LP_OWNED, id, "belongs to another client or is kept for one", NULL,
			   "Choose another lead.");
	require_quiet(item);
	if (BROKEN(EXCLUDE_DOMAINS))
		refuse(ERRCODE_LP_BANNED, id, "is excluded for this client",
			   "The client's exclude_domains cover it.", NULL);
#undef BROKEN
	if (lp_client_room(client, now, true) == 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_CAPACITY),
				errmsg("client \"%s\" has used up its capacity", lp_uuid_text(&client->id)),
				errhint("Raise max_active_leads or daily_allocation, or release leads."));
}

void
lp_ownership_give(const LpClient *client, const LpLead *lead, const pg_uuid_t *campaign_id,
				  const char *origin, const char *reason)
{
	TimestampTz now = lp_clock_now();
	Datum		values[] = {UUIDPGetDatum(&lead->id), UUIDPGetDatum(&client->id),
		campaign_id ? UUIDPGetDatum(campaign_id) : (Datum) 0,
		reason ? CStringGetTextDatum(reason) : (Datum) 0, TimestampTzGetDatum(now),
	CStringGetTextDatum(origin)};
	char		nulls[] = "      ";

	if (campaign_id == NULL)
		nulls[2] = 'n';
	if (reason == NULL)
		nulls[3] = 'n';
	if (lp_holds_take(client, &lead, 1, now)[0])
		refuse(ERRCODE_LP_OWNED, &lead->id, "belongs to another client or is kept for one",
			   NULL, "Choose another lead.");
	lp_sql_run(&insert_sql, values, nulls);
}

Datum
lp_assign(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	pg_uuid_t  *campaign_id = lp_arg_uuid_or_null(fcinfo, 2);
	char	   *reason = lp_arg_text_or_null(fcinfo, 3);
	LpClient   *client;
	LpEligible *item;
	TimestampTz now;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_client_lock(client_id, true);
	lp_lead_take(&id, 1);
	client = lp_client_load_active(client_id);
	now = lp_clock_now();
	item = lp_eligible_check(client, NULL, &id, 1, now);
	if (!item->lead->known)
		lp_lead_no_such(&id);
	if (item->lead->owner != NULL && lp_uuid_equal(item->lead->owner, client_id))
	{
		Datum		values[] = {UUIDPGetDatum(item->lead->assignment_id),
		campaign_id ? UUIDPGetDatum(campaign_id) : (Datum) 0};

		lp_sql_run(&move_sql, values, campaign_id ? NULL : " n");
		result = lp_call_return_row(0);
	}
	else
	{
		lp_ownership_require(item, client, now, false);
		lp_ownership_give(client, item->lead, campaign_id, "assign", reason);
		result = lp_call_return_row(0);
		lp_available_refresh(&id, 1);
	}
	lp_call_end();
	PG_RETURN_DATUM(result);
}

void
lp_ownership_require_owned(const LpLead *lead, const pg_uuid_t *client_id, const char *to)
{
	Datum		values[] = {UUIDPGetDatum(&lead->id),
	client_id ? UUIDPGetDatum(client_id) : (Datum) 0};

	if (!lead->known)
		lp_lead_no_such(&lead->id);
	if (lead->owner == NULL ||
		(client_id != NULL && !lp_uuid_equal(lead->owner, client_id)))
	{
		bool		once = lp_sql_run(&last_sql, values, client_id ? NULL : " n") > 0;

		refuse(ERRCODE_LP_STATE, &lead->id,
			   client_id ? "is not assigned to this client" : "is not assigned",
			   psprintf("from: %s, to: %s", once ? lp_col_text(0, 1) : "not assigned", to),
			   NULL);
	}
	if (client_id != NULL ? lead->converted_by_owner : !TIMESTAMP_IS_NOBEGIN(lead->converted_at))
		refuse(ERRCODE_LP_STATE, &lead->id, "has converted",
			   psprintf("from: converted, to: %s", to),
			   "A converted lead stays with its client for ever.");
}

Datum
lp_release(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	char	   *reason = lp_arg_text(fcinfo, 2, "reason");
	LpClient   *client;
	LpLead	   *lead;
	TimestampTz now;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_client_lock(client_id, true);
	lp_lead_take(&id, 1);
	client = lp_client_load(client_id);
	if (!client->known)
		lp_client_no_such(client_id);
	lead = lp_lead_load(&id, 1);
	lp_ownership_require_owned(lead, client_id, "released");
	now = lp_clock_now();
	lp_ownership_end(client, &id, 1, LP_ASSIGNMENT_RELEASED, reason, now);
	result = lp_call_return_row(0);
	lp_touch_fence(&id, 1, client_id, LP_CHANNEL_NONE, now);
	lp_holds_let_go(client, lead);
	lp_available_refresh(&id, 1);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
