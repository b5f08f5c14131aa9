/*
 * slots.c
 *	  Which databases have a worker, how it is, and whether it shall leave.
 *
 * One slot in shared memory for a database that has or had a worker.  A process
 * that claims it has it until it has left the list of backends, so a database
 * whose slot has no process has no worker that is connected.
 *
 * lp_worker_stop() leaves a wish in the slot until lp_worker_start() takes it
 * back, or the database is gone.  A statement that needs the database for itself
 * holds the slot until its transaction has ended; a hold whose backend is gone
 * is none.  A process that leaves says so before it exits, under the lock: what
 * is asked of it from then on is for the one after it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/timestamp.h"

#include "util/shmem.h"
#include "util/wake.h"
#include "worker/slots.h"

typedef struct Slot
{
	Oid			database;		/* InvalidOid: free */
	LpSlotView	view;			/* held is worked out when it is read */
	TimestampTz leave_by;		/* 0: nobody asked it to leave */
	bool		leaving;		/* and it does */
	pid_t		held_by;		/* the backend with the statement, or 0 */
} Slot;

typedef struct Shared
{
	LWLock		lock;
	ConditionVariable changed;	/* a worker came or went */
	Slot		slots[LP_WORKERS_MAX];
} Shared;

static void made(void);

static Shared *shared = NULL;
static LpShmem piece = {"leadpool_slots", sizeof(Shared), (void **) &shared, made};
static Slot *own = NULL;		/* this process is its worker */
static bool holds_databases = false;	/* this transaction */

static void
made(void)
{
	ConditionVariableInit(&shared->changed);
}

/* The slot of a database, or NULL; the lock is held. */
static Slot *
find(Oid database)
{
	for (int i = 0; i < LP_WORKERS_MAX; i++)
		if (shared->slots[i].database == database)
			return &shared->slots[i];
	return NULL;
}

/* Whether the backend with the statement still is there; the lock is held. */
static bool
is_held(Slot *slot)
{
	if (slot->held_by != 0 && BackendPidGetProc(slot->held_by) == NULL)
		slot->held_by = 0;
	return slot->held_by != 0;
}

/* Free for another database: it has no worker, and nobody's wish or hold. */
static bool
is_free(Slot *slot)
{
	return slot->database == InvalidOid ||
		(slot->view.pid == 0 && !slot->view.stopped && !is_held(slot));
}

/* The same, or a new one in place of one that says nothing any more. */
static Slot *
find_or_make(Oid database)
{
	Slot	   *slot = find(database);

	if (slot == NULL)
		slot = find(InvalidOid);
	for (int i = 0; i < LP_WORKERS_MAX && slot == NULL; i++)
		if (is_free(&shared->slots[i]))
			slot = &shared->slots[i];
	if (slot != NULL && slot->database != database)
	{
		memset(slot, 0, sizeof(Slot));
		slot->database = database;
	}
	return slot;
}

const char *
lp_worker_state_name(LpWorkerState state)
{
	switch (state)
	{
		case LP_WORKER_STOPPED:
			return "stopped";
		case LP_WORKER_STARTING:
			return "starting";
		case LP_WORKER_IDLE:
			return "idle";
		case LP_WORKER_WORKING:
			return "working";
		case LP_WORKER_PAUSED:
			return "paused";
	}
	return NULL;
}

/* Workers that were asked to leave for a statement may come back. */
static void
end_holds(void)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < LP_WORKERS_MAX; i++)
		if (shared->slots[i].held_by == MyProcPid)
		{
			shared->slots[i].held_by = 0;
			/* one that was too slow stays */
			if (!shared->slots[i].view.stopped)
				shared->slots[i].leave_by = 0;
		}
	LWLockRelease(&shared->lock);
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (!holds_databases ||
		(event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		 event != XACT_EVENT_PREPARE))
		return;
	holds_databases = false;
	end_holds();
	lp_wake_launcher();
}

