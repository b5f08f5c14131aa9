/*
 * start.h
 *	  Starting calls: when, how many, and what becomes of those that do not
 *	  leave.
 */
#ifndef LP_START_H
#define LP_START_H

#include "worker/calls.h"

extern void lp_start_begin(void);

/*
 * In no transaction: starts what there is to start.  Calls whose jobs are
 * committed and that do not leave since something fails end as if not reached,
 * once lp_start_settle() is called.
 */
extern void lp_start_calls(TimestampTz now);
extern void lp_start_settle(void);

/* When to look for jobs next, and when that is worth a transaction. */
extern TimestampTz lp_start_due(void);
extern TimestampTz lp_start_worth_at(TimestampTz now);

/* There may be something to start from then on. */
extern void lp_start_from(TimestampTz at);

/* So many calls that end make it worth starting others at once; at least 1. */
extern int	lp_start_wants(void);

/* A call that somebody asked for through lp_provider_check, if there is one. */
extern void lp_start_probe(void);

#endif							/* LP_START_H */
