/*
 * flight.c
 *	  Calls that have left: the engine, what it is given, and what came back.
 *
 * Ended calls stay here until they are released, so that nothing is lost if
 * they cannot be stored at once.  What the engine hands over is entered before
 * anything is done with it that may fail.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "util/worker_settings.h"
#include "worker/engine.h"
#include "worker/flight.h"
#include "worker/keys.h"
#include "worker/probe.h"
#include "worker/rates.h"

#define PROBE_MS 5000			/* less than lp_provider_check waits */
#define ENDED_ROOM 200			/* grows */

static const LpHttpModule *engine;
static LpHttp *http;

static int	in_flight[LP_PROVIDERS];
static LpEnded *ended;			/* not stored yet; those that are held first */
static int	n_ended;
static int	n_held;				/* of them */
static int	ended_room;
static TimestampTz fresh_since;
static LpHttpAnswer nowhere = {.outcome = LP_HTTP_NOT_SENT};

void
lp_flight_configure(void)
{
	LpHttpLimits limits = {
		.max_connections = lp_max_connections,
		.max_per_host = lp_max_connections_per_host,
		.connect_timeout_ms = lp_connect_timeout,
		.ca_file = lp_ca_file,
		.allow_loopback_http = lp_allow_loopback_http
	};

	engine = lp_engine();
	if (http == NULL)
		http = engine->create(&limits);
	else
		engine->configure(http, &limits);
}

/* Besides the key. */
static const LpHttpHeader usual_headers[] = {
	{"Content-Type", "application/json"},
	{"Accept", "application/json"},
	{"Cache-Control", "no-cache"},
};

void
lp_flight_send(LpCall *call)
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
	headers[lengthof(usual_headers)].value = lp_key_of(call->provider);
	(void) engine->start(http, &request);
	in_flight[call->provider]++;
}

int
lp_flight_room(LpProviderId provider)
{
	return Min(engine->room(http), lp_max_connections_per_host - in_flight[provider]);
}

int
lp_flight_of(LpProviderId provider)
{
	return in_flight[provider];
}

int
lp_flight_all(void)
{
	return engine->in_flight(http);
}

void
lp_flight_wait(int wait_ms, int enough)
{
	if (engine->in_flight(http) > 0)
		engine->turn(http, wait_ms, enough);
}

/* Room for one more, before there is something that could be lost. */
static void
make_room(void)
{
	int			room = Max(ENDED_ROOM, ended_room * 2);

	if (n_ended < ended_room)
		return;
	ended = ended == NULL ?
		MemoryContextAlloc(TopMemoryContext, sizeof(LpEnded) * room) :
		repalloc(ended, sizeof(LpEnded) * room);
	ended_room = room;
}

/* One that is to be stored; there is room for it. */
static LpEnded *
keep(LpCall *call, LpHttpAnswer *answer, TimestampTz now)
{
	LpEnded    *end = &ended[n_ended];

	memset(end, 0, sizeof(*end));
	end->call = call;
	end->answer = answer;
	if (n_ended++ == n_held)
		fresh_since = now;
	return end;
}

/* It is stored in a later turn, when what this one allocates is gone. */
static LpReply
read_answer(const LpEnded *end, size_t length)
{
	const LpHttpAnswer *answer = end->answer;
	LpReply		reply = lp_apollo_read(answer->status, length == 0 ? "" : answer->body, length,
									   answer, (LpHeaderFind) engine->header);

	if (reply.code != NULL)
		reply.code = MemoryContextStrdup(end->call->context, reply.code);
	return reply;
}

/*
 * What cannot be read, for lack of memory above all, says enough by its status:
 * nothing that came is lost, or tried for ever, because of its length.
 */
static LpReply
read_anyhow(const LpEnded *end)
{
	MemoryContext context = CurrentMemoryContext;
	LpReply		reply;

	PG_TRY();
	{
		reply = read_answer(end, end->answer->length);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		FlushErrorState();
		reply = read_answer(end, 0);
	}
	PG_END_TRY();
	return reply;
}

/* Those that are here and have not been looked at. */
static void
read_answers(TimestampTz now)
{
	for (int i = n_held; i < n_ended; i++)
	{
		LpEnded    *end = &ended[i];

		if (end->read)
			continue;
		if (end->answer->outcome == LP_HTTP_ANSWER)
			end->reply = read_anyhow(end);
		end->read = true;
		if (end->answer->outcome == LP_HTTP_ANSWER)
			lp_rates_answered(end->call->provider, end->call->kind, &end->reply, now);
		else
			lp_rates_failed(end->call->provider, now);
	}
}

int
lp_flight_collect(TimestampTz now)
{
	int			before = n_ended;

	for (;;)
	{
		LpHttpAnswer *answer;
		LpCall	   *call;

		make_room();
		answer = engine->next(http);
		if (answer == NULL)
			break;
		call = answer->owner;
		in_flight[call->provider]--;
		if (call->ticket == 0)
			(void) keep(call, answer, now);
		else
		{
			lp_probe_end(call, answer);
			engine->release(http, answer);
		}
	}
	read_answers(now);
	return n_ended - before;
}

void
lp_flight_never_left(LpCall *call)
{
	make_room();
	keep(call, &nowhere, GetCurrentTimestamp())->read = true;
}

int
lp_flight_ended(void)
{
	return n_ended;
}

LpEnded *
lp_flight_answers(void)
{
	return ended;
}

int
lp_flight_fresh(void)
{
	return n_ended - n_held;
}

TimestampTz
lp_flight_fresh_since(void)
{
	return fresh_since;
}

void
lp_flight_hold(void)
{
	n_held = n_ended;
}

void
lp_flight_release(void)
{
	int			left = 0;
	int			left_held = 0;

	for (int i = 0; i < n_ended; i++)
	{
		LpEnded    *end = &ended[i];

		if (!end->stored)
		{
			left_held += i < n_held;
			ended[left++] = *end;
			continue;
		}
		if (end->answer != &nowhere)
			engine->release(http, end->answer);
		MemoryContextDelete(end->call->context);
	}
	n_ended = left;
	n_held = left_held;
}
