/*
 * wake.c
 *	  Waking the worker of a database, and the launcher of the workers.
 *
 * Who can be woken stands in shared memory.  What a transaction asks for is
 * done when it ends: others see by then what it wrote.  A process says that it
 * is here before it looks for work the first time, so whatever is written too
 * early to wake it is found by that look.
 *
 * A latch is set after the lock is let go: should its process be gone by then,
 * another one wakes once for nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "util/shmem.h"
#include "util/wake.h"

typedef struct Worker
{
	Oid			database;
	Latch	   *latch;			/* NULL: free */
	bool		wants_leads;
} Worker;

typedef struct Shared
{
	LWLock		lock;
	Latch	   *launcher;		/* or NULL */
	Worker		workers[LP_WORKERS_MAX];
} Shared;

static Shared *shared = NULL;
static LpShmem piece = {"leadpool_wake", sizeof(Shared), (void **) &shared};
static Worker *own = NULL;		/* this process */

/* What this transaction does when it commits. */
static bool worker_at_commit = false;
static bool worker_for_leads_at_commit = false;

/* And when it ends in any way. */
static bool launcher_at_end = false;

void
lp_wake_at_commit(void)
{
	worker_at_commit = lp_shmem_try_attach(&piece);
}

void
lp_wake_for_leads_at_commit(void)
{
	worker_for_leads_at_commit = lp_shmem_try_attach(&piece);
}

void
lp_wake_launcher_at_end(void)
{
	launcher_at_end = lp_shmem_try_attach(&piece);
}

/* always: or only a worker that wants leads. */
static void
wake(Oid database, bool always)
{
	Latch	   *latch = NULL;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (int i = 0; i < LP_WORKERS_MAX; i++)
	{
		Worker	   *worker = &shared->workers[i];

		if (worker->latch != NULL && worker->database == database &&
			(always || worker->wants_leads))
			latch = worker->latch;
	}
	LWLockRelease(&shared->lock);
	if (latch != NULL)
		SetLatch(latch);
}

void
lp_wake_worker(Oid database)
{
	if (lp_shmem_try_attach(&piece))
		wake(database, true);
}

void
lp_wake_launcher(void)
{
	Latch	   *latch;

	/* called where memory must not be asked for any more */
	if (shared == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_SHARED);
	latch = shared->launcher;
	LWLockRelease(&shared->lock);
	if (latch != NULL)
		SetLatch(latch);
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT && (worker_at_commit || worker_for_leads_at_commit))
		wake(MyDatabaseId, worker_at_commit);
	if (launcher_at_end)
		lp_wake_launcher();
	worker_at_commit = worker_for_leads_at_commit = launcher_at_end = false;
}

static void
worker_left(int code, Datum arg)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	memset(own, 0, sizeof(Worker));
	LWLockRelease(&shared->lock);
	own = NULL;
}

/* There is room: a slot (worker/slots.c) is given up later than this place. */
void
lp_wake_worker_is_here(Oid database)
{
	lp_shmem_attach(&piece);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < LP_WORKERS_MAX && own == NULL; i++)
		if (shared->workers[i].latch == NULL)
			own = &shared->workers[i];
	if (own != NULL)
	{
		own->database = database;
		own->latch = MyLatch;
	}
	LWLockRelease(&shared->lock);
	if (own == NULL)
		elog(ERROR, "no room for another worker");
	on_shmem_exit(worker_left, (Datum) 0);
}

void
lp_wake_want_leads(bool wanted)
{
	if (own == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	own->wants_leads = wanted;
	LWLockRelease(&shared->lock);
}

static void
launcher_left(int code, Datum arg)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->launcher = NULL;
	LWLockRelease(&shared->lock);
}

void
lp_wake_launcher_is_here(void)
{
	lp_shmem_attach(&piece);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->launcher = MyLatch;
	LWLockRelease(&shared->lock);
	before_shmem_exit(launcher_left, (Datum) 0);
}

void
lp_wake_init(void)
{
	lp_shmem_declare(&piece);
	RegisterXactCallback(at_transaction_event, NULL);
}
