/*
 * candidates.c
 *	  The search in lead_available for what criteria ask for.
 *
 * The statement is put together from fixed fragments; every value is a
 * parameter.  What it costs must follow what is asked for, not the pool:
 *
 * - keyset paging in the order of an index, with LIMIT;
 * - few countries and industries become one ordered branch each, so that each
 *	 reads its own index range and no more rows than are asked for;
 * - rare criteria (titles, technologies, keywords ...) go through the GIN index
 *	 of lead_terms.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datum.h"

#include "store/available.h"
#include "store/candidates.h"
#include "store/conditions.h"
#include "store/sql.h"
#include "util/settings.h"

#define MAX_BRANCHES 16

/* The platform's cooling, as available.c wants it. */
static int
cooling_param(LpSearch *search)
{
	return lp_search_param(search, INTERVALOID,
						   IntervalPGetDatum(lp_setting_not_interested_cooling()));
}

static LpSearch *
new_search(const LpCriteria *criteria, const LpOptions *options)
{
	LpSearch   *search = palloc0(sizeof(LpSearch));

	search->criteria = criteria;
	search->options = options;
	search->source = "@s@.lead_available";
	search->terms = "@s@.lead_terms";
	if (!lp_available_is_built())
		search->terms = lp_available_terms();
	initStringInfo(&search->string);
	initStringInfo(&search->where);
	return search;
}

LpSearch *
lp_search_begin(const LpCriteria *criteria, const LpOptions *options, TimestampTz now)
{
	LpSearch   *search = new_search(criteria, options);

	if (!lp_available_is_built())
		search->source = lp_available_rows(cooling_param(search));
	appendStringInfo(&search->where, "(a.from_at IS NULL OR a.from_at <= $%d)",
					 lp_search_param(search, TIMESTAMPTZOID, TimestampTzGetDatum(now)));
	lp_where_reach(search);
	lp_where_criteria(search);
	return search;
}

static const char *
position_column(LpSearch *search)
{
	switch (search->options->order)
	{
		case LP_ORDER_SCORE:
			return "a.score";
		case LP_ORDER_NEWEST:
			return "a.created_at";
		default:
			return psprintf("md5(a.lead_id::text || $%d)",
							lp_search_param(search, TEXTOID,
											CStringGetTextDatum(psprintf(INT64_FORMAT, search->options->seed))));
	}
}

/* The parts of the statement that every branch repeats. */
typedef struct Parts
{
	const char *column;			/* that decides the order */
	const char *order;			/* of the columns lead_id, position */
	char	   *after;			/* keyset condition, or empty */
	char	   *tail;			/* ORDER BY, LIMIT */
} Parts;

static char *
keyset(LpSearch *search, const char *column)
{
	bool		ascending = search->options->order == LP_ORDER_RANDOM;
	Oid			type = search->options->order == LP_ORDER_SCORE ? INT2OID :
	search->options->order == LP_ORDER_NEWEST ? TIMESTAMPTZOID : TEXTOID;
	int			position;

	if (!search->started)
		return "";
	position = lp_search_param(search, type, search->position);
	return psprintf(" AND %s %s $%d AND (%s <> $%d OR a.lead_id > $%d)",
					column, ascending ? ">=" : "<=", position, column, position,
					lp_search_param(search, UUIDOID, UUIDPGetDatum(&search->last)));
}

static Parts
make_parts(LpSearch *search, int limit)
{
	Parts		parts;
	const char *direction = search->options->order == LP_ORDER_RANDOM ? "" : " DESC";

	parts.column = position_column(search);
	parts.after = keyset(search, parts.column);
	parts.order = psprintf("2%s, 1", direction);
	parts.tail = psprintf(" ORDER BY %s%s, a.lead_id LIMIT $%d", parts.column, direction,
						  lp_search_param(search, INT8OID, Int64GetDatum(limit)));
	return parts;
}

static void
append_select(LpSearch *search, const Parts *parts, const char *segment)
{
	appendStringInfo(&search->string, "SELECT a.lead_id, %s FROM %s a%s WHERE ",
					 parts->column, search->source,
					 search->with_terms ?
					 psprintf(" JOIN %s t ON t.lead_id = a.lead_id", search->terms) : "");
	appendStringInfo(&search->string, "%s%s%s%s", search->where.data, segment,
					 parts->after, parts->tail);
}

/* One ordered branch of several; the union is merged by the caller's ORDER BY. */
static void
append_branch(LpSearch *search, const Parts *parts, const char *segment)
{
	if (search->string.len > 0)
		appendStringInfoString(&search->string, " UNION ALL ");
	appendStringInfoString(&search->string, "SELECT * FROM (");
	append_select(search, parts, segment);
	appendStringInfo(&search->string, ") b%d", search->string.len);
}

