/*
 * start.c
 *	  Starting calls: when, how many, and what becomes of those that do not
 *	  leave.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "util/worker_settings.h"
#include "worker/flight.h"
#include "worker/keys.h"
#include "worker/mailbox.h"
#include "worker/probe.h"
#include "worker/rates.h"
#include "worker/start.h"
#include "worker/worker.h"

#define START_EVERY (2 * 1000L) /* us, while calls are in flight */
#define START_MOST 200			/* calls in one transaction */

static MemoryContext contexts;	/* parent of those of calls in flight */
static LpCall *unsent;			/* committed, and on their way to the engine */
static TimestampTz start_at;	/* when to look for jobs next */
static TimestampTz started_at;	/* when calls were started last */

void
lp_start_begin(void)
{
	if (contexts == NULL)
		contexts = AllocSetContextCreate(TopMemoryContext, "leadpool calls", ALLOCSET_DEFAULT_SIZES);
}

TimestampTz
lp_start_due(void)
{
	return start_at;
}

void
lp_start_from(TimestampTz at)
{
	start_at = Min(start_at, at);
}

/* How many calls may leave in one transaction, by the engine. */
static int
room_for(LpProviderId provider)
{
	return Min(lp_flight_room(provider), START_MOST);
}

static int
worth_at_once(void)
{
	return Min(START_MOST, lp_max_connections_per_host / 2);
}

/*
 * A few calls are not worth a transaction while many others are under way:
 * when there will be more, or when these have waited.
 */
static TimestampTz
worth_at(LpProviderId provider, TimestampTz now)
{
	int			room = room_for(provider);

	if (room <= 0)
		return now + LP_LOOK_EVERY; /* or when a call ends */
	if (lp_flight_of(provider) == 0 || room >= worth_at_once())
		return now;
	return Max(now, started_at + START_EVERY);
}

TimestampTz
lp_start_worth_at(TimestampTz now)
{
	TimestampTz at = DT_NOEND;

	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		at = Min(at, Max(start_at, worth_at(provider, now)));
	return at;
}

int
lp_start_wants(void)
{
	int			room = START_MOST;

	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		room = Min(room, room_for(provider));
	return room <= 0 ? 1 : Max(1, worth_at_once() - room);
}

/*
 * In a transaction: calls of a kind beside n others, in a context that outlives
 * it; *more if others could follow at once.
 */
static List *
prepare_kind(LpProviderId provider, LpJobKind kind, int n, MemoryContext parent, bool *more)
{
	int			allowed = lp_rates_room(provider, kind, GetCurrentTimestamp());
	int			room = Min(allowed, room_for(provider) - n);
	LpShortOf	short_of;
	List	   *calls;

	if (room <= 0 || lp_key_of(provider) == NULL)
		return NIL;
	/* what probes a provider goes alone */
	if (allowed == 1 && n > 0)
	{
		*more = true;
		return NIL;
	}
	calls = lp_calls_prepare(provider, kind, room, lp_clock_now(), parent, &short_of);
	*more = *more || short_of == LP_SHORT_OF_NOTHING;
	return calls;
}

/* One that cannot be sent stays, with those after it, for lp_start_settle. */
static void
send_unsent(void)
{
	while (unsent != NULL)
	{
		LpCall	   *call = unsent;

		lp_flight_send(call);
		unsent = call->next;

		lp_rates_took(call->provider, call->kind, 1);
	}
}

void
lp_start_settle(void)
{
	while (unsent != NULL)
	{
		LpCall	   *call = unsent;

		lp_flight_never_left(call);
		unsent = call->next;
	}
}

/* Starts calls of a provider; false if there is nothing to be started. */
static bool
start_provider(LpProviderId provider)
{
	MemoryContext turn = CurrentMemoryContext;
	List	   *calls = NIL;
	bool		more = false;

	lp_worker_begin("starting calls");
	lp_keys_read(GetCurrentTimestamp());
	for (int kind = LP_JOB_KINDS - 1; kind >= 0; kind--)
	{
		List	   *some = prepare_kind(provider, kind, list_length(calls), turn, &more);
		MemoryContext old = MemoryContextSwitchTo(turn);

		calls = list_concat(calls, some);
		MemoryContextSwitchTo(old);
	}
	lp_worker_commit();
	/* from here on nothing that fails may forget one of them */
	for (int i = list_length(calls) - 1; i >= 0; i--)
	{
		LpCall	   *call = list_nth(calls, i);

		MemoryContextSetParent(call->context, contexts);
		call->next = unsent;
		unsent = call;
	}
	send_unsent();
	started_at = GetCurrentTimestamp();
	return more;
}

/* Until when there is nothing to start, as far as the queue tells. */
static TimestampTz
next_start(TimestampTz now)
{
	TimestampTz next = DT_NOEND;

	lp_worker_begin("looking at the queue");
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		TimestampTz due = lp_jobs_next_due(provider);
		TimestampTz gate = DT_NOEND;

		/* a kind that is free to go says nothing about those that wait */
		for (int kind = 0; kind < LP_JOB_KINDS; kind++)
		{
			TimestampTz free_at = lp_rates_next(provider, kind, now);

			if (free_at > now)
				gate = Min(gate, free_at);
		}
		/* what is due and not started waits for a rate, money or a secret */
		if (due <= now)
			lp_keys_read(GetCurrentTimestamp());
		if (due <= now && lp_key_of(provider) == NULL)
			lp_key_tell_missing(provider);
		if (due <= now)
			due = Min(gate, now + LP_LOOK_EVERY);
		next = Min(next, Max(due, now));
	}
	lp_worker_commit();
	return Min(next, now + LP_LOOK_EVERY);
}

void
lp_start_calls(TimestampTz now)
{
	bool		tried = false;
	bool		more = false;

	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		if (worth_at(provider, now) <= now)
		{
			tried = true;
			more = start_provider(provider) || more;
		}
	if (tried)
		start_at = more ? 0 : next_start(now);
}

void
lp_start_probe(void)
{
	char		provider[NAMEDATALEN];
	uint64		ticket;
	LpCall	   *call;

	if (!lp_mailbox_take(provider, &ticket))
		return;
	lp_worker_begin("reading secrets");
	lp_keys_forget_time();
	lp_keys_read(GetCurrentTimestamp());
	lp_worker_commit();
	call = lp_probe_make(provider, ticket, contexts);
	if (call != NULL && lp_key_of(call->provider) != NULL)
		lp_flight_send(call);
	else
	{
		lp_mailbox_answer(ticket, false, 0, call == NULL ?
						  "this worker does not speak to that provider" :
						  "no secret is set for that provider");
		if (call != NULL)
			MemoryContextDelete(call->context);
	}
}
