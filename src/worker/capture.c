/*
 * capture.c
 *	  Capturing stored answers, one after the other, whatever is in them.
 *
 * One transaction an answer.  What fails because of the answer sets it aside;
 * what fails because of somebody's lock is tried again after the others; what
 * fails because of anything else (a full disk) is thrown, the first time, and
 * the next turn goes on with the next answer.  Later failures of the same one
 * are told, not thrown: the pause of the worker after a failure would keep the
 * others waiting, for something that may concern this one alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "util/errors.h"
#include "worker/answers.h"
#include "worker/brief.h"
#include "worker/capture.h"
#include "worker/events.h"
#include "worker/failed.h"
#include "worker/settle.h"
#include "worker/worker.h"

#define OUT_OF_MEMORY_TRIES 3

/* Whether an error is about this answer, and would come again. */
static bool
is_about_the_answer(int code)
{
	switch (ERRCODE_TO_CATEGORY(code))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_INTERNAL_ERROR:
		case ERRCODE_PLPGSQL_ERROR:
		case ERRCODE_TRIGGERED_ACTION_EXCEPTION:
		case ERRCODE_EXTERNAL_ROUTINE_EXCEPTION:
			return true;
		default:
			return code == ERRCODE_LP_TOO_LARGE;
	}
}

/* The answer that is looked at; known to whoever catches an error. */
typedef struct Place
{
	int64		call_id;		/* 0: none */
	bool		later;
} Place;

static void
give_up(int64 call_id, bool later, const char *code)
{
	lp_brief_begin("setting an answer aside");
	lp_settle_give_up(call_id, later, code);
	lp_worker_commit();
	lp_failed_forget(call_id, later);
}

/* Its words may be the person's: the log gets the code alone. */
static void
log_failure(int64 call_id, int code)
{
	ereport(LOG,
			errmsg("answer to call " INT64_FORMAT " could not be captured: SQLSTATE %s",
				   call_id, unpack_sql_state(code)));
}

/* An answer has failed again, for a reason that is not in it. */
static void
tell(int64 call_id, int code)
{
	log_failure(call_id, code);
	lp_worker_event("error", "apollo", 0, unpack_sql_state(code),
					psprintf("the answer to call " INT64_FORMAT " cannot be captured yet; it is tried again",
							 call_id));
}

/*
 * Counts that a worker may have died of an answer, before this one might; true
 * if it is not to be captured any more.
 */
static bool
is_deadly(LpStored *stored)
{
	lp_answer_count_death(stored);
	ForceSyncCommit();
	lp_worker_commit();
	if (stored->deaths < LP_ANSWER_DEATHS)
		return false;
	give_up(stored->call_id, stored->later, LP_ANSWER_DEADLY);
	return true;
}

/* What may throw; in no transaction. */
static void
capture_next(volatile Place *place)
{
	LpStored	stored;
	int64		call_id;

	lp_brief_begin("capturing");
	if (!lp_answer_next(&stored))
	{
		lp_worker_commit();
		return;
	}
	place->later = stored.later;
	place->call_id = call_id = stored.call_id;
	if (lp_answers_are_suspect())
	{
		if (is_deadly(&stored))
			return;
		lp_brief_begin("capturing");

		/*
		 * where a webhook brought another one since, that is for the next
		 * time
		 */
		if (!lp_answer_next(&stored) || stored.call_id != call_id || stored.later != place->later)
		{
			lp_worker_commit();
			return;
		}
	}
	lp_settle(&stored, lp_clock_now());
	/* what a crash takes back is captured again */
	lp_worker_commit_unwaited();
}

/* Passes over an answer that cannot be had now. */
static void
skip(const volatile Place *place)
{
	bool		counted = place->call_id != 0 && lp_answers_are_suspect();

	lp_answer_skip(place->call_id == 0 ? PG_INT64_MAX : place->call_id, place->later);
	if (!counted)
		return;
	lp_worker_begin("passing over an answer");
	lp_answer_forgive(place->call_id, place->later);
	lp_worker_commit();
}

/*
 * What becomes of an answer whose capture failed, in PG_CATCH; false if the
 * error is for the caller.
 */
static bool
handle(const volatile Place *place, int code, MemoryContext context)
{
	bool		hopeless = is_about_the_answer(code);
	bool		first = false;

	if (lp_brief_is_passing(code))
	{
		lp_worker_abort(context);
		skip(place);
		return true;
	}
	if (place->call_id == 0)
		return false;
	/* memory may be short for a moment; it is not the third time */
	if (!hopeless)
		hopeless = lp_failed_add(place->call_id, place->later, code, &first) >= OUT_OF_MEMORY_TRIES &&
			code == ERRCODE_OUT_OF_MEMORY;
	if (first)
	{
		lp_answer_survived(false);
		return false;
	}
	lp_worker_abort(context);
	if (hopeless)
	{
		log_failure(place->call_id, code);
		give_up(place->call_id, place->later, unpack_sql_state(code));
	}
	else
		tell(place->call_id, code);
	return true;
}

bool
lp_capture_next(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Place place = {0};

	PG_TRY();
	{
		capture_next(&place);
		lp_failed_captured(place.call_id, place.later);
	}
	PG_CATCH();
	{
		if (!handle(&place, geterrcode(), context))
			PG_RE_THROW();
	}
	PG_END_TRY();
	if (place.call_id != 0)
		lp_answer_survived(place.later);
	MemoryContextSwitchTo(context);
	return place.call_id != 0;
}
