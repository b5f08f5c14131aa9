/*
 * job_functions.c
 *	  lp_job_retry, lp_job_cancel: what an operator or an engine says about a
 *	  job.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#include "providers/call.h"
#include "store/jobs.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/jsonwalk.h"
#include "util/settings.h"
#include "util/wake.h"
#include "worker/resume.h"

PG_FUNCTION_INFO_V1(lp_job_retry);
PG_FUNCTION_INFO_V1(lp_job_cancel);

static LpSql lock_sql = LP_SQL(
	"SELECT state, attempts, kind, call_id, parameters FROM @s@.lead_jobs WHERE id = $1 FOR UPDATE",
	INT8OID);

/* Attempts begin anew. */
static LpSql renew_sql = LP_SQL(
	"UPDATE @s@.lead_jobs SET attempts = 0, parameters = parameters - 'repeated' WHERE id = $1",
	INT8OID);

static LpSql useless_sql = LP_SQL(
	"DELETE FROM @s@.lead_provider_answers a WHERE a.call_id = $1 AND NOT a.later"
	" AND a.error IS NOT NULL AND NOT EXISTS (SELECT FROM @s@.lead_jobs j"
	"  WHERE j.call_id = $1 AND j.state IN ('unknown', 'dead'))",
	INT8OID);

static LpSql waits_sql = LP_SQL(
	"SELECT FROM @s@.lead_provider_answers WHERE call_id = $1 AND NOT later AND error IS NULL",
	INT8OID);

static LpSql same_sql = LP_SQL(
	"SELECT o.id FROM @s@.lead_jobs j JOIN @s@.lead_jobs o"
	" ON o.provider = j.provider AND o.kind = j.kind AND o.subject = j.subject AND o.id <> j.id"
	" WHERE j.id = $1 AND j.state = 'dead' AND o.state IN ('queued', 'leased', 'started', 'unknown')",
	INT8OID);

/* Another job that was answered since, and whose answer still stands. */
static LpSql answered_sql = LP_SQL(
	"SELECT FROM @s@.lead_jobs j JOIN @s@.lead_jobs o"
	" ON o.lead_id = j.lead_id AND o.kind = j.kind AND o.subject = j.subject AND o.id <> j.id"
	" WHERE j.id = $1 AND j.state = 'dead' AND j.kind = 'enrich' AND o.state = 'done' AND o.found"
	"  AND o.finished_at >= j.created_at AND o.finished_at + $2 > $3",
	INT8OID, INTERVALOID, TIMESTAMPTZOID);

static LpSql row_sql = LP_SQL(
	"SELECT * FROM @s@.lead_jobs WHERE id = $1", INT8OID);

static LpJobState
state_named(const char *name)
{
	for (int i = 0; i < LP_JOB_STATES; i++)
		if (strcmp(lp_job_state_name(i), name) == 0)
			return i;
	elog(ERROR, "a job has the state \"%s\"", name);
}

/* A job that is to be moved, locked. */
typedef struct Found
{
	LpJobState	state;
	int			attempts;
	int64		call_id;		/* 0: none yet */
	double		price;			/* of another call for it */
} Found;

static double
price_of(const char *kind, const Jsonb *parameters)
{
	LpEnrichOrder order = {
		.n = 1,
		.reveal_phone = lp_json_get_true(&parameters->root, "reveal_phone"),
		.waterfall = lp_json_get_true(&parameters->root, "waterfall")
	};

	if (strcmp(kind, lp_job_kind_name(LP_JOB_ENRICH)) == 0)
		return lp_apollo_worst(&order);
	return strcmp(kind, lp_job_kind_name(LP_JOB_ENRICH_COMPANY)) == 0 ? 1 : 0;
}

static Found
lock_job(int64 id)
{
	Datum		values[] = {Int64GetDatum(id)};

	if (lp_sql_run(&lock_sql, values, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no job " INT64_FORMAT, id),
				errhint("lead_jobs lists them."));
	return (Found)
	{
		.state = state_named(lp_col_text(0, 1)),
			.attempts = lp_col_int(0, 2, 0),
			.price = price_of(lp_col_text(0, 3), DatumGetJsonbP(lp_col(0, 5))),
			.call_id = lp_col_int(0, 4, 0)
	};
}

static void
refuse(int64 id, LpJobState from, LpJobState to, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_STATE),
			errmsg("job " INT64_FORMAT " is %s and cannot be %s", id, lp_job_state_name(from),
				   to == LP_JOB_QUEUED ? "retried" : "cancelled"),
			errdetail("from: %s, to: %s", lp_job_state_name(from), lp_job_state_name(to)),
			errhint("%s", hint));
}

