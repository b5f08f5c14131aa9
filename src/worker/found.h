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

/* Whether the provider refused this very search a short while ago. */
extern bool lp_found_refused(const pg_uuid_t *request_id, Jsonb *criteria, int page,
							 TimestampTz now);

/* In the transaction that settles it: an answer to a search. */
extern void lp_found_settle(const LpJob *job, Jsonb *json, char *body,
							TimestampTz received_at);

#endif							/* LP_FOUND_H */
