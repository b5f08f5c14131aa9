/*
 * candidates.h
 *	  The search in lead_available for what criteria ask for.
 */
#ifndef LP_CANDIDATES_H
#define LP_CANDIDATES_H

#include "datatype/timestamp.h"

#include "core/criteria.h"

typedef enum LpSearchLock
{
	LP_SEARCH_PLAIN,			/* no lock, no transaction id */
	LP_SEARCH_SKIP_LOCKED,
	LP_SEARCH_WAIT
} LpSearchLock;

typedef struct LpSearch LpSearch;

/* A search, from its beginning. */
extern LpSearch *lp_search_begin(const LpCriteria *criteria, const LpOptions *options,
								 TimestampTz now);

/*
 * The next candidates in order, at most limit; fewer mean the end.  The ids
 * are valid until the caller's context goes.
 */
extern pg_uuid_t *lp_search_next(LpSearch *search, int limit, LpSearchLock lock,
								 int *n);

/* Locks those of these that still match, in the order of the search. */
extern pg_uuid_t *lp_search_recheck(LpSearch *search, const pg_uuid_t *ids, int n,
									int *n_left);

/* How many there are in all, from the beginning and without a lock. */
extern int64 lp_search_count(LpSearch *search);

#endif							/* LP_CANDIDATES_H */
