/*
 * settle.c
 *	  From a stored answer to leads, money and jobs that are done.
 *
 * One transaction an answer: what it tells goes through lp_capture_body, its
 * price from reserved to spent, its jobs from started to done, and the stored
 * copy goes.  Killed anywhere, the same answer is settled again by the next
 * worker, and a capture of the same body changes nothing.
 *
 * The commit is not waited for (synchronous_commit off).  A crash may lose the
 * last ones, each as a whole: leads, keys, archive and bans, job states, ledger,
 * budget, tokens and requests are as they were, and the stored answer, which was
 * waited for, is there again with its price reserved and its jobs started, so
 * that it is settled again.  Nothing outside the database follows from it
 * before a commit that is waited for, which makes this one last too: a call of
 * a job that was made here leaves after such a commit, and so does what an
 * engine writes of a lead that it sees here.  What a session only read in
 * that fraction of a second, a lead's id above all, may come back as another.
 *
 * What was paid for is kept, whatever became of the job: one that was cancelled
 * meanwhile stays so, and learns what was found.  Only an answer about people
 * who were erased is dropped unread and its price booked; so are, of a batch,
 * those who were.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/capture.h"
#include "core/lead.h"
#include "providers/call.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/jsonparse.h"
#include "util/jsonwalk.h"
#include "util/uuid.h"
#include "worker/answers.h"
#include "worker/events.h"
#include "worker/found.h"
#include "store/jobs.h"
#include "worker/money.h"
#include "worker/requests.h"
#include "worker/settle.h"
#include "worker/webhooks.h"

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

static LpSql ledger_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls SET outcome = $2,"
	" credits = credits + $3::numeric, reserved = $4::numeric, reason = $5,"
	" http_status = 200, ms = coalesce(ms, $6), finished_at = coalesce(finished_at, $7)"
	" WHERE id = $1",
	INT8OID, TEXTOID, FLOAT8OID, FLOAT8OID, TEXTOID, INT4OID, TIMESTAMPTZOID);

static LpSql ledger_later_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls SET credits = credits + $2::numeric, reserved = $3::numeric"
	" WHERE id = $1",
	INT8OID, FLOAT8OID, FLOAT8OID);

/* What could not be captured is left to somebody who looks into it. */
static LpSql ledger_aside_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls c SET reason = a.error, http_status = 200, ms = a.ms,"
	" finished_at = a.received_at FROM @s@.lead_provider_answers a"
	" WHERE c.id = $1 AND a.call_id = $1 AND NOT a.later",
	INT8OID);

static LpSql call_sql = LP_SQL(
	"SELECT started_at, reserved::float8, outcome = 'unknown' FROM @s@.lead_provider_calls WHERE id = $1 FOR UPDATE",
	INT8OID);

/* Whether anybody whom a call was about is still there. */
static LpSql anybody_sql = LP_SQL(
	"SELECT FROM @s@.lead_provider_calls c, unnest(c.subjects) s(subject)"
	" JOIN @s@.lead_pool p ON p.id = left(s.subject, 36)::uuid AND p.state <> 'erased'"
	" WHERE c.id = $1 LIMIT 1",
	INT8OID);

/* Places of those who are not. */
static LpSql gone_sql = LP_SQL(
	"SELECT s.n::integer FROM @s@.lead_provider_calls c,"
	" unnest(c.subjects) WITH ORDINALITY s(subject, n)"
	" LEFT JOIN @s@.lead_pool p ON p.id = left(s.subject, 36)::uuid"
	" WHERE c.id = $1 AND (p.id IS NULL OR p.state = 'erased')",
	INT8OID);

/* What a job that was cancelled meanwhile brought all the same. */
static LpSql told_sql = LP_SQL(
	"UPDATE @s@.lead_jobs SET found = $2, credits = credits + $3::numeric"
	" WHERE id = $1 AND state = 'cancelled'",
	INT8OID, BOOLOID, FLOAT8OID);

