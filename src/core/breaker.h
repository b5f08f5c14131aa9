/*
 * breaker.h
 *	  Pausing a sender or client whose messages come back.
 */
#ifndef LP_BREAKER_H
#define LP_BREAKER_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

typedef enum LpBounceClass
{
	LP_BOUNCE_NONE,
	LP_BOUNCE_HARD,				/* no such address: counts against the lead,
								 * the sender and the client */
	LP_BOUNCE_SOFT,				/* perhaps later */
	LP_BOUNCE_POLICY			/* the sender was refused: counts against it */
} LpBounceClass;

/*
 * What a bounce was: detail.class, else policy by an SMTP status 5.7.x in
 * detail.smtp, else what the event says.
 */
extern LpBounceClass lp_bounce_class(Jsonb *detail, LpBounceClass otherwise);
extern const char *lp_bounce_class_name(LpBounceClass bounce);	/* NULL: none */

/*
 * The sender (as it is compared) of the message that came back: of the touch,
 * else of the client's last mail to the lead; NULL if there is none.
 */
extern char *lp_breaker_sender(const pg_uuid_t *touch_id, const pg_uuid_t *lead_id,
							   const pg_uuid_t *client_id);

/*
 * After a hard bounce or policy block was recorded, under the client's
 * exclusive lock: pauses the sender (may be NULL) and the client if their
 * bounces have become too many.
 */
extern void lp_breaker_judge(const pg_uuid_t *client_id, const char *sender_match,
							 TimestampTz now);

#endif							/* LP_BREAKER_H */
