/*
 * jobs.c
 *	  The queue lead_jobs and the states of a job.
 *
 * Every change of lead_jobs.state goes through lp_jobs_move or lp_jobs_start,
 * which know the legal moves; a statement moves a whole batch.  A job is
 * leased and started in one commit, before the first byte of its call leaves.
 * The number of the attempt is the fence: what belongs to an earlier attempt
 * changes nothing.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "common/pg_prng.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "store/jobs.h"

static const char *const state_names[LP_JOB_STATES] = {
	[LP_JOB_QUEUED] = "queued",
	[LP_JOB_LEASED] = "leased",
	[LP_JOB_STARTED] = "started",
	[LP_JOB_DONE] = "done",
	[LP_JOB_DEAD] = "dead",
	[LP_JOB_UNKNOWN] = "unknown",
	[LP_JOB_CANCELLED] = "cancelled",
};

#define TO(state) (1 << LP_JOB_##state)

static const int may_follow[LP_JOB_STATES] = {
	[LP_JOB_QUEUED] = TO(LEASED) | TO(STARTED) | TO(CANCELLED),
	[LP_JOB_LEASED] = TO(STARTED) | TO(QUEUED) | TO(CANCELLED),
	[LP_JOB_STARTED] = TO(DONE) | TO(QUEUED) | TO(DEAD) | TO(UNKNOWN) | TO(CANCELLED),
	[LP_JOB_DEAD] = TO(QUEUED) | TO(STARTED),
	[LP_JOB_UNKNOWN] = TO(DONE) | TO(DEAD) | TO(QUEUED) | TO(CANCELLED),
};

static const struct
{
	const char *name;
	bool		paid;
}			kinds[LP_JOB_KINDS] = {
	[LP_JOB_ENRICH] = {"enrich", true},
	[LP_JOB_ENRICH_COMPANY] = {"enrich_company", true},
	[LP_JOB_SEARCH] = {"search", false},
	[LP_JOB_PHONE_POLL] = {"phone_poll", false},
};

static LpSql take_sql = LP_SQL(
	"SELECT id, attempts, lead_id, request_id, subject, parameters,"
	" coalesce((parameters ->> 'repeated')::boolean, false), ctid"
	" FROM @s@.lead_jobs WHERE provider = $1 AND kind = $2 AND state = 'queued'"
	"  AND next_at <= $3"
	" ORDER BY priority DESC, next_at, id LIMIT $4 FOR UPDATE SKIP LOCKED",
	TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID);

static LpSql start_sql = LP_SQL_BY_PLACE(
	"UPDATE @s@.lead_jobs j SET state = 'started', attempts = j.attempts + 1,"
	" call_id = u.call_id, credits_reserved = u.reserved, started_at = $4,"
	" lease_until = $4 + $5 * interval '1 millisecond'"
	" FROM unnest($1, $2, $3) u(place, call_id, reserved)"
	" WHERE j.ctid = u.place AND j.state IN ('queued', 'leased')",
	TIDARRAYOID, INT8ARRAYOID, NUMERICARRAYOID, TIMESTAMPTZOID, INT4OID);

static LpSql move_sql = LP_SQL(
	"UPDATE @s@.lead_jobs j SET state = u.state,"
	" next_at = coalesce(u.next_at, j.next_at),"
	" attempts = j.attempts - CASE WHEN u.uncounted THEN 1 ELSE 0 END,"
	" parameters = CASE WHEN u.mark IS NULL THEN j.parameters"
	"  ELSE j.parameters || jsonb_build_object(u.mark, true) END,"
	" found = coalesce(u.found, j.found), credits = j.credits + u.credits,"
	" credits_reserved = u.reserved, error_code = u.code, error = u.error, lease_until = NULL,"
	" finished_at = CASE WHEN u.state IN ('done', 'dead', 'unknown', 'cancelled') THEN $12 END"
	" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	"  u(id, attempts, state, next_at, uncounted, mark, found, credits, reserved, code, error)"
	" WHERE j.id = u.id AND (u.attempts < 0 OR j.attempts = u.attempts)"
	"  AND j.state || '>' || u.state = ANY ($13)",
	INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	BOOLARRAYOID, TEXTARRAYOID, BOOLARRAYOID, FLOAT8ARRAYOID,
	FLOAT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TEXTARRAYOID);

static LpSql of_leads_sql = LP_SQL(
	"SELECT id FROM @s@.lead_jobs WHERE lead_id = ANY ($1)"
	" AND state IN ('queued', 'leased', 'started', 'unknown') ORDER BY id FOR UPDATE",
	UUIDARRAYOID);

static LpSql due_sql = LP_SQL(
	"SELECT next_at FROM @s@.lead_jobs WHERE state = 'queued' AND provider = $1"
	" ORDER BY next_at LIMIT 1",
	TEXTOID);

const char *
lp_job_kind_name(LpJobKind kind)
{
	return kinds[kind].name;
}

bool
lp_job_kind_is_paid(LpJobKind kind)
{
	return kinds[kind].paid;
}

const char *
lp_job_state_name(LpJobState state)
{
	return state_names[state];
}

bool
lp_job_may_move(LpJobState from, LpJobState to)
{
	return (may_follow[from] & (1 << to)) != 0;
}

LpJob *
lp_jobs_take(LpProviderId provider, LpJobKind kind, int most, TimestampTz now, int *n)
{
	Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider)),
	CStringGetTextDatum(kinds[kind].name), TimestampTzGetDatum(now), Int32GetDatum(most)};
	LpJob	   *jobs;

	*n = lp_sql_run(&take_sql, values, NULL);
	jobs = palloc(sizeof(LpJob) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		LpJob	   *job = &jobs[i];

		job->id = lp_col_int(i, 1, 0);
		job->attempts = lp_col_int(i, 2, 0);
		job->lead_id = lp_col_uuid(i, 3);
		job->request_id = lp_col_uuid(i, 4);
		job->subject = lp_col_text(i, 5);
		job->parameters = DatumGetJsonbPCopy(lp_col(i, 6));
		job->repeated = lp_col_bool(i, 7);
		job->place = *(ItemPointer) DatumGetPointer(lp_col(i, 8));
	}
	return jobs;
}

/* Columns of a batch, as arrays of which an entry may be null. */
static Datum
column(Datum *values, bool *nulls, int n, Oid type)
{
	int16		length;
	bool		by_value;
	char		align;
	int			lower = 1;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, type,
											  length, by_value, align));
}

