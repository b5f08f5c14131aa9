/*
 * leave.h
 *	  How a worker process comes to its end.
 */
#ifndef LP_LEAVE_H
#define LP_LEAVE_H

#include "datatype/timestamp.h"

/* At the process's start: SIGTERM is ours. */
extern void lp_leave_init(void);

/* The extension was updated: a new process is to load the new library. */
extern void lp_leave_for_update(void);

/*
 * Whether this worker shall leave; *by: by then, whatever is under way.  Its
 * calls may end before, and what has come is to be stored.
 */
extern bool lp_leave_asked(TimestampTz *by);

/* By SIGTERM: nothing may be waited for any more without an end. */
extern bool lp_leave_is_urgent(void);

/* Ends the process; returns if the wish was taken back. */
extern void lp_leave(void);

/* How long the longest call may last, and a bit, ms. */
extern int	lp_leave_finish_ms(void);

#endif							/* LP_LEAVE_H */