void
lp_slot_publish(LpWorkerState state, const char *reason, int in_flight)
{
	if (own == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	own->view.state = state;
	strlcpy(own->view.reason, reason == NULL ? "" : reason, LP_REASON_BYTES);
	own->view.in_flight = in_flight;
	if (state == LP_WORKER_IDLE || state == LP_WORKER_WORKING)
		own->view.last_turn_at = GetCurrentTimestamp();
	LWLockRelease(&shared->lock);
}

/* on_shmem_exit, after the process has left the list of backends. */
static void
give_up_slot(int code, Datum arg)
{
	if (own == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	own->view.pid = 0;
	own->view.state = LP_WORKER_STOPPED;
	own->view.in_flight = 0;
	own->view.reason[0] = '\0';
	own->leave_by = 0;
	own->leaving = false;
	own = NULL;
	LWLockRelease(&shared->lock);
	ConditionVariableBroadcast(&shared->changed);
	lp_wake_launcher();
}

LpClaim
lp_slot_claim(Oid database)
{
	LpClaim		result = LP_CLAIMED;
	Slot	   *slot;

	lp_shmem_attach(&piece);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = find_or_make(database);
	if (slot == NULL)
		result = LP_CLAIM_FULL;
	else if (slot->view.pid != 0)
		result = LP_CLAIM_RUNNING;
	else if (is_held(slot))
		result = LP_CLAIM_HELD;
	else if (slot->view.stopped)
		result = LP_CLAIM_STOPPED;
	else
	{
		memset(&slot->view, 0, sizeof(slot->view));
		slot->view.pid = MyProcPid;
		slot->view.state = LP_WORKER_STARTING;
		slot->view.started_at = GetCurrentTimestamp();
		slot->leave_by = 0;
		own = slot;
	}
	LWLockRelease(&shared->lock);
	if (result == LP_CLAIMED)
	{
		on_shmem_exit(give_up_slot, (Datum) 0);
		ConditionVariableBroadcast(&shared->changed);
	}
	return result;
}

bool
lp_slot_leaving(TimestampTz *by)
{
	LWLockAcquire(&shared->lock, LW_SHARED);
	*by = own->leave_by;
	LWLockRelease(&shared->lock);
	return *by != 0;
}

/* The slot itself is given up at exit: until then nobody else connects. */
bool
lp_slot_leave(bool *again)
{
	bool		leaving;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	leaving = own->leaving = own->leave_by != 0;
	*again = !own->view.stopped && is_held(own);
	LWLockRelease(&shared->lock);
	return leaving;
}

LpSlotView
lp_slot_view(Oid database)
{
	LpSlotView	view = {0};
	Slot	   *slot;

	lp_shmem_attach(&piece);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = find(database);
	if (slot != NULL)
	{
		view = slot->view;
		view.held = is_held(slot);
	}
	LWLockRelease(&shared->lock);
	return view;
}

bool
lp_slot_ask_to_leave(Oid database, bool stop, bool hold, TimestampTz by)
{
	bool		running = false;
	Slot	   *slot;

	lp_shmem_attach(&piece);
	if (stop)
		lp_slots_forget_dropped();
	holds_databases = holds_databases || hold;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = stop || hold ? find_or_make(database) : find(database);
	if (slot != NULL)
	{
		slot->view.stopped = slot->view.stopped || stop;
		if (hold)
			slot->held_by = MyProcPid;
		running = slot->view.pid != 0;
		if (running && (slot->leave_by == 0 || by < slot->leave_by))
			slot->leave_by = by;
	}
	LWLockRelease(&shared->lock);
	if (running)
		lp_wake_worker(database);
	return running;
}

void
lp_slots_forget_dropped(void)
{
	Oid			databases[LP_WORKERS_MAX];
	int			n = 0;

	lp_shmem_attach(&piece);
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < LP_WORKERS_MAX; i++)
		if (shared->slots[i].view.pid == 0 && !is_free(&shared->slots[i]))
			databases[n++] = shared->slots[i].database;
	LWLockRelease(&shared->lock);

	/* the catalog is read without the lock, so it is looked at anew below */
	for (int i = 0; i < n; i++)
	{
		Slot	   *slot;

		if (get_database_name(databases[i]) != NULL)
			continue;
		LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
		slot = find(databases[i]);
		if (slot != NULL && slot->view.pid == 0 && !is_held(slot))
			memset(slot, 0, sizeof(Slot));
		LWLockRelease(&shared->lock);
	}
}

/* Takes a stop back; *leaving: the process that is returned is about to go. */
static pid_t
take_stop_back(Oid database, bool *leaving)
{
	pid_t		pid = 0;
	Slot	   *slot;

	*leaving = false;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = find(database);
	if (slot != NULL)
	{
		slot->view.stopped = false;
		if (!is_held(slot))
			slot->leave_by = 0;
		pid = slot->view.pid;
		*leaving = pid != 0 && slot->leaving;
	}
	LWLockRelease(&shared->lock);
	return pid;
}

bool
lp_slot_start(Oid database, TimestampTz until, pid_t *pid)
{
	bool		leaving;

	lp_slots_forget_dropped();
	ConditionVariablePrepareToSleep(&shared->changed);
	do
	{
		*pid = take_stop_back(database, &leaving);
	} while (leaving && lp_shmem_sleep(&shared->changed, until));
	ConditionVariableCancelSleep();
	return !leaving;
}

bool
lp_slot_wait(Oid database, bool running, TimestampTz until)
{
	bool		reached;

	lp_shmem_attach(&piece);
	ConditionVariablePrepareToSleep(&shared->changed);
	do
	{
		reached = (lp_slot_view(database).pid != 0) == running;
	} while (!reached && lp_shmem_sleep(&shared->changed, until));
	ConditionVariableCancelSleep();
	return reached;
}

void
lp_slots_init(void)
{
	lp_shmem_declare(&piece);
	RegisterXactCallback(at_transaction_event, NULL);
}
