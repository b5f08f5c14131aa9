/*
 * events.h
 *	  lead_worker_events: what a worker has to tell an operator.
 */
#ifndef LP_WORKER_EVENTS_H
#define LP_WORKER_EVENTS_H

/*
 * Adds a row: in the transaction that lp_worker_begin opened, if there is one,
 * else in one of its own.  Where lp_worker_events_trim was called, older rows
 * are removed again after a day.
 * level is info, warning or error; provider may be NULL, job_id 0; code is a
 * SQLSTATE or a word.  The message must not have personal data or secrets.
 */
extern void lp_worker_event(const char *level, const char *provider, int64 job_id,
							const char *code, const char *message);

/* Removes rows older than 30 days; in no transaction. */
extern void lp_worker_events_trim(void);

#endif							/* LP_WORKER_EVENTS_H */
