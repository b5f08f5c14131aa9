/*
 * worker.h
 *	  The worker process of a database, and what its turn may use.
 */
#ifndef LP_WORKER_H
#define LP_WORKER_H

#include "postmaster/bgworker.h"

/* In seconds: from its end to its next start, where no launcher cares for it. */
#define LP_WORKER_RESTART 5

/* How often it looks at what nobody tells it of. */
#define LP_LOOK_EVERY (60 * USECS_PER_SEC)

/*
 * A transaction of the worker, with SPI and a snapshot, as leadpool_owner; the
 * phase shows in pg_stat_activity.  After an error worker.c ends it.
 */
extern void lp_worker_begin(const char *phase);
extern void lp_worker_commit(void);

/* The same, for what a crash may take back; it does not wait for the disk. */
extern void lp_worker_commit_unwaited(void);

/* In PG_CATCH, for an error that was looked at: ends it and the transaction. */
extern void lp_worker_abort(MemoryContext context);

/* Registers a worker for a database; restart in seconds or BGW_NEVER_RESTART. */
extern bool lp_worker_register(Oid database, int restart, BackgroundWorkerHandle **handle);

extern PGDLLEXPORT void lp_worker_main(Datum main_arg);

#endif							/* LP_WORKER_H */