static Datum
job_row(int64 id)
{
	Datum		values[] = {Int64GetDatum(id)};
	Datum		row;

	if (lp_sql_run(&row_sql, values, NULL) != 1)
		elog(ERROR, "the job that was locked is not there");
	row = lp_call_return_row(0);
	lp_call_end();
	return row;
}

static void
queue_again(int64 id, double price, TimestampTz now)
{
	LpJobMove	move = {.id = id, .attempts = -1, .to = LP_JOB_QUEUED, .next_at = now, .found = -1,
		.reserved = price
	};
	Datum		values[] = {Int64GetDatum(id)};

	(void) lp_jobs_move(&move, 1, now);
	(void) lp_sql_run(&renew_sql, values, NULL);
}

/* An answer that nobody can read goes with the last job that waited for it. */
static void
drop_useless(int64 call_id)
{
	Datum		values[] = {Int64GetDatum(call_id)};

	(void) lp_sql_run(&useless_sql, values, NULL);
}

/* Queues a job, or starts it; somebody may queue another one meanwhile. */
static void
retry(int64 id, TimestampTz now)
{
	Found		job = lock_job(id);
	Datum		values[] = {Int64GetDatum(id)};
	Datum		call[] = {Int64GetDatum(job.call_id)};
	Datum		answered[] = {Int64GetDatum(id),
	IntervalPGetDatum(lp_setting_enrich_ttl()), TimestampTzGetDatum(now)};

	/* as it was asked: another job of the same answer was retried before it */
	if (job.state == LP_JOB_STARTED && lp_sql_run(&waits_sql, call, NULL) > 0)
		return;
	if (job.state != LP_JOB_DEAD && job.state != LP_JOB_UNKNOWN)
		refuse(id, job.state, LP_JOB_QUEUED, "Only a job that is dead or unknown is retried.");
	if (lp_sql_run(&same_sql, values, NULL) > 0)
		refuse(id, job.state, LP_JOB_QUEUED, "Another open job asks the same; see lead_jobs.subject.");
	/* where the answer is here, it is captured again */
	if (job.state == LP_JOB_DEAD && lp_resume(&job.call_id, 1, now) > 0)
		return;
	if (lp_sql_run(&answered_sql, answered, NULL) > 0)
		refuse(id, job.state, LP_JOB_QUEUED, "Another job has brought what it asks; lp_enrich with force asks again.");
	queue_again(id, job.price, now);
	drop_useless(job.call_id);
}

Datum
lp_job_retry(PG_FUNCTION_ARGS)
{
	int64		id;
	TimestampTz now = lp_clock_now();
	MemoryContext context = CurrentMemoryContext;

	lp_arg_require(fcinfo, 0, "job_id");
	id = PG_GETARG_INT64(0);
	lp_call_begin(fcinfo, LP_CALL_WRITES);
	PG_TRY();
	{
		retry(id, now);
	}
	PG_CATCH();
	{
		/* of two that queue the same at once, the index decides */
		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		refuse(id, LP_JOB_DEAD, LP_JOB_QUEUED, "Another open job asks the same; see lead_jobs.subject.");
	}
	PG_END_TRY();
	lp_wake_at_commit();
	return job_row(id);
}

Datum
lp_job_cancel(PG_FUNCTION_ARGS)
{
	LpJobMove	move = {.to = LP_JOB_CANCELLED, .next_at = DT_NOEND, .found = -1, .code = "cancelled"};
	Found		job;

	lp_arg_require(fcinfo, 0, "job_id");
	move.id = PG_GETARG_INT64(0);
	lp_call_begin(fcinfo, LP_CALL_WRITES);
	job = lock_job(move.id);
	if (!lp_job_may_move(job.state, LP_JOB_CANCELLED))
		refuse(move.id, job.state, LP_JOB_CANCELLED, "Only a job that has not ended is cancelled.");
	move.attempts = job.attempts;
	move.error = lp_arg_text_or_null(fcinfo, 1);
	(void) lp_jobs_move(&move, 1, lp_clock_now());
	drop_useless(job.call_id);
	return job_row(move.id);
}
