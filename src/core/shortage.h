/*
 * shortage.h
 *	  Demand that the pool could not meet, as it is noted.
 */
#ifndef LP_SHORTAGE_H
#define LP_SHORTAGE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/*
 * Notes in lead_requests that so many leads are missing, and wakes the worker
 * at commit.  Under the client's exclusive lock.  criteria may be NULL: none;
 * per_company_max -1: no such option.  asked_at: what was given since then was
 * given for the same demand.
 */
extern void lp_shortage_note(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
							 Jsonb *criteria, int missing,
							 int64 per_company_max, TimestampTz asked_at);

#endif							/* LP_SHORTAGE_H */
