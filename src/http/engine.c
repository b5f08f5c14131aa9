/*
 * engine.c
 *	  The HTTP engine: libcurl's multi interface behind our own.
 *
 * Turned by events (sockets.c): what a turn costs depends on the calls
 * that have something to tell, not on how many are in flight.
 *
 * Threads: libcurl looks up names in threads of its own.  A thread that took
 * one of the server's signals would run a handler that expects to be in the
 * main thread, so every signal is blocked around each call that may start one:
 * threads inherit the mask.
 *
 * Memory: handles, connections and buffers are malloc's, since libcurl's
 * callbacks must not throw.  They go with the memory context in which the
 * engine was made.
 */
#include "postgres.h"

#include <pthread.h>
#include <signal.h>

#include "storage/fd.h"
#include "utils/memutils.h"

#include "http/request.h"
#include "http/transfer.h"

#if LIBCURL_VERSION_NUM < 0x075500
#error libcurl 7.85 or later is needed
#endif

static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static void
restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

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

static void
destroy(void *arg)
{
	LpHttp	   *http = arg;

	lp_http_cancel_all(http);
	free_list(&http->idle);
	curl_multi_cleanup(http->multi);
	lp_http_sockets_destroy(&http->sockets);
	free(http->ca_file);
	free(http);
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
	if (http != NULL && (http->multi = curl_multi_init()) == NULL)
	{
		free(http);
		http = NULL;
	}
	if (http == NULL)
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("out of memory"));
	dlist_init(&http->flying);
	dlist_init(&http->ended);
	dlist_init(&http->taken);
	dlist_init(&http->idle);
	http->sockets.epoll = -1;
	callback->func = destroy;
	callback->arg = http;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);

	lp_http_sockets_init(&http->sockets);
	lp_http_sockets_attach(&http->sockets, http->multi);
	lp_http_configure(http, limits);
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

	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
					  (long) http->max_connections);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
					  (long) Max(1, limits->max_per_host));
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
					  (long) http->max_connections);
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
	CURLMcode	result;
	bool		loopback;
	const char *why;
	sigset_t	before;

	why = lp_http_request_refusal(request, http->allow_loopback_http,
								  &loopback);
	if (why != NULL)
	{
		lp_http_transfer_refuse(transfer, request, why);
		dlist_push_tail(&http->ended, &transfer->node);
		return false;
	}

	if (!lp_http_transfer_prepare(transfer, request, loopback))
		result = CURLM_OUT_OF_MEMORY;
	else
		result = curl_multi_add_handle(http->multi, transfer->easy);
	if (result != CURLM_OK)
	{
		lp_http_transfer_free(transfer);
		ereport(ERROR,
				errcode(ERRCODE_OUT_OF_MEMORY),
				errmsg("could not start an HTTP call"),
				errdetail("%s.", curl_multi_strerror(result)));
	}
	dlist_push_tail(&http->flying, &transfer->node);
	http->in_flight++;

	/* at once, while the processor has at hand what was prepared */
	block_signals(&before);
	lp_http_sockets_act_on_time(&http->sockets, http->multi);
	restore_signals(&before);
	return true;
}

/*
 * Moves what has ended to where lp_http_next() finds it.  After each socket: a
 * call is ended while the processor still has it at hand.
 */
static void
collect(void *arg)
{
	LpHttp	   *http = arg;
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
	{
		LpHttpTransfer *transfer;
		CURLcode	result = message->data.result;
		char	   *private;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		transfer = (LpHttpTransfer *) private;
		/* The message is gone with this. */
		curl_multi_remove_handle(http->multi, transfer->easy);
		lp_http_transfer_finish(transfer, result);
		dlist_delete(&transfer->node);
		dlist_push_tail(&http->ended, &transfer->node);
		http->in_flight--;
	}
}

void
lp_http_turn(LpHttp *http, int wait_ms)
{
	sigset_t	before;

	if (http->in_flight == 0)
		return;
	if (wait_ms > 0 && dlist_is_empty(&http->ended))
		lp_http_sockets_wait(&http->sockets, wait_ms);

	block_signals(&before);
	lp_http_sockets_act(&http->sockets, http->multi, collect, http);
	restore_signals(&before);

	collect(http);
	lp_http_sockets_report(&http->sockets);
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
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &http->flying)
	{
		LpHttpTransfer *transfer = dlist_container(LpHttpTransfer, node,
												   iter.cur);

		curl_multi_remove_handle(http->multi, transfer->easy);
	}
	free_list(&http->flying);
	free_list(&http->ended);
	free_list(&http->taken);
	http->in_flight = 0;
	lp_http_sockets_report(&http->sockets);
}
