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

/* Those that were taken over and not released, and since when the first is here. */
extern int	lp_flight_ended(void);
extern const LpEnded *lp_flight_answers(void);
extern TimestampTz lp_flight_ended_since(void);

/* They are stored: frees them. */
extern void lp_flight_release(void);

#endif							/* LP_FLIGHT_H */
