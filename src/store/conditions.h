/*
 * conditions.h
 *	  A search that is being put together: candidates.c, conditions.c.
 */
#ifndef LP_CONDITIONS_H
#define LP_CONDITIONS_H

#include "lib/stringinfo.h"

#include "store/candidates.h"
#include "store/sql.h"

struct LpSearch
{
	const LpCriteria *criteria;
	const LpOptions *options;
	const char *source;			/* where the rows of lead_available stand */
	const char *terms;			/* and those of lead_terms */
	bool		started;		/* the position below is set */
	Datum		position;		/* score, created_at or md5 of the last row */
	pg_uuid_t	last;

	/* the statement being put together */
	StringInfoData string;
	Oid			types[LP_SQL_MAX_ARGS];
	Datum		values[LP_SQL_MAX_ARGS];
	int			n_args;

	/* parameters common to all statements of the search, by number */
	StringInfoData where;		/* all conditions but place, industry,
								 * position */
	bool		with_terms;
	int			n_common;
};

/* Adds a parameter; its number. */
extern int	lp_search_param(LpSearch *search, Oid type, Datum value);
extern int	lp_search_texts(LpSearch *search, const LpTexts *texts);
extern int	lp_search_terms(LpSearch *search, char kind, const LpTexts *texts);

/* Add conditions: by what a lead can be reached; all else but place, industry. */
extern void lp_where_reach(LpSearch *search);
extern void lp_where_criteria(LpSearch *search);

#endif							/* LP_CONDITIONS_H */
