/*
 * clock.h
 *	  The one clock of leadpool, and calendar arithmetic in UTC.
 */
#ifndef LP_CLOCK_H
#define LP_CLOCK_H

#include "datatype/timestamp.h"

/* The clock now: the wall clock, or leadpool.now where that is set. */
extern TimestampTz lp_clock_now(void);

/*
 * at + period and at - period, months and years counted in the UTC calendar
 * (29 February + 12 months = 28 February).  Infinite times stay infinite.
 */
extern TimestampTz lp_clock_add(TimestampTz at, const Interval *period);
extern TimestampTz lp_clock_sub(TimestampTz at, const Interval *period);

extern bool lp_interval_is_zero(const Interval *period);

#endif							/* LP_CLOCK_H */
