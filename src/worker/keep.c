/*
 * keep.c
 *	  Storing how calls ended, whatever others hold.
 *
 * Complete answers come first, in transactions of their own, some of them at a
 * time: they were paid for, they touch nothing that anybody else may hold, and
 * what has been stored is not stored again whatever happens to the rest.
 *
 * The other endings change rows of jobs, which somebody's open transaction may
 * hold (lp_job_cancel, lp_forget).  They are not waited for: the call stays
 * here, as a whole, and is tried again after a moment, while everything else
 * goes on.  What its jobs, its money and the ledger say until then, that it is
 * under way, is what the next worker finds should this one end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "worker/brief.h"
#include "worker/flight.h"
#include "worker/keep.h"
#include "worker/leave.h"
#include "worker/rates.h"
#include "worker/worker.h"

static XLogRecPtr stored_up_to = InvalidXLogRecPtr; /* and may not be on disk
													 * yet */
static TimestampTz held_until = 0;	/* 0: nothing is held */

/* What is marked is stored once this returns. */
static void
commit(void)
{
	lp_worker_commit_unwaited();
	stored_up_to = XactLastCommitEnd;
	lp_flight_release();
}

/* False: somebody held what all of them need. */
static bool
end_others(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = true;

	PG_TRY();
	{
		lp_brief_begin("storing how calls ended");
		lp_calls_end(lp_flight_answers(), lp_flight_ended(), lp_clock_now());
		lp_rates_save(GetCurrentTimestamp());
		commit();
	}
	PG_CATCH();
	{
		if (!lp_brief_is_passing(geterrcode()))
			PG_RE_THROW();
		lp_worker_abort(context);
		done = false;
	}
	PG_END_TRY();
	return done;
}

bool
lp_keep_ended(void)
{
	int			before = lp_flight_ended();

	while (lp_calls_choose(lp_flight_answers(), lp_flight_ended()))
	{
		lp_worker_begin("storing answers");
		lp_calls_keep(lp_flight_answers(), lp_flight_ended(), lp_clock_now());
		commit();
	}
	if (held_until <= GetCurrentTimestamp())
	{
		bool		done = (lp_flight_ended() == 0 && !lp_rates_are_new()) || end_others();

		held_until = done && lp_flight_ended() == 0 ? 0 : GetCurrentTimestamp() + LP_HELD_PAUSE;
	}
	lp_flight_hold();
	return lp_flight_ended() < before;
}

void
lp_keep_flush(void)
{
	if (stored_up_to == InvalidXLogRecPtr)
		return;
	XLogFlush(stored_up_to);
	if (!lp_leave_is_urgent())
	{
		HOLD_INTERRUPTS();
		SyncRepWaitForLSN(stored_up_to, true);
		RESUME_INTERRUPTS();
	}
	stored_up_to = InvalidXLogRecPtr;
}

TimestampTz
lp_keep_due(void)
{
	return held_until == 0 ? DT_NOEND : held_until;
}
