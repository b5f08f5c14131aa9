/*
 * endings.c
 *	  How calls end: what is stored of them, and what becomes of their jobs.
 *
 * A complete answer is kept as it came before anybody looks into it; its jobs
 * stay started, and its row in the ledger as it is, until it has been captured
 * (settle.c).  Everything else decides
 * at once: what certainly was not done is tried again; a paid call of which
 * nobody knows whether it was done is unknown, and stays reserved.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/calls.h"
#include "worker/money.h"

#define PENDING_PAUSE (5 * SECS_PER_MINUTE)

static LpSql ledger_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls c SET http_status = nullif(u.status, 0), ms = u.ms,"
	" finished_at = $7, outcome = u.outcome, reason = u.reason,"
	" reserved = CASE WHEN u.released THEN 0 ELSE c.reserved END"
	" FROM unnest($1, $2, $3, $4, $5, $6) u(id, status, ms, outcome, reason, released)"
	" WHERE c.id = u.id",
	INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID,
	TIMESTAMPTZOID);

static LpSql answers_sql = LP_SQL(
	"INSERT INTO @s@.lead_provider_answers (call_id, body, ms, received_at)"
	" SELECT u.id, u.body, u.ms, $4 FROM unnest($1, $2, $3) u(id, body, ms)",
	INT8ARRAYOID, BYTEAARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID);

/* What the end of a call means. */
typedef struct Ending
{
	const char *outcome;		/* of lead_provider_calls */
	const char *reason;			/* NULL: a complete answer */
	LpJobState	state;			/* of its jobs; started: they wait */
	bool		released;		/* nothing was bought */
	bool		uncounted;		/* no attempt of the jobs */
	const char *mark;			/* of its jobs; NULL: none */
	TimestampTz next_at;		/* DT_NOBEGIN: by back-off */
} Ending;

/* Not done, certainly; the jobs try again. */
static Ending
again(const char *outcome, const char *reason)
{
	return (Ending)
	{
		.outcome = outcome, .reason = reason, .state = LP_JOB_QUEUED, .released = true,
			.next_at = DT_NOBEGIN
	};
}

/* Sent, and nobody knows. */
static Ending
nobody_knows(const LpCall *call, const char *reason)
{
	if (!lp_job_kind_is_paid(call->kind))
		return again("failed", reason);
	return (Ending)
	{
		.outcome = "unknown", .reason = reason, .state = LP_JOB_UNKNOWN, .next_at = DT_NOBEGIN
	};
}

static Ending
refused(const LpCall *call, const LpReply *reply)
{
	Ending		ending = again("refused", reply->code != NULL ? reply->code : "refused");

	/* one of several may be what is wrong: ask about each alone */
	if (call->n > 1)
	{
		ending.mark = LP_JOB_SOLO;
		ending.uncounted = true;
		ending.next_at = DT_NOEND;
	}
	else
		ending.state = LP_JOB_DEAD;
	return ending;
}

/* Held: the jobs wait where they are, the hold itself is in rates.c. */
static Ending
held(const char *outcome, const char *reason)
{
	Ending		ending = again(outcome, reason);

	ending.uncounted = true;
	ending.next_at = DT_NOEND;
	return ending;
}

/* Asked for too early: when to ask again, the provider says, or we. */
static Ending
pending(const LpReply *reply, TimestampTz now)
{
	Ending		ending = held("failed", "pending");

	ending.next_at = now + (reply->wait > 0 ? reply->wait : PENDING_PAUSE) * USECS_PER_SEC;
	return ending;
}

static Ending
judge_reply(const LpCall *call, const LpReply *reply, TimestampTz now)
{
	switch (reply->kind)
	{
		case LP_REPLY_OK:
			return (Ending)
			{
				.outcome = "ok", .state = LP_JOB_STARTED, .next_at = DT_NOEND
			};
		case LP_REPLY_LIMITED:
			return held("limited", "limited");
		case LP_REPLY_AUTH:
			return held("refused", "auth");
		case LP_REPLY_FORBIDDEN:
			return held("refused", "forbidden");
		case LP_REPLY_CREDITS:
			return held("refused", "credits");
		case LP_REPLY_PENDING:
			return pending(reply, now);
		case LP_REPLY_REFUSED:
			return refused(call, reply);
		case LP_REPLY_SERVER:
			return nobody_knows(call, "server_error");
	}
	pg_unreachable();
}

