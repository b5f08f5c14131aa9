/*
 * found.h
 *	  Searches for people, for a request or for the pool, and what they found.
 */
#ifndef LP_FOUND_H
#define LP_FOUND_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "store/jobs.h"

/*
 * Queues the search of a page, for a request or (NULL) for so many people in
 * the pool; the job, an open one for the same search too.
 */
extern int64 lp_found_search(const pg_uuid_t *request_id, Jsonb *criteria, int page,
							 int wanted, const char *who, TimestampTz now);

/* How this very search ended in the last hour, if it did not come to an answer. */
typedef enum LpFoundBefore
{
	LP_FOUND_NOTHING_WRONG,		/* it may be asked for */
	LP_FOUND_FAILED,			/* the provider was away: after a pause */
	LP_FOUND_REFUSED			/* the provider does not take it */
} LpFoundBefore;

extern LpFoundBefore lp_found_before(const pg_uuid_t *request_id, Jsonb *criteria, int page,
									 TimestampTz now);

/* In the transaction that settles it: an answer to a search. */
extern void lp_found_settle(const LpJob *job, Jsonb *json, char *body,
							TimestampTz received_at);

#endif							/* LP_FOUND_H */
