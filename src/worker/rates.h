/*
 * rates.h
 *	  How many calls a provider may get now: rates, holds, circuit breaker.
 */
#ifndef LP_RATES_H
#define LP_RATES_H

#include "datatype/timestamp.h"

#include "providers/call.h"
#include "store/jobs.h"

typedef enum LpHold
{
	LP_HOLD_NONE,
	LP_HOLD_LIMITED,			/* the provider said: later */
	LP_HOLD_AUTH,				/* it does not take the key */
	LP_HOLD_FORBIDDEN,			/* not with this plan (one endpoint) */
	LP_HOLD_CREDITS				/* it has no credits left for us */
} LpHold;

/* Reads what an earlier worker left, in a transaction. */
extern void lp_rates_load(TimestampTz now);

/* Whether anything has changed; writes it, in a transaction. */
extern bool lp_rates_are_new(void);
extern void lp_rates_save(TimestampTz now);

/* How many calls of a kind may be started now. */
extern int	lp_rates_room(LpProviderId provider, LpJobKind kind, TimestampTz now);
extern void lp_rates_took(LpProviderId provider, LpJobKind kind, int calls);

/* When there will be room again; DT_NOEND: not by waiting. */
extern TimestampTz lp_rates_next(LpProviderId provider, LpJobKind kind, TimestampTz now);

/* After an answer, whatever it says, and after a call without one. */
extern void lp_rates_answered(LpProviderId provider, LpJobKind kind,
							  const LpReply *reply, TimestampTz now);
extern void lp_rates_failed(LpProviderId provider, TimestampTz now);

/* Ends the holds that only a human can end: he may have. */
extern void lp_rates_forgive(void);

#endif							/* LP_RATES_H */
