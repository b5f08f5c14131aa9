/*
 * sockets.h
 *	  The sockets of the HTTP engine: which may be opened, and which have
 *	  something to tell.
 *
 * For the files of this directory only.
 */
#ifndef LP_HTTP_SOCKETS_H
#define LP_HTTP_SOCKETS_H

#include <curl/curl.h>

/* What is known of a descriptor. */
typedef struct LpHttpSocket
{
	uint32		life;			/* a number is given to one socket after
								 * another */
	uint8		wanted;			/* EPOLLIN, EPOLLOUT: what libcurl waits for */
	uint8		armed;			/* what epoll reports; 0: not in its set */
	bool		ours;			/* opened here, so that its end is seen */
} LpHttpSocket;

typedef struct LpHttpSockets
{
	int			epoll;			/* -1: none yet */
	LpHttpSocket *sockets;		/* by descriptor */
	int			size;			/* of sockets */
	int			open;			/* ours, now */
	int64		due;			/* us: libcurl's next timer; -1: none */
} LpHttpSockets;

/*
 * Makes multi report here what it waits for; the descriptor "wake" ends a wait.
 * False with errno: it cannot.
 */
extern bool lp_http_sockets_init(LpHttpSockets *sockets, CURLM *multi, int wake);
extern void lp_http_sockets_destroy(LpHttpSockets *sockets);

/* Makes easy open and close its sockets here; loopback: on this machine only. */
extern bool lp_http_sockets_use(LpHttpSockets *sockets, CURL *easy, bool loopback);

/*
 * Tells multi what has happened, a socket at a time, and calls after_each
 * after each; waits for that if it is told to.
 */
extern void lp_http_sockets_act(LpHttpSockets *sockets, CURLM *multi, bool wait,
								void (*after_each) (void *), void *arg);

/* Lets multi do what is due, such as a call that was added. */
extern void lp_http_sockets_act_on_time(LpHttpSockets *sockets, CURLM *multi);

#endif							/* LP_HTTP_SOCKETS_H */
