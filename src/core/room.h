/*
 * room.h
 *	  How many leads a client may still be given.
 */
#ifndef LP_ROOM_H
#define LP_ROOM_H

#include "core/ownership.h"

/*
 * Both rules: max_active_leads and daily_allocation; PG_INT64_MAX without a
 * limit.  Under the client's lock.  to_give fixes the bounds of the day, as a
 * dry run must not.
 */
extern int64 lp_client_room(const LpClient *client, TimestampTz now, bool to_give);

/* Each by itself. */
extern int64 lp_client_active_room(const LpClient *client);
extern int64 lp_client_day_room(const LpClient *client, TimestampTz now, bool to_give);

#endif							/* LP_ROOM_H */
