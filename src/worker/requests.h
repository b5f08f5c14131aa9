/*
 * requests.h
 *	  Demand that the pool could not meet (lead_requests): searched for,
 *	  enriched, and filled in order.
 */
#ifndef LP_WORKER_REQUESTS_H
#define LP_WORKER_REQUESTS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "store/jobs.h"

/* A waiting request in the order in which they are filled. */
typedef struct LpRequestPlace
{
	TimestampTz created_at;
	pg_uuid_t	id;
	pg_uuid_t	client_id;
} LpRequestPlace;

/* Goes to the next after a place; false if there is none. */
extern bool lp_requests_next(LpRequestPlace *place);

/*
 * A bounded step of one request: hands out leads that arrived, asks for what it
 * still needs.  True: it has more to do at once.  Sets *held if others held
 * leads that it might have had.
 */
extern bool lp_requests_go_on(const LpRequestPlace *place, bool *held);

/* Whether there is money for one more person. */
extern bool lp_requests_may_be_paid(TimestampTz now);

/* Opens what stopped for a reason that has ended: one request, or (NULL) all. */
extern void lp_requests_reopen(const char *stop_reason, const pg_uuid_t *id, TimestampTz now);

/* Stops one that is open; for an operator any that waits. */
extern void lp_requests_stop(const pg_uuid_t *id, const char *stop_reason, TimestampTz now);

/*
 * In the transaction that settles a call: counts what was bought for which
 * request, once the jobs know what each of them cost.
 */
extern void lp_requests_enriched(const LpJob *jobs, int n);

/* Likewise, what a call about people cost beyond its own answer. */
extern void lp_requests_paid_later(int64 call_id, double credits);

#endif							/* LP_WORKER_REQUESTS_H */
