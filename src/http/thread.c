/*
 * thread.c
 *	  The thread that drives libcurl, and what passes between it and its caller.
 *
 * Calls cost libcurl and the kernel about what they cost the database.  With a
 * thread of their own the one goes on while the other works: half as many more
 * calls on two processors, and none that stands still behind a slow statement.
 *
 * The server's code is not made for threads.  So none of it runs in this one but
 * what touches nothing beside its arguments (lists, libpgport's functions on
 * strings): no error, no palloc, no latch, no interrupt, no log.  What both
 * sides use is in LpHttpThread, under its lock, and a transfer belongs to the
 * side in whose list it is.  Every signal is blocked in this thread, and so in
 * those that libcurl starts to look up names: the server's handlers expect to
 * be in the first.
 *
 * It ends before anything else of the process does: no call is to leave once
 * nobody will read its answer, and exit() lets libraries free what it uses.
 */
#include "postgres.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "storage/fd.h"
#include "storage/ipc.h"

#include "http/thread.h"
#include "http/transfer.h"

/* epoll, and the two eventfds */
#define DESCRIPTORS 3

/* Threads of this process that an exit must end. */
static dlist_head threads = DLIST_STATIC_INIT(threads);

static void
append_all(dlist_head *to, dlist_head *from)
{
	dlist_node *first = from->head.next;
	dlist_node *last = from->head.prev;

	if (dlist_is_empty(from))
		return;
	first->prev = to->head.prev;
	to->head.prev->next = first;
	last->next = &to->head;
	to->head.prev = last;
	dlist_init(from);
}

static void
signal_descriptor(int fd)
{
	uint64		one = 1;

	/* it cannot fail: the number never gets near its limit */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR);
}

/* ---- in the thread ---- */

static void
land(LpHttpThread *thread, LpHttpTransfer *transfer, CURLcode result)
{
	lp_http_transfer_finish(transfer, result);
	dlist_push_tail(&thread->landed, &transfer->node);
	thread->n_landed++;
}

/* Takes over from libcurl what has ended, while the processor has it at hand. */
static void
collect(void *arg)
{
	LpHttpThread *thread = arg;
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(thread->multi, &left)) != NULL)
	{
		LpHttpTransfer *transfer;
		CURLcode	result = message->data.result;
		char	   *private;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		transfer = (LpHttpTransfer *) private;
		/* The message is gone with this. */
		curl_multi_remove_handle(thread->multi, transfer->easy);
		dlist_delete(&transfer->node);
		land(thread, transfer, result);
	}
}

/* Each is sent as soon as libcurl has it, for the same reason. */
static void
begin(LpHttpThread *thread, dlist_head *transfers)
{
	while (!dlist_is_empty(transfers))
	{
		LpHttpTransfer *transfer = dlist_container(LpHttpTransfer, node,
												   dlist_pop_head_node(transfers));

		if (curl_multi_add_handle(thread->multi, transfer->easy) != CURLM_OK)
		{
			land(thread, transfer, CURLE_OUT_OF_MEMORY);
			continue;
		}
		dlist_push_tail(&thread->flying, &transfer->node);
		lp_http_sockets_act_on_time(&thread->sockets, thread->multi);
	}
	collect(thread);
}

/* Under the lock. */
static void
cut(LpHttpThread *thread)
{
	dlist_iter	iter;

	dlist_foreach(iter, &thread->flying)
		curl_multi_remove_handle(thread->multi,
								 dlist_container(LpHttpTransfer, node, iter.cur)->easy);
	append_all(&thread->ended, &thread->flying);
	append_all(&thread->ended, &thread->submitted);
}

/*
 * What is to be done, and what is done; under the lock.  False: it is to end.
 * *tell: the caller waits for what it finds now.
 */
static bool
exchange(LpHttpThread *thread, dlist_head *submitted, bool *tell)
{
	if (thread->limits_changed)
	{
		curl_multi_setopt(thread->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) thread->max_connections);
		curl_multi_setopt(thread->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long) thread->max_per_host);
		curl_multi_setopt(thread->multi, CURLMOPT_MAXCONNECTS, (long) thread->max_connections);
		thread->limits_changed = false;
	}
	if (thread->cut)
	{
		cut(thread);
		thread->cut = false;
		pthread_cond_signal(&thread->obeyed);
	}
	append_all(submitted, &thread->submitted);
	append_all(&thread->ended, &thread->landed);
	thread->n_ended += thread->n_landed;
	thread->n_landed = 0;
	thread->open = thread->sockets.open;

	*tell = thread->enough > 0 && thread->n_ended > 0 &&
		(thread->n_ended >= thread->enough ||
		 (dlist_is_empty(&thread->flying) && dlist_is_empty(submitted)));
	if (*tell)
		thread->enough = 0;
	thread->asleep = dlist_is_empty(submitted);
	return !thread->stop;
}

static void *
drive(void *arg)
{
	LpHttpThread *thread = arg;
	dlist_head	submitted;

	dlist_init(&submitted);
	for (;;)
	{
		bool		go_on;
		bool		tell;
		bool		wait;

		pthread_mutex_lock(&thread->lock);
		go_on = exchange(thread, &submitted, &tell);
		wait = thread->asleep;
		pthread_mutex_unlock(&thread->lock);
		/* what nobody will read the answer of does not leave */
		if (!go_on)
			return NULL;
		if (tell)
			signal_descriptor(thread->answered);
		begin(thread, &submitted);
		lp_http_sockets_act(&thread->sockets, thread->multi, wait, collect, thread);
	}
}

