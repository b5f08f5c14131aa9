/*
 * settle.h
 *	  From a stored answer to leads, money and jobs that are done.
 */
#ifndef LP_SETTLE_H
#define LP_SETTLE_H

#include "worker/answers.h"

/* In a transaction: captures an answer, books its price and drops it. */
extern void lp_settle(const LpStored *stored, TimestampTz now);

/*
 * In a transaction: what cannot be captured is kept, its jobs are dead and say
 * so, and an event tells.
 */
extern void lp_settle_give_up(int64 call_id, bool later, const char *code);

#endif							/* LP_SETTLE_H */