/* One stored answer and what it was asked for. */
typedef struct Answer
{
	int64		call_id;
	bool		later;			/* a webhook brought it */
	char	   *body;
	Jsonb	   *json;			/* NULL: no JSON object */
	bool		shortened;		/* the body is no longer what json says */
	TimestampTz received_at;
	TimestampTz started_at;
	double		reserved;
	double		billed;
	bool		of_people;		/* asked about in bulk */
	int			n_subjects;
	int			ms;
	LpJobKind	kind;
	LpJob	   *jobs;			/* those that wait, then those cancelled */
	int		   *positions;		/* of the jobs in the question, from 0 */
	int			n;				/* jobs that wait */
	int			n_all;
	int			found;			/* jobs whose subject the provider knew */
} Answer;

static Answer *
read_answer(const LpStored *stored)
{
	Answer	   *answer = palloc0(sizeof(Answer));

	answer->call_id = stored->call_id;
	answer->later = stored->later;
	answer->body = stored->body;
	answer->received_at = stored->received_at;
	answer->started_at = stored->started_at;
	answer->reserved = stored->reserved;
	answer->of_people = strcmp(stored->endpoint, "people/bulk_match") == 0;
	answer->n_subjects = stored->n_subjects;
	answer->ms = stored->ms;
	answer->json = lp_json_parse(stored->body, stored->length);
	if (answer->json != NULL)
		answer->billed = lp_apollo_billed(&answer->json->root);
	return answer;
}

static LpJobKind
kind_named(const char *name)
{
	for (int i = 0; i < LP_JOB_KINDS; i++)
		if (strcmp(lp_job_kind_name(i), name) == 0)
			return i;
	elog(ERROR, "a job of kind \"%s\" has an answer of another provider", name);
}

static void
load_jobs(Answer *answer)
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

/* What a capture says about each element. */
typedef struct Captured
{
	LpCaptured *elements;
	int			n;
} Captured;

static Captured
capture(const Answer *answer)
{
	Captured	captured;

	captured.elements = lp_capture_body("apollo", answer->body, answer->shortened ? NULL : answer->json,
										answer->received_at, &captured.n);
	return captured;
}

static bool
is_known(const LpCaptured *element)
{
	return element->outcome != NULL && strcmp(element->outcome, "rejected") != 0;
}

/* The leads of the jobs as they are now; zero where a job has none. */
static pg_uuid_t *
leads_of_jobs(const Answer *answer)
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
is_found(const Answer *answer, int n, const pg_uuid_t *leads, const Captured *captured)
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
tell_cancelled(const Answer *answer, const bool *found, double each)
{
	for (int i = answer->n; i < answer->n_all; i++)
	{
		Datum		values[] = {Int64GetDatum(answer->jobs[i].id), BoolGetDatum(found[i]),
		Float8GetDatum(found[i] == (answer->found > 0) ? each : 0)};

		(void) lp_sql_run(&told_sql, values, NULL);
	}
}

/* What was billed is shared by those who were found; if nobody was, by all. */
static void
finish_jobs(Answer *answer, const Captured *captured, TimestampTz now)
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

/* How the call of an answer ended; its credits are added. */
static void
write_ledger(const Answer *answer, const char *outcome, double credits, double reserved,
			 const char *reason)
{
	Datum		values[] = {Int64GetDatum(answer->call_id), CStringGetTextDatum(outcome),
		Float8GetDatum(credits), Float8GetDatum(reserved),
		reason == NULL ? (Datum) 0 : CStringGetTextDatum(reason),
	Int32GetDatum(answer->ms), TimestampTzGetDatum(answer->received_at)};
	char		nulls[] = "       ";

	nulls[4] = reason == NULL ? 'n' : ' ';
	nulls[5] = answer->later ? 'n' : ' ';
	(void) lp_sql_run(&ledger_sql, values, nulls);
}

/* That an answer is there and could not be captured. */
static void
tell_ledger(int64 call_id)
{
	Datum		values[] = {Int64GetDatum(call_id)};

	(void) lp_sql_run(&ledger_aside_sql, values, NULL);
}

