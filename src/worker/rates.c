/*
 * rates.c
 *	  How many calls a provider may get now: rates, holds, circuit breaker.
 *
 * Each endpoint has a token bucket of its own, filled at the rate of
 * leadpool.<provider>_rate; what the provider's headers tell can only narrow
 * it.  With a rate of 0 the headers alone count: what they say is left holds
 * for a minute from the first call that told it.  A hold ("later", a wrong key, no credits) and the circuit breaker
 * concern the whole provider.  Holds and the breaker are kept in
 * lead_provider_state: a restart is no way around them.  The clock here is the
 * real one: a test clock that stands still would stop the worker.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/events.h"
#include "worker/rates.h"

#define LIMITED_PAUSE (60 * USECS_PER_SEC)	/* where a provider does not say */
#define CREDITS_PAUSE (15 * SECS_PER_MINUTE * USECS_PER_SEC)
#define NO_RATE_BURST 1000
#define TOLD_FOR (60 * USECS_PER_SEC)	/* a provider's window of a minute */

typedef enum Breaker
{
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN			/* one call probes */
} Breaker;

static const char *const breaker_names[] = {"closed", "open", "half_open"};
static const char *const hold_names[] = {NULL, "limited", "auth", "forbidden", "credits"};

typedef struct Bucket
{
	double		tokens;
	TimestampTz filled_at;
	TimestampTz told_at;		/* when the minute of the headers began; 0:
								 * not told */
	bool		forbidden;
	bool		told;			/* lead_worker_events has it */
} Bucket;

typedef struct Gate
{
	LpHold		hold;
	TimestampTz hold_until;
	int			calls_left;		/* told by headers; -1 = not */
	int			failures;		/* in a row */
	Breaker		breaker;
	TimestampTz breaker_until;
	bool		probing;
	bool		changed;		/* since it was saved */
	LpHold		told;			/* hold that lead_worker_events has */
	bool		told_open;		/* likewise the breaker */
	Bucket		buckets[LP_JOB_KINDS];
} Gate;

static Gate gates[LP_PROVIDERS];

static LpSql load_sql = LP_SQL(
	"SELECT hold_reason, hold_until, breaker, breaker_until, failures"
	" FROM @s@.lead_provider_state WHERE provider = $1 AND endpoint = ''",
	TEXTOID);

static LpSql recent_sql = LP_SQL(
	"SELECT count(*) FROM @s@.lead_provider_calls WHERE provider = $1 AND started_at > $2",
	TEXTOID, TIMESTAMPTZOID);

static LpSql save_sql = LP_SQL(
	"INSERT INTO @s@.lead_provider_state (provider, endpoint, hold_reason,"
	" hold_until, breaker, breaker_until, failures, rate_left, updated_at)"
	" VALUES ($1, '', $2, $3, $4, $5, $6, $7, $8)"
	" ON CONFLICT (provider, endpoint) DO UPDATE SET hold_reason = excluded.hold_reason,"
	" hold_until = excluded.hold_until, breaker = excluded.breaker,"
	" breaker_until = excluded.breaker_until, failures = excluded.failures,"
	" rate_left = excluded.rate_left, updated_at = excluded.updated_at",
	TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID, INT4OID, INT4OID,
	TIMESTAMPTZOID);

static int
word_index(const char *word, const char *const *words, int n)
{
	for (int i = 0; i < n && word != NULL; i++)
		if (words[i] != NULL && strcmp(words[i], word) == 0)
			return i;
	return 0;
}

/* The bucket starts as full as the last seconds before the restart left it. */
static void
load_buckets(LpProviderId provider, Gate *gate, TimestampTz now)
{
	const LpProviderSettings *settings = &lp_providers[provider];
	double		window = settings->rate > 0 ? settings->burst / settings->rate : 0;
	Datum		values[] = {CStringGetTextDatum(settings->name),
	TimestampTzGetDatum(now - (TimestampTz) (window * USECS_PER_SEC))};
	int64		recent;

	(void) lp_sql_run(&recent_sql, values, NULL);
	recent = lp_col_int(0, 1, 0);
	for (int kind = 0; kind < LP_JOB_KINDS; kind++)
	{
		gate->buckets[kind].tokens = settings->rate > 0 ? Max(0, settings->burst - recent) : NO_RATE_BURST;
		gate->buckets[kind].filled_at = now;
	}
}

