/*
 * jobs.h
 *	  The queue lead_jobs and the states of a job.
 */
#ifndef LP_JOBS_H
#define LP_JOBS_H

#include "datatype/timestamp.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "util/worker_settings.h"

/* Each says what may follow it. */
typedef enum LpJobState
{
	LP_JOB_QUEUED,				/* leased, started, cancelled */
	LP_JOB_LEASED,				/* started, queued, cancelled */
	LP_JOB_STARTED,				/* done, queued, dead, unknown, cancelled */
	LP_JOB_DONE,				/* nothing */
	LP_JOB_DEAD,				/* queued, started (lp_job_retry) */
	LP_JOB_UNKNOWN,				/* done, dead, queued, cancelled */
	LP_JOB_CANCELLED,			/* nothing */
	LP_JOB_STATES
} LpJobState;

/* What a job asks for; the kinds of the providers that the worker speaks to. */
typedef enum LpJobKind
{
	LP_JOB_ENRICH,
	LP_JOB_ENRICH_COMPANY,
	LP_JOB_SEARCH,
	LP_JOB_PHONE_POLL,
	LP_JOB_KINDS
} LpJobKind;

extern const char *lp_job_kind_name(LpJobKind kind);
extern bool lp_job_kind_is_paid(LpJobKind kind);

extern const char *lp_job_state_name(LpJobState state);
extern bool lp_job_may_move(LpJobState from, LpJobState to);

typedef struct LpJob
{
	int64		id;
	ItemPointerData place;		/* of its row, while that is locked */
	int			attempts;		/* with this one, once it is started */
	pg_uuid_t  *lead_id;		/* NULL: not about a lead */
	pg_uuid_t  *request_id;
	char	   *subject;
	Jsonb	   *parameters;
	bool		repeated;		/* its call was, under retry_once */
} LpJob;

/*
 * Due jobs of a kind, first by priority, then by age; their rows are locked and
 * stay queued until lp_jobs_start.
 */
extern LpJob *lp_jobs_take(LpProviderId provider, LpJobKind kind, int most,
						   TimestampTz now, int *n);

/* Starts taken jobs, each as part of a call: the lease begins. */
extern void lp_jobs_start(const LpJob *jobs, const int64 *call_ids,
						  const double *reserved, int n, TimestampTz now);

/* Words of lead_jobs.error_code. */
#define LP_JOB_LEASE_LOST "LP002"	/* its worker lost it */

/* For what a provider did. */
#define LP_JOB_FAILED "LP101"	/* an error */
#define LP_JOB_NONSENSE "LP102" /* no answer that means anything */
#define LP_JOB_TIMEOUT "LP103"

/* Marks in the parameters of a job. */
#define LP_JOB_SOLO "solo"		/* from now on a call of its own */
#define LP_JOB_REPEATED "repeated"	/* retry_once was made use of */

/*
 * One move of one job.  It happens only if the job is still in the attempt
 * (the fence) and in a state from which it may move there.
 */
typedef struct LpJobMove
{
	int64		id;
	int			attempts;		/* -1: whatever the attempt */
	LpJobState	to;
	TimestampTz next_at;		/* of queued; DT_NOEND: as it is */
	bool		uncounted;		/* the attempt does not count */
	const char *mark;			/* LP_JOB_SOLO, LP_JOB_REPEATED; NULL: none */
	int			found;			/* of done: 1, 0; -1 = does not say */
	double		credits;		/* what it cost so far, to add */
	double		reserved;		/* what stays reserved */
	const char *code;
	const char *error;
} LpJobMove;

/*
 * Where a job goes of whose paid call nobody knows whether it was done: it
 * waits for an operator or, if leadpool.unknown_policy says so, is called for
 * once more in its life, at the time that the move says.
 */
extern void lp_job_move_unknown(LpJobMove *move, bool repeated);

/* Moves jobs; returns how many did move. */
extern uint64 lp_jobs_move(const LpJobMove *moves, int n, TimestampTz now);

/* Cancels the open jobs about leads that are erased; returns how many. */
extern int	lp_jobs_erase(const pg_uuid_t *leads, int n, TimestampTz now);

/* Back-off before the next attempt: doubling, with jitter, up to the maximum. */
extern TimestampTz lp_jobs_next_at(int attempts, TimestampTz now);

/* When the next queued job is due; DT_NOEND if none is. */
extern TimestampTz lp_jobs_next_due(LpProviderId provider);

#endif							/* LP_JOBS_H */
