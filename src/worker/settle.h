/*
 * settle.h
 *	  From a stored answer to leads, money and jobs that are done.
 */
#ifndef LP_SETTLE_H
#define LP_SETTLE_H

/*
 * Settles the oldest stored answer in a transaction of its own; false if none
 * waits.  An answer that cannot be captured is set aside with the reason and
 * holds up nothing else.
 */
extern bool lp_settle_next(void);

#endif							/* LP_SETTLE_H */
