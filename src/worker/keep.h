/*
 * keep.h
 *	  Storing how calls ended, whatever others hold.
 */
#ifndef LP_KEEP_H
#define LP_KEEP_H

#include "datatype/timestamp.h"

/* Before jobs that somebody held are looked at again, us. */
#define LP_HELD_PAUSE (500 * 1000L)

/*
 * In no transaction: stores how calls ended; true if anything was stored.  To be
 * followed by lp_keep_flush() before anything that may take long.
 */
extern bool lp_keep_ended(void);

/*
 * Makes sure that what was stored is on the disk, and on the standbys that are
 * waited for.
 */
extern void lp_keep_flush(void);

/* When to try again what somebody held; DT_NOEND if nothing is. */
extern TimestampTz lp_keep_due(void);

#endif							/* LP_KEEP_H */
