/*
 * event.h
 *	  Events, for other parts.
 */
#ifndef LP_EVENT_H
#define LP_EVENT_H

#include "utils/uuid.h"

/*
 * Gives events that were reported before their lead was known to the lead
 * that now has the address or number, with their effects (reply, refusal,
 * conversion); bans act by themselves.  Called after new identities of these
 * leads were stored.  Returns how many there were.
 */
extern int	lp_event_adopt(const pg_uuid_t *lead_ids, int n);

#endif							/* LP_EVENT_H */
