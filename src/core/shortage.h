/*
 * shortage.h
 *	  Demand that the pool could not meet, as it is noted.
 */
#ifndef LP_SHORTAGE_H
#define LP_SHORTAGE_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

/*
 * Notes in lead_requests that so many leads are missing, and wakes the worker
 * at commit.  Under the client's exclusive lock.  criteria may be NULL: none.
 */
extern void lp_shortage_note(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
							 Jsonb *criteria, int missing);

#endif							/* LP_SHORTAGE_H */