/* The further industries of a lead stand in lead_terms only. */
static char *
more_industries(LpSearch *search, const char *place, int industry_param)
{
	return psprintf("%s AND a.more_industries"
					" AND (a.industry IS NULL OR a.industry <> ALL ($%d))"
					" AND EXISTS (SELECT FROM %s x"
					" WHERE x.lead_id = a.lead_id AND x.terms && $%d)",
					place, industry_param, search->terms,
					lp_search_terms(search, 'j', &search->criteria->industries));
}

static void
append_segments(LpSearch *search, const Parts *parts)
{
	const LpTexts *countries = &search->criteria->countries;
	const LpTexts *industries = &search->criteria->industries;
	int			n_countries = Max(countries->n, 1);
	int			n_branches = n_countries * Max(industries->n, 1);
	char	   *place = "";
	int			country_param = 0;
	int			industry_param = 0;

	if (countries->n > 0)
	{
		country_param = lp_search_texts(search, countries);
		place = psprintf(" AND a.country_code = ANY ($%d)", country_param);
	}
	if (industries->n > 0)
		industry_param = lp_search_texts(search, industries);
	if (n_branches <= MAX_BRANCHES && (countries->n > 0 || industries->n > 0))
	{
		for (int i = 0; i < n_branches; i++)
		{
			StringInfoData segment;

			initStringInfo(&segment);
			if (countries->n > 0)
				appendStringInfo(&segment, " AND a.country_code = ($%d)[%d]",
								 country_param, i % n_countries + 1);
			if (industries->n > 0)
				appendStringInfo(&segment, " AND a.industry = ($%d)[%d]",
								 industry_param, i / n_countries + 1);
			append_branch(search, parts, segment.data);
		}
	}
	else if (industries->n > 0)
		append_branch(search, parts,
					  psprintf("%s AND a.industry = ANY ($%d)", place, industry_param));
	else
		append_branch(search, parts, place);
	if (industries->n > 0)
		append_branch(search, parts, more_industries(search, place, industry_param));
}

static void
start_statement(LpSearch *search)
{
	resetStringInfo(&search->string);
	search->n_args = search->n_common;
}

/* Runs what was put together; the ids in order. */
static pg_uuid_t *
run(LpSearch *search, const Parts *parts, int limit, int *n)
{
	char	   *string = psprintf("SELECT * FROM (%s) u(lead_id, position) ORDER BY %s LIMIT %d",
								  search->string.data, parts->order, limit);
	pg_uuid_t  *ids;

	*n = lp_sql_run_once(string, search->n_args, search->types, search->values, NULL);
	ids = palloc(sizeof(pg_uuid_t) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = *DatumGetUUIDP(lp_col(i, 1));
	return ids;
}

pg_uuid_t *
lp_search_next(LpSearch *search, int limit, int *n)
{
	Parts		parts;
	pg_uuid_t  *ids;

	start_statement(search);
	parts = make_parts(search, limit);
	append_segments(search, &parts);
	ids = run(search, &parts, limit, n);
	if (*n > 0)
	{
		Datum		position = lp_col(*n - 1, 2);

		search->started = true;
		search->last = ids[*n - 1];
		search->position = search->options->order == LP_ORDER_RANDOM ?
			datumCopy(position, false, -1) : position;
	}
	return ids;
}

/* Whether the search finds anything. */
static bool
finds(LpSearch *search)
{
	Parts		parts = {"a.lead_id", "1", "", ""};

	start_statement(search);
	append_segments(search, &parts);
	return lp_sql_run_once(psprintf("SELECT 1 FROM (%s) u LIMIT 1", search->string.data),
						   search->n_args, search->types, search->values, NULL) > 0;
}

/* A search among what lead_available says, or would say, of one lead. */
static LpSearch *
search_one(const LpCriteria *criteria, const pg_uuid_t *lead_id)
{
	LpSearch   *search = new_search(criteria, NULL);
	int			lead = lp_search_param(search, UUIDOID, UUIDPGetDatum(lead_id));

	search->source = lp_available_row(lead, cooling_param(search));
	appendStringInfoString(&search->where, "true");
	return search;
}

bool
lp_search_reaches(const LpCriteria *criteria, const pg_uuid_t *lead_id)
{
	LpCriteria	none = {.channels = criteria->channels,
	.email_statuses = criteria->email_statuses};
	LpSearch   *search = search_one(criteria, lead_id);

	lp_where_reach(search);
	search->n_common = search->n_args;
	search->criteria = &none;
	return finds(search);
}

bool
lp_search_matches(const LpCriteria *criteria, const pg_uuid_t *lead_id)
{
	LpSearch   *search = search_one(criteria, lead_id);

	lp_where_criteria(search);
	return finds(search);
}
