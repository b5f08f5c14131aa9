/*
 * engine.c
 *	  The HTTP engine: what its caller sees of it.
 *
 * A transfer (transfer.c) is prepared here, makes its call in the engine's
 * thread (thread.c) and comes back; the sockets (sockets.c) are the thread's.
 *
 * Memory: handles, connections and buffers are malloc's, since libcurl's
 * callbacks must not throw.  They go with the memory context in which the
 * engine was made.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "http/request.h"
#include "http/transfer.h"

#if LIBCURL_VERSION_NUM < 0x075500
#error libcurl 7.85 or later is needed
#endif

static void
free_list(dlist_head *list)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		dlist_delete(iter.cur);
		lp_http_transfer_free(dlist_container(LpHttpTransfer, node, iter.cur));
	}
}

/* Keeps a transfer for the next call, unless there are plenty. */
static void
keep_transfer(LpHttp *http, LpHttpTransfer *transfer)
{
	if (http->idle_count >= 2 * http->max_connections)
	{
		lp_http_transfer_free(transfer);
		return;
	}
	dlist_push_head(&http->idle, &transfer->node);
	http->idle_count++;
}

/* Tells the server's file code how many sockets are open. */
static void
report_sockets(LpHttp *http, int open)
{
	while (http->reserved < open)
	{
		ReserveExternalFD();
		http->reserved++;
	}
	while (http->reserved > open)
	{
		ReleaseExternalFD();
		http->reserved--;
	}
}

static void
destroy(void *arg)
{
	LpHttp	   *http = arg;

	lp_http_cancel_all(http);
	free_list(&http->idle);
	if (http->wait != NULL)
		FreeWaitEventSet(http->wait);
	lp_http_thread_end(&http->thread);
	report_sockets(http, 0);
	free(http->ca_file);
	free(http);
}

/* What a wait for answers waits for. */
static WaitEventSet *
make_wait(const LpHttpThread *thread)
{
#if PG_VERSION_NUM >= 170000
	WaitEventSet *wait = CreateWaitEventSet(NULL, 3);
#else
	WaitEventSet *wait = CreateWaitEventSet(TopMemoryContext, 3);
#endif

	AddWaitEventToSet(wait, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	AddWaitEventToSet(wait, WL_SOCKET_READABLE, thread->answered, NULL, NULL);
	return wait;
}

LpHttp *
lp_http_create(const LpHttpLimits *limits)
{
	static bool initialised;
	MemoryContextCallback *callback = palloc0(sizeof(*callback));
	LpHttp	   *http;

	if (!initialised && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(ERROR,
				errcode(ERRCODE_SYSTEM_ERROR),
				errmsg("could not initialize libcurl"));
	initialised = true;

	http = calloc(1, sizeof(LpHttp));
	if (http == NULL)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"));
	dlist_init(&http->ended);
	dlist_init(&http->taken);
	dlist_init(&http->idle);
	PG_TRY();
	{
		lp_http_thread_start(&http->thread);
		http->wait = make_wait(&http->thread);
		lp_http_configure(http, limits);
	}
	PG_CATCH();
	{
		if (http->thread.running)
			destroy(http);
		else
			free(http);
		PG_RE_THROW();
	}
	PG_END_TRY();
	callback->func = destroy;
	callback->arg = http;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return http;
}

void
lp_http_configure(LpHttp *http, const LpHttpLimits *limits)
{
	char	   *ca_file = NULL;

	if (limits->ca_file != NULL && limits->ca_file[0] != '\0')
	{
		ca_file = strdup(limits->ca_file);
		if (ca_file == NULL)
			ereport(ERROR,
					errcode(ERRCODE_OUT_OF_MEMORY),
					errmsg("out of memory"));
	}
	free(http->ca_file);
	http->ca_file = ca_file;
	http->connect_timeout_ms = Max(1, limits->connect_timeout_ms);
	http->max_connections = Max(1, limits->max_connections);
	http->allow_loopback_http = limits->allow_loopback_http;
	http->generation++;

	lp_http_thread_limit(&http->thread, http->max_connections, Max(1, limits->max_per_host));
}

int
lp_http_room(LpHttp *http)
{
	return Max(0, http->max_connections - http->in_flight);
}

int
lp_http_in_flight(LpHttp *http)
{
	return http->in_flight;
}

static LpHttpTransfer *
get_transfer(LpHttp *http)
{
	LpHttpTransfer *transfer;

	if (!dlist_is_empty(&http->idle))
	{
		http->idle_count--;
		return dlist_container(LpHttpTransfer, node,
							   dlist_pop_head_node(&http->idle));
	}
	transfer = lp_http_transfer_new(http);
	if (transfer == NULL)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"));
	return transfer;
}

bool
lp_http_start(LpHttp *http, const LpHttpRequest *request)
{
	LpHttpTransfer *transfer = get_transfer(http);
	bool		loopback;
	const char *why;

	why = lp_http_request_refusal(request, http->allow_loopback_http,
								  &loopback);
	if (why != NULL)
	{
		lp_http_transfer_refuse(transfer, request, why);
		dlist_push_tail(&http->ended, &transfer->node);
		return false;
	}
	if (!lp_http_transfer_prepare(transfer, request, loopback))
	{
		lp_http_transfer_free(transfer);
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"));
	}
	lp_http_thread_submit(&http->thread, transfer);
	http->in_flight++;
	return true;
}

static void
take(LpHttp *http)
{
	int			open;

	http->in_flight -= lp_http_thread_take(&http->thread, &http->ended, &open);
	report_sockets(http, open);
}

void
lp_http_turn(LpHttp *http, int wait_ms, int enough)
{
	WaitEvent	event;

	if (http->in_flight == 0)
		return;
	if (wait_ms > 0 && dlist_is_empty(&http->ended) &&
		lp_http_thread_expect(&http->thread, Min(enough, http->in_flight)) &&
		WaitEventSetWait(http->wait, wait_ms, &event, 1, PG_WAIT_EXTENSION) > 0 &&
		event.events == WL_SOCKET_READABLE)
		lp_http_thread_told(&http->thread);
	take(http);
}

LpHttpAnswer *
lp_http_next(LpHttp *http)
{
	LpHttpTransfer *transfer;

	if (dlist_is_empty(&http->ended))
		return NULL;
	transfer = dlist_container(LpHttpTransfer, node,
							   dlist_pop_head_node(&http->ended));
	dlist_push_tail(&http->taken, &transfer->node);
	return &transfer->answer;
}

const char *
lp_http_header(const LpHttpAnswer *answer, const char *name)
{
	const LpHttpTransfer *transfer = (const LpHttpTransfer *) answer;
	size_t		at = 0;

	while (at < transfer->headers.used)
	{
		const char *found = transfer->headers.data + at;
		const char *value = found + strlen(found) + 1;

		if (pg_strcasecmp(found, name) == 0)
			return value;
		at = value + strlen(value) + 1 - transfer->headers.data;
	}
	return NULL;
}

void
lp_http_release(LpHttp *http, LpHttpAnswer *answer)
{
	LpHttpTransfer *transfer = (LpHttpTransfer *) answer;

	dlist_delete(&transfer->node);
	keep_transfer(http, transfer);
}

void
lp_http_cancel_all(LpHttp *http)
{
	lp_http_thread_cut(&http->thread);
	take(http);
	free_list(&http->ended);
	free_list(&http->taken);
	http->in_flight = 0;
}
