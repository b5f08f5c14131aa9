/*
 * capture.c
 *	  Capturing stored answers, one after the other, whatever is in them.
 *
 * One transaction an answer.  What fails because of the answer sets it aside;
 * what fails because of somebody's lock is tried again after the others; what
 * fails because of anything else (a full disk) is thrown, and the next turn
 * begins with the next answer.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "util/errors.h"
#include "worker/answers.h"
#include "worker/brief.h"
#include "worker/capture.h"
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

/* Memory may be short for a moment; it is not the third time. */
static bool
is_too_much(int64 call_id, int code)
{
	static int64 last_call_id = 0;
	static int	times;

	if (code != ERRCODE_OUT_OF_MEMORY)
		return false;
	times = call_id == last_call_id ? times + 1 : 1;
	last_call_id = call_id;
	return times >= OUT_OF_MEMORY_TRIES;
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
	lp_worker_begin("setting an answer aside");
	lp_settle_give_up(call_id, later, code);
	lp_worker_commit();
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

bool
lp_capture_next(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile Place place = {0};

	PG_TRY();
	{
		capture_next(&place);
	}
	PG_CATCH();
	{
		int			code = geterrcode();
		bool		passing = lp_brief_is_passing(code);

		if (!passing && place.call_id != 0 &&
			!is_about_the_answer(code) && !is_too_much(place.call_id, code))
		{
			/* the next turn goes on with the others */
			lp_answer_skip(place.call_id, place.later);
			lp_answer_survived(false);
			PG_RE_THROW();
		}
		if (!passing && place.call_id == 0)
			PG_RE_THROW();
		lp_worker_abort(context);
		if (passing)
			skip(&place);
		else
		{
			/* its words may be the person's: the log gets the code alone */
			ereport(LOG,
					errmsg("answer to call " INT64_FORMAT " could not be captured: SQLSTATE %s",
						   place.call_id, unpack_sql_state(code)));
			give_up(place.call_id, place.later, unpack_sql_state(code));
		}
	}
	PG_END_TRY();
	if (place.call_id != 0)
		lp_answer_survived(place.later);
	MemoryContextSwitchTo(context);
	return place.call_id != 0;
}
