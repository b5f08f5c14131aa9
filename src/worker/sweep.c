/*
 * sweep.c
 *	  Over all waiting requests, from the oldest to the newest.
 *
 * A step is one request and one transaction.  A request that fails is reported,
 * and the sweep goes on with the next.  Locks are waited for only shortly:
 * calls may be under way.  A sweep may cost much where many wait, so there is a
 * rest after it, however often leads arrive.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "util/clock.h"
#include "util/uuid.h"
#include "util/wake.h"
#include "worker/brief.h"
#include "worker/events.h"
#include "worker/requests.h"
#include "worker/sweep.h"
#include "worker/webhooks.h"
#include "worker/worker.h"

#define RETRY_AFTER USECS_PER_SEC	/* what another transaction held */
#define REST 4					/* after a sweep, of the time that it took */
#define REPORTS 32				/* failures remembered, so as to tell each
								 * once */

static struct
{
	bool		begun;
	bool		reopened;
	TimestampTz begun_at;
	LpRequestPlace place;		/* of the last request looked at */
	bool		any;			/* a request waits */
	bool		retry;			/* somebody held what one of them needs */
}			sweep = {0};

static TimestampTz not_before = 0;	/* the next sweep */

static struct
{
	pg_uuid_t	id;
	int			code;
}			reported[REPORTS];
static int	reports = 0;

/* True if this request's failure was not told before. */
static bool
is_news(const pg_uuid_t *id, int code)
{
	for (int i = 0; i < Min(reports, REPORTS); i++)
		if (reported[i].code == code && lp_uuid_equal(&reported[i].id, id))
			return false;
	reported[reports % REPORTS].id = *id;
	reported[reports++ % REPORTS].code = code;
	return true;
}

/* Criteria that cannot be read will not get better: somebody has to look. */
static void
report(const pg_uuid_t *id, int code)
{
	bool		for_good = ERRCODE_TO_CATEGORY(code) == ERRCODE_DATA_EXCEPTION;

	if (!for_good && !is_news(id, code))
		return;
	lp_worker_begin("reporting");
	if (for_good)
		lp_requests_stop(id, "operator", lp_clock_now());
	lp_worker_event("error", NULL, 0, unpack_sql_state(code),
					psprintf("request %s could not be filled%s", lp_uuid_text(id),
							 for_good ? ", and is stopped" : ""));
	lp_worker_commit();
	ereport(LOG,
			errcode(code),
			errmsg("leadpool worker could not fill request %s: %s",
				   lp_uuid_text(id), unpack_sql_state(code)));
}

/* Two may fill the same; one comes again. */
static bool
is_passing(int code)
{
	return code == ERRCODE_UNIQUE_VIOLATION || lp_brief_is_passing(code);
}

/*
 * Money again: those that stopped for lack of it go on.  Before that, what was
 * kept back for nothing is money again.
 */
static void
reopen(void)
{
	sweep.reopened = true;
	lp_brief_begin("forgetting webhooks");
	sweep.retry = lp_webhooks_expire(lp_clock_now());
	lp_worker_commit();
	lp_brief_begin("looking at requests");
	if (lp_requests_may_be_paid(lp_clock_now()))
		lp_requests_reopen("budget", NULL, lp_clock_now());
	lp_worker_commit();
}

/* False: it was the last request. */
static bool
look_at_next(volatile bool *found)
{
	LpRequestPlace place = sweep.place;

	lp_brief_begin("filling requests");
	*found = lp_requests_next(&place);
	if (*found)
	{
		LpRequestPlace before = sweep.place;

		sweep.any = true;
		sweep.place = place;
		if (lp_requests_go_on(&place, &sweep.retry))
			sweep.place = before;
	}
	lp_worker_commit();
	return *found;
}

/* One request; false at the end of the sweep. */
static bool
step(void)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool found = false;
	volatile bool more = true;

	PG_TRY();
	{
		if (!sweep.reopened)
			reopen();
		else
			more = look_at_next(&found);
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (!found && !is_passing(code))
			PG_RE_THROW();
		lp_worker_abort(context);
		if (is_passing(code))
			sweep.retry = true;
		else
			report(&sweep.place.id, code);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return more;
}

static void
start(TimestampTz now)
{
	memset(&sweep, 0, sizeof(sweep));
	sweep.begun = true;
	sweep.begun_at = now;
	sweep.place.created_at = DT_NOBEGIN;
	/* before it is looked who waits, so that no lead slips through */
	lp_wake_want_leads(true);
}

TimestampTz
lp_sweep_step(void)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!sweep.begun)
	{
		if (now < not_before && not_before < now + LP_LOOK_EVERY)
			return not_before;
		start(now);
	}
	if (step())
		return 0;
	sweep.begun = false;
	now = GetCurrentTimestamp();
	not_before = now + REST * (now - sweep.begun_at);
	lp_wake_want_leads(sweep.any);
	return sweep.retry ? Max(now + RETRY_AFTER, not_before) : now + LP_LOOK_EVERY;
}

bool
lp_sweep_wants_leads(void)
{
	return sweep.begun || sweep.any;
}