/* ---- in the caller ---- */

/* Has the thread look at what it is told; ends the lock. */
static void
unlock_and_wake(LpHttpThread *thread)
{
	bool		asleep = thread->asleep;

	thread->asleep = false;
	pthread_mutex_unlock(&thread->lock);
	if (asleep)
		signal_descriptor(thread->wake);
}

static void
stop(LpHttpThread *thread)
{
	if (!thread->running)
		return;
	pthread_mutex_lock(&thread->lock);
	thread->stop = true;
	unlock_and_wake(thread);
	pthread_join(thread->id, NULL);
	thread->running = false;
}

static void
stop_all(int code, Datum arg)
{
	dlist_iter	iter;

	dlist_foreach(iter, &threads)
		stop(dlist_container(LpHttpThread, node, iter.cur));
}

static bool
acquire_descriptors(void)
{
	for (int i = 0; i < DESCRIPTORS; i++)
		if (!AcquireExternalFD())
		{
			while (i-- > 0)
				ReleaseExternalFD();
			return false;
		}
	return true;
}

/* Signals are blocked in it from its first moment on. */
static int
create(LpHttpThread *thread)
{
	sigset_t	all;
	sigset_t	before;
	int			error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread->id, NULL, drive, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* What it needs, and itself; false with errno: what was made is to be freed. */
static bool
make(LpHttpThread *thread)
{
	if ((thread->multi = curl_multi_init()) == NULL)
	{
		errno = ENOMEM;
		return false;
	}
	if ((thread->wake = eventfd(0, EFD_CLOEXEC)) < 0 ||
		(thread->answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0 ||
		!lp_http_sockets_init(&thread->sockets, thread->multi, thread->wake))
		return false;
	errno = create(thread);
	thread->running = errno == 0;
	return thread->running;
}

void
lp_http_thread_start(LpHttpThread *thread)
{
	static bool exit_known = false;

	if (!exit_known)
		before_shmem_exit(stop_all, 0);
	exit_known = true;

	if (!acquire_descriptors())
		ereport(ERROR,
				errcode_for_file_access(),
				errmsg("no file descriptor is left for HTTP calls: %m"));
	pthread_mutex_init(&thread->lock, NULL);
	pthread_cond_init(&thread->obeyed, NULL);
	dlist_init(&thread->flying);
	dlist_init(&thread->landed);
	dlist_init(&thread->submitted);
	dlist_init(&thread->ended);
	dlist_push_tail(&threads, &thread->node);
	thread->wake = thread->answered = thread->sockets.epoll = -1;
	if (!make(thread))
	{
		int			error = errno;

		lp_http_thread_end(thread);
		errno = error;
		ereport(ERROR,
				errcode(ERRCODE_INSUFFICIENT_RESOURCES),
				errmsg("could not start a thread for HTTP calls: %m"));
	}
}

void
lp_http_thread_end(LpHttpThread *thread)
{
	stop(thread);
	dlist_delete(&thread->node);
	if (thread->multi != NULL)
		curl_multi_cleanup(thread->multi);
	lp_http_sockets_destroy(&thread->sockets);
	if (thread->wake >= 0)
		close(thread->wake);
	if (thread->answered >= 0)
		close(thread->answered);
	for (int i = 0; i < DESCRIPTORS; i++)
		ReleaseExternalFD();
	pthread_cond_destroy(&thread->obeyed);
	pthread_mutex_destroy(&thread->lock);
}

void
lp_http_thread_limit(LpHttpThread *thread, int max_connections, int max_per_host)
{
	pthread_mutex_lock(&thread->lock);
	thread->max_connections = max_connections;
	thread->max_per_host = max_per_host;
	thread->limits_changed = true;
	unlock_and_wake(thread);
}

void
lp_http_thread_submit(LpHttpThread *thread, LpHttpTransfer *transfer)
{
	pthread_mutex_lock(&thread->lock);
	dlist_push_tail(&thread->submitted, &transfer->node);
	unlock_and_wake(thread);
}

int
lp_http_thread_take(LpHttpThread *thread, dlist_head *transfers, int *open)
{
	int			n;

	pthread_mutex_lock(&thread->lock);
	n = thread->n_ended;
	thread->n_ended = 0;
	append_all(transfers, &thread->ended);
	thread->enough = 0;
	*open = thread->open;
	pthread_mutex_unlock(&thread->lock);
	return n;
}

bool
lp_http_thread_expect(LpHttpThread *thread, int enough)
{
	pthread_mutex_lock(&thread->lock);
	thread->enough = thread->n_ended >= enough ? 0 : enough;
	enough = thread->enough;
	pthread_mutex_unlock(&thread->lock);
	return enough > 0;
}

void
lp_http_thread_told(LpHttpThread *thread)
{
	uint64		times;

	if (read(thread->answered, &times, sizeof(times)) < 0)
		return;					/* nor was it told */
}

void
lp_http_thread_cut(LpHttpThread *thread)
{
	pthread_mutex_lock(&thread->lock);
	thread->cut = thread->running;
	if (thread->asleep)
		signal_descriptor(thread->wake);
	while (thread->cut)
		pthread_cond_wait(&thread->obeyed, &thread->lock);
	pthread_mutex_unlock(&thread->lock);
}
