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
#include "worker/answers.h"
#include "worker/calls.h"
#include "worker/events.h"

/*
 * $1, $2: those whose lease had ended, and that were started, by then; $3: their
 * calls, up to this one; $4: and not these.
 */
#define LEFT_BEHIND \
	" FROM @s@.lead_jobs j WHERE j.state IN ('leased', 'started')" \
	"  AND coalesce(j.lease_until, '-infinity') <= $1 AND coalesce(j.started_at, '-infinity') <= $2" \
	"  AND coalesce(j.call_id, 0) <= $3 AND coalesce(j.call_id, 0) <> ALL ($4)" \
	"  AND NOT EXISTS (SELECT FROM @s@.lead_provider_answers a WHERE a.call_id = j.call_id AND NOT a.later)"

/* Nobody is waited for: calls may be under way, or are to be started. */
static LpSql jobs_sql = LP_SQL(
	"SELECT j.id, j.attempts, j.kind, coalesce((j.parameters ->> 'repeated')::boolean, false),"
	" j.credits_reserved::float8, j.state = 'leased', j.call_id"
	LEFT_BEHIND " ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED",
	TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8ARRAYOID);

/* Those that somebody held, once the others have been settled. */
static LpSql more_sql = LP_SQL(
	"SELECT" LEFT_BEHIND " LIMIT 1",
	TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8ARRAYOID);

static LpSql last_sql = LP_SQL(
	"SELECT id FROM @s@.lead_provider_calls ORDER BY id DESC LIMIT 1");

static LpSql lost_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls SET finished_at = $1,"
	" outcome = CASE WHEN reserved > 0 THEN 'unknown' ELSE 'failed' END,"
	" reason = 'lost' WHERE id = ANY ($2) AND finished_at IS NULL",
	TIMESTAMPTZOID, INT8ARRAYOID);

/* None takes a day: those before the last one have ended. */
static LpSql calls_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls SET finished_at = $1,"
	" outcome = CASE WHEN reserved > 0 THEN 'unknown' ELSE 'failed' END,"
	" reason = 'worker_ended' WHERE finished_at IS NULL AND started_at >="
	"  (SELECT c.started_at FROM @s@.lead_provider_calls c ORDER BY c.id DESC LIMIT 1)"
	"  - interval '1 day'"
	" AND NOT EXISTS (SELECT FROM @s@.lead_provider_answers a WHERE a.call_id = id AND NOT a.later)",
	TIMESTAMPTZOID);

/* Nothing else tries again what a webhook brought and could not be captured. */
static LpSql answers_sql = LP_SQL(
	"UPDATE @s@.lead_provider_answers SET error = NULL WHERE (call_id, later) IN"
	" (SELECT a.call_id, a.later FROM @s@.lead_provider_answers a"
	"  WHERE a.later AND a.error IS NOT NULL AND a.error <> '" LP_ANSWER_DEADLY "'"
	"  FOR UPDATE SKIP LOCKED)");

/* The last call of the workers before this one. */
static int64 last_call = 0;

/* Which jobs are settled, and what they are told. */
typedef struct LeftBehind
{
	TimestampTz leased;			/* until then at most */
	TimestampTz started;		/* by then */
	int64		last;			/* call */
	Datum		but;			/* calls that are not meant */
	const char *code;
	const char *error;
} LeftBehind;

static bool
is_paid(const char *kind)
{
	for (int i = 0; i < LP_JOB_KINDS; i++)
		if (strcmp(lp_job_kind_name(i), kind) == 0)
			return lp_job_kind_is_paid(i);
	return true;
}

/* Settles those that nobody holds; *done: there are no others. */
static int
settle_started(const LeftBehind *which, TimestampTz now, Datum *call_ids, int *unknown, bool *done)
{
	Datum		values[] = {TimestampTzGetDatum(which->leased), TimestampTzGetDatum(which->started),
	Int64GetDatum(which->last), which->but};
	int			n = lp_sql_run(&jobs_sql, values, NULL);
	LpJobMove  *moves = palloc0(sizeof(LpJobMove) * Max(n, 1));
	Datum	   *ids = palloc0(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		bool		lost = is_paid(lp_col_text(i, 3)) && !lp_col_bool(i, 6);

		moves[i] = (LpJobMove)
		{
			.id = lp_col_int(i, 1, 0), .attempts = lp_col_int(i, 2, 0),
				.to = LP_JOB_QUEUED, .next_at = now, .found = -1,
				.reserved = DatumGetFloat8(lp_col(i, 5)), .code = which->code, .error = which->error
		};
		ids[i] = Int64GetDatum(lp_col_int(i, 7, 0));
		if (lost)
		{
			lp_job_move_unknown(&moves[i], lp_col_bool(i, 4));
			*unknown += moves[i].to == LP_JOB_UNKNOWN;
		}
		/* a call that ends every worker is not made for ever */
		else if (moves[i].attempts >= lp_job_attempts && !lp_col_bool(i, 6))
			moves[i].to = LP_JOB_DEAD;
	}
	*call_ids = lp_array_of_datums(ids, n, INT8OID);
	(void) lp_jobs_move(moves, n, now);
	*done = lp_sql_run(&more_sql, values, NULL) == 0;
	return n;
}

bool
lp_calls_recover_rest(TimestampTz now)
{
	LeftBehind	which = {
		.leased = DT_NOEND, .started = DT_NOEND, .last = last_call,
		.but = lp_array_of_datums(NULL, 0, INT8OID), .code = "worker_ended",
		.error = "the worker ended while the call was under way"
	};
	Datum		call_ids;
	int			unknown = 0;
	bool		done;

	(void) settle_started(&which, now, &call_ids, &unknown, &done);
	return done;
}

bool
lp_calls_recover(TimestampTz now)
{
	Datum		values[] = {TimestampTzGetDatum(now)};
	bool		done;

	last_call = lp_sql_run(&last_sql, NULL, NULL) == 0 ? 0 : lp_col_int(0, 1, 0);
	done = lp_calls_recover_rest(now);
	(void) lp_sql_run(&calls_sql, values, NULL);
	lp_answers_suspect();
	(void) lp_sql_run(&answers_sql, NULL, NULL);
	return done;
}

bool
lp_calls_find_lost(const LpEnded *ended, int n_ended, TimestampTz now)
{
	Datum		values[2] = {TimestampTzGetDatum(now)};
	Datum	   *here = palloc(sizeof(Datum) * Max(n_ended, 1));
	LeftBehind	which = {
		.leased = now, .last = PG_INT64_MAX, .code = LP_JOB_LEASE_LOST,
		.error = "the worker failed, and lost the call"
	};
	int			unknown = 0;
	bool		done;
	int			n;

	which.started = now - lp_longest_call() * INT64CONST(1000);
	for (int i = 0; i < n_ended; i++)
		here[i] = Int64GetDatum(ended[i].call->id);
	which.but = lp_array_of_datums(here, n_ended, INT8OID);
	n = settle_started(&which, now, &values[1], &unknown, &done);
	if (n == 0)
		return done;
	(void) lp_sql_run(&lost_sql, values, NULL);
	lp_worker_event("warning", NULL, 0, "lost",
					psprintf("calls of %d jobs were lost when a turn failed; %d jobs are unknown", n, unknown));
	return done;
}
