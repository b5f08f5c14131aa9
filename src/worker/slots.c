/*
 * slots.c
 *	  The shared memory of the workers: who runs, how it is, and who waits.
 *
 * One slot a database that has or had a worker.  PostgreSQL 15 has no registry
 * for dynamic shared memory, so where the library is not preloaded the segment
 * is made out of the server's reserve by the first who needs it.  It dies with
 * a crash restart, and with it every wish in it.
 *
 * All of it is read and written under one lock, held for some instructions and
 * never while anything is waited for.  A latch is set after its lock is let go:
 * should its process be gone by then, another one wakes once for nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "worker/slots.h"

#define SLOTS 32

/* A lp_provider_check that nobody waits for any more. */
#define CHECK_STALE_MS 8000

typedef enum CheckState
{
	CHECK_FREE,					/* asked */
	CHECK_ASKED,				/* taken, free */
	CHECK_TAKEN,				/* answered, free */
	CHECK_ANSWERED				/* free */
} CheckState;

/* The mailbox of lp_provider_check: one letter at a time. */
typedef struct Check
{
	CheckState	state;
	uint64		ticket;
	TimestampTz asked_at;
	char		provider[NAMEDATALEN];
	LpProviderAnswer answer;
} Check;

typedef struct Slot
{
	Oid			database;		/* InvalidOid: free */
	Latch	   *latch;			/* of the process in view.pid */
	LpSlotView	view;			/* held is worked out when it is read */
	bool		wants_leads;
	TimestampTz leave_by;		/* 0: nobody asked it to leave */
	pid_t		held_by;		/* the backend with the statement, or 0 */
	Check		check;
} Slot;

typedef struct Shared
{
	LWLock		lock;
	ConditionVariable changed;	/* a worker came or went, a check moved */
	Latch	   *launcher;
	uint64		tickets;
	Slot		slots[SLOTS];
} Shared;

static Shared *shared = NULL;
static Slot *own = NULL;		/* this process is its worker */

/* What this transaction does when it commits. */
static bool wake_at_commit = false;
static bool wake_for_leads_at_commit = false;

/* And when it ends in any way. */
static bool holds_databases = false;
static bool wake_launcher_at_end = false;

static shmem_request_hook_type previous_shmem_request = NULL;
static shmem_startup_hook_type previous_shmem_startup = NULL;

static void
attach(void)
{
	bool		found;

	if (shared != NULL)
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("leadpool", sizeof(Shared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(Shared));
		LWLockInitialize(&shared->lock, LWLockNewTrancheId());
		ConditionVariableInit(&shared->changed);
	}
	LWLockRelease(AddinShmemInitLock);
	LWLockRegisterTranche(shared->lock.tranche, "leadpool");
}

