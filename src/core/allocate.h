/*
 * allocate.h
 *	  What allocation knows that others need.
 */
#ifndef LP_ALLOCATE_H
#define LP_ALLOCATE_H

#include "utils/jsonb.h"

#include "core/ownership.h"

/*
 * How many leads the client may still be given now (max_active_leads,
 * daily_allocation); PG_INT64_MAX without a limit.  Under the client's lock.
 * to_give fixes the bounds of the day, as a dry run must not.
 */
extern int64 lp_client_room(const LpClient *client, TimestampTz now, bool to_give);

/* The two rules apart. */
extern int64 lp_client_active_room(const LpClient *client);
extern int64 lp_client_day_room(const LpClient *client, TimestampTz now, bool to_give);

/*
 * What lp_allocate does, for a request that waits: hands out up to wanted
 * leads.  It waits for no lead that another transaction holds: whoever calls
 * comes again.  Takes the client's lock, throws LP006 like it.
 */
typedef struct LpFill
{
	int			given;
	int64		missed;			/* more that may fit, held by others right now */
	int64		room;			/* how many more the client may be given now */
} LpFill;

extern LpFill lp_allocate_fill(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
							   Jsonb *criteria, int wanted, const char *origin);

#endif							/* LP_ALLOCATE_H */
