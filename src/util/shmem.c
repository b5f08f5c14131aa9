/*
 * shmem.c
 *	  Pieces of the server's shared memory.
 *
 * PostgreSQL 15 has no registry for dynamic shared memory, so where the library
 * is not preloaded a piece is made out of the server's reserve by the first who
 * needs it.  It dies with a crash restart, and with it all that was in it.
 *
 * A piece is read and written under its one lock, held for some instructions
 * and never while anything is waited for.  Nobody holds the locks of two.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "util/shmem.h"

/* What changed between a look and a sleep is seen after this. */
#define LOOK_MS 200

static LpShmem *declared = NULL;
static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

void
lp_shmem_attach(LpShmem *piece)
{
	bool		found;
	LWLock	   *lock;

	if (*piece->memory != NULL)
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	*piece->memory = ShmemInitStruct(piece->name, piece->size, &found);
	lock = *piece->memory;
	if (!found)
	{
		memset(*piece->memory, 0, piece->size);
		LWLockInitialize(lock, LWLockNewTrancheId());
		if (piece->made != NULL)
			piece->made();
	}
	LWLockRelease(AddinShmemInitLock);
	LWLockRegisterTranche(lock->tranche, piece->name);
}

bool
lp_shmem_try_attach(LpShmem *piece)
{
	MemoryContext context = CurrentMemoryContext;

	if (*piece->memory != NULL)
		return true;
	PG_TRY();
	{
		lp_shmem_attach(piece);
	}
	PG_CATCH();
	{
		/*
		 * The error has let go of interrupts, the lock's release wants them
		 * held.
		 */
		*piece->memory = NULL;
		if (LWLockHeldByMe(AddinShmemInitLock))
		{
			HOLD_INTERRUPTS();
			LWLockRelease(AddinShmemInitLock);
		}
		MemoryContextSwitchTo(context);
		FlushErrorState();
	}
	PG_END_TRY();
	return *piece->memory != NULL;
}

bool
lp_shmem_sleep(ConditionVariable *changed, TimestampTz until)
{
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);

	if (left <= 0)
		return false;
	(void) ConditionVariableTimedSleep(changed, Min(left, LOOK_MS), PG_WAIT_EXTENSION);
	return true;
}

static void
request(void)
{
	if (previous_request != NULL)
		previous_request();
	for (LpShmem *piece = declared; piece != NULL; piece = piece->next)
		RequestAddinShmemSpace(MAXALIGN(piece->size));
}

/* After a crash the memory is new, and the postmaster's pointers old. */
static void
startup(void)
{
	if (previous_startup != NULL)
		previous_startup();
	for (LpShmem *piece = declared; piece != NULL; piece = piece->next)
	{
		*piece->memory = NULL;
		lp_shmem_attach(piece);
	}
}

void
lp_shmem_declare(LpShmem *piece)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	if (declared == NULL)
	{
		previous_request = shmem_request_hook;
		shmem_request_hook = request;
		previous_startup = shmem_startup_hook;
		shmem_startup_hook = startup;
	}
	piece->next = declared;
	declared = piece;
}
