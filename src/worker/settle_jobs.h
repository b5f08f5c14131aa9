/*
 * settle_jobs.h
 *	  The jobs that an answer is for, and what an answer is.
 */
#ifndef LP_SETTLE_JOBS_H
#define LP_SETTLE_JOBS_H

#include "core/capture.h"
#include "store/jobs.h"

/* One stored answer and what it was asked for. */
typedef struct LpAnswer
{
	int64		call_id;
	bool		later;			/* a webhook brought it */
	char	   *body;
	Jsonb	   *json;			/* NULL: no JSON object */
	bool		shortened;		/* the body is no longer what json says */
	TimestampTz received_at;
	TimestampTz started_at;
	double		reserved;
	double		billed;
	bool		of_people;		/* asked about in bulk */
	int			n_subjects;
	int			ms;
	LpJobKind	kind;
	LpJob	   *jobs;			/* those that wait, then those cancelled */
	int		   *positions;		/* of the jobs in the question, from 0 */
	int			n;				/* jobs that wait */
	int			n_all;
	int			found;			/* jobs whose subject the provider knew */
} LpAnswer;

/* What a capture says about each element. */
typedef struct LpCapturedAll
{
	LpCaptured *elements;
	int			n;
} LpCapturedAll;

/* Reads the jobs of a call, and of which kind they are. */
extern void lp_settle_load_jobs(LpAnswer *answer);

/*
 * Those that wait are done, and all know what was found and what it cost: what
 * was billed is shared by those who were found; if nobody was, by all.
 */
extern void lp_settle_finish_jobs(LpAnswer *answer, const LpCapturedAll *captured, TimestampTz now);

/* All that wait go to one state. */
extern void lp_settle_move_jobs(const LpAnswer *answer, LpJobState to, const char *code,
								const char *error, double reserved, TimestampTz now);

#endif							/* LP_SETTLE_JOBS_H */
