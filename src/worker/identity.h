/*
 * identity.h
 *	  Which database this is: a copy does not send or spend.
 */
#ifndef LP_WORKER_IDENTITY_H
#define LP_WORKER_IDENTITY_H

typedef enum LpIdentity
{
	LP_IDENTITY_OURS,			/* this database may send and spend */
	LP_IDENTITY_NEW,			/* nothing was asked for yet, nor approved */
	LP_IDENTITY_COPY			/* approved elsewhere, or work came with it */
} LpIdentity;

/* All within a call; on a primary only. */

/* The worker's question; it changes nothing. */
extern LpIdentity lp_identity_check(void);

/* An operator says that this database may send and spend. */
extern void lp_identity_approve(void);

/*
 * Work is asked for here: ours, if no database was ever approved.  A restore
 * calls no function, so this is no copy.
 */
extern void lp_identity_adopt(void);

#endif							/* LP_WORKER_IDENTITY_H */
