/*
 * conditions.c
 *	  What criteria ask for, as conditions of a search.
 *
 * Fixed fragments with parameters; nothing that somebody typed becomes text of
 * the statement.  Columns of lead_available are a.*, those of lead_terms t.*.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "store/available.h"
#include "store/conditions.h"
#include "util/channel.h"
#include "util/terms.h"

#define MANY_TITLES 8			/* a parameter each up to here */

int
lp_search_param(LpSearch *search, Oid type, Datum value)
{
	Assert(search->n_args < LP_SQL_MAX_ARGS);
	search->types[search->n_args] = type;
	search->values[search->n_args] = value;
	return ++search->n_args;
}

int
lp_search_texts(LpSearch *search, const LpTexts *texts)
{
	return lp_search_param(search, TEXTARRAYOID, lp_array_of_texts(texts->values, texts->n));
}

int
lp_search_terms(LpSearch *search, char kind, const LpTexts *texts)
{
	char	  **terms = palloc(sizeof(char *) * texts->n);

	for (int i = 0; i < texts->n; i++)
		terms[i] = lp_term(kind, texts->values[i]);
	return lp_search_param(search, TEXTARRAYOID, lp_array_of_texts(terms, texts->n));
}

/* "AND column = ANY (list)", if the criterion is given. */
static void
where_any(LpSearch *search, const char *column, const LpTexts *texts)
{
	if (texts->n > 0)
		appendStringInfo(&search->where, " AND %s = ANY ($%d)", column,
						 lp_search_texts(search, texts));
}

static void
where_terms(LpSearch *search, char kind, const LpTexts *texts, const char *operator)
{
	if (texts->n == 0)
		return;
	search->with_terms = true;
	appendStringInfo(&search->where, " AND t.terms %s $%d", operator,
					 lp_search_terms(search, kind, texts));
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
 * Leads whose title has the words of an entry, and the pattern that says in
 * which order; true if the order has to be looked at, which one word does not
 * need.
 */
static bool
or_title(LpSearch *search, const char *title, char **pattern)
{
	LpTexts		words = {palloc(sizeof(char *) * (strlen(title) + 1)), 0};
	StringInfoData text;
	ListCell   *cell;

	initStringInfo(&text);
	foreach(cell, title_words(title, &text))
		words.values[words.n++] = lfirst(cell);
	*pattern = words.n > 0 ? text.data : "";
	if (words.n > 0)
		appendStringInfo(&search->where, " OR t.terms @> $%d",
						 lp_search_terms(search, 'w', &words));
	return words.n > 1;
}

/* The same for entries that would be too many parameters: any first word. */
static void
or_first_words(LpSearch *search, const LpTexts *titles, char **patterns)
{
	LpTexts		firsts = {palloc(sizeof(char *) * titles->n), 0};

	for (int i = 0; i < titles->n; i++)
	{
		StringInfoData text;
		List	   *words;

		initStringInfo(&text);
		words = title_words(titles->values[i], &text);
		patterns[i] = words != NIL ? text.data : "";
		if (words != NIL)
			firsts.values[firsts.n++] = linitial(words);
	}
	if (firsts.n > 0)
		appendStringInfo(&search->where, " OR t.terms && $%d",
						 lp_search_terms(search, 'w', &firsts));
}

/*
 * All words of an entry, as whole words, in order: the words by the index, the
 * order by a pattern over the title.
 */
static void
where_titles(LpSearch *search)
{
	const LpTexts *titles = &search->criteria->titles;
	LpTexts		patterns = {palloc(sizeof(char *) * titles->n), titles->n};
	bool		recheck = false;

	if (titles->n == 0)
		return;
	search->with_terms = true;
	appendStringInfoString(&search->where, " AND (false");
	if (titles->n > MANY_TITLES)
	{
		or_first_words(search, titles, patterns.values);
		recheck = true;
	}
	else
		for (int i = 0; i < titles->n; i++)
			recheck |= or_title(search, titles->values[i], &patterns.values[i]);
	appendStringInfoChar(&search->where, ')');
	/* a scalar subquery, so that only what the words left is looked at */
	if (recheck)
		appendStringInfo(&search->where, " AND (SELECT " LP_TITLE_WORDS("p.title")
						 " FROM @s@.lead_pool p WHERE p.id = a.lead_id) LIKE ANY ($%d)",
						 lp_search_texts(search, &patterns));
}

void
lp_where_reach(LpSearch *search)
{
	const LpCriteria *criteria = search->criteria;
	int			email = LP_CHANNEL_BIT(LP_CHANNEL_EMAIL);
	int			others = criteria->channels & ~email;

	if (criteria->channels & email)
	{
		int			statuses = lp_search_texts(search, &criteria->email_statuses);

		if (others == 0)
			appendStringInfo(&search->where, " AND a.email_status = ANY ($%d)", statuses);
		else
			appendStringInfo(&search->where,
							 " AND (a.email_status = ANY ($%d) OR a.channels & $%d <> 0)",
							 statuses, lp_search_param(search, INT4OID, Int32GetDatum(others)));
	}
	else
		appendStringInfo(&search->where, " AND a.channels & $%d <> 0",
						 lp_search_param(search, INT4OID, Int32GetDatum(others)));
}

static void
where_numbers(LpSearch *search)
{
	const LpCriteria *criteria = search->criteria;

	if (criteria->employees_min >= 0)
		appendStringInfo(&search->where, " AND a.employees >= $%d",
						 lp_search_param(search, INT8OID, Int64GetDatum(criteria->employees_min)));
	if (criteria->employees_max >= 0)
		appendStringInfo(&search->where, " AND a.employees <= $%d",
						 lp_search_param(search, INT8OID, Int64GetDatum(criteria->employees_max)));
	if (criteria->revenue_min >= 0)
		appendStringInfo(&search->where, " AND a.revenue >= $%d",
						 lp_search_param(search, FLOAT8OID, Float8GetDatum(criteria->revenue_min)));
	if (criteria->revenue_max >= 0)
		appendStringInfo(&search->where, " AND a.revenue <= $%d",
						 lp_search_param(search, FLOAT8OID, Float8GetDatum(criteria->revenue_max)));
	if (criteria->min_score >= 0)
		appendStringInfo(&search->where, " AND a.score >= $%d",
						 lp_search_param(search, INT4OID, Int32GetDatum(criteria->min_score)));
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
						 lp_search_texts(search, &criteria->exclude_industries), search->terms,
						 lp_search_terms(search, 'i', &criteria->exclude_industries));
	if (criteria->exclude_domains.n > 0)
		appendStringInfo(&search->where,
						 " AND (a.domain IS NULL OR NOT EXISTS (SELECT FROM unnest($%d) x(d)"
						 " WHERE a.domain = x.d OR right(a.domain, length(x.d) + 1) = '.' || x.d))",
						 lp_search_texts(search, &criteria->exclude_domains));
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
						 lp_search_param(search, UUIDOID, UUIDPGetDatum(search->criteria->ingestion_id)));
}

void
lp_where_criteria(LpSearch *search)
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
