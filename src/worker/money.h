/*
 * money.h
 *	  What may be spent at a provider in a day, and what was.
 */
#ifndef LP_MONEY_H
#define LP_MONEY_H

#include "datatype/timestamp.h"
#include "utils/date.h"

#include "util/worker_settings.h"

/* The UTC day that a call counts for. */
extern DateADT lp_money_day(TimestampTz at);

/*
 * Locks the day's row and returns what is left to reserve (infinite without a
 * limit).  The lock holds until the transaction ends.
 */
extern double lp_money_lock(LpProviderId provider, TimestampTz now);

/* Reserves; lp_money_lock came first and told that there is enough. */
extern void lp_money_reserve(LpProviderId provider, TimestampTz now, double amount);

/* Takes back what a call had reserved, and books what it cost. */
extern void lp_money_settle(LpProviderId provider, TimestampTz started_at,
							double reserved, double spent);

/*
 * Releases what calls kept back for answers that never came; those whose own
 * outcome is unknown stay reserved.
 */
extern void lp_money_release(LpProviderId provider, const int64 *call_ids, int n);

/*
 * What is left to ask for, without a lock: queued jobs count as if each cost
 * what it is expected to.
 */
extern double lp_money_left(LpProviderId provider, TimestampTz now);

#endif							/* LP_MONEY_H */
