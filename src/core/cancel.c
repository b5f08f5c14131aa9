/*
 * cancel.c
 *	  lp_client_cancel: a client leaves, and its leads go back.
 *
 * The client's row is the switch: claims and dispatches read it under the
 * client's lock, so from the commit on nobody gets a yes.  What follows is
 * done a part at a time, under the same rule as a release; a call that finds
 * the client cancelled goes on where the last one stopped.  A part has so many
 * leads, fewer where they take long: the call answers in time on a slow machine
 * too.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/available.h"
#include "core/client.h"
#include "core/holds.h"
#include "core/lead.h"
#include "core/requests.h"
#include "core/touch.h"
#include "store/sql.h"
#include "store/touches.h"
#include "util/clock.h"

PG_FUNCTION_INFO_V1(lp_client_cancel);

/* Leads, and claims, of one call. */
#define PART 20000

/* Leads of one step, and the milliseconds after which no further one begins. */
#define STEP 1000
#define ENOUGH 1700

static LpSql cancel_sql = LP_SQL(
	"UPDATE @s@.lead_clients SET status = 'cancelled', cancelled_at = $2,"
	" paused_reason = NULL, settings = settings - 'status', updated_at = $2"
	" WHERE id = $1",
	UUIDOID, TIMESTAMPTZOID);

static LpSql next_sql = LP_SQL(
	"SELECT a.lead_id FROM @s@.lead_assignments a"
	" JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" WHERE a.client_id = $1 AND a.status = 'active'"
	"  AND (s.converted_at IS NULL OR NOT " LP_CONVERTED_BY_OWNER("a", "s") ")"
	" ORDER BY a.lead_id LIMIT $2",
	UUIDOID, INT4OID);

static LpSql left_sql = LP_SQL(
	"SELECT count(*) FILTER (WHERE NOT " LP_CONVERTED_BY_OWNER("a", "s") "),"
	" count(*) FILTER (WHERE " LP_CONVERTED_BY_OWNER("a", "s") ")"
	" FROM @s@.lead_assignments a JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" WHERE a.client_id = $1 AND a.status = 'active'",
	UUIDOID);

typedef struct Cancelled
{
	int64		freed;
	int64		kept;
	int64		quarantined;
	int64		claims_voided;
	int64		remaining;
} Cancelled;

/* The leads of the next part, locked. */
static pg_uuid_t *
next_part(const LpClient *client, int *n)
{
	Datum		values[] = {UUIDPGetDatum(&client->id), Int32GetDatum(PART)};
	pg_uuid_t  *ids;

	*n = lp_sql_run_list(&next_sql, PART, values, NULL);
	ids = palloc(sizeof(pg_uuid_t) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = *DatumGetUUIDP(lp_col(i, 1));
	lp_lead_lock(ids, *n);
	return ids;
}

static void
give_back_part(const LpClient *client, const char *reason, TimestampTz now,
			   Cancelled *result)
{
	int			n;
	instr_time	start;
	instr_time	taken;
	pg_uuid_t  *ids;

	INSTR_TIME_SET_CURRENT(start);
	ids = next_part(client, &n);
	for (int done = 0; done < n; done += STEP)
	{
		int			step = Min(STEP, n - done);
		LpGivenBack given;

		CHECK_FOR_INTERRUPTS();
		given = lp_ownership_end(client, ids + done, step, LP_ASSIGNMENT_CANCELLED,
								 reason ? reason : "client cancelled", now);
		result->quarantined += given.contacted;
		result->freed += given.ended - given.contacted;
		lp_available_give_back(ids + done, step);
		INSTR_TIME_SET_CURRENT(taken);
		INSTR_TIME_SUBTRACT(taken, start);
		if (INSTR_TIME_GET_MILLISEC(taken) > ENOUGH)
			break;
	}
	if (n > 0)
		lp_holds_let_go_of_client(client);
}

static Cancelled
cancel(const LpClient *client, const char *reason)
{
	Cancelled	result = {0};
	TimestampTz now = lp_clock_now();
	bool		first = strcmp(client->status, "cancelled") != 0;
	Datum		values[] = {UUIDPGetDatum(&client->id), TimestampTzGetDatum(now)};

	if (first)
	{
		result.claims_voided = lp_touches_open(&client->id, now);
		lp_sql_run(&cancel_sql, values, NULL);
		lp_requests_follow(&client->id, false, now);
	}
	give_back_part(client, reason, now, &result);
	lp_touch_fence_client(&client->id, PART, now);
	lp_sql_run_list(&left_sql, PART, values, NULL);
	result.remaining = lp_col_int(0, 1, 0);
	result.kept = first ? lp_col_int(0, 2, 0) : 0;
	return result;
}

static Datum
as_json(const Cancelled *result)
{
	char	   *string = psprintf("{\"freed\": " INT64_FORMAT ", \"kept\": " INT64_FORMAT
								  ", \"quarantined\": " INT64_FORMAT
								  ", \"claims_voided\": " INT64_FORMAT
								  ", \"remaining\": " INT64_FORMAT "}",
								  result->freed, result->kept, result->quarantined,
								  result->claims_voided, result->remaining);
	MemoryContext old = MemoryContextSwitchTo(lp_call_result_context());
	Datum		json = DirectFunctionCall1(jsonb_in, CStringGetDatum(string));

	MemoryContextSwitchTo(old);
	return json;
}

Datum
lp_client_cancel(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 0, "client_id");
	char	   *reason = lp_arg_text_or_null(fcinfo, 1);
	LpClient   *client;
	Cancelled	cancelled;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_client_lock(client_id, true);
	client = lp_client_load(client_id);
	if (!client->known)
		lp_client_no_such(client_id);
	cancelled = cancel(client, reason);
	result = as_json(&cancelled);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