static Ending
judge(const LpEnded *ended, TimestampTz now)
{
	switch (ended->answer->outcome)
	{
		case LP_HTTP_ANSWER:
			return judge_reply(ended->call, &ended->reply, now);
		case LP_HTTP_NOT_SENT:
			return again("failed", "not_sent");
		case LP_HTTP_REFUSED_URL:
			return again("failed", "refused_url");
		case LP_HTTP_TIMEOUT:
			return nobody_knows(ended->call, "timeout");
		case LP_HTTP_BROKEN:
			return nobody_knows(ended->call, "connection_lost");
		case LP_HTTP_TOO_LARGE:
			return nobody_knows(ended->call, "too_large");
	}
	pg_unreachable();
}

static void
write_ledger(const LpEnded *ended, const Ending *endings, int n, TimestampTz now)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum	   *statuses = palloc(sizeof(Datum) * n);
	Datum	   *ms = palloc(sizeof(Datum) * n);
	Datum	   *released = palloc(sizeof(Datum) * n);
	char	  **outcomes = palloc(sizeof(char *) * n);
	char	  **reasons = palloc(sizeof(char *) * n);
	Datum		values[7];
	int			rows = 0;

	for (int i = 0; i < n; i++)
	{
		if (endings[i].state == LP_JOB_STARTED)
			continue;
		ids[rows] = Int64GetDatum(ended[i].call->id);
		statuses[rows] = Int32GetDatum(ended[i].answer->status);
		ms[rows] = Int32GetDatum(ended[i].answer->ms);
		released[rows] = BoolGetDatum(endings[i].released);
		outcomes[rows] = unconstify(char *, endings[i].outcome);
		reasons[rows++] = unconstify(char *, endings[i].reason);
	}
	if (rows == 0)
		return;
	values[0] = lp_array_of_datums(ids, rows, INT8OID);
	values[1] = lp_array_of_datums(statuses, rows, INT4OID);
	values[2] = lp_array_of_datums(ms, rows, INT4OID);
	values[3] = lp_array_of_texts(outcomes, rows);
	values[4] = lp_array_of_texts(reasons, rows);
	values[5] = lp_array_of_datums(released, rows, BOOLOID);
	values[6] = TimestampTzGetDatum(now);
	(void) lp_sql_run_list(&ledger_sql, rows, values, NULL);
}

static void
keep_answers(const LpEnded *ended, const Ending *endings, int n, TimestampTz now)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum	   *bodies = palloc(sizeof(Datum) * n);
	Datum	   *ms = palloc(sizeof(Datum) * n);
	Datum		values[4];
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (endings[i].state == LP_JOB_STARTED)
		{
			ids[kept] = Int64GetDatum(ended[i].call->id);
			ms[kept] = Int32GetDatum(ended[i].answer->ms);
			bodies[kept++] = lp_bytea((const uint8 *) ended[i].answer->body,
									  ended[i].answer->length);
		}
	if (kept == 0)
		return;
	values[0] = lp_array_of_datums(ids, kept, INT8OID);
	values[1] = lp_array_of_datums(bodies, kept, BYTEAOID);
	values[2] = lp_array_of_datums(ms, kept, INT4OID);
	values[3] = TimestampTzGetDatum(now);
	(void) lp_sql_run_list(&answers_sql, kept, values, NULL);
}

/* What the reason of an ending is called in lead_jobs. */
static const char *
code_of(const Ending *ending)
{
	if (strcmp(ending->reason, "timeout") == 0)
		return LP_JOB_TIMEOUT;
	return strcmp(ending->reason, "too_large") == 0 ? LP_JOB_NONSENSE : LP_JOB_FAILED;
}

