/*
 * http.h
 *	  The HTTP engine: many calls at once, none of which can stall another.
 *
 * Bytes and deadlines only: no provider, no table, no transaction.  A call is
 * started, the engine is turned, and every call that was started comes out of
 * lp_http_next() exactly once (lp_http_cancel_all() apart), whatever the other
 * side does: outside data never throws.
 *
 * Calls go on by themselves, in a thread of the engine's (thread.c); the caller
 * turns the engine to learn how they ended.
 */
#ifndef LP_HTTP_H
#define LP_HTTP_H

typedef struct LpHttp LpHttp;

/* How a call ended. */
typedef enum LpHttpOutcome
{
	LP_HTTP_ANSWER,				/* a complete answer, whatever its status */
	LP_HTTP_NOT_SENT,			/* no byte left: may be repeated */
	LP_HTTP_TIMEOUT,			/* sent, and not answered by the deadline */
	LP_HTTP_BROKEN,				/* sent, perhaps in part; no complete answer */
	LP_HTTP_TOO_LARGE,			/* answered, with more than was allowed */
	LP_HTTP_REFUSED_URL			/* never tried: unsafe to send */
} LpHttpOutcome;

/* Nothing of it is kept by reference. */
typedef struct LpHttpLimits
{
	int			max_connections;	/* calls in flight, and connections kept */
	int			max_per_host;	/* connections */
	int			connect_timeout_ms; /* name, connection and TLS together */
	const char *ca_file;		/* null or empty: the system's */
	bool		allow_loopback_http;
} LpHttpLimits;

typedef struct LpHttpHeader
{
	const char *name;
	const char *value;
} LpHttpHeader;

/* A call to make; copied when it is started. */
typedef struct LpHttpRequest
{
	void	   *owner;			/* the caller's, handed back as it is */
	const char *method;
	const char *url;
	const LpHttpHeader *headers;
	int			nheaders;
	const char *body;			/* null: none */
	size_t		body_length;
	int			timeout_ms;		/* from the start to the last byte */
	size_t		max_body;		/* bytes of the answer, decoded */

	/*
	 * It costs nothing to make this call twice.  A kept connection may turn
	 * out to be dead only after the request was written to it; such a call is
	 * then sent again on another.  Without this mark it ends as BROKEN, since
	 * nobody knows whether the first was acted upon.
	 */
	bool		free_call;
} LpHttpRequest;

/* Valid until it is released. */
typedef struct LpHttpAnswer
{
	void	   *owner;
	LpHttpOutcome outcome;
	int			status;			/* 0: none was seen */
	const char *body;			/* never null, ends with a zero byte */
	size_t		length;			/* 0 unless outcome is LP_HTTP_ANSWER */
	const char *content_type;	/* as sent, or null */
	const char *error;			/* null, or why: fit for a log */
	int			ms;
	bool		sent;			/* bytes of the request may have left */
} LpHttpAnswer;

/*
 * The engine goes with the memory context that is current when it is made:
 * connections are closed when that is reset or deleted.  At the exit of a
 * process there is nothing to do.  Throws if its thread cannot be started.
 */
extern LpHttp *lp_http_create(const LpHttpLimits *limits);

/* Calls in flight keep the limits that they were started with. */
extern void lp_http_configure(LpHttp *http, const LpHttpLimits *limits);

/* How many more calls would be started at once; more than that wait. */
extern int	lp_http_room(LpHttp *http);

/* How many were started and have not ended. */
extern int	lp_http_in_flight(LpHttp *http);

/*
 * Starts a call.  False: it is refused, and an answer that says why is among
 * the next.  Throws only if memory is out, and has started nothing then.
 */
extern bool lp_http_start(LpHttp *http, const LpHttpRequest *request);

/*
 * Takes over the calls that have ended, after waiting for at most wait_ms until
 * so many have, or all.  The process's latch ends that wait and stays set.
 * Does not wait if there is an answer to take.
 */
extern void lp_http_turn(LpHttp *http, int wait_ms, int enough);

/* The next call that ended, or null. */
extern LpHttpAnswer *lp_http_next(LpHttp *http);

/* A header of the answer, whatever its case; null: it has none. */
extern const char *lp_http_header(const LpHttpAnswer *answer,
								  const char *name);
extern void lp_http_release(LpHttp *http, LpHttpAnswer *answer);

/*
 * Forgets every call: those in flight are cut without an answer, answers not
 * taken and not released are released.  No owner is looked at.
 */
extern void lp_http_cancel_all(LpHttp *http);

/*
 * The functions above for leadpool.so, which finds them in the module by the
 * name LP_HTTP_MODULE_ENTRY; version is leadpool's.
 */
typedef struct LpHttpModule
{
	const char *version;
	size_t		size;			/* of this struct */
	LpHttp	   *(*create) (const LpHttpLimits *limits);
	void		(*configure) (LpHttp *http, const LpHttpLimits *limits);
	int			(*room) (LpHttp *http);
	int			(*in_flight) (LpHttp *http);
	bool		(*start) (LpHttp *http, const LpHttpRequest *request);
	void		(*turn) (LpHttp *http, int wait_ms, int enough);
	LpHttpAnswer *(*next) (LpHttp *http);
	const char *(*header) (const LpHttpAnswer *answer, const char *name);
	void		(*release) (LpHttp *http, LpHttpAnswer *answer);
} LpHttpModule;

#define LP_HTTP_MODULE_ENTRY "lp_http_module"
typedef const LpHttpModule *(*LpHttpModuleEntry) (void);

#endif							/* LP_HTTP_H */
