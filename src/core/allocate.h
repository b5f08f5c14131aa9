/*
 * allocate.h
 *	  Handing out leads for a request that waits.
 */
#ifndef LP_ALLOCATE_H
#define LP_ALLOCATE_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

/*
 * What lp_allocate does, for up to wanted leads.  It waits for no lead that
 * another transaction holds: whoever calls comes again.  per_company_max (-1:
 * none) counts what the client and campaign were given since asked_at.  Takes
 * the client's lock, throws LP006 like it.
 */
typedef struct LpFill
{
	int			given;
	int64		missed;			/* more that may fit, held by others right now */
	int64		room;			/* how many more the client may be given now */
} LpFill;

extern LpFill lp_allocate_fill(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
							   Jsonb *criteria, int wanted, int64 per_company_max,
							   TimestampTz asked_at);

#endif							/* LP_ALLOCATE_H */
