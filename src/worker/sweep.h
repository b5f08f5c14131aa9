/*
 * sweep.h
 *	  Over all waiting requests, from the oldest to the newest.
 */
#ifndef LP_SWEEP_H
#define LP_SWEEP_H

#include "datatype/timestamp.h"

/*
 * One bounded step in a transaction of its own.  When to call again: 0 = at
 * once; a caller who was woken may call sooner.  Throws nothing that is about
 * one request.
 */
extern TimestampTz lp_sweep_step(void);

/* Whether a request waits: what arrives, or fails, is worth a look. */
extern bool lp_sweep_wants_leads(void);

#endif							/* LP_SWEEP_H */
