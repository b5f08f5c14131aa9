/*
 * transfer.h
 *	  One call of the HTTP engine, and the engine's own state.
 *
 * For the files of this directory only.
 */
#ifndef LP_HTTP_TRANSFER_H
#define LP_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "lib/ilist.h"
#include "storage/latch.h"

#include "http/http.h"
#include "http/buffer.h"
#include "http/thread.h"

struct LpHttp
{
	LpHttpThread thread;
	WaitEventSet *wait;			/* what the thread tells, the latch, the
								 * postmaster */
	int			reserved;		/* sockets, known to the server's file code */

	uint32		generation;		/* of the options below */
	int			max_connections;
	int			connect_timeout_ms;
	char	   *ca_file;		/* null: the system's */
	bool		allow_loopback_http;

	int			in_flight;
	int			idle_count;

	/* Each transfer is in one of these, or in one of the thread's. */
	dlist_head	ended;			/* to be taken by lp_http_next() */
	dlist_head	taken;			/* to be released */
	dlist_head	idle;			/* to be used again */
};

/* A call.  The answer comes first: one pointer stands for both. */
typedef struct LpHttpTransfer
{
	LpHttpAnswer answer;
	dlist_node	node;
	LpHttp	   *http;
	CURL	   *easy;
	uint32		generation;		/* of the options that easy has */

	LpHttpBuffer request;		/* URL, headers and body as they are sent */
	size_t		max_body;
	bool		free_call;
	int			begun;			/* how often it was sent, or begun to be */

	LpHttpBuffer headers;		/* name, 0, value, 0, ... */
	LpHttpBuffer body;
	bool		in_body;
	bool		too_large;
	bool		no_memory;
	char		error[CURL_ERROR_SIZE];
} LpHttpTransfer;

/* Null if memory is out. */
extern LpHttpTransfer *lp_http_transfer_new(LpHttp *http);
extern void lp_http_transfer_free(LpHttpTransfer *transfer);

/* Makes it ready to fly; false if memory is out. */
extern bool lp_http_transfer_prepare(LpHttpTransfer *transfer,
									 const LpHttpRequest *request,
									 bool loopback);

/* Fills the answer from how it ended. */
extern void lp_http_transfer_finish(LpHttpTransfer *transfer,
									CURLcode result);

/* Fills the answer of a request that was refused. */
extern void lp_http_transfer_refuse(LpHttpTransfer *transfer,
									const LpHttpRequest *request,
									const char *why);

#endif							/* LP_HTTP_TRANSFER_H */
