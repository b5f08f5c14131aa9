/*
 * work.c
 *	  One turn of the worker: let calls go on, store how they ended, start new
 *	  ones, capture what came, fill requests.
 *
 * Calls go on in the engine's own thread.  No transaction is open while the turn
 * waits for them, and no step takes longer than SLICE between two looks at what
 * has ended, so a slow answer or a long queue delays nothing else.  What has ended is stored when there is enough of it, or when
 * it has waited for STORE_AFTER; new calls start as others end.  The order is
 * the order of worth: what was paid for is stored before anything is captured.
 *
 * A turn may throw (the database refuses, a disk is full).  Ended calls stay in
 * memory until they are stored, so nothing is lost by trying again.  Storing
 * answers and starting calls wait for the disk once, together.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "worker/answers.h"
#include "worker/calls.h"
#include "worker/capture.h"
#include "worker/engine.h"
#include "worker/events.h"
#include "worker/mailbox.h"
#include "worker/probe.h"
#include "worker/rates.h"
#include "worker/secrets.h"
#include "worker/sweep.h"
#include "worker/work.h"
#include "worker/worker.h"

#define STORE_MANY 200
#define STORE_AFTER (50 * 1000L)	/* us */
#define SLICE (40 * 1000L)		/* us of one step */
#define SLICE_BETWEEN_CALLS (2 * 1000L)
#define START_EVERY (2 * 1000L) /* while calls are in flight */
#define CAPTURE_EVERY (200 * 1000L) /* even while answers pour in */
#define LOOK_EVERY (60 * USECS_PER_SEC)
#define FINISH_SLICE (20 * 1000L)	/* while somebody waits for the worker to
									 * end */
#define START_MOST 200			/* calls in one transaction */
#define PROBE_MS 5000			/* less than lp_provider_check waits */

static struct
{
	const LpHttpModule *engine;
	LpHttp	   *http;
	MemoryContext calls;		/* parent of those in flight */
	MemoryContext turn;			/* reset after each */
	LpEnded    *ended;			/* not stored yet */
	int			n_ended;
	int			room;			/* of ended */
	TimestampTz first_ended_at;
	XLogRecPtr	stored_up_to;	/* what is stored and may not be on disk yet */
	int			in_flight[LP_PROVIDERS];
	char	   *secrets[LP_PROVIDERS];
	TimestampTz secrets_read_at;
	bool		no_secret_told[LP_PROVIDERS];
	TimestampTz start_at;		/* when to look for jobs next */
	TimestampTz started_at;		/* when calls were started last */
	bool		may_capture;	/* answers may wait */
	TimestampTz captured_at;	/* when one was looked for last */
	LpCall	   *unsent;			/* committed, and on their way to the engine */
	bool		in_turn;		/* still set when a turn begins: the last
								 * failed */
	TimestampTz find_lost_at;	/* after a failed turn; 0: not */
	bool		may_fill;		/* a sweep over requests is under way */
	bool		arrived;		/* what a sweep should see came since it began */
	TimestampTz fill_at;		/* when to look at them anyway */
} work;

static void
commit(void)
{
	lp_worker_commit();
	MemoryContextSwitchTo(work.turn);
}

static void
configure(void)
{
	LpHttpLimits limits = {
		.max_connections = lp_max_connections,
		.max_per_host = lp_max_connections_per_host,
		.connect_timeout_ms = lp_connect_timeout,
		.ca_file = lp_ca_file,
		.allow_loopback_http = lp_allow_loopback_http
	};

	work.engine = lp_engine();
	if (work.http == NULL)
		work.http = work.engine->create(&limits);
	else
		work.engine->configure(work.http, &limits);
}

