/*
 * leave.c
 *	  How a worker process comes to its end.
 *
 * Somebody may ask it to leave (slots.c), the server may end (SIGTERM), and a
 * new version of the extension wants a process with the new library.  What a
 * call costs is paid, so each gives the calls under way some time, and what
 * has come is stored before the end.  With nothing under way, or where the
 * process waits for a lock or a standby, SIGTERM ends it at once; so does a
 * second one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/timestamp.h"

#include "util/worker_settings.h"
#include "worker/leave.h"
#include "worker/slots.h"
#include "worker/work.h"

#define SIGTERM_MS 5000			/* an administrator waits */
#define MARGIN_MS 5000

static volatile sig_atomic_t terminated = false;
static TimestampTz terminated_by = 0;
static TimestampTz updated_by = 0;

static TimestampTz
from_now(int ms)
{
	return GetCurrentTimestamp() + ms * INT64CONST(1000);
}

static void
on_terminate(SIGNAL_ARGS)
{
	int			save_errno = errno;
	bool		waits = MyProc != NULL &&
	(MyProc->waitStatus == PROC_WAIT_STATUS_WAITING || MyProc->syncRepState != SYNC_REP_NOT_WAITING);

	if (terminated || waits || lp_work_in_flight() == 0)
		die(postgres_signal_arg);
	terminated = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

void
lp_leave_init(void)
{
	pqsignal(SIGTERM, on_terminate);
}

void
lp_leave_for_update(void)
{
	if (updated_by == 0)
		updated_by = from_now(lp_leave_finish_ms());
	SetLatch(MyLatch);
}

bool
lp_leave_is_urgent(void)
{
	return terminated;
}

bool
lp_leave_asked(TimestampTz *by)
{
	if (terminated && terminated_by == 0)
		terminated_by = from_now(SIGTERM_MS);
	if (!lp_slot_leaving(by))
		*by = DT_NOEND;
	if (terminated)
		*by = Min(*by, terminated_by);
	if (updated_by != 0)
		*by = Min(*by, updated_by);
	return !TIMESTAMP_IS_NOEND(*by);
}

void
lp_leave(void)
{
	bool		again;

	if (terminated)
	{
		/* in the server's own words */
		ProcDiePending = InterruptPending = true;
		CHECK_FOR_INTERRUPTS();
	}
	if (updated_by != 0)
	{
		lp_slot_publish(LP_WORKER_STOPPED, "starts again: the extension was updated", 0);
		proc_exit(1);
	}
	if (lp_slot_leave(&again))
		proc_exit(again ? 1 : 0);
}

int
lp_leave_finish_ms(void)
{
	return lp_longest_call() + MARGIN_MS;
}
