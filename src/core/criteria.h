/*
 * criteria.h
 *	  What lp_allocate is asked for, read from its arguments.
 */
#ifndef LP_CRITERIA_H
#define LP_CRITERIA_H

#include "utils/jsonb.h"

#include "store/candidates.h"

/*
 * Read an argument (NULL = empty); 22023 names a key that is unknown or has a
 * wrong value, 22032 what is no object.
 */
extern LpCriteria *lp_criteria_read(Jsonb *json);
extern LpOptions *lp_options_read(Jsonb *json);

/*
 * Each criterion of an argument by itself, in the order of the contract; what
 * is null or an empty list is no criterion.
 */
typedef struct LpCriterion
{
	const char *key;
	LpCriteria *criteria;
	bool		reach;			/* says by what a lead is reached */
} LpCriterion;

extern LpCriterion *lp_criteria_each(Jsonb *json, int *n);

#endif							/* LP_CRITERIA_H */
