/*
 * brief.h
 *	  Transactions of the worker that wait for nobody's locks for long.
 */
#ifndef LP_WORKER_BRIEF_H
#define LP_WORKER_BRIEF_H

/* As lp_worker_begin; a lock that is not free soon is 55P03. */
extern void lp_brief_begin(const char *phase);

/* Whether it is for others to end what was in the way. */
extern bool lp_brief_is_passing(int code);

#endif							/* LP_WORKER_BRIEF_H */
