/*
 * apollo_search.c
 *	  Criteria of an allocation as filters of Apollo's people search.
 *
 * Apollo ignores what it does not know, so every name here is one that it was
 * seen to honour.  The search may find too many: who does not fit is left out
 * when a request is filled, by the criteria themselves.  It should not find too
 * few, and what can be said is said, since people are paid for one by one.
 *
 * Left out on purpose: exclude_domains, has_linkedin, has_phone, min_score,
 * sources and ingestion_id, for which there is no filter; industries beside
 * keywords, since both would be one list of which any would do; addresses of
 * companies, since "the person's, else the company's" cannot be said.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "providers/call.h"
#include "util/country.h"
#include "util/domain.h"
#include "util/fold.h"
#include "util/jsonwalk.h"

#define MAX_ENTRIES 1000		/* of a list */
#define MAX_PLACES 200			/* cities by states by countries */

/* The texts of a criterion, folded. */
typedef struct Texts
{
	char	   *values[MAX_ENTRIES];
	int			n;
} Texts;

/* Criteria that are lists of words, and the filter that takes them. */
static const struct
{
	const char *criterion;
	const char *filter;
}			lists[] = {
	{"titles", "person_titles"},
	{"seniorities", "person_seniorities"},
	{"departments", "person_department_or_subdepartments"},
	{"keywords", "q_organization_keyword_tags"},
	{"exclude_industries", "q_not_organization_keyword_tags"},
};

/* What the filter by the state of an address takes. */
static const char *const statuses[] = {
	"verified", "unverified", "likely to engage", "unavailable", "guessed", "bounced",
};

static void
open_filter(StringInfo body, const char *filter)
{
	appendStringInfo(body, "%s\"%s\":", body->data[body->len - 1] == '{' ? "" : ",", filter);
}

static void
add_text(Texts *texts, const JsonbValue *value)
{
	char	   *text = lp_json_value_text(value);

	if (text != NULL)
		texts->values[texts->n++] = lp_fold_text(text);
}

/* A criterion that is a list of texts, or one text; empty: not given. */
static Texts *
texts_of(const JsonbContainer *criteria, const char *name)
{
	Texts	   *texts = palloc(sizeof(Texts));
	JsonbValue	list;
	JsonbValue	key;
	JsonbValue	value;
	LpWalk		each;

	texts->n = 0;
	if (!lp_json_get(criteria, name, &list))
		return texts;
	if (!lp_json_is_list(&list))
	{
		add_text(texts, &list);
		return texts;
	}
	lp_walk_begin(&each, list.val.binary.data);
	while (lp_walk_next(&each, &key, &value) && texts->n < MAX_ENTRIES)
		add_text(texts, &value);
	return texts;
}

static void
add_list(StringInfo body, const char *filter, const Texts *texts)
{
	if (texts->n == 0)
		return;
	open_filter(body, filter);
	for (int i = 0; i < texts->n; i++)
	{
		appendStringInfoChar(body, i == 0 ? '[' : ',');
		escape_json(body, texts->values[i]);
	}
	appendStringInfoChar(body, ']');
}

/* Apollo writes the uid of a technology with "_" for spaces and dots. */
static void
add_technologies(StringInfo body, const char *filter, Texts *texts)
{
	for (int i = 0; i < texts->n; i++)
		for (char *c = texts->values[i]; *c != '\0'; c++)
			if (*c == ' ' || *c == '.')
				*c = '_';
	add_list(body, filter, texts);
}

/* Countries by the name that Apollo knows; others as they are. */
static void
name_countries(Texts *countries)
{
	for (int i = 0; i < countries->n; i++)
	{
		const char *name = lp_country_name(lp_country_code(countries->values[i]));

		if (name != NULL)
			countries->values[i] = lp_fold_text(name);
	}
}

/* Each of some places in each of others: "boston, massachusetts". */
static void
place_in(Texts *places, const Texts *wider)
{
	Texts		both = {.n = 0};

	if (wider->n == 0)
		return;
	if (places->n * wider->n > MAX_PLACES)
		return;					/* the narrower ones alone find all of them */
	for (int i = 0; i < places->n; i++)
		for (int j = 0; j < wider->n; j++)
			both.values[both.n++] = psprintf("%s, %s", places->values[i], wider->values[j]);
	if (places->n > 0)
		*places = both;
	else
		*places = *wider;
}

