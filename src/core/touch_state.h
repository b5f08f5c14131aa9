/*
 * touch_state.h
 *	  The states of a touch, for the files of its ledger.
 */
#ifndef LP_TOUCH_STATE_H
#define LP_TOUCH_STATE_H

#include "store/touches.h"

/*
 * Moves a touch at a moment: the state, when it ended and since when it
 * counts.  For "sent", sent_at is set before.  The caller writes the row.
 * LP003, naming both states, for a move that there is not.
 */
extern void lp_touch_move(LpTouch *touch, LpTouchState to, TimestampTz at);

/*
 * The exception: whether the undoing of a merge may put a row back to a state;
 * LP003 if not.
 */
extern void lp_touch_move_back(LpTouchState from, LpTouchState to);

/*
 * The touch with its lead and row locked, as time has left it; NULL if there
 * is none.  Sets its lead (of today) and the clock under the locks.
 */
extern LpTouch *lp_touch_lock(const pg_uuid_t *id, pg_uuid_t *lead_id, TimestampTz *now);

#endif							/* LP_TOUCH_STATE_H */
