/*
 * touches.h
 *	  Rows of lead_touches and lead_decisions.
 */
#ifndef LP_TOUCHES_H
#define LP_TOUCHES_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "util/channel.h"

/* States of a touch; which may follow which stands in core/touch_state.c. */
typedef enum LpTouchState
{
	LP_TOUCH_NEW,				/* not written yet: in no row */
	LP_TOUCH_CLAIMED,			/* reserved: counts until it lapses */
	LP_TOUCH_DISPATCHED,		/* handed to the wire */
	LP_TOUCH_SENT,				/* final */
	LP_TOUCH_FAILED,
	LP_TOUCH_UNKNOWN,			/* dispatched and never confirmed */
	LP_TOUCH_EXPIRED,			/* a claim that lapsed */
	LP_TOUCH_FENCED,			/* a claim whose permission was taken away */
	LP_TOUCH_STATES
} LpTouchState;

/* lead_touches.flags, in the order in which they are written. */
typedef enum LpTouchFlag
{
	LP_TOUCH_UNDISPATCHED = 1,	/* sent without lp_touch_dispatch */
	LP_TOUCH_LATE = 2,			/* told after it had lapsed or failed */
	LP_TOUCH_AFTER_FENCE = 4,
	LP_TOUCH_REPEATED = 8,
	LP_TOUCH_OTHER_MESSAGE_ID = 16,
	LP_TOUCH_FAIL_AFTER_SENT = 32,
	LP_TOUCH_IN_FLIGHT = 64		/* a ban committed after the dispatch */
} LpTouchFlag;

/* A row; times that are null are DT_NOBEGIN. */
typedef struct LpTouch
{
	pg_uuid_t	id;
	pg_uuid_t	lead_id;
	pg_uuid_t	client_id;
	pg_uuid_t  *assignment_id;
	pg_uuid_t  *campaign_id;
	char	   *step;
	LpChannel	channel;
	char	   *sender;
	char	   *sender_match;
	LpTouchState state;
	TimestampTz claimed_at;
	TimestampTz expires_at;
	TimestampTz dispatched_at;
	TimestampTz sent_at;
	TimestampTz ended_at;
	TimestampTz counted_at;
	char	   *provider_message_id;
	char	   *error;
	int64		address_key;	/* 0 = null */
	int			flags;
} LpTouch;

extern const char *lp_touch_state_name(LpTouchState state);

/* LP_TOUCH_STATES for a word that is none. */
extern LpTouchState lp_touch_state_from_name(const char *name);

/* The touch of that id or NULL; with lock, its row locked until the end. */
extern LpTouch *lp_touches_read(const pg_uuid_t *id, bool lock);

/* The row as a Datum of type lead_touches in the caller's context. */
extern Datum lp_touches_row(const pg_uuid_t *id);

/* Writes state, times, provider_message_id, error, and flags not yet there. */
extern void lp_touches_write(const LpTouch *touch);

/*
 * Inserts n touches that share client, campaign, step, channel, sender, state
 * and times with the first.
 */
extern void lp_touches_insert(const LpTouch *touches, int n);

/*
 * Rows to be moved, locked in the order of ids: id, state and times, nothing
 * else.  The open claims of leads (client_id NULL and channel none mean any),
 * those of a client (at most limit), and what time alone has moved: claims
 * past their end, dispatches from before the moment given (DT_NOBEGIN: none).
 */
extern LpTouch *lp_touches_lock_open(const pg_uuid_t *lead_ids, int n,
									 const pg_uuid_t *client_id, LpChannel channel,
									 int *found);
extern LpTouch *lp_touches_lock_open_of_client(const pg_uuid_t *client_id, int limit,
											   int *found);
extern LpTouch *lp_touches_lock_lapsed(const pg_uuid_t *lead_ids, int n, TimestampTz now,
									   TimestampTz unknown_before, int *found);

/* Writes the state of those rows, when they ended and since when they count. */
extern void lp_touches_write_moves(const LpTouch *touches, int n);

/* How many claims of a client are open, not lapsed. */
extern int64 lp_touches_open(const pg_uuid_t *client_id, TimestampTz at);

/* The live touches (not failed, expired, fenced) of leads for one step. */
typedef struct LpTouchOfStep
{
	pg_uuid_t	id;
	pg_uuid_t	lead_id;
	pg_uuid_t	client_id;
	bool		open;			/* claimed */
} LpTouchOfStep;

extern LpTouchOfStep *lp_touches_of_step(const pg_uuid_t *lead_ids, int n,
										 const pg_uuid_t *campaign_id,
										 const char *step, int *found);

/* A row of lead_decisions. */
typedef struct LpDecision
{
	pg_uuid_t	lead_id;
	pg_uuid_t  *touch_id;
	bool		allowed;
	char	   *failed;			/* text form of a text[] */
	char	   *facts;			/* text form of a jsonb object */
} LpDecision;

extern void lp_touches_decided(const LpDecision *decisions, int n,
							   const pg_uuid_t *client_id, LpChannel channel,
							   TimestampTz at);

#endif							/* LP_TOUCHES_H */
