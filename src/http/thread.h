/*
 * thread.h
 *	  The thread that drives libcurl, and what passes between it and its caller.
 *
 * For the files of this directory only.  Everything here is called by the
 * process's own thread.
 */
#ifndef LP_HTTP_THREAD_H
#define LP_HTTP_THREAD_H

#include <curl/curl.h>
#include <pthread.h>

#include "lib/ilist.h"

#include "http/sockets.h"

struct LpHttpTransfer;

typedef struct LpHttpThread
{
	dlist_node	node;			/* among those of the process */
	pthread_t	id;
	bool		running;

	/* The thread's alone while it runs. */
	CURLM	   *multi;
	LpHttpSockets sockets;
	dlist_head	flying;			/* transfers in multi */
	dlist_head	landed;			/* those that ended since it last handed over */
	int			n_landed;

	/* What passes between the two, under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t obeyed;		/* it has cut its calls */
	dlist_head	submitted;		/* transfers that it is to start */
	dlist_head	ended;			/* those that it is done with */
	int			n_ended;
	int			enough;			/* how many of these the caller waits for; 0:
								 * it does not wait */
	bool		asleep;			/* it waits for events */
	bool		cut;			/* it is to end its calls without an answer */
	bool		stop;			/* it is to end */
	bool		limits_changed;
	int			max_connections;
	int			max_per_host;
	int			open;			/* sockets, when it last handed over */

	int			wake;			/* eventfd: something is submitted or to be
								 * obeyed */
	int			answered;		/* eventfd: enough have ended */
} LpHttpThread;

/* Starts it; the struct is zeros.  Throws if it cannot, and leaves nothing. */
extern void lp_http_thread_start(LpHttpThread *thread);

/* Ends it, and frees all but the transfers, which are the caller's again. */
extern void lp_http_thread_end(LpHttpThread *thread);

extern void lp_http_thread_limit(LpHttpThread *thread, int max_connections, int max_per_host);

/* Hands it a call to make. */
extern void lp_http_thread_submit(LpHttpThread *thread, struct LpHttpTransfer *transfer);

/* Appends the calls that ended to a list; how many they are, and open sockets. */
extern int	lp_http_thread_take(LpHttpThread *thread, dlist_head *transfers, int *open);

/*
 * From now on, until the next take, the descriptor "answered" becomes readable
 * when so many calls have ended, or all.  False: they have.
 */
extern bool lp_http_thread_expect(LpHttpThread *thread, int enough);

/* Makes "answered" unreadable again. */
extern void lp_http_thread_told(LpHttpThread *thread);

/* Has it give up all calls, and waits for that; they are then to be taken. */
extern void lp_http_thread_cut(LpHttpThread *thread);

#endif							/* LP_HTTP_THREAD_H */
