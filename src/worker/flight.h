/*
 * flight.h
 *	  Calls that have left: the engine, what it is given, and what came back.
 */
#ifndef LP_FLIGHT_H
#define LP_FLIGHT_H

#include "worker/calls.h"

/* The engine, by the settings; makes it the first time. */
extern void lp_flight_configure(void);

/* Sends a call; its jobs are started and committed. */
extern void lp_flight_send(LpCall *call);

/* How many more calls a provider may get, by the number of connections. */
extern int	lp_flight_room(LpProviderId provider);

/* How many are under way to a provider, and to all. */
extern int	lp_flight_of(LpProviderId provider);
extern int	lp_flight_all(void);

/* Waits for so many to end, for at most that long. */
extern void lp_flight_wait(int wait_ms, int enough);

/* Takes over what has ended; how many that are. */
extern int	lp_flight_collect(TimestampTz now);

/* A call that was to leave and did not: it has ended as if not reached. */
extern void lp_flight_never_left(LpCall *call);

/* Those that were taken over and not released. */
extern int	lp_flight_ended(void);
extern LpEnded *lp_flight_answers(void);

/* Those of them that do not wait for others, and since when the first is here. */
extern int	lp_flight_fresh(void);
extern TimestampTz lp_flight_fresh_since(void);

/* Those that are here wait for somebody's lock. */
extern void lp_flight_hold(void);

/* Those that are marked are stored: frees them.  Cannot fail. */
extern void lp_flight_release(void);

#endif							/* LP_FLIGHT_H */
