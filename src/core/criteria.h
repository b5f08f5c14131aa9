/*
 * criteria.h
 *	  What lp_allocate is asked for: criteria and options, as structs.
 */
#ifndef LP_CRITERIA_H
#define LP_CRITERIA_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

typedef struct LpTexts
{
	char	  **values;			/* as they are compared */
	int			n;				/* 0 = no such criterion */
} LpTexts;

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
