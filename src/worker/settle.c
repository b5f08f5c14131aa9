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

#include "providers/call.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/jsonparse.h"
#include "util/jsonwalk.h"
#include "worker/answers.h"
#include "worker/events.h"
#include "worker/found.h"
#include "worker/money.h"
#include "worker/requests.h"
#include "worker/settle.h"
#include "worker/settle_jobs.h"
#include "worker/webhooks.h"

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

static LpAnswer *
read_answer(const LpStored *stored)
{
	LpAnswer   *answer = palloc0(sizeof(LpAnswer));

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

static LpCapturedAll
capture(const LpAnswer *answer)
{
	LpCapturedAll captured;

	captured.elements = lp_capture_body("apollo", answer->body, answer->shortened ? NULL : answer->json,
										answer->received_at, &captured.n);
	return captured;
}

/* How the call of an answer ended; its credits are added. */
static void
write_ledger(const LpAnswer *answer, const char *outcome, double credits, double reserved,
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

/*
 * 200, and not what was asked for: what was done, nobody knows.  The answer to
 * a paid call is kept as long as a job waits for somebody who looks into it.
 */
static void
settle_nonsense(const LpAnswer *answer, const char *reason, TimestampTz now)
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
settle_poll(LpAnswer *answer, TimestampTz now)
{
	const char *status = lp_json_get_text(&answer->json->root, "webhook_status");
	char	   *of_call = lp_json_get_text(&answer->jobs[0].parameters->root, "call_id");
	int64		call_id = of_call == NULL ? 0 : strtoll(of_call, NULL, 10);
	LpCapturedAll captured = {0};
	JsonbValue	result;
	double		billed = 0;

	write_ledger(answer, "ok", 0, 0, NULL);
	if (status != NULL && strcmp(status, "in_progress") == 0)
	{
		lp_settle_move_jobs(answer, LP_JOB_QUEUED, LP_JOB_FAILED, "the provider has no result yet", 0, now);
		return;
	}
	if (lp_json_get(&answer->json->root, "webhook_result", &result) && lp_json_is_object(&result))
	{
		billed = lp_apollo_billed(result.val.binary.data);
		if (is_anybody_left(call_id))
			captured = capture(answer);
	}
	lp_settle_finish_jobs(answer, &captured, now);
	/* what a webhook brought before was booked then */
	if (lp_webhook_use(call_id, now))
		book_later(call_id, billed);
}

/* Of a batch, people who were erased are not read; false: they all were. */
static bool
leave_out_gone(LpAnswer *answer)
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
settle_paid(LpAnswer *answer, TimestampTz now)
{
	bool		read = leave_out_gone(answer);
	double		kept = 0;

	if (read)
	{
		LpCapturedAll captured = capture(answer);

		lp_settle_finish_jobs(answer, &captured, now);
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
has_list(const LpAnswer *answer, const char *name)
{
	JsonbValue	list;

	return lp_json_get(&answer->json->root, name, &list) && lp_json_is_list(&list);
}

static bool
has_status(const LpAnswer *answer)
{
	const char *status = lp_json_get_text(&answer->json->root, "webhook_status");

	return status != NULL && (strcmp(status, "in_progress") == 0 ||
							  strcmp(status, "success") == 0 || strcmp(status, "failed") == 0);
}

/* Why an answer is none; NULL: it is one. */
static const char *
what_is_wrong(const LpAnswer *answer)
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
	LpAnswer   *answer = read_answer(stored);
	const char *wrong;

	if (!answer->later)
		lp_settle_load_jobs(answer);
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
	LpAnswer	answer = {.call_id = call_id};

	if (!later)
		lp_settle_load_jobs(&answer);
	lp_answer_set_aside(call_id, later, code);
	if (!later)
		tell_ledger(call_id);
	lp_settle_move_jobs(&answer, LP_JOB_DEAD, LP_JOB_NONSENSE, "the answer could not be captured", 0, lp_clock_now());
	lp_worker_event("error", "apollo", answer.n > 0 ? answer.jobs[0].id : 0, code,
					strcmp(code, LP_ANSWER_DEADLY) == 0 ?
					"workers died of an answer, which was set aside; lp_job_retry tries again without another call" :
					"an answer could not be captured; lp_job_retry tries again without another call");
}
