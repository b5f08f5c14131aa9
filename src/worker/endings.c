/*
 * endings.c
 *	  How calls end: what is stored of them, and what becomes of their jobs.
 *
 * A complete answer is kept as it came before anybody looks into it; its jobs
 * stay started, and its row in the ledger as it is, until it has been captured
 * (settle.c).  To keep it is to insert a row: nobody's lock is in its way.
 *
 * Everything else decides at once: what certainly was not done is tried again;
 * a paid call of which nobody knows whether it was done is unknown, and stays
 * reserved.  A call ends as a whole, jobs, money and ledger in one transaction;
 * one of whose jobs somebody holds a row waits, since how long that lasts nobody
 * knows.  Lock order: jobs, the day's budget, the ledger.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/calls.h"
#include "worker/money.h"

#define PENDING_PAUSE (5 * SECS_PER_MINUTE)

/*
 * Bytes of answers in one statement and transaction: what is sent along is
 * copied, and no value can be larger than 1 GB.  At least one answer fits.
 */
#define KEEP_AT_ONCE (32 * 1024 * 1024)

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

/* Jobs of which somebody else holds the row; the others are locked. */
static LpSql held_sql = LP_SQL(
	"WITH mine AS MATERIALIZED (SELECT id FROM @s@.lead_jobs WHERE id = ANY ($1)"
	"  ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"
	" SELECT j.id FROM @s@.lead_jobs j WHERE j.id = ANY ($1) AND j.id NOT IN (SELECT m.id FROM mine m)",
	INT8ARRAYOID);

/* What the end of a call without a complete answer means. */
typedef struct Ending
{
	const char *outcome;		/* of lead_provider_calls */
	const char *reason;
	LpJobState	state;			/* of its jobs */
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
			break;				/* complete */
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

static bool
is_complete(const LpEnded *ended)
{
	return ended->answer->outcome == LP_HTTP_ANSWER && ended->reply.kind == LP_REPLY_OK;
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

	for (int i = 0; i < n; i++)
	{
		ids[i] = Int64GetDatum(ended[i].call->id);
		statuses[i] = Int32GetDatum(ended[i].answer->status);
		ms[i] = Int32GetDatum(ended[i].answer->ms);
		released[i] = BoolGetDatum(endings[i].released);
		outcomes[i] = unconstify(char *, endings[i].outcome);
		reasons[i] = unconstify(char *, endings[i].reason);
	}
	values[0] = lp_array_of_datums(ids, n, INT8OID);
	values[1] = lp_array_of_datums(statuses, n, INT4OID);
	values[2] = lp_array_of_datums(ms, n, INT4OID);
	values[3] = lp_array_of_texts(outcomes, n);
	values[4] = lp_array_of_texts(reasons, n);
	values[5] = lp_array_of_datums(released, n, BOOLOID);
	values[6] = TimestampTzGetDatum(now);
	(void) lp_sql_run_list(&ledger_sql, n, values, NULL);
}

bool
lp_calls_choose(LpEnded *ended, int n)
{
	Size		bytes = 0;

	for (int i = 0; i < n; i++)
	{
		Size		length = ended[i].answer->length;

		ended[i].stored = is_complete(&ended[i]) && (bytes == 0 || bytes + length <= KEEP_AT_ONCE);
		/* an empty one counts too */
		if (ended[i].stored)
			bytes += Max(length, 1);
	}
	return bytes > 0;
}

void
lp_calls_keep(const LpEnded *ended, int n, TimestampTz now)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum	   *bodies = palloc(sizeof(Datum) * n);
	Datum	   *ms = palloc(sizeof(Datum) * n);
	Datum		values[4];
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (ended[i].stored)
		{
			ids[kept] = Int64GetDatum(ended[i].call->id);
			ms[kept] = Int32GetDatum(ended[i].answer->ms);
			bodies[kept++] = lp_bytea((const uint8 *) ended[i].answer->body,
									  ended[i].answer->length);
		}
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

static bool
is_any_of(const LpCall *call, const int64 *job_ids, int n)
{
	for (int k = 0; k < call->n; k++)
		for (int i = 0; i < n; i++)
			if (call->jobs[k].id == job_ids[i])
				return true;
	return false;
}

/*
 * Locks the jobs of calls; returns those that somebody else has locked: to wait
 * for them would keep everything else waiting.
 */
static int64 *
lock_jobs(const LpEnded *ended, int n, int *n_held)
{
	int			n_ids = 0;
	Datum	   *ids;
	Datum		values[1];
	int64	   *held;

	for (int i = 0; i < n; i++)
		n_ids += ended[i].call->n;
	ids = palloc(sizeof(Datum) * n_ids);
	n_ids = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < ended[i].call->n; k++)
			ids[n_ids++] = Int64GetDatum(ended[i].call->jobs[k].id);
	values[0] = lp_array_of_datums(ids, n_ids, INT8OID);
	*n_held = lp_sql_run_list(&held_sql, n_ids, values, NULL);
	held = palloc(sizeof(int64) * Max(*n_held, 1));
	for (int i = 0; i < *n_held; i++)
		held[i] = lp_col_int(i, 1, 0);
	return held;
}

/* Marks what can be ended now; copies it to mine and returns how many that are. */
static int
choose_free(LpEnded *ended, int n, LpEnded *mine)
{
	int			others = 0;
	int			n_mine = 0;
	int64	   *held;
	int			n_held;

	for (int i = 0; i < n; i++)
	{
		ended[i].stored = false;
		if (!is_complete(&ended[i]))
			mine[others++] = ended[i];
	}
	if (others == 0)
		return 0;
	held = lock_jobs(mine, others, &n_held);
	for (int i = 0; i < n; i++)
		if (!is_complete(&ended[i]) && !is_any_of(ended[i].call, held, n_held))
		{
			ended[i].stored = true;
			mine[n_mine++] = ended[i];
		}
	return n_mine;
}

void
lp_calls_end(LpEnded *ended, int n, TimestampTz now)
{
	LpEnded    *mine = palloc(sizeof(LpEnded) * Max(n, 1));
	Ending	   *endings = palloc(sizeof(Ending) * Max(n, 1));

	n = choose_free(ended, n, mine);
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		endings[i] = judge(&mine[i], now);
	move_jobs(mine, endings, n, now);
	release_money(mine, endings, n);
	write_ledger(mine, endings, n, now);
}
