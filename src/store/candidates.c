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

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "store/available.h"
#include "store/candidates.h"
#include "store/sql.h"
#include "util/channel.h"
#include "util/settings.h"
#include "util/terms.h"

#define MAX_BRANCHES 16

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

static int
param(LpSearch *search, Oid type, Datum value)
{
	Assert(search->n_args < LP_SQL_MAX_ARGS);
	search->types[search->n_args] = type;
	search->values[search->n_args] = value;
	return ++search->n_args;
}

static int
texts_param(LpSearch *search, const LpTexts *texts)
{
	return param(search, TEXTARRAYOID, lp_array_of_texts(texts->values, texts->n));
}

static int
terms_param(LpSearch *search, char kind, const LpTexts *texts)
{
	char	  **terms = palloc(sizeof(char *) * texts->n);

	for (int i = 0; i < texts->n; i++)
		terms[i] = lp_term(kind, texts->values[i]);
	return param(search, TEXTARRAYOID, lp_array_of_texts(terms, texts->n));
}

/* "AND column = ANY (list)", if the criterion is given. */
static void
where_any(LpSearch *search, const char *column, const LpTexts *texts)
{
	if (texts->n > 0)
		appendStringInfo(&search->where, " AND %s = ANY ($%d)", column,
						 texts_param(search, texts));
}

static void
where_terms(LpSearch *search, char kind, const LpTexts *texts, const char *operator)
{
	if (texts->n == 0)
		return;
	search->with_terms = true;
	appendStringInfo(&search->where, " AND t.terms %s $%d", operator,
					 terms_param(search, kind, texts));
}

/* The words of a title, and the pattern that finds them in order. */
static List *
title_words(const char *title, StringInfo pattern)
{
	List	   *words = lp_term_words(title);
	ListCell   *cell;

	appendStringInfoChar(pattern, '%');
	foreach(cell, words)
		appendStringInfo(pattern, " %s %%", (char *) lfirst(cell));
	return words;
}

/*
 * All words of an entry, as whole words, in order: the words by the index,
 * the order by a pattern over the title, which one word does not need.
 */
static void
where_titles(LpSearch *search)
{
	const LpTexts *titles = &search->criteria->titles;
	char	  **patterns = palloc(sizeof(char *) * titles->n);
	bool		recheck = false;

	if (titles->n == 0)
		return;
	search->with_terms = true;
	appendStringInfoString(&search->where, " AND (false");
	if (titles->n > 8)			/* too many parameters: any first word will do */
	{
		LpTexts		firsts = {palloc(sizeof(char *) * titles->n), 0};

		for (int i = 0; i < titles->n; i++)
		{
			StringInfoData pattern;
			List	   *words;

			initStringInfo(&pattern);
			words = title_words(titles->values[i], &pattern);
			patterns[i] = pattern.data;
			if (words != NIL)
				firsts.values[firsts.n++] = linitial(words);
			else
				patterns[i] = "";
		}
		recheck = true;
		if (firsts.n > 0)
			appendStringInfo(&search->where, " OR t.terms && $%d",
							 terms_param(search, 'w', &firsts));
	}
	else
		for (int i = 0; i < titles->n; i++)
		{
			LpTexts		words = {palloc(sizeof(char *) * (strlen(titles->values[i]) + 1)), 0};
			StringInfoData pattern;
			ListCell   *cell;

			initStringInfo(&pattern);
			foreach(cell, title_words(titles->values[i], &pattern))
				words.values[words.n++] = lfirst(cell);
			patterns[i] = words.n > 0 ? pattern.data : "";
			recheck |= words.n > 1;
			if (words.n > 0)
				appendStringInfo(&search->where, " OR t.terms @> $%d",
								 terms_param(search, 'w', &words));
		}
	appendStringInfoChar(&search->where, ')');
	if (recheck)
	{
		LpTexts		list = {patterns, titles->n};

		/* a scalar subquery, so that only what the words left is looked at */
		appendStringInfo(&search->where, " AND (SELECT " LP_TITLE_WORDS("p.title")
						 " FROM @s@.lead_pool p WHERE p.id = a.lead_id) LIKE ANY ($%d)",
						 texts_param(search, &list));
	}
}

static void
where_reach(LpSearch *search)
{
	const LpCriteria *criteria = search->criteria;
	int			email = LP_CHANNEL_BIT(LP_CHANNEL_EMAIL);
	int			others = criteria->channels & ~email;

	if (criteria->channels & email)
	{
		int			statuses = texts_param(search, &criteria->email_statuses);

		if (others == 0)
			appendStringInfo(&search->where, " AND a.email_status = ANY ($%d)", statuses);
		else
			appendStringInfo(&search->where,
							 " AND (a.email_status = ANY ($%d) OR a.channels & $%d <> 0)",
							 statuses, param(search, INT4OID, Int32GetDatum(others)));
	}
	else
		appendStringInfo(&search->where, " AND a.channels & $%d <> 0",
						 param(search, INT4OID, Int32GetDatum(others)));
}

