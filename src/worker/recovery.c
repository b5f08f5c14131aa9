/*
 * recovery.c
 *	  What an earlier worker left when it ended in the middle of calls.
 *
 * The ledger has every call that may have left.  Where its answer was stored,
 * the answer is captured like any other.  Where not, a free call is made again;
 * whether a paid one was done nobody knows, and leadpool.unknown_policy says
 * what that means.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/calls.h"

static LpSql jobs_sql = LP_SQL(
	"SELECT j.id, j.attempts, j.kind, coalesce((j.parameters ->> 'repeated')::boolean, false),"
	" j.credits_reserved::float8, j.state = 'leased'"
	" FROM @s@.lead_jobs j WHERE j.state IN ('leased', 'started')"
	"  AND NOT EXISTS (SELECT FROM @s@.lead_provider_answers a WHERE a.call_id = j.call_id)"
	" ORDER BY j.id FOR UPDATE");

/* None takes a day: those before the last one have ended. */
static LpSql calls_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls SET finished_at = $1,"
	" outcome = CASE WHEN reserved > 0 THEN 'unknown' ELSE 'failed' END,"
	" reason = 'worker_ended' WHERE finished_at IS NULL AND started_at >="
	"  (SELECT c.started_at FROM @s@.lead_provider_calls c ORDER BY c.id DESC LIMIT 1)"
	"  - interval '1 day'"
	" AND NOT EXISTS (SELECT FROM @s@.lead_provider_answers a WHERE a.call_id = id)",
	TIMESTAMPTZOID);

/* Nothing else tries again what a webhook brought and could not be captured. */
static LpSql answers_sql = LP_SQL(
	"UPDATE @s@.lead_provider_answers SET error = NULL WHERE later AND error IS NOT NULL");

static bool
is_paid(const char *kind)
{
	for (int i = 0; i < LP_JOB_KINDS; i++)
		if (strcmp(lp_job_kind_name(i), kind) == 0)
			return lp_job_kind_is_paid(i);
	return true;
}

int
lp_calls_recover(TimestampTz now)
{
	int			n = lp_sql_run(&jobs_sql, NULL, NULL);
	LpJobMove  *moves = palloc0(sizeof(LpJobMove) * Max(n, 1));
	Datum		values[] = {TimestampTzGetDatum(now)};
	int			unknown = 0;

	for (int i = 0; i < n; i++)
	{
		bool		lost = is_paid(lp_col_text(i, 3)) && !lp_col_bool(i, 6);

		moves[i] = (LpJobMove)
		{
			.id = lp_col_int(i, 1, 0), .attempts = lp_col_int(i, 2, 0),
				.to = LP_JOB_QUEUED, .next_at = now, .found = -1,
				.reserved = DatumGetFloat8(lp_col(i, 5)), .code = "worker_ended",
				.error = "the worker ended while the call was under way"
		};
		if (lost)
		{
			lp_job_move_unknown(&moves[i], lp_col_bool(i, 4));
			unknown += moves[i].to == LP_JOB_UNKNOWN;
		}
		/* a call that ends every worker is not made for ever */
		else if (moves[i].attempts >= lp_job_attempts && !lp_col_bool(i, 6))
			moves[i].to = LP_JOB_DEAD;
	}
	(void) lp_jobs_move(moves, n, now);
	(void) lp_sql_run(&calls_sql, values, NULL);
	(void) lp_sql_run(&answers_sql, NULL, NULL);
	return unknown;
}
