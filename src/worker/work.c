/*
 * work.c
 *	  One turn of the worker: store how calls ended, start new ones, capture what
 *	  came, fill requests.
 *
 * Calls go on in the engine's own thread.  No transaction is open while the turn
 * waits for them, and no step takes longer than SLICE between two looks at what
 * has ended, so a slow answer or a long queue delays nothing else.  What has
 * ended is stored when there is enough of it, or when it has waited for
 * STORE_AFTER; new calls start as others end.  The order is the order of worth:
 * what was paid for is stored before anything is captured.
 *
 * A turn may throw (the database refuses, a disk is full).  Ended calls stay in
 * memory until they are stored, so nothing is lost by trying again.  Storing
 * answers and starting calls wait for the disk once, together.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "worker/answers.h"
#include "worker/calls.h"
#include "worker/capture.h"
#include "worker/flight.h"
#include "worker/keep.h"
#include "worker/keys.h"
#include "worker/rates.h"
#include "worker/start.h"
#include "worker/sweep.h"
#include "worker/work.h"
#include "worker/worker.h"

#define STORE_MANY 200
#define STORE_AFTER (50 * 1000L)	/* us */
#define SLICE (40 * 1000L)		/* us of one step */
#define SLICE_BETWEEN_CALLS (2 * 1000L)
#define CAPTURE_EVERY (200 * 1000L) /* even while answers pour in */
#define FINISH_SLICE (20 * 1000L)	/* while somebody waits for the worker to
									 * end */

static struct
{
	MemoryContext turn;			/* reset after each */
	bool		may_capture;	/* answers may wait */
	TimestampTz captured_at;	/* when one was looked for last */
	bool		in_turn;		/* still set when a turn begins: the last
								 * failed */
	TimestampTz find_lost_at;	/* after a failed turn; 0: not */
	TimestampTz recover_at;		/* what somebody held then; 0: nothing */
	bool		may_fill;		/* a sweep over requests is under way */
	bool		arrived;		/* what a sweep should see came since it began */
	TimestampTz fill_at;		/* when to look at them anyway */
} work;

void
lp_work_begin(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	if (work.turn == NULL)
		work.turn = AllocSetContextCreate(TopMemoryContext, "leadpool work", ALLOCSET_DEFAULT_SIZES);
	lp_flight_configure();
	lp_start_begin();
	lp_worker_begin("recovering");
	work.recover_at = lp_calls_recover(lp_clock_now()) ? 0 : GetCurrentTimestamp() + LP_HELD_PAUSE;
	lp_rates_load(GetCurrentTimestamp());
	lp_worker_commit();
	lp_work_wake();
	MemoryContextSwitchTo(old);
}

void
lp_work_wake(void)
{
	lp_start_from(0);
	work.may_capture = work.arrived = true;
}

void
lp_work_reload(void)
{
	lp_flight_configure();
	lp_rates_forgive();
	lp_keys_forget_time();
	lp_work_wake();
}

int
lp_work_in_flight(void)
{
	return lp_flight_all() + lp_flight_ended();
}

static bool
is_time_to_store(TimestampTz now)
{
	if (lp_keep_due() <= now)
		return true;
	return lp_flight_fresh() > 0 &&
		(lp_flight_fresh() >= STORE_MANY || lp_flight_all() == 0 ||
		 now >= lp_flight_fresh_since() + STORE_AFTER);
}

static void
store(void)
{
	if (!lp_keep_ended())
		return;
	work.may_capture = true;
	work.arrived = work.arrived || lp_sweep_wants_leads();
	lp_start_from(GetCurrentTimestamp());
}

/* Captures stored answers for as long as the calls in flight can be left. */
static void
capture(TimestampTz started)
{
	TimestampTz until = started + (lp_flight_all() > 0 ? SLICE_BETWEEN_CALLS : SLICE);

	while (work.may_capture && GetCurrentTimestamp() < until)
	{
		work.may_capture = lp_capture_next();
		work.arrived = work.arrived || (work.may_capture && lp_sweep_wants_leads());
		/* what was no answer may be asked for again */
		if (work.may_capture)
			lp_start_from(GetCurrentTimestamp());

		MemoryContextReset(work.turn);
	}
	work.captured_at = GetCurrentTimestamp();
}

/*
 * Waits for answers, not beyond what else is due: for the next, or, where some
 * are here and calls will follow them soon anyway, for more.
 */