static void
where_numbers(LpSearch *search)
{
	const LpCriteria *criteria = search->criteria;

	if (criteria->employees_min >= 0)
		appendStringInfo(&search->where, " AND a.employees >= $%d",
						 param(search, INT8OID, Int64GetDatum(criteria->employees_min)));
	if (criteria->employees_max >= 0)
		appendStringInfo(&search->where, " AND a.employees <= $%d",
						 param(search, INT8OID, Int64GetDatum(criteria->employees_max)));
	if (criteria->revenue_min >= 0)
		appendStringInfo(&search->where, " AND a.revenue >= $%d",
						 param(search, FLOAT8OID, Float8GetDatum(criteria->revenue_min)));
	if (criteria->revenue_max >= 0)
		appendStringInfo(&search->where, " AND a.revenue <= $%d",
						 param(search, FLOAT8OID, Float8GetDatum(criteria->revenue_max)));
	if (criteria->min_score >= 0)
		appendStringInfo(&search->where, " AND a.score >= $%d",
						 param(search, INT4OID, Int32GetDatum(criteria->min_score)));
	if (criteria->has_phone >= 0)
		appendStringInfo(&search->where, " AND %sa.has_phone",
						 criteria->has_phone ? "" : "NOT ");
	if (criteria->has_linkedin >= 0)
		appendStringInfo(&search->where, " AND %sa.has_linkedin",
						 criteria->has_linkedin ? "" : "NOT ");
}

/* What must not be; unknown passes. */
static void
where_not(LpSearch *search)
{
	const LpCriteria *criteria = search->criteria;

	if (criteria->exclude_industries.n > 0)
		appendStringInfo(&search->where,
						 " AND (a.industry IS NULL OR a.industry <> ALL ($%d))"
						 " AND NOT (a.more_industries AND EXISTS (SELECT FROM %s x"
						 " WHERE x.lead_id = a.lead_id AND x.terms && $%d))",
						 texts_param(search, &criteria->exclude_industries), search->terms,
						 terms_param(search, 'i', &criteria->exclude_industries));
	if (criteria->exclude_domains.n > 0)
		appendStringInfo(&search->where,
						 " AND (a.domain IS NULL OR NOT EXISTS (SELECT FROM unnest($%d) x(d)"
						 " WHERE a.domain = x.d OR right(a.domain, length(x.d) + 1) = '.' || x.d))",
						 texts_param(search, &criteria->exclude_domains));
}

/* Leads that an ingestion put into the pool; none before there are any. */
static void
where_ingestion(LpSearch *search)
{
	if (search->criteria->ingestion_id == NULL)
		return;
	if (!OidIsValid(get_relname_relid("lead_ingestion_rows", lp_schema())))
		appendStringInfoString(&search->where, " AND false");
	else
		appendStringInfo(&search->where,
						 " AND EXISTS (SELECT FROM @s@.lead_ingestion_rows i"
						 " WHERE i.ingestion_id = $%d AND i.lead_id = a.lead_id)",
						 param(search, UUIDOID, UUIDPGetDatum(search->criteria->ingestion_id)));
}

/* All conditions but place, industry and reach. */
static void
where_criteria(LpSearch *search)
{
	const LpCriteria *criteria = search->criteria;

	where_any(search, "a.seniority", &criteria->seniorities);
	where_any(search, "a.region", &criteria->states);
	where_any(search, "a.city", &criteria->cities);
	where_any(search, "a.domain", &criteria->domains);
	where_numbers(search);
	where_not(search);
	where_titles(search);
	where_terms(search, 'd', &criteria->departments, "&&");
	where_terms(search, 't', &criteria->technologies, "&&");
	where_terms(search, 't', &criteria->technologies_all, "@>");
	where_terms(search, 'k', &criteria->keywords, "&&");
	where_terms(search, 's', &criteria->sources, "&&");
	where_ingestion(search);
	search->n_common = search->n_args;
}

/* The platform's cooling, as available.c wants it. */
static int
cooling_param(LpSearch *search)
{
	return param(search, INTERVALOID,
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
					 param(search, TIMESTAMPTZOID, TimestampTzGetDatum(now)));
	where_reach(search);
	where_criteria(search);
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
							param(search, TEXTOID,
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
	position = param(search, type, search->position);
	return psprintf(" AND %s %s $%d AND (%s <> $%d OR a.lead_id > $%d)",
					column, ascending ? ">=" : "<=", position, column, position,
					param(search, UUIDOID, UUIDPGetDatum(&search->last)));
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
						  param(search, INT8OID, Int64GetDatum(limit)));
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
					terms_param(search, 'j', &search->criteria->industries));
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
		country_param = texts_param(search, countries);
		place = psprintf(" AND a.country_code = ANY ($%d)", country_param);
	}
	if (industries->n > 0)
		industry_param = texts_param(search, industries);
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
	int			lead = param(search, UUIDOID, UUIDPGetDatum(lead_id));

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

	where_reach(search);
	search->n_common = search->n_args;
	search->criteria = &none;
	return finds(search);
}

bool
lp_search_matches(const LpCriteria *criteria, const pg_uuid_t *lead_id)
{
	LpSearch   *search = search_one(criteria, lead_id);

	where_criteria(search);
	return finds(search);
}
