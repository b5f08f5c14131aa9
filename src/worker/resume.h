/*
 * resume.h
 *	  Answers that were set aside, to be captured again.
 */
#ifndef LP_WORKER_RESUME_H
#define LP_WORKER_RESUME_H

#include "datatype/timestamp.h"

/*
 * In a transaction: the answers to calls that could not be captured wait to be
 * captured again, and the dead jobs of those calls are started.  A call of 0 is
 * none.  Returns how many answers there are.
 */
extern int	lp_resume(const int64 *call_ids, int n, TimestampTz now);

#endif							/* LP_WORKER_RESUME_H */