static void
wait_for_answers(TimestampTz most)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until = Min(Min(now + most, lp_answers_due()), lp_start_worth_at(now));
	int			enough = 1;

	until = Min(until, lp_keep_due());
	if (lp_flight_fresh() > 0)
	{
		until = Min(until, lp_flight_fresh_since() + STORE_AFTER);
		enough = lp_start_wants();
	}
	lp_flight_wait(TimestampDifferenceMilliseconds(now, Max(now, until)), enough);
}

/* Waits for calls, and stores those that ended; true if none did. */
static bool
go_on(TimestampTz most)
{
	bool		quiet;

	wait_for_answers(most);
	quiet = lp_flight_collect(GetCurrentTimestamp()) == 0;
	if (is_time_to_store(GetCurrentTimestamp()))
		store();
	return quiet;
}

/* Requests are looked at once all answers are captured. */
static void
fill_requests(void)
{
	if (work.may_capture ||
		(!work.may_fill && !work.arrived && GetCurrentTimestamp() < work.fill_at))
		return;
	if (!work.may_fill)
		work.arrived = false;
	work.fill_at = lp_sweep_step();
	work.may_fill = work.fill_at == 0;
	lp_start_from(0);
}

/* What an earlier worker left, and somebody held when this one began. */
static void
recover_rest(TimestampTz now)
{
	bool		done;

	if (work.recover_at == 0 || now < work.recover_at)
		return;
	lp_worker_begin("recovering");
	done = lp_calls_recover_rest(lp_clock_now());
	lp_worker_commit();
	work.recover_at = done ? 0 : now + LP_HELD_PAUSE;
}

/* What a turn that failed may have left behind. */
static void
clean_up(TimestampTz now)
{
	bool		done;

	if (work.in_turn)
		work.find_lost_at = now + (lp_job_lease + 1) * USECS_PER_SEC;
	work.in_turn = true;

	lp_start_settle();
	if (work.find_lost_at == 0 || now < work.find_lost_at)
		return;
	/* whose answer is here is not lost */
	lp_flight_wait(0, 1);
	(void) lp_flight_collect(now);
	lp_worker_begin("looking for lost calls");
	done = lp_calls_find_lost(lp_flight_answers(), lp_flight_ended(), lp_clock_now());
	lp_worker_commit();
	work.find_lost_at = done ? 0 : now + LP_HELD_PAUSE;
}

LpTurn
lp_work_turn(void)
{
	LpTurn		turn;
	bool		quiet;

	MemoryContextSwitchTo(work.turn);
	MemoryContextReset(work.turn);
	lp_keep_flush();
	clean_up(GetCurrentTimestamp());
	recover_rest(GetCurrentTimestamp());
	lp_start_probe();
	quiet = go_on(work.may_capture || work.may_fill || work.arrived ? 0 : LP_LOOK_EVERY);
	/* what may end the worker comes before what would be lost with it */
	if (lp_start_due() <= GetCurrentTimestamp() && !lp_answers_are_suspect())
	{
		lp_start_calls(GetCurrentTimestamp());
		/* what the engine refused has ended already */
		(void) lp_flight_collect(GetCurrentTimestamp());
	}
	lp_keep_flush();
	work.may_capture = work.may_capture || lp_answers_due() <= GetCurrentTimestamp() ||
		work.captured_at + LP_LOOK_EVERY <= GetCurrentTimestamp();

	if (quiet || work.captured_at + CAPTURE_EVERY <= GetCurrentTimestamp())
		capture(GetCurrentTimestamp());
	fill_requests();
	turn.busy = lp_flight_all() > 0 || lp_flight_fresh() > 0 || work.may_capture || work.may_fill || work.arrived ||
		lp_start_due() <= GetCurrentTimestamp();

	turn.next_due = Min(Min(lp_start_due(), work.fill_at), Min(lp_answers_due(), lp_keep_due()));
	if (work.find_lost_at != 0)
		turn.next_due = Min(turn.next_due, work.find_lost_at);
	if (work.recover_at != 0)
		turn.next_due = Min(turn.next_due, work.recover_at);
	work.in_turn = false;
	return turn;
}

void
lp_work_save(void)
{
	MemoryContextSwitchTo(work.turn);
	MemoryContextReset(work.turn);
	lp_flight_wait(0, 1);
	(void) lp_flight_collect(GetCurrentTimestamp());
	if (lp_flight_ended() > 0)
		store();
	lp_keep_flush();
}

void
lp_work_paused(void)
{
	MemoryContextSwitchTo(work.turn);
	MemoryContextReset(work.turn);
	(void) go_on(FINISH_SLICE);
	lp_keep_flush();
}
