/*
 * dispatch.c
 *	  lp_touch_dispatch: the last step before the wire.
 *
 * What may have changed for the person since the claim is asked again, under
 * the locks of the client and the lead.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/bans.h"
#include "core/jit.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "core/sender.h"
#include "core/touch_state.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_touch_dispatch);

/*
 * Whether a claim may still go out: the checks whose answer may have changed
 * for the person, asked anew, and the assignment under which it was claimed.
 */
static bool
still_permitted(const LpTouch *touch, const pg_uuid_t *lead_id, TimestampTz now)
{
	LpJitCall  *call = lp_jit_begin(&touch->client_id, touch->channel, NULL, now);
	LpJitLead  *lead = lp_jit_load(call, lead_id, 1);

	if (lead->lead.assignment_id == NULL || touch->assignment_id == NULL ||
		!lp_uuid_equal(lead->lead.assignment_id, touch->assignment_id))
		return false;
	return lp_jit_passes(call, lead, LP_CHECKS_OF_DISPATCH);
}

static bool
dispatch(const pg_uuid_t *id)
{
	LpTouch    *touch = lp_touches_read(id, false);
	pg_uuid_t	lead_id;
	TimestampTz now;
	LpTouchState before;

	if (touch == NULL)
		return false;
	lp_bans_require_key(false);
	lp_client_lock(&touch->client_id, false);
	before = touch->state;
	touch = lp_touch_lock(id, &lead_id, &now);
	if (touch == NULL)
		return false;
	if (touch->state == LP_TOUCH_CLAIMED)
	{
		if (!still_permitted(touch, &lead_id, now))
			lp_touch_move(touch, LP_TOUCH_FENCED, now);
		else
		{
			lp_touch_move(touch, LP_TOUCH_DISPATCHED, now);
			lp_sender_used(touch->channel, touch->sender_match, now);
		}
		lp_touches_write(touch);
		return touch->state == LP_TOUCH_DISPATCHED;
	}
	if (touch->state != before)
		lp_touches_write(touch);
	return false;
}

Datum
lp_touch_dispatch(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = lp_arg_uuid(fcinfo, 0, "touch_id");
	bool		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	result = dispatch(id);
	lp_call_end();
	PG_RETURN_BOOL(result);
}