void
lp_jobs_start(const LpJob *jobs, const int64 *call_ids, const double *reserved,
			  int n, TimestampTz now)
{
	Datum	   *places = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *calls = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *sums = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		places[i] = PointerGetDatum(&jobs[i].place);
		calls[i] = Int64GetDatum(call_ids[i]);
		sums[i] = lp_numeric(reserved[i]);
	}
	{
		Datum		values[] = {column(places, NULL, n, TIDOID), column(calls, NULL, n, INT8OID),
			column(sums, NULL, n, NUMERICOID), TimestampTzGetDatum(now),
		Int32GetDatum(lp_job_lease * 1000)};

		if (lp_sql_run_list(&start_sql, n, values, NULL) != n)
			elog(ERROR, "a job that was taken is not there to be started");
	}
}

/* All legal moves, as the statement compares them. */
static Datum
legal_moves(void)
{
	char	   *moves[LP_JOB_STATES * LP_JOB_STATES];
	int			n = 0;

	for (int from = 0; from < LP_JOB_STATES; from++)
		for (int to = 0; to < LP_JOB_STATES; to++)
			if (lp_job_may_move(from, to))
				moves[n++] = psprintf("%s>%s", state_names[from], state_names[to]);
	return lp_array_of_texts(moves, n);
}