static const char *
error_of(const LpEnded *ended, const Ending *ending)
{
	static const struct
	{
		const char *reason;
		const char *text;
	}			texts[] = {
		{"limited", "the provider asks to wait"},
		{"auth", "the provider does not take the key"},
		{"forbidden", "the provider does not allow this endpoint"},
		{"credits", "the credits at the provider are used up"},
		{"pending", "the provider has no result yet"},
		{"server_error", "the provider failed, and may have done it"},
		{"not_sent", "the provider could not be reached"},
		{"refused_url", "the address of the provider is not allowed"},
		{"timeout", "no complete answer came in time"},
		{"connection_lost", "the connection ended before the answer did"},
		{"too_large", "the answer is longer than leadpool.http_max_body"},
	};
	int			status = ended->answer->status;

	for (int i = 0; i < lengthof(texts); i++)
		if (strcmp(texts[i].reason, ending->reason) == 0)
			return status == 0 ? texts[i].text : psprintf("%s (HTTP %d)", texts[i].text, status);
	return psprintf("the provider refused the request: %s (HTTP %d)", ending->reason, status);
}

/* The move of one job of a call that ended without a complete answer. */
static LpJobMove
move_of(const LpCall *call, const LpJob *job, const Ending *ending, const char *error,
		TimestampTz again_at)
{
	LpJobMove	move = {.id = job->id, .attempts = job->attempts, .to = ending->state,
		.next_at = again_at, .uncounted = ending->uncounted,
		.mark = ending->mark, .found = -1, .code = code_of(ending), .error = error
	};

	/* what may be bought again stays counted as asked for */
	if (ending->state == LP_JOB_UNKNOWN)
		lp_job_move_unknown(&move, job->repeated);
	else if (move.to == LP_JOB_QUEUED && !move.uncounted && job->attempts >= lp_job_attempts)
		move.to = LP_JOB_DEAD;
	move.reserved = move.to == LP_JOB_DEAD ? 0 : call->reserved / call->n;
	return move;
}

static void
move_jobs(const LpEnded *ended, const Ending *endings, int n, TimestampTz now)
{
	LpJobMove  *moves;
	int			n_moves = 0;

	for (int i = 0; i < n; i++)
		n_moves += ended[i].call->n;
	moves = palloc(sizeof(LpJobMove) * n_moves);
	n_moves = 0;
	for (int i = 0; i < n; i++)
	{
		const LpCall *call = ended[i].call;
		const char *error;
		TimestampTz again_at = endings[i].next_at;

		if (endings[i].state == LP_JOB_STARTED)
			continue;
		error = error_of(&ended[i], &endings[i]);
		/* at one time, to share the next call too */
		if (TIMESTAMP_IS_NOBEGIN(again_at))
			again_at = lp_jobs_next_at(call->jobs[0].attempts, now);
		for (int k = 0; k < call->n; k++)
			moves[n_moves++] = move_of(call, &call->jobs[k], &endings[i], error, again_at);
	}
	(void) lp_jobs_move(moves, n_moves, now);
}

/* Gives back what nothing was bought for: a sum for each provider and day. */
static void
release_money(const LpEnded *ended, const Ending *endings, int n)
{
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		double		sum = 0;
		TimestampTz day = 0;

		for (int i = 0; i < n; i++)
		{
			const LpCall *call = ended[i].call;

			if (!endings[i].released || call->provider != provider)
				continue;
			if (sum > 0 && lp_money_day(call->started_at) != lp_money_day(day))
			{
				lp_money_settle(provider, day, sum, 0);
				sum = 0;
			}
			day = call->started_at;
			sum += call->reserved;
		}
		lp_money_settle(provider, day, sum, 0);
	}
}

void
lp_calls_store(const LpEnded *ended, int n, TimestampTz now)
{
	Ending	   *endings = palloc(sizeof(Ending) * n);

	for (int i = 0; i < n; i++)
		endings[i] = judge(&ended[i], now);
	move_jobs(ended, endings, n, now);
	release_money(ended, endings, n);
	write_ledger(ended, endings, n, now);
	keep_answers(ended, endings, n, now);
}