/* In a transaction: the keys, kept for a while so that a new one is noticed. */
static void
read_secrets(TimestampTz now)
{
	if (work.secrets_read_at + LOOK_EVERY > now)
		return;
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		char	   *fresh = lp_secret_read(lp_providers[provider].secret);
		char	   *kept = work.secrets[provider];

		if (fresh != NULL && (kept == NULL || strcmp(kept, fresh) != 0))
			lp_rates_forgive();
		if (kept != NULL)
			lp_secret_wipe(kept);
		work.secrets[provider] = fresh == NULL ? NULL :
			MemoryContextStrdup(TopMemoryContext, fresh);
		if (fresh != NULL)
		{
			lp_secret_wipe(fresh);
			work.no_secret_told[provider] = false;
		}
	}
	work.secrets_read_at = now;
}

void
lp_work_begin(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	work.calls = AllocSetContextCreate(TopMemoryContext, "leadpool calls", ALLOCSET_DEFAULT_SIZES);
	work.turn = AllocSetContextCreate(TopMemoryContext, "leadpool work", ALLOCSET_DEFAULT_SIZES);
	configure();
	lp_worker_begin("recovering");
	(void) lp_calls_recover(lp_clock_now());
	lp_rates_load(GetCurrentTimestamp());
	lp_worker_commit();
	lp_work_wake();
	MemoryContextSwitchTo(old);
}

void
lp_work_wake(void)
{
	work.start_at = 0;
	work.may_capture = work.arrived = true;
}

void
lp_work_reload(void)
{
	configure();
	lp_rates_forgive();
	work.secrets_read_at = 0;
	lp_work_wake();
}

int
lp_work_in_flight(void)
{
	return work.engine->in_flight(work.http) + work.n_ended;
}

/* Besides the key. */
static const LpHttpHeader usual_headers[] = {
	{"Content-Type", "application/json"},
	{"Accept", "application/json"},
	{"Cache-Control", "no-cache"},
};

/* Sends a call; its jobs are started and committed. */
static void
send_call(LpCall *call)
{
	const LpProviderSettings *provider = &lp_providers[call->provider];
	int			base = strlen(provider->base_url);
	LpHttpHeader headers[lengthof(usual_headers) + 1];
	LpHttpRequest request = {
		.owner = call,
		.method = call->text.method,
		/* whether it was set with a slash at its end or not */
		.url = psprintf("%.*s%s", base > 0 && provider->base_url[base - 1] == '/' ? base - 1 : base,
						provider->base_url, call->text.path),
		.headers = headers,
		.nheaders = lengthof(headers),
		.body = call->text.body,
		.body_length = call->text.body == NULL ? 0 : strlen(call->text.body),
		.timeout_ms = provider->timeout > 0 ? provider->timeout : lp_http_timeout,
		.max_body = lp_http_max_body,
		.free_call = !lp_job_kind_is_paid(call->kind)
	};

	/* who asked for a check waits, and is told that no answer came */
	if (call->ticket != 0)
		request.timeout_ms = Min(request.timeout_ms, PROBE_MS);

	memcpy(headers, usual_headers, sizeof(usual_headers));
	headers[lengthof(usual_headers)].name = "x-api-key";
	headers[lengthof(usual_headers)].value = work.secrets[call->provider];
	(void) work.engine->start(work.http, &request);
	work.in_flight[call->provider]++;
}