uint64
lp_jobs_move(const LpJobMove *moves, int n, TimestampTz now)
{
	enum
	{
		ID, ATTEMPTS, STATE, NEXT_AT, UNCOUNTED, MARK, FOUND, CREDITS, RESERVED, CODE, ERROR_TEXT, COLUMNS
	};
	static const Oid types[COLUMNS] = {INT8OID, INT4OID, TEXTOID, TIMESTAMPTZOID, BOOLOID,
	TEXTOID, BOOLOID, FLOAT8OID, FLOAT8OID, TEXTOID, TEXTOID};
	Datum	   *cells[COLUMNS];
	bool	   *nulls[COLUMNS];
	Datum		values[COLUMNS + 2];

	if (n == 0)
		return 0;
	for (int c = 0; c < COLUMNS; c++)
	{
		cells[c] = palloc0(sizeof(Datum) * n);
		nulls[c] = palloc0(sizeof(bool) * n);
	}
	for (int i = 0; i < n; i++)
	{
		const LpJobMove *move = &moves[i];

		cells[ID][i] = Int64GetDatum(move->id);
		cells[ATTEMPTS][i] = Int32GetDatum(move->attempts);
		cells[STATE][i] = CStringGetTextDatum(state_names[move->to]);
		cells[NEXT_AT][i] = TimestampTzGetDatum(move->next_at);
		nulls[NEXT_AT][i] = TIMESTAMP_IS_NOEND(move->next_at);
		cells[UNCOUNTED][i] = BoolGetDatum(move->uncounted);
		nulls[MARK][i] = move->mark == NULL;
		if (move->mark != NULL)
			cells[MARK][i] = CStringGetTextDatum(move->mark);
		cells[FOUND][i] = BoolGetDatum(move->found == 1);
		nulls[FOUND][i] = move->found < 0;
		cells[CREDITS][i] = Float8GetDatum(move->credits);
		cells[RESERVED][i] = Float8GetDatum(move->reserved);
		nulls[CODE][i] = move->code == NULL;
		if (move->code != NULL)
			cells[CODE][i] = CStringGetTextDatum(move->code);
		nulls[ERROR_TEXT][i] = move->error == NULL;
		if (move->error != NULL)
			cells[ERROR_TEXT][i] = CStringGetTextDatum(move->error);
	}
	for (int c = 0; c < COLUMNS; c++)
		values[c] = column(cells[c], nulls[c], n, types[c]);
	values[COLUMNS] = TimestampTzGetDatum(now);
	values[COLUMNS + 1] = legal_moves();
	return lp_sql_run_list(&move_sql, n, values, NULL);
}

int
lp_jobs_erase(const pg_uuid_t *leads, int n, TimestampTz now)
{
	Datum		values[] = {lp_array_of_uuids(leads, n)};
	LpJobMove  *moves;

	if (n == 0)
		return 0;
	n = lp_sql_run(&of_leads_sql, values, NULL);
	moves = palloc0(sizeof(LpJobMove) * Max(n, 1));
	for (int i = 0; i < n; i++)
		moves[i] = (LpJobMove)
	{
		.id = lp_col_int(i, 1, 0), .attempts = -1, .to = LP_JOB_CANCELLED,
			.next_at = DT_NOEND, .found = -1, .code = "erased"
	};
	return lp_jobs_move(moves, n, now);
}

void
lp_job_move_unknown(LpJobMove *move, bool repeated)
{
	bool		again = lp_unknown_policy == LP_UNKNOWN_RETRY_ONCE && !repeated &&
	move->attempts < lp_job_attempts;

	move->to = again ? LP_JOB_QUEUED : LP_JOB_UNKNOWN;
	if (again)
		move->mark = LP_JOB_REPEATED;
	else
		move->next_at = DT_NOEND;
}

TimestampTz
lp_jobs_next_at(int attempts, TimestampTz now)
{
	double		pause = lp_backoff_base;

	for (int i = 1; i < attempts && pause < lp_backoff_max; i++)
		pause *= 2;
	pause = Min(pause, lp_backoff_max);
	pause *= 0.5 + pg_prng_double(&pg_global_prng_state);
	return now + (TimestampTz) (pause * 1000);
}

TimestampTz
lp_jobs_next_due(LpProviderId provider)
{
	Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider))};

	return lp_sql_run(&due_sql, values, NULL) == 0 ? DT_NOEND : lp_col_time(0, 1, DT_NOEND);
}
