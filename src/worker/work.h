/*
 * work.h
 *	  What the worker does, as worker.c sees it.
 */
#ifndef LP_WORK_H
#define LP_WORK_H

#include "datatype/timestamp.h"

typedef struct LpTurn
{
	bool		busy;			/* the next turn at once */
	TimestampTz next_due;		/* else not before, unless woken */
} LpTurn;

/* Once, in no transaction: the engine, and recovery. */
extern void lp_work_begin(void);

/* In no transaction; opens its own.  At most 50 ms. */
extern LpTurn lp_work_turn(void);

/* Somebody said that there is something new: the next turn looks. */
extern void lp_work_wake(void);

/* After SIGHUP. */
extern void lp_work_reload(void);

/* A turn that finishes what is in flight and starts nothing. */
extern void lp_work_paused(void);

/* Stores what has come by now; may throw. */
extern void lp_work_save(void);

extern int	lp_work_in_flight(void);

#endif							/* LP_WORK_H */
