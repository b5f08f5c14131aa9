/*
 * touch_state.c
 *	  The states of a touch: the one place where they change.
 *
 * Every move goes through lp_touch_move, one row or many.
 * Whoever moves a touch holds the lock of its lead and then that of the row,
 * in this order.
 */
#include "postgres.h"

#include "core/lead.h"
#include "core/touch.h"
#include "core/touch_state.h"
#include "util/compat.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/settings.h"
#include "util/uuid.h"

/* The moves there are; nothing leaves "sent". */
static const bool legal[LP_TOUCH_STATES][LP_TOUCH_STATES] = {
	[LP_TOUCH_NEW] = {
		[LP_TOUCH_CLAIMED] = true,
		[LP_TOUCH_SENT] = true,
	},
	[LP_TOUCH_CLAIMED] = {
		[LP_TOUCH_DISPATCHED] = true,
		[LP_TOUCH_SENT] = true,
		[LP_TOUCH_FAILED] = true,
		[LP_TOUCH_EXPIRED] = true,
		[LP_TOUCH_FENCED] = true,
	},
	[LP_TOUCH_DISPATCHED] = {
		[LP_TOUCH_SENT] = true,
		[LP_TOUCH_FAILED] = true,
		[LP_TOUCH_UNKNOWN] = true,
	},
	[LP_TOUCH_UNKNOWN] = {
		[LP_TOUCH_SENT] = true,
		[LP_TOUCH_FAILED] = true,
	},
	[LP_TOUCH_FAILED] = {[LP_TOUCH_SENT] = true},
	[LP_TOUCH_EXPIRED] = {[LP_TOUCH_SENT] = true},
	[LP_TOUCH_FENCED] = {[LP_TOUCH_SENT] = true},
};

pg_noreturn static void
refuse(LpTouchState from, LpTouchState to)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_STATE),
			errmsg("a touch cannot go from \"%s\" to \"%s\"",
				   lp_touch_state_name(from), lp_touch_state_name(to)),
			errdetail("from: %s, to: %s", lp_touch_state_name(from),
					  lp_touch_state_name(to)));
}

void
lp_touch_move(LpTouch *touch, LpTouchState to, TimestampTz at)
{
	if (!legal[touch->state][to])
		refuse(touch->state, to);
	touch->state = to;
	switch (to)
	{
		case LP_TOUCH_CLAIMED:
			touch->claimed_at = touch->counted_at = at;
			break;
		case LP_TOUCH_DISPATCHED:
			touch->dispatched_at = touch->counted_at = at;
			break;
		case LP_TOUCH_UNKNOWN:
			break;
		case LP_TOUCH_SENT:
			touch->counted_at = Min(touch->sent_at, at);
			touch->ended_at = at;
			break;
		default:
			touch->counted_at = DT_NOBEGIN;
			touch->ended_at = at;
			break;
	}
}

/*
 * The undoing of a merge puts rows back as they were before it: a claim that
 * the merge had ended, and nothing else, is open again.
 */
void
lp_touch_move_back(LpTouchState from, LpTouchState to)
{
	if (to != LP_TOUCH_CLAIMED ||
		(from != LP_TOUCH_FENCED && from != LP_TOUCH_EXPIRED))
		refuse(from, to);
}

/* Before when a dispatch that nobody confirmed is unknown; DT_NOBEGIN: never. */
static TimestampTz
unknown_before(TimestampTz now)
{
	const Interval *timeout = lp_setting_confirm_timeout();

	return lp_interval_is_zero(timeout) ? DT_NOBEGIN : lp_clock_sub(now, timeout);
}

/* What time alone has done to it, written down nowhere yet. */
static void
lapse(LpTouch *touch, TimestampTz now)
{
	if (touch->state == LP_TOUCH_CLAIMED && touch->expires_at <= now)
		lp_touch_move(touch, LP_TOUCH_EXPIRED, touch->expires_at);
	else if (touch->state == LP_TOUCH_DISPATCHED &&
			 touch->dispatched_at <= unknown_before(now))
		lp_touch_move(touch, LP_TOUCH_UNKNOWN, now);
}

void
lp_touch_settle(const pg_uuid_t *lead_ids, int n, TimestampTz now)
{
	int			found;
	LpTouch    *touches = lp_touches_lock_lapsed(lead_ids, n, now, unknown_before(now),
												 &found);

	for (int i = 0; i < found; i++)
		lapse(&touches[i], now);
	lp_touches_write_moves(touches, found);
}

/* Ends open claims: fenced, or expired where they had lapsed by then. */
static int
fence(LpTouch *touches, int n, TimestampTz at)
{
	int			fenced = 0;

	for (int i = 0; i < n; i++)
	{
		bool		lapsed = touches[i].expires_at <= at;

		lp_touch_move(&touches[i], lapsed ? LP_TOUCH_EXPIRED : LP_TOUCH_FENCED,
					  Min(touches[i].expires_at, at));
		fenced += !lapsed;
	}
	lp_touches_write_moves(touches, n);
	return fenced;
}

int
lp_touch_fence(const pg_uuid_t *lead_ids, int n, const pg_uuid_t *client_id,
			   LpChannel channel, TimestampTz at)
{
	int			found;
	LpTouch    *touches;

	if (n == 0)
		return 0;
	touches = lp_touches_lock_open(lead_ids, n, client_id, channel, &found);
	return fence(touches, found, at);
}

void
lp_touch_fence_client(const pg_uuid_t *client_id, int limit, TimestampTz at)
{
	int			found;
	LpTouch    *touches = lp_touches_lock_open_of_client(client_id, limit, &found);

	fence(touches, found, at);
}

LpTouch *
lp_touch_lock(const pg_uuid_t *id, pg_uuid_t *lead_id, TimestampTz *now)
{
	LpTouch    *touch = lp_touches_read(id, false);

	if (touch == NULL)
		return NULL;
	for (;;)
	{
		pg_uuid_t	home;

		*lead_id = touch->lead_id;
		lp_lead_take(lead_id, 1);
		touch = lp_touches_read(id, true);
		if (touch == NULL)
			break;
		home = touch->lead_id;	/* a merge or its undoing moves touches */
		lp_lead_resolve(&home, 1);
		if (lp_uuid_equal(&home, lead_id))
			break;
	}
	*now = lp_clock_now();
	if (touch != NULL)
		lapse(touch, *now);
	return touch;
}
