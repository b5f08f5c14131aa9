/*
 * candidates.h
 *	  The search in lead_available for what criteria ask for.
 */
#ifndef LP_CANDIDATES_H
#define LP_CANDIDATES_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef struct LpTexts
{
	char	  **values;			/* as they are compared */
	int			n;				/* 0 = no such criterion */
} LpTexts;

/* What is asked for; core/criteria.c reads it from arguments. */
typedef struct LpCriteria
{
	LpTexts		industries;
	LpTexts		exclude_industries;
	LpTexts		titles;
	LpTexts		seniorities;
	LpTexts		departments;
	LpTexts		countries;
	LpTexts		states;
	LpTexts		cities;
	LpTexts		technologies;
	LpTexts		technologies_all;
	LpTexts		keywords;
	LpTexts		domains;
	LpTexts		exclude_domains;
	LpTexts		email_statuses; /* never empty: "verified" by default */
	LpTexts		sources;
	int			channels;		/* bits 1 << LpChannel, never 0 */
	int64		employees_min;	/* -1 = none, likewise below */
	int64		employees_max;
	double		revenue_min;
	double		revenue_max;
	int			min_score;
	int			has_phone;		/* -1 = no matter, 0, 1 */
	int			has_linkedin;
	pg_uuid_t  *ingestion_id;	/* NULL = none */
} LpCriteria;

typedef enum LpOrder
{
	LP_ORDER_SCORE,
	LP_ORDER_NEWEST,
	LP_ORDER_RANDOM
} LpOrder;

typedef struct LpOptions
{
	bool		dry_run;
	LpOrder		order;
	int64		seed;
	int64		per_company_max;	/* -1 = none */
	bool		enrich_on_shortage;
	char	   *request_key;	/* NULL = none */
} LpOptions;

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
