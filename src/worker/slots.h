/*
 * slots.h
 *	  Which databases have a worker, how it is, and whether it shall leave.
 */
#ifndef LP_SLOTS_H
#define LP_SLOTS_H

#include "datatype/timestamp.h"

#define LP_REASON_BYTES 200

/* Beside each state those that follow it. */
typedef enum LpWorkerState
{
	LP_WORKER_STOPPED,			/* starting */
	LP_WORKER_STARTING,			/* idle, working, paused, stopped */
	LP_WORKER_IDLE,				/* working, paused, stopped */
	LP_WORKER_WORKING,			/* idle, paused, stopped */
	LP_WORKER_PAUSED			/* idle, working, stopped */
} LpWorkerState;

/* _PG_init. */
extern void lp_slots_init(void);

/* Name of a state as lead_worker_status shows it. */
extern const char *lp_worker_state_name(LpWorkerState state);

/* How this process is, the worker; nothing in another process. */
extern void lp_slot_publish(LpWorkerState state, const char *reason, int in_flight);

/*
 * Life of a worker.  A slot belongs to one database; a process that claims it
 * has it until it exits.
 */
typedef enum LpClaim
{
	LP_CLAIMED,
	LP_CLAIM_RUNNING,			/* another process has it */
	LP_CLAIM_STOPPED,			/* lp_worker_stop() said so */
	LP_CLAIM_HELD,				/* a statement needs the database for itself */
	LP_CLAIM_FULL				/* no slot is left */
} LpClaim;

extern LpClaim lp_slot_claim(Oid database);

/* Whether this worker shall leave; by then, whatever is under way. */
extern bool lp_slot_leaving(TimestampTz *by);

/*
 * Says that this process exits now, unless the wish was taken back; *again: to
 * return later.
 */
extern bool lp_slot_leave(bool *again);

/* What is known of a database's worker. */
typedef struct LpSlotView
{
	pid_t		pid;			/* 0: none runs */
	LpWorkerState state;
	char		reason[LP_REASON_BYTES];	/* empty: none */
	TimestampTz started_at;		/* 0: never, likewise below */
	TimestampTz last_turn_at;
	int			in_flight;
	bool		stopped;		/* by lp_worker_stop() */
	bool		held;			/* by a statement that is running now */
} LpSlotView;

extern LpSlotView lp_slot_view(Oid database);

/*
 * Asks a worker to leave; true if one runs.  stop: until lp_slot_start; hold:
 * none comes back before this transaction has ended.
 */
extern bool lp_slot_ask_to_leave(Oid database, bool stop, bool hold, TimestampTz by);

/*
 * Takes a stop back; *pid: the process that runs the worker, or 0.  One that
 * leaves just now is waited for; false: it did not in time.
 */
extern bool lp_slot_start(Oid database, TimestampTz until, pid_t *pid);

/* In a transaction: slots of databases that are gone are free again. */
extern void lp_slots_forget_dropped(void);

/* Waits until a worker runs, or none does any more; false: too late. */
extern bool lp_slot_wait(Oid database, bool running, TimestampTz until);

#endif							/* LP_SLOTS_H */
