/*
 * wake.h
 *	  Waking the worker of a database, and the launcher of the workers.
 */
#ifndef LP_WAKE_H
#define LP_WAKE_H

/* Databases that have or had a worker, at most. */
#define LP_WORKERS_MAX 32

/* _PG_init. */
extern void lp_wake_init(void);

/*
 * This transaction made work: at its commit the worker of this database is
 * woken.  Never throws; does nothing where no worker runs.  COMMIT PREPARED
 * wakes nobody: the work is found by the next look.
 */
extern void lp_wake_at_commit(void);

/* Leads arrived: wakes at commit only if requests wait (lp_wake_want_leads). */
extern void lp_wake_for_leads_at_commit(void);

/* However this transaction ends, the launcher looks at the databases then. */
extern void lp_wake_launcher_at_end(void);

/* At once; nothing where nobody is there to be woken.  Never throw. */
extern void lp_wake_worker(Oid database);
extern void lp_wake_launcher(void);

/* This process is the one to be woken, until it exits. */
extern void lp_wake_worker_is_here(Oid database);
extern void lp_wake_launcher_is_here(void);

/* The worker says whether leads that arrive matter to it; nothing elsewhere. */
extern void lp_wake_want_leads(bool wanted);

#endif							/* LP_WAKE_H */
