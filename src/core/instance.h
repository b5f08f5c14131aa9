/*
 * instance.h
 *	  Which database this is: a copy does not send or spend.
 */
#ifndef LP_INSTANCE_H
#define LP_INSTANCE_H

typedef enum LpInstance
{
	LP_INSTANCE_OURS,			/* this database may send and spend */
	LP_INSTANCE_NEW,			/* nothing was asked for yet, nor approved */
	LP_INSTANCE_COPY			/* approved elsewhere, or work came with it */
} LpInstance;

/* All within a call; on a primary only. */

/* The worker's question; it changes nothing. */
extern LpInstance lp_instance_check(void);

/* An operator says that this database may send and spend. */
extern void lp_instance_approve(void);

/*
 * Work is asked for here: ours, if no database was ever approved.  A restore
 * calls no function, so this is no copy.
 */
extern void lp_instance_adopt(void);

#endif							/* LP_INSTANCE_H */