static void
move_all(const Answer *answer, LpJobState to, const char *code, const char *error,
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

/*
 * 200, and not what was asked for: what was done, nobody knows.  The answer to
 * a paid call is kept as long as a job waits for somebody who looks into it.
 */
static void
settle_nonsense(const Answer *answer, const char *reason, TimestampTz now)
{
	bool		paid = answer->reserved > 0;
	bool		held = false;
	LpJobMove  *moves = palloc0(sizeof(LpJobMove) * Max(answer->n, 1));
	TimestampTz again_at = answer->n == 0 ? now : lp_jobs_next_at(answer->jobs[0].attempts, now);

	for (int i = 0; i < answer->n; i++)
	{
		const LpJob *job = &answer->jobs[i];

		moves[i] = (LpJobMove)
		{
			.id = job->id, .attempts = job->attempts,
				.to = job->attempts < lp_job_attempts ? LP_JOB_QUEUED : LP_JOB_DEAD,
				.next_at = again_at, .found = -1,
				.reserved = answer->reserved / answer->n, .code = LP_JOB_NONSENSE,
				.error = strcmp(reason, "no_json") == 0 ? "the answer is no JSON object" :
				"the answer lacks what was asked for"
		};
		if (paid)
			lp_job_move_unknown(&moves[i], job->repeated);
		held = held || moves[i].to == LP_JOB_UNKNOWN;
	}
	(void) lp_jobs_move(moves, answer->n, now);
	write_ledger(answer, paid ? "unknown" : "failed", 0, answer->reserved, reason);
	if (held)
		lp_answer_set_aside(answer->call_id, answer->later, reason);
	else
		lp_answer_drop(answer->call_id, answer->later);
}

/*
 * What came later, to a call that kept money back for it.  Where its own answer
 * is not known, the rest stays reserved for that.
 */
static void
book_later(int64 call_id, double billed)
{
	Datum		values[3] = {Int64GetDatum(call_id), Float8GetDatum(billed)};
	TimestampTz started_at;
	double		reserved;
	double		kept;

	lp_requests_paid_later(call_id, billed);
	if (lp_sql_run(&call_sql, values, NULL) == 0)
		return;
	started_at = lp_col_time(0, 1, 0);
	reserved = DatumGetFloat8(lp_col(0, 2));
	kept = lp_col_bool(0, 3) ? Max(0, reserved - billed) : 0;
	lp_money_settle(LP_PROVIDER_APOLLO, started_at, reserved - kept, billed);
	values[2] = Float8GetDatum(kept);
	(void) lp_sql_run(&ledger_later_sql, values, NULL);
}

static bool
is_anybody_left(int64 call_id)
{
	Datum		values[] = {Int64GetDatum(call_id)};

	return lp_sql_run(&anybody_sql, values, NULL) > 0;
}

/* Polled for instead of a webhook: not ready, or the same as it would bring. */
static void
settle_poll(Answer *answer, TimestampTz now)
{
	const char *status = lp_json_get_text(&answer->json->root, "webhook_status");
	char	   *of_call = lp_json_get_text(&answer->jobs[0].parameters->root, "call_id");
	int64		call_id = of_call == NULL ? 0 : strtoll(of_call, NULL, 10);
	Captured	captured = {0};
	JsonbValue	result;
	double		billed = 0;

	write_ledger(answer, "ok", 0, 0, NULL);
	if (status != NULL && strcmp(status, "in_progress") == 0)
	{
		move_all(answer, LP_JOB_QUEUED, LP_JOB_FAILED, "the provider has no result yet", 0, now);
		return;
	}
	if (lp_json_get(&answer->json->root, "webhook_result", &result) && lp_json_is_object(&result))
	{
		billed = lp_apollo_billed(result.val.binary.data);
		if (is_anybody_left(call_id))
			captured = capture(answer);
	}
	finish_jobs(answer, &captured, now);
	/* what a webhook brought before was booked then */
	if (lp_webhook_use(call_id, now))
		book_later(call_id, billed);
}

/* Of a batch, people who were erased are not read; false: they all were. */
static bool
leave_out_gone(Answer *answer)
{
	Datum		values[] = {Int64GetDatum(answer->call_id)};
	bool	   *gone;
	char	   *rest;
	int			n;

	if (!answer->of_people || answer->n >= answer->n_subjects)
		return answer->n > 0;
	n = lp_sql_run(&gone_sql, values, NULL);
	if (n == 0 || n == answer->n_subjects)
		return n == 0;
	gone = palloc0(sizeof(bool) * answer->n_subjects);
	for (int i = 0; i < n; i++)
		gone[lp_col_int(i, 1, 1) - 1] = true;
	rest = lp_apollo_without(answer->body, gone, answer->n_subjects);
	if (rest != NULL)
	{
		answer->body = rest;
		answer->shortened = true;
	}
	return true;
}

/* The answer to a paid call; what it kept money back for comes later. */
static void
settle_paid(Answer *answer, TimestampTz now)
{
	bool		read = leave_out_gone(answer);
	double		kept = 0;

	if (read)
	{
		Captured	captured = capture(answer);

		finish_jobs(answer, &captured, now);
	}
	/* for nobody too: what comes later has its price */
	if ((answer->found > 0 || !read) &&
		lp_webhook_answered(answer->call_id, &answer->json->root))
		kept = Max(0, answer->reserved - answer->billed);
	lp_money_settle(LP_PROVIDER_APOLLO, answer->started_at, answer->reserved - kept, answer->billed);
	write_ledger(answer, read && answer->found == 0 ? "not_found" : "ok",
				 answer->billed, kept, read ? NULL : "dropped");
	if (answer->kind == LP_JOB_ENRICH)
		lp_requests_enriched(answer->jobs, answer->n);
}

static bool
has_list(const Answer *answer, const char *name)
{
	JsonbValue	list;

	return lp_json_get(&answer->json->root, name, &list) && lp_json_is_list(&list);
}

static bool
has_status(const Answer *answer)
{
	const char *status = lp_json_get_text(&answer->json->root, "webhook_status");

	return status != NULL && (strcmp(status, "in_progress") == 0 ||
							  strcmp(status, "success") == 0 || strcmp(status, "failed") == 0);
}

/* Why an answer is none; NULL: it is one. */
static const char *
what_is_wrong(const Answer *answer)
{
	if (answer->json == NULL)
		return "no_json";
	if (answer->later)
		return NULL;
	if (answer->of_people && !has_list(answer, "matches"))
		return "no_matches";
	if (answer->n > 0 && answer->kind == LP_JOB_SEARCH && !has_list(answer, "people"))
		return "no_people";
	if (answer->n > 0 && answer->kind == LP_JOB_PHONE_POLL && !has_status(answer))
		return "no_status";
	return NULL;
}

void
lp_settle(const LpStored *stored, TimestampTz now)
{
	Answer	   *answer = read_answer(stored);
	const char *wrong;

	if (!answer->later)
		load_jobs(answer);
	wrong = what_is_wrong(answer);
	if (wrong != NULL)
	{
		settle_nonsense(answer, wrong, now);
		return;
	}
	if (answer->later)
	{
		if (is_anybody_left(answer->call_id))
			(void) capture(answer);
		book_later(answer->call_id, answer->billed);
	}
	else if (answer->n > 0 && answer->kind == LP_JOB_SEARCH)
	{
		lp_found_settle(&answer->jobs[0], answer->json, answer->body, answer->received_at);
		write_ledger(answer, "ok", 0, 0, NULL);
	}
	else if (answer->n > 0 && answer->kind == LP_JOB_PHONE_POLL)
		settle_poll(answer, now);
	else
		settle_paid(answer, now);
	lp_answer_drop(answer->call_id, answer->later);
}

void
lp_settle_give_up(int64 call_id, bool later, const char *code)
{
	Answer		answer = {.call_id = call_id};

	if (!later)
		load_jobs(&answer);
	lp_answer_set_aside(call_id, later, code);
	if (!later)
		tell_ledger(call_id);
	move_all(&answer, LP_JOB_DEAD, LP_JOB_NONSENSE, "the answer could not be captured", 0, lp_clock_now());
	lp_worker_event("error", "apollo", answer.n > 0 ? answer.jobs[0].id : 0, code,
					strcmp(code, LP_ANSWER_DEADLY) == 0 ?
					"workers died of an answer, which was set aside; lp_job_retry tries again without another call" :
					"an answer could not be captured; lp_job_retry tries again without another call");
}
