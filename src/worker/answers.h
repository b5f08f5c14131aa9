/*
 * answers.h
 *	  Stored answers that wait to be captured, and which is next.
 */
#ifndef LP_WORKER_ANSWERS_H
#define LP_WORKER_ANSWERS_H

#include "datatype/timestamp.h"

/* So many workers may have died of an answer before it is set aside. */
#define LP_ANSWER_DEATHS 3

/* Why such an answer was set aside. */
#define LP_ANSWER_DEADLY "deadly"

/* One stored answer, with its call. */
typedef struct LpStored
{
	int64		call_id;
	bool		later;			/* a webhook brought it */
	char	   *body;			/* ends with NUL, beyond its length */
	size_t		length;
	TimestampTz received_at;
	TimestampTz started_at;		/* of the call, likewise below */
	double		reserved;
	char	   *endpoint;
	int			n_subjects;
	int			ms;				/* that the call took */
	int			deaths;			/* of workers, as far as they are counted */
} LpStored;

/*
 * When a worker begins: if answers wait, an earlier one may have died of the
 * first of them.
 */
extern void lp_answers_suspect(void);

/* In a transaction: the answer that is next, locked; false if none waits now. */
extern bool lp_answer_next(LpStored *answer);

/* Whether the worker before may have died of what is captured next. */
extern bool lp_answers_are_suspect(void);

/* In a transaction: counts that, or takes it back. */
extern void lp_answer_count_death(LpStored *answer);
extern void lp_answer_forgive(int64 call_id, bool later);

/* An answer was looked at, and the worker lives. */
extern void lp_answer_survived(bool later);

/* Passes over all answers up to one until the others have been looked at. */
extern void lp_answer_skip(int64 call_id, bool later);

/* In a transaction. */
extern void lp_answer_drop(int64 call_id, bool later);
extern void lp_answer_set_aside(int64 call_id, bool later, const char *error);

/* When to look at those again that were passed over; DT_NOEND: there are none. */
extern TimestampTz lp_answers_due(void);

#endif							/* LP_WORKER_ANSWERS_H */