void
lp_rates_load(TimestampTz now)
{
	memset(gates, 0, sizeof(gates));
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		Gate	   *gate = &gates[provider];
		Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider))};

		gate->calls_left = -1;
		load_buckets(provider, gate, now);
		if (lp_sql_run(&load_sql, values, NULL) == 0)
			continue;
		gate->hold = word_index(lp_col_text(0, 1), hold_names, lengthof(hold_names));
		gate->hold_until = lp_col_time(0, 2, DT_NOBEGIN);
		gate->breaker = word_index(lp_col_text(0, 3), breaker_names, lengthof(breaker_names));
		gate->breaker_until = lp_col_time(0, 4, DT_NOBEGIN);
		gate->failures = lp_col_int(0, 5, 0);
		/* whoever probed is gone */
		if (gate->breaker == BREAKER_HALF_OPEN)
			gate->breaker = BREAKER_OPEN;
	}
}

/* What keeps a provider from being called, for those who look for the reason. */
static void
report(LpProviderId provider, Gate *gate)
{
	static const char *const texts[] = {
		[LP_HOLD_AUTH] = "the provider does not take the key; nothing is called until it changes",
		[LP_HOLD_CREDITS] = "the credits at the provider are used up; asked again in 15 minutes"
	};
	const char *name = lp_provider_name(provider);

	if (gate->hold != gate->told && (gate->hold == LP_HOLD_AUTH || gate->hold == LP_HOLD_CREDITS))
		lp_worker_event("error", name, 0, hold_names[gate->hold], texts[gate->hold]);
	gate->told = gate->hold;
	if (gate->breaker == BREAKER_OPEN && !gate->told_open)
		lp_worker_event("warning", name, 0, "breaker",
						"the provider failed several times in a row; it is left alone for leadpool.breaker_pause");
	gate->told_open = gate->breaker != BREAKER_CLOSED;
	for (int kind = 0; kind < LP_JOB_KINDS; kind++)
	{
		Bucket	   *bucket = &gate->buckets[kind];

		if (bucket->forbidden && !bucket->told)
			lp_worker_event("error", name, 0, "forbidden",
							psprintf("the provider does not allow what jobs of kind %s ask for; they wait for a reload or another key",
									 lp_job_kind_name(kind)));
		bucket->told = bucket->forbidden;
	}
}

bool
lp_rates_are_new(void)
{
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		if (gates[provider].changed)
			return true;
	return false;
}

void
lp_rates_save(TimestampTz now)
{
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		Gate	   *gate = &gates[provider];
		const char *reason = hold_names[gate->hold];
		Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider)),
			reason == NULL ? (Datum) 0 : CStringGetTextDatum(reason),
			TimestampTzGetDatum(gate->hold_until),
			CStringGetTextDatum(breaker_names[gate->breaker]),
			TimestampTzGetDatum(gate->breaker_until), Int32GetDatum(gate->failures),
		Int32GetDatum(gate->calls_left), TimestampTzGetDatum(now)};
		char		nulls[] = "        ";

		if (!gate->changed)
			continue;
		if (gate->hold == LP_HOLD_NONE)
			nulls[1] = nulls[2] = 'n';
		if (gate->breaker == BREAKER_CLOSED)
			nulls[4] = 'n';
		if (gate->calls_left < 0)
			nulls[6] = 'n';
		(void) lp_sql_run(&save_sql, values, nulls);
		report(provider, gate);
		gate->changed = false;
	}
}

/* Ends what time has ended. */
static void
expire(Gate *gate, TimestampTz now)
{
	if (gate->hold != LP_HOLD_NONE && gate->hold_until <= now)
	{
		gate->hold = LP_HOLD_NONE;
		gate->calls_left = -1;
		gate->changed = true;
	}
	if (gate->breaker == BREAKER_OPEN && gate->breaker_until <= now)
	{
		gate->breaker = BREAKER_HALF_OPEN;
		gate->probing = false;
		gate->changed = true;
	}
}

static void
fill(LpProviderId provider, Bucket *bucket, TimestampTz now)
{
	const LpProviderSettings *settings = &lp_providers[provider];

	if (settings->rate <= 0)
	{
		if (bucket->told_at != 0 && now >= bucket->told_at + TOLD_FOR)
			bucket->told_at = 0;
		if (bucket->told_at == 0)
			bucket->tokens = NO_RATE_BURST;
		return;
	}
	if (now > bucket->filled_at)
		bucket->tokens += settings->rate * (now - bucket->filled_at) / USECS_PER_SEC;
	bucket->tokens = Min(bucket->tokens, settings->burst);
	bucket->filled_at = now;
}

int
lp_rates_room(LpProviderId provider, LpJobKind kind, TimestampTz now)
{
	Gate	   *gate = &gates[provider];
	Bucket	   *bucket = &gate->buckets[kind];
	int			room;

	expire(gate, now);
	if (gate->hold != LP_HOLD_NONE || bucket->forbidden || gate->breaker == BREAKER_OPEN)
		return 0;
	fill(provider, bucket, now);
	room = (int) bucket->tokens;
	if (gate->breaker == BREAKER_HALF_OPEN)
		room = gate->probing ? 0 : Min(room, 1);
	return room;
}