/* How many calls may leave at once, by the engine. */
static int
room_for(LpProviderId provider)
{
	int			room = Min(work.engine->room(work.http),
						   lp_max_connections_per_host - work.in_flight[provider]);

	return Min(room, START_MOST);
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
worth_starting_at(LpProviderId provider, TimestampTz now)
{
	int			room = room_for(provider);

	if (room <= 0)
		return now + LOOK_EVERY;	/* or when a call ends */
	if (work.in_flight[provider] == 0 || room >= worth_at_once())
		return now;
	return Max(now, work.started_at + START_EVERY);
}

/*
 * In a transaction: calls of a kind beside n others; *more if others could
 * follow at once.
 */
static List *
prepare_kind(LpProviderId provider, LpJobKind kind, int n, bool *more)
{
	int			allowed = lp_rates_room(provider, kind, GetCurrentTimestamp());
	int			room = Min(allowed, room_for(provider) - n);
	LpShortOf	short_of;
	List	   *calls;

	if (room <= 0 || work.secrets[provider] == NULL)
		return NIL;
	/* what probes a provider goes alone */
	if (allowed == 1 && n > 0)
	{
		*more = true;
		return NIL;
	}
	calls = lp_calls_prepare(provider, kind, room, lp_clock_now(), work.turn, &short_of);
	*more = *more || short_of == LP_SHORT_OF_NOTHING;
	return calls;
}

/* One that cannot be sent stays, with those after it, for settle_unsent. */
static void
send_unsent(void)
{
	while (work.unsent != NULL)
	{
		LpCall	   *call = work.unsent;

		send_call(call);
		work.unsent = call->next;

		lp_rates_took(call->provider, call->kind, 1);
	}
}

/* Calls whose jobs are started, and that did not leave: as if not reached. */
static void
settle_unsent(void)
{
	static LpHttpAnswer nowhere = {.outcome = LP_HTTP_NOT_SENT};
	LpEnded    *ended;
	int			n = 0;

	for (LpCall *call = work.unsent; call != NULL; call = call->next)
		n++;
	ended = palloc0(sizeof(LpEnded) * n);
	n = 0;
	for (LpCall *call = work.unsent; call != NULL; call = call->next)
	{
		ended[n].call = call;
		ended[n++].answer = &nowhere;
	}
	lp_worker_begin("settling calls that did not leave");
	lp_calls_store(ended, n, lp_clock_now());
	commit();
	work.unsent = NULL;

	for (int i = 0; i < n; i++)
		MemoryContextDelete(ended[i].call->context);
}

/* Starts calls of a provider; false if there is nothing to be started. */
static bool
start_provider(LpProviderId provider)
{
	MemoryContext turn = CurrentMemoryContext;
	List	   *calls = NIL;
	bool		more = false;

	lp_worker_begin("starting calls");
	read_secrets(GetCurrentTimestamp());
	for (int kind = LP_JOB_KINDS - 1; kind >= 0; kind--)
	{
		List	   *some = prepare_kind(provider, kind, list_length(calls), &more);
		MemoryContext old = MemoryContextSwitchTo(turn);

		calls = list_concat(calls, some);
		MemoryContextSwitchTo(old);
	}
	commit();
	/* from here on nothing that fails may forget one of them */
	for (int i = list_length(calls) - 1; i >= 0; i--)
	{
		LpCall	   *call = list_nth(calls, i);

		MemoryContextSetParent(call->context, work.calls);
		call->next = work.unsent;
		work.unsent = call;
	}
	send_unsent();
	work.started_at = GetCurrentTimestamp();
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
			read_secrets(GetCurrentTimestamp());
		if (due <= now && work.secrets[provider] == NULL && !work.no_secret_told[provider])
		{
			lp_worker_event("error", lp_provider_name(provider), 0, "no_secret",
							"no secret is set for this provider; its jobs wait");
			work.no_secret_told[provider] = true;
		}
		if (due <= now)
			due = Min(gate, now + LOOK_EVERY);
		next = Min(next, Max(due, now));
	}
	commit();
	return Min(next, now + LOOK_EVERY);
}

/* A call that somebody asked for through lp_provider_check. */
static void
answer_probe(void)
{
	char		provider[NAMEDATALEN];
	uint64		ticket;
	LpCall	   *call;

	if (!lp_mailbox_take(provider, &ticket))
		return;
	lp_worker_begin("reading secrets");
	work.secrets_read_at = 0;
	read_secrets(GetCurrentTimestamp());
	commit();
	call = lp_probe_make(provider, ticket, work.calls);
	if (call != NULL && work.secrets[call->provider] != NULL)
		send_call(call);
	else
		lp_mailbox_answer(ticket, false, 0, call == NULL ?
						  "this worker does not speak to that provider" :
						  "no secret is set for that provider");
}

