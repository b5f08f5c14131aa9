/*
 * calls.h
 *	  One call to a provider on its way: from jobs to a request, and from the
 *	  end of the call to what is stored.
 */
#ifndef LP_CALLS_H
#define LP_CALLS_H

#include "nodes/pg_list.h"

#include "providers/call.h"
#include "http/http.h"
#include "store/jobs.h"

typedef struct LpCall
{
	MemoryContext context;		/* of the call and all it points to */
	int64		id;				/* lead_provider_calls.id */
	LpProviderId provider;
	LpJobKind	kind;
	LpRequestText text;
	LpJob	   *jobs;			/* in the order in which they are asked about */
	int			n;
	double		reserved;
	TimestampTz started_at;
	char	   *token;			/* in its webhook address; NULL: it has none */
	uint64		ticket;			/* of lp_provider_check; 0: a call for jobs */
	struct LpCall *next;		/* of those that are to leave */
} LpCall;

/*
 * In a transaction: takes jobs, reserves money, writes the ledger and starts
 * the jobs.  The calls returned may leave once that has committed.  *short_of
 * tells what kept more from being started: no job is left, or no money.
 */
typedef enum LpShortOf
{
	LP_SHORT_OF_NOTHING,
	LP_SHORT_OF_JOBS,
	LP_SHORT_OF_MONEY
} LpShortOf;

extern List *lp_calls_prepare(LpProviderId provider, LpJobKind kind, int most,
							  TimestampTz now, MemoryContext parent,
							  LpShortOf *short_of);

/* A call that has ended, with its answer. */
typedef struct LpEnded
{
	LpCall	   *call;
	LpHttpAnswer *answer;
	LpReply		reply;			/* of a complete answer */
	bool		read;			/* the reply is, or there is none */
	bool		stored;			/* by the transaction under way */
} LpEnded;

/*
 * Marks the complete answers that are to be stored next, no more than fit into
 * a statement; false if there is none.
 */
extern bool lp_calls_choose(LpEnded *ended, int n);

/*
 * In a transaction: stores the answers that are marked.  Touches no row that
 * anybody else may hold.
 */
extern void lp_calls_keep(const LpEnded *ended, int n, TimestampTz now);

/*
 * In a transaction: ends the calls without a complete answer, and marks them.
 * Those of whose jobs somebody holds one are left out.
 */
extern void lp_calls_end(LpEnded *ended, int n, TimestampTz now);

/*
 * In a transaction, when a worker begins: calls that an earlier one had under
 * way.  False: somebody holds some of their jobs; lp_calls_recover_rest is for
 * them, which returns the same.
 */
extern bool lp_calls_recover(TimestampTz now);
extern bool lp_calls_recover_rest(TimestampTz now);

/*
 * In a transaction, some time after a turn that failed: jobs that are started,
 * and whose lease has ended without an answer, were lost on the way; those
 * whose calls have ended here were not.  False: somebody holds some of them.
 */
extern bool lp_calls_find_lost(const LpEnded *ended, int n, TimestampTz now);

#endif							/* LP_CALLS_H */
