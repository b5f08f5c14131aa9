/*
 * candidates.h
 *	  The search in lead_available for what criteria ask for.
 */
#ifndef LP_CANDIDATES_H
#define LP_CANDIDATES_H

#include "datatype/timestamp.h"

#include "core/criteria.h"

typedef struct LpSearch LpSearch;

/* A search, from its beginning. */
extern LpSearch *lp_search_begin(const LpCriteria *criteria, const LpOptions *options,
								 TimestampTz now);

/*
 * The next candidates in order, at most limit; fewer mean the end.  Nothing is
 * locked: whoever takes one locks it and looks again.
 */
extern pg_uuid_t *lp_search_next(LpSearch *search, int limit, int *n);

/*
 * Whether a lead is what criteria ask for, wherever it is: the same conditions
 * as in a search, on what lead_available says or would say.  Of the criteria
 * their channels and email_statuses alone, or all but these.
 */
extern bool lp_search_reaches(const LpCriteria *criteria, const pg_uuid_t *lead_id);
extern bool lp_search_matches(const LpCriteria *criteria, const pg_uuid_t *lead_id);

#endif							/* LP_CANDIDATES_H */