/* For those who can do without: false if there is no memory for it. */
static bool
try_attach(void)
{
	MemoryContext context = CurrentMemoryContext;

	if (shared != NULL)
		return true;
	PG_TRY();
	{
		attach();
	}
	PG_CATCH();
	{
		/*
		 * The error has let go of interrupts, the lock's release wants them
		 * held.
		 */
		shared = NULL;
		if (LWLockHeldByMe(AddinShmemInitLock))
		{
			HOLD_INTERRUPTS();
			LWLockRelease(AddinShmemInitLock);
		}
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return shared != NULL;
}

/* The slot of a database, or NULL; the lock is held. */
static Slot *
find(Oid database)
{
	for (int i = 0; i < SLOTS; i++)
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

/* The same, or a new one in place of one that says nothing any more. */
static Slot *
find_or_make(Oid database)
{
	Slot	   *slot = find(database);

	if (slot == NULL)
		slot = find(InvalidOid);
	for (int i = 0; i < SLOTS && slot == NULL; i++)
		if (shared->slots[i].view.pid == 0 && !shared->slots[i].view.stopped &&
			!is_held(&shared->slots[i]))
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

void
lp_worker_wake_at_commit(void)
{
	wake_at_commit = try_attach();
}

void
lp_worker_wake_for_leads_at_commit(void)
{
	wake_for_leads_at_commit = try_attach();
}

static void
wake_worker(bool always)
{
	Latch	   *latch = NULL;
	Slot	   *slot;

	LWLockAcquire(&shared->lock, LW_SHARED);
	slot = find(MyDatabaseId);
	if (slot != NULL && slot->view.pid != 0 && (always || slot->wants_leads))
		latch = slot->latch;
	LWLockRelease(&shared->lock);
	if (latch != NULL)
		SetLatch(latch);
}

/* Workers that were asked to leave for a statement may come back. */
static void
end_holds(void)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < SLOTS; i++)
		if (shared->slots[i].held_by == MyProcPid)
		{
			shared->slots[i].held_by = 0;
			/* one that was too slow stays */
			if (!shared->slots[i].view.stopped)
				shared->slots[i].leave_by = 0;
		}
	LWLockRelease(&shared->lock);
}

/* What the transaction wrote is seen by others when this is called. */
static void
at_transaction_event(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT &&
		event != XACT_EVENT_PREPARE)
		return;
	if (event == XACT_EVENT_COMMIT && (wake_at_commit || wake_for_leads_at_commit))
		wake_worker(wake_at_commit);
	if (holds_databases)
		end_holds();
	if (wake_launcher_at_end)
		lp_slots_wake_launcher();
	wake_at_commit = wake_for_leads_at_commit = false;
	holds_databases = wake_launcher_at_end = false;
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

void
lp_slot_want_leads(bool wanted)
{
	if (own == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	own->wants_leads = wanted;
	LWLockRelease(&shared->lock);
}

bool
lp_slot_check_asked(void)
{
	bool		asked;

	if (own == NULL)
		return false;
	LWLockAcquire(&shared->lock, LW_SHARED);
	asked = own->check.state == CHECK_ASKED;
	LWLockRelease(&shared->lock);
	return asked;
}

bool
lp_slot_check_taken(char *provider, uint64 *ticket)
{
	bool		taken = false;

	if (own == NULL)
		return false;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	if (own->check.state == CHECK_ASKED)
	{
		own->check.state = CHECK_TAKEN;
		strlcpy(provider, own->check.provider, NAMEDATALEN);
		*ticket = own->check.ticket;
		taken = true;
	}
	LWLockRelease(&shared->lock);
	return taken;
}

void
lp_slot_check_answer(uint64 ticket, bool ok, int status, const char *detail)
{
	bool		answered = false;

	if (own == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	if (own->check.state == CHECK_TAKEN && own->check.ticket == ticket)
	{
		own->check.state = CHECK_ANSWERED;
		own->check.answer.ok = ok;
		own->check.answer.status = status;
		strlcpy(own->check.answer.detail, detail == NULL ? "" : detail, LP_DETAIL_BYTES);
		answered = true;
	}
	LWLockRelease(&shared->lock);
	if (answered)
		ConditionVariableBroadcast(&shared->changed);
}

/* Hands the letter in, if the mailbox is free; the lock is taken here. */
static bool
check_ask(const char *provider, uint64 *ticket)
{
	TimestampTz now = GetCurrentTimestamp();
	Latch	   *latch = NULL;
	Slot	   *slot;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = find(MyDatabaseId);
	if (slot != NULL && slot->view.pid != 0 &&
		(slot->check.state == CHECK_FREE ||
		 TimestampDifferenceExceeds(slot->check.asked_at, now, CHECK_STALE_MS)))
	{
		slot->check.state = CHECK_ASKED;
		slot->check.ticket = *ticket = ++shared->tickets;
		slot->check.asked_at = now;
		strlcpy(slot->check.provider, provider, NAMEDATALEN);
		latch = slot->latch;
	}
	LWLockRelease(&shared->lock);
	if (latch != NULL)
		SetLatch(latch);
	return latch != NULL;
}

/* Takes the answer; give_up: or the letter back. */
static bool
check_fetch(uint64 ticket, bool give_up, LpProviderAnswer *answer)
{
	bool		fetched = false;
	Slot	   *slot;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = find(MyDatabaseId);
	if (slot != NULL && slot->check.ticket == ticket)
	{
		fetched = slot->check.state == CHECK_ANSWERED;
		if (fetched)
			*answer = slot->check.answer;
		if (fetched || give_up)
			slot->check.state = CHECK_FREE;
	}
	LWLockRelease(&shared->lock);
	if (fetched || give_up)
		ConditionVariableBroadcast(&shared->changed);
	return fetched;
}

/* Sleeps until something changes; false when the time is over. */
static bool
sleep_until(TimestampTz until)
{
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	if (left <= 0)
		return false;
	/* what changed between a look and this sleep is seen after a while */
	(void) ConditionVariableTimedSleep(&shared->changed, Min(left, 200), PG_WAIT_EXTENSION);
	return true;
}

bool
lp_slot_check(const char *provider, TimestampTz until, LpProviderAnswer *answer)
{
	volatile uint64 asked = 0;
	volatile bool answered = false;

	attach();
	PG_TRY();
	{
		uint64		ticket;

		ConditionVariablePrepareToSleep(&shared->changed);
		do
		{
			if (asked == 0 && check_ask(provider, &ticket))
				asked = ticket;
			if (asked != 0 && check_fetch(asked, false, answer))
				answered = true;
		} while (!answered && sleep_until(until));
	}
	PG_FINALLY();
	{
		ConditionVariableCancelSleep();
		if (asked != 0 && !answered)
			(void) check_fetch(asked, true, answer);
	}
	PG_END_TRY();
	return answered;
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
	own->latch = NULL;
	own->leave_by = 0;
	own->wants_leads = false;
	own->check.state = CHECK_FREE;
	own = NULL;
	LWLockRelease(&shared->lock);
	ConditionVariableBroadcast(&shared->changed);
	lp_slots_wake_launcher();
}

LpClaim
lp_slot_claim(Oid database)
{
	LpClaim		result = LP_CLAIMED;
	Slot	   *slot;

	attach();
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
		slot->latch = MyLatch;
		slot->leave_by = 0;
		slot->check.state = CHECK_FREE;
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
	leaving = own->leave_by != 0;
	*again = !own->view.stopped && is_held(own);
	LWLockRelease(&shared->lock);
	return leaving;
}

LpSlotView
lp_slot_view(Oid database)
{
	LpSlotView	view = {0};
	Slot	   *slot;

	attach();
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
	Latch	   *latch = NULL;
	bool		running = false;
	Slot	   *slot;

	attach();
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
		latch = running ? slot->latch : NULL;
	}
	LWLockRelease(&shared->lock);
	if (latch != NULL)
		SetLatch(latch);
	return running;
}

pid_t
lp_slot_start(Oid database)
{
	pid_t		pid = 0;
	Slot	   *slot;

	attach();
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	slot = find(database);
	if (slot != NULL)
	{
		slot->view.stopped = false;
		if (!is_held(slot))
			slot->leave_by = 0;
		pid = slot->view.pid;
	}
	LWLockRelease(&shared->lock);
	return pid;
}

bool
lp_slot_wait(Oid database, bool running, TimestampTz until)
{
	bool		reached;

	attach();
	ConditionVariablePrepareToSleep(&shared->changed);
	do
	{
		reached = (lp_slot_view(database).pid != 0) == running;
	} while (!reached && sleep_until(until));
	ConditionVariableCancelSleep();
	return reached;
}

static void
launcher_left(int code, Datum arg)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->launcher = NULL;
	LWLockRelease(&shared->lock);
}

void
lp_slots_launcher_is_here(void)
{
	attach();
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	shared->launcher = MyLatch;
	LWLockRelease(&shared->lock);
	before_shmem_exit(launcher_left, (Datum) 0);
}

void
lp_slots_wake_launcher(void)
{
	Latch	   *latch;

	LWLockAcquire(&shared->lock, LW_SHARED);
	latch = shared->launcher;
	LWLockRelease(&shared->lock);
	if (latch != NULL)
		SetLatch(latch);
}

void
lp_slots_wake_launcher_at_end(void)
{
	wake_launcher_at_end = try_attach();
}

static void
request_memory(void)
{
	if (previous_shmem_request != NULL)
		previous_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Shared)));
}

/* After a crash the segment is new, and the postmaster's pointer old. */
static void
start_memory(void)
{
	if (previous_shmem_startup != NULL)
		previous_shmem_startup();
	shared = NULL;
	attach();
}

void
lp_slots_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_memory;
}
