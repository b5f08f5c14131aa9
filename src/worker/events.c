/*
 * events.c
 *	  lead_worker_events: what a worker has to tell an operator.
 *
 * Where the server's log cannot be read (hosted databases), this table is
 * where errors of the worker show.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "util/clock.h"
#include "worker/events.h"
#include "worker/worker.h"

static LpSql add_sql = LP_SQL(
	"INSERT INTO @s@.lead_worker_events (at, level, provider, job_id, code, message)"
	" VALUES ($1, $2, $3, $4, $5, $6)",
	TIMESTAMPTZOID, TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID);

static LpSql trim_sql = LP_SQL(
	"DELETE FROM @s@.lead_worker_events WHERE at < $1 - interval '30 days'",
	TIMESTAMPTZOID);

static TimestampTz trimmed_at = 0;	/* by this process; 0: not yet */

/* In a transaction. */
static void
trim(TimestampTz now)
{
	Datum		value = TimestampTzGetDatum(now);

	lp_sql_run(&trim_sql, &value, NULL);
	trimmed_at = now;
}

/*
 * A worker may live for years: it clears old rows every day on which it adds
 * some.  What another process adds is cleared by the worker.
 */
static bool
is_time_to_trim(TimestampTz now)
{
	return trimmed_at != 0 && now - trimmed_at >= USECS_PER_DAY;
}

void
lp_worker_event(const char *level, const char *provider, int64 job_id,
				const char *code, const char *message)
{
	bool		own = !IsTransactionState();
	TimestampTz now = lp_clock_now();
	Datum		values[6];
	char		nulls[7] = "      ";

	if (own)
		lp_worker_begin("reporting");
	values[0] = TimestampTzGetDatum(now);
	values[1] = CStringGetTextDatum(level);
	values[2] = provider == NULL ? (Datum) 0 : CStringGetTextDatum(provider);
	nulls[2] = provider == NULL ? 'n' : ' ';
	values[3] = Int64GetDatum(job_id);
	nulls[3] = job_id == 0 ? 'n' : ' ';
	values[4] = CStringGetTextDatum(code);
	values[5] = CStringGetTextDatum(message);
	lp_sql_run(&add_sql, values, nulls);
	if (is_time_to_trim(now))
		trim(now);
	if (own)
		lp_worker_commit();
}

void
lp_worker_events_trim(void)
{
	lp_worker_begin("clearing old events");
	trim(lp_clock_now());
	lp_worker_commit();
}
