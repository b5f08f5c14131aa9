/*
 * limits.h
 *	  Sends a local day: the days of a sender or client, and what is used.
 */
#ifndef LP_LIMITS_H
#define LP_LIMITS_H

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/uuid.h"

#include "util/channel.h"

#define LP_NO_LIMIT (-1)

typedef struct LpDay
{
	TimestampTz starts_at;
	TimestampTz ends_at;		/* not included */
} LpDay;

/* Touches that count: sends of a quarter of an hour, or one open claim. */
typedef struct LpUse
{
	TimestampTz at;				/* the latest of them */
	TimestampTz until;			/* when the claim lapses; DT_NOEND for sends */
	int64		all;
	int64		on_channel;		/* of them over the channel that is asked for */
} LpUse;

/*
 * The counter of one sender or client.  Days that were recorded keep the zone
 * in force when they began; others follow the zone of today.
 */
typedef struct LpCounter
{
	const char *scope;			/* sender, client */
	pg_uuid_t	scope_id;
	pg_tz	   *zone;
	LpChannel	channel;
	const char *sender_match;	/* sender only */
	LpDay	   *days;			/* recorded, ascending */
	int			n_days;
	LpUse	   *uses;
	int			n_uses;
	int			max_uses;
} LpCounter;

/*
 * Serialises whoever claims against this counter until the end of the
 * transaction; back is how far a rule looks behind the current day.
 */
extern void lp_counter_lock(LpCounter *counter, const Interval *back);

/*
 * The day of the counter that at lies in; record fixes its bounds from now on.
 * For rules that count something else than touches.
 */
extern LpDay lp_counter_find_day(LpCounter *counter, TimestampTz at, bool record);

/* Loads days and uses for questions about at and later. */
extern void lp_counter_load(LpCounter *counter, TimestampTz at, const Interval *back);

/* A claim that was granted after the counter was loaded. */
extern void lp_counter_add(LpCounter *counter, TimestampTz at, TimestampTz until);

/* What of the day of t is used at t, on the counter's channel or on all. */
extern int64 lp_counter_used(const LpCounter *counter, TimestampTz t, bool all);

/*
 * Whether less than limit is used at t.  If not, *next is the first later
 * moment at which a claim has lapsed or the day is over (DT_NOEND if the limit
 * allows nothing at all).
 */
extern bool lp_counter_below(const LpCounter *counter, TimestampTz t, int64 limit,
							 bool all, TimestampTz *next);

/* Until when the gap after the last use lasts; DT_NOBEGIN if it is over at t. */
extern TimestampTz lp_counter_gap(const LpCounter *counter, TimestampTz t,
								  const Interval *gap);

#endif							/* LP_LIMITS_H */
