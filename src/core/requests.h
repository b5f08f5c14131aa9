/*
 * requests.h
 *	  Demand that the pool could not meet, as its client comes and goes.
 */
#ifndef LP_REQUESTS_H
#define LP_REQUESTS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/*
 * Stops the open requests of a client that is not active (client_inactive), or
 * opens them again if it is.  Call it in the transaction that changes the
 * client's status, under its exclusive lock.
 */
extern void lp_requests_follow(const pg_uuid_t *client_id, bool active, TimestampTz now);

#endif							/* LP_REQUESTS_H */
