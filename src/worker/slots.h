/*
 * slots.h
 *	  The shared memory of the workers: who runs, how it is, and who waits.
 */
#ifndef LP_SLOTS_H
#define LP_SLOTS_H

#include "datatype/timestamp.h"

#define LP_REASON_BYTES 200
#define LP_DETAIL_BYTES 200

typedef enum LpWorkerState
{
	LP_WORKER_STOPPED,			/* starting */
	LP_WORKER_STARTING,			/* idle, working, paused, stopped */
	LP_WORKER_IDLE,				/* working, paused, stopped */
	LP_WORKER_WORKING,			/* idle, paused, stopped */
	LP_WORKER_PAUSED			/* idle, working, stopped */
} LpWorkerState;

/* _PG_init: hooks when preloaded, transaction callback always. */
extern void lp_slots_init(void);

/* Name of a state as lead_worker_status shows it. */
extern const char *lp_worker_state_name(LpWorkerState state);

/*
 * This transaction made work: at its commit the worker of this database is
 * woken.  Never throws; does nothing where no worker runs.  COMMIT PREPARED
 * wakes nobody: the work is found by the next look.
 */
extern void lp_worker_wake_at_commit(void);

/* Leads arrived: wakes at commit only if requests wait (lp_slot_want_leads). */
extern void lp_worker_wake_for_leads_at_commit(void);

/* The worker's own slot.  All are nothing in another process. */
extern void lp_slot_publish(LpWorkerState state, const char *reason, int in_flight);
extern void lp_slot_want_leads(bool wanted);

extern bool lp_slot_check_asked(void);

/* A lp_provider_check waits: its provider (NAMEDATALEN bytes) and ticket. */
extern bool lp_slot_check_taken(char *provider, uint64 *ticket);
extern void lp_slot_check_answer(uint64 ticket, bool ok, int status, const char *detail);

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

/* Gives the slot up, unless the wish was taken back; *again: to return later. */
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

/* Takes a stop back; the process that runs the worker, or 0. */
extern pid_t lp_slot_start(Oid database);

/* Waits until a worker runs, or none does any more; false: too late. */
extern bool lp_slot_wait(Oid database, bool running, TimestampTz until);

/* The launcher says where it is; its latch is set when slots change. */
extern void lp_slots_launcher_is_here(void);
extern void lp_slots_wake_launcher(void);
extern void lp_slots_wake_launcher_at_end(void);	/* of this transaction */

/* Asks the worker of this database to call a provider; waits for its answer. */
typedef struct LpProviderAnswer
{
	bool		ok;
	int			status;			/* 0: no answer came */
	char		detail[LP_DETAIL_BYTES];
} LpProviderAnswer;

extern bool lp_slot_check(const char *provider, TimestampTz until, LpProviderAnswer *answer);

#endif							/* LP_SLOTS_H */