void
lp_rates_took(LpProviderId provider, LpJobKind kind, int calls)
{
	gates[provider].buckets[kind].tokens -= calls;
	if (gates[provider].breaker == BREAKER_HALF_OPEN && calls > 0)
		gates[provider].probing = true;
}

TimestampTz
lp_rates_next(LpProviderId provider, LpJobKind kind, TimestampTz now)
{
	Gate	   *gate = &gates[provider];
	Bucket	   *bucket = &gate->buckets[kind];

	if (bucket->forbidden)
		return DT_NOEND;
	if (gate->hold != LP_HOLD_NONE)
		return gate->hold_until;
	if (gate->breaker == BREAKER_OPEN)
		return gate->breaker_until;
	if (bucket->tokens >= 1)
		return now;
	if (lp_providers[provider].rate <= 0)
		return bucket->told_at + TOLD_FOR;
	return now + (TimestampTz) ((1 - bucket->tokens) / lp_providers[provider].rate * USECS_PER_SEC) + 1;
}

static void
hold(Gate *gate, LpHold why, TimestampTz until)
{
	/* a shorter wish does not end a longer hold */
	if (gate->hold != LP_HOLD_NONE && gate->hold_until > until)
		return;
	gate->hold = why;
	gate->hold_until = until;
	gate->changed = true;
}

static void
works(Gate *gate)
{
	gate->changed = gate->changed || gate->failures != 0 || gate->breaker != BREAKER_CLOSED;
	gate->failures = 0;
	gate->breaker = BREAKER_CLOSED;
	gate->probing = false;
}

/* What the provider's headers say is left. */
static void
narrow(LpProviderId provider, LpJobKind kind, int calls_left, TimestampTz now)
{
	Gate	   *gate = &gates[provider];
	Bucket	   *bucket = &gate->buckets[kind];

	gate->changed = gate->changed || gate->calls_left != calls_left;
	gate->calls_left = calls_left;
	fill(provider, bucket, now);
	if (bucket->told_at == 0)
		bucket->told_at = now;
	bucket->tokens = Min(bucket->tokens, calls_left);
}

void
lp_rates_answered(LpProviderId provider, LpJobKind kind, const LpReply *reply,
				  TimestampTz now)
{
	Gate	   *gate = &gates[provider];

	if (reply->kind == LP_REPLY_SERVER)
	{
		lp_rates_failed(provider, now);
		if (reply->wait > 0)
			hold(gate, LP_HOLD_LIMITED, now + reply->wait * USECS_PER_SEC);
		return;
	}
	works(gate);
	if (reply->calls_left >= 0)
		narrow(provider, kind, reply->calls_left, now);
	if (reply->calls_left == 0 && reply->kind != LP_REPLY_LIMITED)
		hold(gate, LP_HOLD_LIMITED, now + LIMITED_PAUSE);
	switch (reply->kind)
	{
		case LP_REPLY_LIMITED:
			hold(gate, LP_HOLD_LIMITED, now + (reply->wait > 0 ?
											   reply->wait * USECS_PER_SEC : LIMITED_PAUSE));
			break;
		case LP_REPLY_AUTH:
			hold(gate, LP_HOLD_AUTH, DT_NOEND);
			break;
		case LP_REPLY_CREDITS:
			hold(gate, LP_HOLD_CREDITS, now + CREDITS_PAUSE);
			break;
		case LP_REPLY_FORBIDDEN:
			gate->buckets[kind].forbidden = gate->changed = true;
			break;
		default:
			break;
	}
}

void
lp_rates_failed(LpProviderId provider, TimestampTz now)
{
	Gate	   *gate = &gates[provider];

	gate->failures++;
	gate->probing = false;
	gate->changed = true;
	if (gate->breaker == BREAKER_HALF_OPEN || gate->failures >= lp_breaker_failures)
	{
		gate->breaker = BREAKER_OPEN;
		gate->breaker_until = now + lp_breaker_pause * USECS_PER_SEC;
	}
}

void
lp_rates_forgive(void)
{
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		Gate	   *gate = &gates[provider];

		if (gate->hold == LP_HOLD_AUTH || gate->hold == LP_HOLD_CREDITS)
		{
			gate->hold = LP_HOLD_NONE;
			gate->changed = true;
		}
		for (int kind = 0; kind < LP_JOB_KINDS; kind++)
			gate->buckets[kind].forbidden = false;
	}
}
