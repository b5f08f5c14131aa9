/*
 * event_target.h
 *	  Whom an event means.
 */
#ifndef LP_EVENT_TARGET_H
#define LP_EVENT_TARGET_H

#include "utils/uuid.h"

#include "util/channel.h"
#include "util/key.h"

typedef struct LpEventTarget
{
	pg_uuid_t  *touch_id;
	pg_uuid_t  *lead_id;		/* NULL while nobody is known by the address */
	pg_uuid_t  *client_id;
	LpChannel	channel;
	LpKey		key;			/* the address or number meant */
	bool		has_key;
} LpEventTarget;

/*
 * Completes what a report names: the lead, the address, and the client whose
 * message is answered.  A capture that adds the address at this moment is
 * waited for.  42704 / LP001 for an unknown touch or lead, 22004 if nobody is
 * named.
 */
extern void lp_event_target_find(LpEventTarget *to, const char *email, const char *phone);

#endif							/* LP_EVENT_TARGET_H */
