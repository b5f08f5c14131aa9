/*
 * settle_jobs.c
 *	  The jobs that an answer is for: who was asked about, who was found, and
 *	  what that does to the jobs.
 */
#include "postgres.h"

#include "core/lead.h"
#include "store/sql.h"
#include "util/jsonwalk.h"
#include "util/uuid.h"
#include "worker/settle_jobs.h"

static LpSql jobs_sql = LP_SQL_BY_KEY(
	"SELECT j.id, j.kind, j.attempts, j.lead_id, j.request_id, j.parameters,"
	" array_position(c.subjects, j.subject), j.state = 'started'"
	" FROM @s@.lead_provider_calls c CROSS JOIN LATERAL"
	"  (SELECT o.id FROM @s@.lead_jobs o WHERE o.subject = ANY (c.subjects COLLATE \"C\")"
	"    AND o.provider = c.provider AND o.call_id = c.id AND o.state = 'started'"
	"   UNION ALL SELECT o.id FROM @s@.lead_jobs o WHERE o.call_id = c.id AND o.state = 'cancelled') o"
	" JOIN @s@.lead_jobs j ON j.id = o.id AND j.subject = ANY (c.subjects)"
	"  AND j.provider = c.provider AND j.call_id = c.id AND j.state IN ('started', 'cancelled')"
	" WHERE c.id = $1 ORDER BY j.state DESC, j.id FOR UPDATE OF j",
	INT8OID);

/* What a job that was cancelled meanwhile brought all the same. */
static LpSql told_sql = LP_SQL(
	"UPDATE @s@.lead_jobs SET found = $2, credits = credits + $3::numeric"
	" WHERE id = $1 AND state = 'cancelled'",
	INT8OID, BOOLOID, FLOAT8OID);

static LpJobKind
kind_named(const char *name)
{
	for (int i = 0; i < LP_JOB_KINDS; i++)
		if (strcmp(lp_job_kind_name(i), name) == 0)
			return i;
	elog(ERROR, "a job of kind \"%s\" has an answer of another provider", name);
}

void
lp_settle_load_jobs(LpAnswer *answer)
{
	Datum		values[] = {Int64GetDatum(answer->call_id)};

	answer->n_all = lp_sql_run(&jobs_sql, values, NULL);
	answer->jobs = palloc0(sizeof(LpJob) * Max(answer->n_all, 1));
	answer->positions = palloc0(sizeof(int) * Max(answer->n_all, 1));
	for (int i = 0; i < answer->n_all; i++)
	{
		LpJob	   *job = &answer->jobs[i];

		job->id = lp_col_int(i, 1, 0);
		answer->kind = kind_named(lp_col_text(i, 2));
		job->attempts = lp_col_int(i, 3, 0);
		job->lead_id = lp_col_uuid(i, 4);
		job->request_id = lp_col_uuid(i, 5);
		job->parameters = DatumGetJsonbPCopy(lp_col(i, 6));
		job->repeated = lp_json_get_true(&job->parameters->root, LP_JOB_REPEATED);
		answer->positions[i] = lp_col_int(i, 7, 0) - 1;
		answer->n += lp_col_bool(i, 8);
	}
}

static bool
is_known(const LpCaptured *element)
{
	return element->outcome != NULL && strcmp(element->outcome, "rejected") != 0;
}

/* The leads of the jobs as they are now; zero where a job has none. */
static pg_uuid_t *
leads_of_jobs(const LpAnswer *answer)
{
	pg_uuid_t  *leads = palloc0(sizeof(pg_uuid_t) * Max(answer->n_all, 1));
	bool		any = false;

	for (int i = 0; i < answer->n_all; i++)
		if (answer->jobs[i].lead_id != NULL)
		{
			leads[i] = *answer->jobs[i].lead_id;
			any = true;
		}
	if (any)
		lp_lead_resolve(leads, answer->n_all);
	return leads;
}

static bool
is_among(const pg_uuid_t *id, const pg_uuid_t *ids, int n)
{
	for (int i = 0; i < n && id != NULL; i++)
		if (lp_uuid_equal(id, &ids[i]))
			return true;
	return false;
}

/*
 * Whether the provider knew whom a job asked about: the lead itself came back,
 * or, in an answer as long as the question, somebody stands in its place whom
 * no other job asked about.  Nobody promises that an answer is in order.
 */
static bool
is_found(const LpAnswer *answer, int n, const pg_uuid_t *leads, const LpCapturedAll *captured)
{
	int			position = answer->positions[n];

	if (answer->jobs[n].lead_id == NULL)
		return captured->n > 0 && is_known(&captured->elements[0]);
	for (int i = 0; i < captured->n; i++)
	{
		const LpCaptured *element = &captured->elements[i];

		if (is_known(element) && element->lead_id != NULL && lp_uuid_equal(element->lead_id, &leads[n]))
			return true;
	}
	return captured->n == answer->n_subjects && position >= 0 &&
		is_known(&captured->elements[position]) &&
		!is_among(captured->elements[position].lead_id, leads, answer->n_all);
}

static void
tell_cancelled(const LpAnswer *answer, const bool *found, double each)
{
	for (int i = answer->n; i < answer->n_all; i++)
	{
		Datum		values[] = {Int64GetDatum(answer->jobs[i].id), BoolGetDatum(found[i]),
		Float8GetDatum(found[i] == (answer->found > 0) ? each : 0)};

		(void) lp_sql_run(&told_sql, values, NULL);
	}
}

void
lp_settle_finish_jobs(LpAnswer *answer, const LpCapturedAll *captured, TimestampTz now)
{
	LpJobMove  *moves = palloc0(sizeof(LpJobMove) * Max(answer->n, 1));
	bool	   *found = palloc0(sizeof(bool) * Max(answer->n_all, 1));
	pg_uuid_t  *leads = leads_of_jobs(answer);
	double		each = 0;

	for (int i = 0; i < answer->n_all; i++)
	{
		found[i] = is_found(answer, i, leads, captured);
		answer->found += found[i];
	}
	if (answer->billed > 0 && answer->n_all > 0)
		each = answer->billed / (answer->found > 0 ? answer->found : answer->n_all);
	for (int i = 0; i < answer->n; i++)
		moves[i] = (LpJobMove)
	{
		.id = answer->jobs[i].id, .attempts = answer->jobs[i].attempts,
			.to = LP_JOB_DONE, .next_at = DT_NOEND, .found = found[i],
			.code = found[i] ? NULL : "not_found",
			.credits = found[i] == (answer->found > 0) ? each : 0
	};
	(void) lp_jobs_move(moves, answer->n, now);
	tell_cancelled(answer, found, each);
}

void
lp_settle_move_jobs(const LpAnswer *answer, LpJobState to, const char *code, const char *error,
					double reserved, TimestampTz now)
{
	LpJobMove  *moves = palloc0(sizeof(LpJobMove) * Max(answer->n, 1));

	for (int i = 0; i < answer->n; i++)
		moves[i] = (LpJobMove)
	{
		.id = answer->jobs[i].id, .attempts = answer->jobs[i].attempts,
			.to = to, .next_at = to == LP_JOB_QUEUED ?
			lp_jobs_next_at(answer->jobs[i].attempts, now) : DT_NOEND,
			.found = -1, .reserved = reserved / answer->n, .code = code, .error = error
	};
	(void) lp_jobs_move(moves, answer->n, now);
}
