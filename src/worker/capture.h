/*
 * capture.h
 *	  Capturing stored answers, one after the other, whatever is in them.
 */
#ifndef LP_WORKER_CAPTURE_H
#define LP_WORKER_CAPTURE_H

/*
 * The answer that is next, in a transaction of its own; false if none waits
 * now.  lp_answers_due tells when one that was passed over will.
 */
extern bool lp_capture_next(void);

#endif							/* LP_WORKER_CAPTURE_H */