static void
start_calls(TimestampTz now)
{
	bool		tried = false;
	bool		more = false;

	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		if (worth_starting_at(provider, now) <= now)
		{
			tried = true;
			more = start_provider(provider) || more;
		}
	if (tried)
		work.start_at = more ? 0 : next_start(now);
}

static LpReply
read_answer(const LpCall *call, const LpHttpAnswer *answer)
{
	return lp_apollo_read(answer->status, answer->body, answer->length, answer,
						  (LpHeaderFind) work.engine->header);
}

/* Takes over what has ended; the engine forgets it once it is stored. */
static int
collect(TimestampTz now)
{
	LpHttpAnswer *answer;
	int			before = work.n_ended;

	while ((answer = work.engine->next(work.http)) != NULL)
	{
		LpEnded    *ended;

		if (work.n_ended == work.room)
		{
			work.room = Max(STORE_MANY, work.room * 2);
			work.ended = work.ended == NULL ?
				MemoryContextAlloc(TopMemoryContext, sizeof(LpEnded) * work.room) :
				repalloc(work.ended, sizeof(LpEnded) * work.room);
		}
		work.in_flight[((LpCall *) answer->owner)->provider]--;
		if (((LpCall *) answer->owner)->ticket != 0)
		{
			lp_probe_end(answer->owner, answer);
			work.engine->release(work.http, answer);
			continue;
		}
		ended = &work.ended[work.n_ended];
		memset(ended, 0, sizeof(*ended));
		ended->call = answer->owner;
		ended->answer = answer;
		if (answer->outcome == LP_HTTP_ANSWER)
		{
			ended->reply = read_answer(ended->call, answer);
			lp_rates_answered(ended->call->provider, ended->call->kind, &ended->reply, now);
		}
		else
			lp_rates_failed(ended->call->provider, now);
		if (work.n_ended++ == 0)
			work.first_ended_at = now;
	}
	return work.n_ended - before;
}

static bool
is_time_to_store(TimestampTz now)
{
	return work.n_ended > 0 &&
		(work.n_ended >= STORE_MANY || work.engine->in_flight(work.http) == 0 ||
		 now >= work.first_ended_at + STORE_AFTER);
}

/*
 * Makes sure that what was stored is on the disk, and on the standbys that are
 * waited for.  Calls that were started meanwhile have brought it there already.
 */
static void
flush(void)
{
	if (work.stored_up_to == InvalidXLogRecPtr)
		return;
	XLogFlush(work.stored_up_to);
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(work.stored_up_to, true);
	RESUME_INTERRUPTS();
	work.stored_up_to = InvalidXLogRecPtr;
}

/* To be followed by flush() before the turn does anything that may take long. */
static void
store(void)
{
	lp_worker_begin("storing answers");
	lp_calls_store(work.ended, work.n_ended, lp_clock_now());
	lp_rates_save(GetCurrentTimestamp());
	lp_worker_commit_unwaited();
	MemoryContextSwitchTo(work.turn);
	work.stored_up_to = XactLastCommitEnd;
	for (int i = 0; i < work.n_ended; i++)
	{
		work.engine->release(work.http, work.ended[i].answer);
		MemoryContextDelete(work.ended[i].call->context);
	}
	work.n_ended = 0;
	work.may_capture = true;
	work.arrived = work.arrived || lp_sweep_wants_leads();
	work.start_at = Min(work.start_at, GetCurrentTimestamp());
}

/* Captures stored answers for as long as the calls in flight can be left. */
static void
capture(TimestampTz started)
{
	TimestampTz until = started +
	(work.engine->in_flight(work.http) > 0 ? SLICE_BETWEEN_CALLS : SLICE);

	while (work.may_capture && GetCurrentTimestamp() < until)
	{
		work.may_capture = lp_capture_next();
		work.arrived = work.arrived || (work.may_capture && lp_sweep_wants_leads());

		MemoryContextReset(work.turn);
	}
	work.captured_at = GetCurrentTimestamp();
}