static void
add_domains(StringInfo body, const JsonbContainer *criteria)
{
	Texts	   *domains = texts_of(criteria, "domains");

	for (int i = 0; i < domains->n; i++)
	{
		char	   *bare = lp_domain_normalize(domains->values[i]);

		if (bare != NULL)
			domains->values[i] = bare;
	}
	add_list(body, "q_organization_domains_list", domains);
}

static void
add_places(StringInfo body, const JsonbContainer *criteria)
{
	Texts	   *places = texts_of(criteria, "cities");
	Texts	   *countries = texts_of(criteria, "countries");

	name_countries(countries);
	place_in(places, texts_of(criteria, "states"));
	place_in(places, countries);
	add_list(body, "person_locations", places);
}

/*
 * Email decides only if nothing else may reach the person; and a status that
 * the filter does not take cannot be left to it.
 */
static void
add_email_statuses(StringInfo body, const JsonbContainer *criteria)
{
	Texts	   *wanted = texts_of(criteria, "email_statuses");
	Texts	   *channels = texts_of(criteria, "channels");

	for (int i = 0; i < channels->n; i++)
		if (strcmp(channels->values[i], "email") != 0)
			return;
	if (wanted->n == 0)
		wanted->values[wanted->n++] = "verified";
	for (int i = 0; i < wanted->n; i++)
	{
		int			known = 0;

		while (known < lengthof(statuses) && strcmp(statuses[known], wanted->values[i]) != 0)
			known++;
		if (known == lengthof(statuses))
			return;
	}
	add_list(body, "contact_email_status", wanted);
}

/* The company's size: one range, open at an end that is not given. */
static void
add_employees(StringInfo body, const JsonbContainer *criteria)
{
	char	   *low = lp_json_get_text(criteria, "employees_min");
	char	   *high = lp_json_get_text(criteria, "employees_max");

	if (low == NULL && high == NULL)
		return;
	open_filter(body, "organization_num_employees_ranges");
	appendStringInfo(body, "[\"%.0f", low == NULL ? 0 : strtod(low, NULL));
	if (high != NULL)
		appendStringInfo(body, ",%.0f", strtod(high, NULL));
	appendStringInfoString(body, "\"]");
}

/* Whole currency units, so that nobody at a broken edge is lost. */
static void
add_revenue(StringInfo body, const JsonbContainer *criteria)
{
	char	   *low = lp_json_get_text(criteria, "revenue_min");
	char	   *high = lp_json_get_text(criteria, "revenue_max");

	if (low == NULL && high == NULL)
		return;
	open_filter(body, "revenue_range");
	appendStringInfoChar(body, '{');
	if (low != NULL)
		appendStringInfo(body, "\"min\":%.0f", floor(strtod(low, NULL)));
	if (high != NULL)
		appendStringInfo(body, "%s\"max\":%.0f", low == NULL ? "" : ",", ceil(strtod(high, NULL)));
	appendStringInfoChar(body, '}');
}

static void
add_criteria(StringInfo body, const JsonbContainer *criteria)
{
	for (int i = 0; i < lengthof(lists); i++)
		add_list(body, lists[i].filter, texts_of(criteria, lists[i].criterion));
	add_domains(body, criteria);
	if (texts_of(criteria, "keywords")->n == 0)
		add_list(body, "q_organization_keyword_tags", texts_of(criteria, "industries"));
	add_technologies(body, "currently_using_any_of_technology_uids", texts_of(criteria, "technologies"));
	add_technologies(body, "currently_using_all_of_technology_uids", texts_of(criteria, "technologies_all"));
	add_places(body, criteria);
	add_email_statuses(body, criteria);
	add_employees(body, criteria);
	add_revenue(body, criteria);
}

LpRequestText
lp_apollo_search(const JsonbContainer *parameters)
{
	LpRequestText text = {.endpoint = "mixed_people/api_search", .method = "POST",
	.path = "/mixed_people/api_search"};
	StringInfoData body;
	JsonbValue	criteria;
	char	   *page = lp_json_get_text(parameters, "page");

	initStringInfo(&body);
	appendStringInfoChar(&body, '{');
	if (lp_json_get(parameters, "criteria", &criteria) && lp_json_is_object(&criteria))
		add_criteria(&body, criteria.val.binary.data);
	open_filter(&body, "page");
	appendStringInfo(&body, "%s,\"per_page\":%d}", page == NULL ? "1" : page, LP_SEARCH_PAGE);
	text.body = body.data;
	return text;
}
