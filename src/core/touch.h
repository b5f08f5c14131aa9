/*
 * touch.h
 *	  The ledger of claims and sends, for other parts.
 */
#ifndef LP_TOUCH_H
#define LP_TOUCH_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "core/lead.h"
#include "util/channel.h"

/*
 * Voids the open claims of these leads (claimed -> fenced), of every client or
 * of one (client_id not NULL), over every channel or over one; returns how
 * many.  Call it in the transaction that takes the permission away.
 */
extern int	lp_touch_fence(const pg_uuid_t *lead_ids, int n, const pg_uuid_t *client_id,
						   LpChannel channel, TimestampTz at);

/* The same for the open claims of a client, at most limit of them. */
extern void lp_touch_fence_client(const pg_uuid_t *client_id, int limit, TimestampTz at);

/* What an event needs of the touch that it answers; NULL if there is none. */
typedef struct LpTouchFacts
{
	pg_uuid_t	id;
	pg_uuid_t	lead_id;
	pg_uuid_t	client_id;
	LpChannel	channel;
	int64		address_key;	/* 0 = unknown */
} LpTouchFacts;

extern LpTouchFacts *lp_touch_find(const pg_uuid_t *touch_id);

/* A send that nobody claimed (lp_touch_record and the event "sent"). */
typedef struct LpSend
{
	const pg_uuid_t *lead_id;
	const pg_uuid_t *client_id;
	LpChannel	channel;
	const char *sender;
	const pg_uuid_t *campaign_id;
	const char *step;
	const char *provider_message_id;
	TimestampTz sent_at;		/* DT_NOEND = now */
} LpSend;

/* Records it and returns the id of the touch. */
extern pg_uuid_t lp_touch_record_send(const LpSend *send);

/*
 * A send reported for a touch that is known: as lp_touch_confirm, so nothing
 * counts twice.  message_id may be NULL.
 */
extern void lp_touch_confirm_send(const pg_uuid_t *id, const char *message_id,
								  TimestampTz sent_at);

/*
 * Writes down what time has done to the touches of leads whose locks are held:
 * claims that lapsed, dispatches that nobody confirmed.
 */
extern void lp_touch_settle(const pg_uuid_t *lead_ids, int n, TimestampTz now);

/* The keyed hash of the address that a channel uses; 0 = none. */
extern int64 lp_touch_address_key(const LpLead *lead, LpChannel channel);

/* Throws 22023 for a step or sender that is too long to be kept. */
extern void lp_touch_check_length(const char *name, const char *value);

#endif							/* LP_TOUCH_H */
