/*
 * ownership.c
 *	  lp_assign and lp_release: one lead to one client, and back.
 *
 * Exclusivity is the unique index lead_assignments_one_owner; what is checked
 * here gives a caller a better answer than a constraint's.  All under the
 * client's lock, then the lead's.  An assignment leaves "active" in one place,
 * lp_assignment_end, and never comes back.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/allocate.h"
#include "core/available.h"
#include "core/client.h"
#include "core/eligible.h"
#include "core/holds.h"
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
	" reason, assigned_at) VALUES ($1, $2, $3, 'assign', $4, greatest($5,"
	"  (SELECT max(e.ended_at) FROM @s@.lead_assignments e WHERE e.lead_id = $1)))"
	" RETURNING *",
	UUIDOID, UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID);

/* A claim is no contact; what left or may have left is. */
static LpSql was_contacted_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_touches WHERE lead_id = $1 AND client_id = $2"
	" AND state IN ('dispatched', 'unknown', 'sent')"
	" UNION ALL SELECT 1 FROM @s@.lead_assignments"
	" WHERE id = $3 AND first_contacted_at IS NOT NULL LIMIT 1",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql last_sql = LP_SQL(
	"SELECT status FROM @s@.lead_assignments"
	" WHERE lead_id = $1 AND client_id = $2 ORDER BY assigned_at DESC LIMIT 1",
	UUIDOID, UUIDOID);

static LpSql keep_sql = LP_SQL(
	"UPDATE @s@.lead_state SET kept_for = $2, kept_until = $3 WHERE lead_id = $1",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

static LpSql end_sql = LP_SQL(
	"UPDATE @s@.lead_assignments SET status = $2, end_reason = $3,"
	" ended_at = greatest($4, assigned_at), kept_until = $5"
	" WHERE id = $1 AND status = 'active' RETURNING *",
	UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

bool
lp_assignment_end(const pg_uuid_t *assignment_id, const char *status,
				  const char *reason, TimestampTz at, TimestampTz kept_until)
{
	Datum		values[] = {UUIDPGetDatum(assignment_id), CStringGetTextDatum(status),
		reason ? CStringGetTextDatum(reason) : (Datum) 0,
	TimestampTzGetDatum(at), TimestampTzGetDatum(kept_until)};
	char		nulls[] = "     ";

	if (reason == NULL)
		nulls[2] = 'n';
	if (TIMESTAMP_IS_NOBEGIN(kept_until))
		nulls[4] = 'n';
	return lp_sql_run(&end_sql, values, nulls) > 0;
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

/*
 * What forbids giving the lead to the client, as an error.  A lead of another
 * client says nothing about its state.
 */
static void
require_assignable(const LpEligible *item, const LpClient *client, TimestampTz now)
{
	const pg_uuid_t *id = &item->lead->id;
	int			broken = item->broken;

#define BROKEN(rule) (broken & (1 << LP_RULE_##rule))
	if (BROKEN(NOT_BANNED))
		refuse(ERRCODE_LP_BANNED, id, "must not be contacted",
			   "A ban covers the person.", NULL);
	if (BROKEN(NOT_OWNED) || BROKEN(NOT_KEPT) || BROKEN(COMPANY_EXCLUSIVE))
		refuse(ERRCODE_LP_OWNED, id, "belongs to another client or is kept for one", NULL,
			   "Choose another lead.");
	if (BROKEN(NOT_REPLIED))
		refuse(ERRCODE_LP_STATE, id, "has replied",
			   "from: replied, to: assigned", "A lead that replied is not handed out again.");
	if (BROKEN(NOT_COOLING))
		refuse(ERRCODE_LP_STATE, id, "said not interested",
			   "from: cooling, to: assigned", "Wait until the cooling period is over.");
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

/* The new assignment; its row is in SPI_tuptable. */
static void
give(const LpClient *client, const LpLead *lead, const pg_uuid_t *campaign_id,
	 const char *reason)
{
	TimestampTz now = lp_clock_now();
	Datum		values[] = {UUIDPGetDatum(&lead->id), UUIDPGetDatum(&client->id),
		campaign_id ? UUIDPGetDatum(campaign_id) : (Datum) 0,
	reason ? CStringGetTextDatum(reason) : (Datum) 0, TimestampTzGetDatum(now)};
	char		nulls[] = "     ";

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
		require_assignable(item, client, now);
		give(client, item->lead, campaign_id, reason);
		result = lp_call_return_row(0);
		lp_available_refresh(&id, 1);
	}
	lp_call_end();
	PG_RETURN_DATUM(result);
}

static bool
was_contacted(const LpLead *lead)
{
	Datum		values[] = {UUIDPGetDatum(&lead->id), UUIDPGetDatum(lead->owner),
	UUIDPGetDatum(lead->assignment_id)};

	return lp_sql_run(&was_contacted_sql, values, NULL) > 0;
}

/* Whoever owns it is not told. */
static void
require_owner(const LpLead *lead, const pg_uuid_t *client_id)
{
	Datum		values[] = {UUIDPGetDatum(&lead->id), UUIDPGetDatum(client_id)};

	if (!lead->known)
		lp_lead_no_such(&lead->id);
	if (lead->owner == NULL)
	{
		bool		once = lp_sql_run(&last_sql, values, NULL) > 0;

		refuse(ERRCODE_LP_STATE, &lead->id, "is not assigned to this client",
			   psprintf("from: %s, to: released", once ? lp_col_text(0, 1) : "not assigned"),
			   NULL);
	}
	if (!lp_uuid_equal(lead->owner, client_id))
		refuse(ERRCODE_LP_OWNED, &lead->id, "belongs to another client", NULL, NULL);
	if (!TIMESTAMP_IS_NOBEGIN(lead->converted_at))
		refuse(ERRCODE_LP_STATE, &lead->id, "has converted", "from: converted, to: released",
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
	TimestampTz kept_until = DT_NOBEGIN;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_client_lock(client_id, true);
	lp_lead_take(&id, 1);
	client = lp_client_load(client_id);
	if (!client->known)
		lp_client_no_such(client_id);
	lead = lp_lead_load(&id, 1);
	require_owner(lead, client_id);
	now = lp_clock_now();
	if (was_contacted(lead))
	{
		Datum		values[] = {UUIDPGetDatum(&id), UUIDPGetDatum(client_id), 0};

		kept_until = lp_client_keeps_until(client, now);
		values[2] = TimestampTzGetDatum(kept_until);
		lp_sql_run(&keep_sql, values, NULL);
	}
	if (!lp_assignment_end(lead->assignment_id, "released", reason, now, kept_until))
		elog(ERROR, "assignment ended under the lead's lock");
	result = lp_call_return_row(0);
	lp_touch_fence(&id, 1, client_id, LP_CHANNEL_NONE, now);
	lp_holds_let_go(client, lead);
	lp_available_refresh(&id, 1);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
