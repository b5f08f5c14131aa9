/*
 * failed.h
 *	  Stored answers whose capture failed, and when each is tried again.
 */
#ifndef LP_WORKER_FAILED_H
#define LP_WORKER_FAILED_H

#include "datatype/timestamp.h"

/*
 * A capture failed with this code, for a reason that is not in the answer: it
 * waits for longer each time.  *first: it had not failed before.  Returns how
 * often in a row it failed with this code.
 */
extern int	lp_failed_add(int64 call_id, bool later, int code, bool *first);

/* It was captured: what was in its way may have been in the way of others. */
extern void lp_failed_captured(int64 call_id, bool later);

/* It is not tried any more. */
extern void lp_failed_forget(int64 call_id, bool later);

/* Keys of those that wait: int8[]; and how SQL makes such a key. */
#define LP_FAILED_KEY "call_id * 2 + later::integer"
extern Datum lp_failed_waiting(TimestampTz now);

/* When the first of them is tried again; DT_NOEND: none waits. */
extern TimestampTz lp_failed_due(void);

#endif							/* LP_WORKER_FAILED_H */
