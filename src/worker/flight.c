/*
 * flight.c
 *	  Calls that have left: the engine, what it is given, and what came back.
 *
 * Ended calls stay here until they are released, so that nothing is lost if
 * they cannot be stored at once.
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
static LpEnded *ended;			/* not stored yet */
static int	n_ended;
static int	ended_room;
static TimestampTz first_ended_at;

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

/* It is stored in a later turn, when what this one allocates is gone. */
static LpReply
read_answer(const LpCall *call, const LpHttpAnswer *answer)
{
	LpReply		reply = lp_apollo_read(answer->status, answer->body, answer->length, answer,
									   (LpHeaderFind) engine->header);

	if (reply.code != NULL)
		reply.code = MemoryContextStrdup(call->context, reply.code);
	return reply;
}

/* One that is to be stored. */
static void
keep(LpHttpAnswer *answer, TimestampTz now)
{
	LpCall	   *call = answer->owner;
	LpEnded    *end;

	if (n_ended == ended_room)
	{
		int			room = Max(ENDED_ROOM, ended_room * 2);

		ended = ended == NULL ?
			MemoryContextAlloc(TopMemoryContext, sizeof(LpEnded) * room) :
			repalloc(ended, sizeof(LpEnded) * room);
		ended_room = room;
	}
	end = &ended[n_ended];
	memset(end, 0, sizeof(*end));
	end->call = call;
	end->answer = answer;
	if (answer->outcome == LP_HTTP_ANSWER)
	{
		end->reply = read_answer(call, answer);
		lp_rates_answered(call->provider, call->kind, &end->reply, now);
	}
	else
		lp_rates_failed(call->provider, now);
	if (n_ended++ == 0)
		first_ended_at = now;
}

int
lp_flight_collect(TimestampTz now)
{
	LpHttpAnswer *answer;
	int			before = n_ended;

	while ((answer = engine->next(http)) != NULL)
	{
		LpCall	   *call = answer->owner;

		in_flight[call->provider]--;
		if (call->ticket == 0)
			keep(answer, now);
		else
		{
			lp_probe_end(call, answer);
			engine->release(http, answer);
		}
	}
	return n_ended - before;
}

int
lp_flight_ended(void)
{
	return n_ended;
}

const LpEnded *
lp_flight_answers(void)
{
	return ended;
}

TimestampTz
lp_flight_ended_since(void)
{
	return first_ended_at;
}

void
lp_flight_release(void)
{
	for (int i = 0; i < n_ended; i++)
	{
		engine->release(http, ended[i].answer);
		MemoryContextDelete(ended[i].call->context);
	}
	n_ended = 0;
}
