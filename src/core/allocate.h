/*
 * allocate.h
 *	  What allocation knows that others need.
 */
#ifndef LP_ALLOCATE_H
#define LP_ALLOCATE_H

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

#endif							/* LP_ALLOCATE_H */