/* How long to wait for answers, in ms: not beyond what else is due. */
static int
wait_for(TimestampTz most)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = Min(now + most, lp_answers_due());

	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		until = Min(until, Max(work.start_at, worth_starting_at(provider, now)));
	if (work.n_ended > 0)
		until = Min(until, work.first_ended_at + STORE_AFTER);
	return TimestampDifferenceMilliseconds(now, Max(now, until));
}

/*
 * How many answers a wait is worth: the next, unless some are here and calls
 * may follow them soon anyway.
 */
static int
wait_for_answers(void)
{
	int			room = lp_max_connections_per_host;

	if (work.n_ended == 0)
		return 1;
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		room = Min(room, room_for(provider));
	return room <= 0 ? 1 : Max(1, worth_at_once() - room);
}

/* Lets calls go on, waits for that, and stores those that ended; true if none did. */
static bool
go_on(TimestampTz most)
{
	bool		quiet = true;

	if (work.engine->in_flight(work.http) > 0)
		work.engine->turn(work.http, wait_for(most), wait_for_answers());
	quiet = collect(GetCurrentTimestamp()) == 0;
	if (is_time_to_store(GetCurrentTimestamp()))
		store();
	return quiet;
}

/* Requests are looked at once all answers are captured. */
static void
fill_requests(void)
{
	if (work.may_capture ||
		(!work.may_fill && !work.arrived && GetCurrentTimestamp() < work.fill_at))
		return;
	if (!work.may_fill)
		work.arrived = false;
	work.fill_at = lp_sweep_step();
	work.may_fill = work.fill_at == 0;
	work.start_at = 0;
}

/* What a turn that failed may have left behind. */
static void
clean_up(TimestampTz now)
{
	if (work.in_turn)
		work.find_lost_at = now + (lp_job_lease + 1) * USECS_PER_SEC;
	work.in_turn = true;

	if (work.unsent != NULL)
		settle_unsent();
	if (work.find_lost_at == 0 || now < work.find_lost_at || work.n_ended > 0)
		return;
	lp_worker_begin("looking for lost calls");
	lp_calls_find_lost(lp_clock_now());
	commit();
	work.find_lost_at = 0;
}

LpTurn
lp_work_turn(void)
{
	LpTurn		turn;
	bool		quiet;

	MemoryContextSwitchTo(work.turn);
	MemoryContextReset(work.turn);
	flush();
	clean_up(GetCurrentTimestamp());
	answer_probe();
	quiet = go_on(work.may_capture || work.may_fill || work.arrived ? 0 : LOOK_EVERY);
	/* what may end the worker comes before what would be lost with it */
	if (work.start_at <= GetCurrentTimestamp() && !lp_answers_are_suspect())
	{
		start_calls(GetCurrentTimestamp());
		/* what the engine refused has ended already */
		(void) collect(GetCurrentTimestamp());
	}
	flush();
	work.may_capture = work.may_capture || lp_answers_due() <= GetCurrentTimestamp();

	if (quiet || work.captured_at + CAPTURE_EVERY <= GetCurrentTimestamp())
		capture(GetCurrentTimestamp());
	fill_requests();
	turn.busy = lp_work_in_flight() > 0 || work.may_capture || work.may_fill || work.arrived ||
		work.start_at <= GetCurrentTimestamp();

	turn.next_due = Min(Min(work.start_at, work.fill_at), lp_answers_due());
	if (work.find_lost_at != 0)
		turn.next_due = Min(turn.next_due, work.find_lost_at);
	work.in_turn = false;
	return turn;
}

void
lp_work_paused(void)
{
	MemoryContextSwitchTo(work.turn);
	MemoryContextReset(work.turn);
	(void) go_on(FINISH_SLICE);
	flush();
}
