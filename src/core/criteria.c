/*
 * criteria.c
 *	  What lp_allocate is asked for, read from its arguments.
 *
 * A key with JSON null or an empty list is no criterion.  Values come out in
 * the form in which lead_available and lead_terms keep theirs.
 */
#include "postgres.h"

#include "core/criteria.h"
#include "util/channel.h"
#include "util/domain.h"
#include "util/fold.h"
#include "util/jsonarg.h"
#include "util/key.h"

enum
{
	INDUSTRIES,
	EXCLUDE_INDUSTRIES,
	TITLES,
	SENIORITIES,
	DEPARTMENTS,
	COUNTRIES,
	STATES,
	CITIES,
	EMPLOYEES_MIN,
	EMPLOYEES_MAX,
	REVENUE_MIN,
	REVENUE_MAX,
	TECHNOLOGIES,
	TECHNOLOGIES_ALL,
	KEYWORDS,
	DOMAINS,
	EXCLUDE_DOMAINS,
	EMAIL_STATUSES,
	CHANNELS,
	HAS_PHONE,
	HAS_LINKEDIN,
	MIN_SCORE,
	SOURCES,
	INGESTION_ID,
	CRITERIA
};

static const LpJsonKey criteria_keys[CRITERIA] = {
	[INDUSTRIES] = {"industries", LP_JSON_TEXTS},
	[EXCLUDE_INDUSTRIES] = {"exclude_industries", LP_JSON_TEXTS},
	[TITLES] = {"titles", LP_JSON_TEXTS},
	[SENIORITIES] = {"seniorities", LP_JSON_TEXTS},
	[DEPARTMENTS] = {"departments", LP_JSON_TEXTS},
	[COUNTRIES] = {"countries", LP_JSON_TEXTS},
	[STATES] = {"states", LP_JSON_TEXTS},
	[CITIES] = {"cities", LP_JSON_TEXTS},
	[EMPLOYEES_MIN] = {"employees_min", LP_JSON_INTEGER, 0, PG_INT32_MAX},
	[EMPLOYEES_MAX] = {"employees_max", LP_JSON_INTEGER, 0, PG_INT32_MAX},
	[REVENUE_MIN] = {"revenue_min", LP_JSON_NUMBER, 0, 1e18},
	[REVENUE_MAX] = {"revenue_max", LP_JSON_NUMBER, 0, 1e18},
	[TECHNOLOGIES] = {"technologies", LP_JSON_TEXTS},
	[TECHNOLOGIES_ALL] = {"technologies_all", LP_JSON_TEXTS},
	[KEYWORDS] = {"keywords", LP_JSON_TEXTS},
	[DOMAINS] = {"domains", LP_JSON_TEXTS},
	[EXCLUDE_DOMAINS] = {"exclude_domains", LP_JSON_TEXTS},
	[EMAIL_STATUSES] = {"email_statuses", LP_JSON_TEXTS},
	[CHANNELS] = {"channels", LP_JSON_TEXTS},
	[HAS_PHONE] = {"has_phone", LP_JSON_BOOL},
	[HAS_LINKEDIN] = {"has_linkedin", LP_JSON_BOOL},
	[MIN_SCORE] = {"min_score", LP_JSON_INTEGER, 0, 100},
	[SOURCES] = {"sources", LP_JSON_TEXTS},
	[INGESTION_ID] = {"ingestion_id", LP_JSON_UUID},
};

enum
{
	DRY_RUN,
	ORDER,
	SEED,
	PER_COMPANY_MAX,
	ENRICH_ON_SHORTAGE,
	REQUEST_KEY,
	OPTIONS
};

static const LpJsonKey option_keys[OPTIONS] = {
	[DRY_RUN] = {"dry_run", LP_JSON_BOOL},
	[ORDER] = {"order", LP_JSON_TEXT},
	[SEED] = {"seed", LP_JSON_INTEGER, -9007199254740992.0, 9007199254740992.0},
	[PER_COMPANY_MAX] = {"per_company_max", LP_JSON_INTEGER, 0, PG_INT32_MAX},
	[ENRICH_ON_SHORTAGE] = {"enrich_on_shortage", LP_JSON_BOOL},
	[REQUEST_KEY] = {"request_key", LP_JSON_TEXT},
};

static LpTexts
texts(const LpJsonArg *arg, char *(*form) (const char *string))
{
	LpTexts		result = {palloc(sizeof(char *) * Max(arg->n_texts, 1)), 0};

	for (int i = 0; i < arg->n_texts; i++)
	{
		char	   *value = form(arg->texts[i]);
		int			j = 0;

		while (j < result.n && strcmp(result.values[j], value) != 0)
			j++;
		if (j == result.n)
			result.values[result.n++] = value;
	}
	return result;
}

static char *
form_domain(const char *string)
{
	char	   *domain = lp_domain_normalize(string);

	if (domain == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid domain \"%s\" in the criteria", string),
				errhint("Write domains such as \"example.com\"."));
	return domain;
}

static int
channel_bits(const LpJsonArg *arg)
{
	int			bits = 0;

	for (int i = 0; i < arg->n_texts; i++)
	{
		LpChannel	channel = lp_channel_from_name(lp_fold_text(arg->texts[i]));

		if (channel == LP_CHANNEL_NONE)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown channel \"%s\" in criterion \"channels\"",
						   arg->texts[i]),
					errhint("Known are: email, linkedin, sms, voice, mail."));
		bits |= 1 << channel;
	}
	return bits != 0 ? bits : 1 << LP_CHANNEL_EMAIL;
}

#define HAS(key) (args[key].given && !args[key].is_null)

static LpCriteria *
make_criteria(const LpJsonArg *args)
{
	LpCriteria *result = palloc0(sizeof(LpCriteria));

	result->industries = texts(&args[INDUSTRIES], lp_fold_text);
	result->exclude_industries = texts(&args[EXCLUDE_INDUSTRIES], lp_fold_text);
	result->titles = texts(&args[TITLES], lp_fold_text);
	result->seniorities = texts(&args[SENIORITIES], lp_fold_text);
	result->departments = texts(&args[DEPARTMENTS], lp_fold_text);
	result->countries = texts(&args[COUNTRIES], lp_fold_country_text);
	result->states = texts(&args[STATES], lp_fold_text);
	result->cities = texts(&args[CITIES], lp_fold_text);
	result->technologies = texts(&args[TECHNOLOGIES], lp_fold_text);
	result->technologies_all = texts(&args[TECHNOLOGIES_ALL], lp_fold_text);
	result->keywords = texts(&args[KEYWORDS], lp_fold_text);
	result->domains = texts(&args[DOMAINS], form_domain);
	result->exclude_domains = texts(&args[EXCLUDE_DOMAINS], form_domain);
	result->email_statuses = texts(&args[EMAIL_STATUSES], lp_fold_text);
	result->sources = texts(&args[SOURCES], lp_fold_text);
	if (result->email_statuses.n == 0)
	{
		result->email_statuses.values[0] = "verified";
		result->email_statuses.n = 1;
	}
	result->channels = channel_bits(&args[CHANNELS]);
	result->employees_min = HAS(EMPLOYEES_MIN) ? args[EMPLOYEES_MIN].integer : -1;
	result->employees_max = HAS(EMPLOYEES_MAX) ? args[EMPLOYEES_MAX].integer : -1;
	result->revenue_min = HAS(REVENUE_MIN) ? args[REVENUE_MIN].number : -1;
	result->revenue_max = HAS(REVENUE_MAX) ? args[REVENUE_MAX].number : -1;
	result->min_score = HAS(MIN_SCORE) ? (int) args[MIN_SCORE].integer : -1;
	result->has_phone = HAS(HAS_PHONE) ? args[HAS_PHONE].flag : -1;
	result->has_linkedin = HAS(HAS_LINKEDIN) ? args[HAS_LINKEDIN].flag : -1;
	if (HAS(INGESTION_ID))
	{
		result->ingestion_id = palloc(sizeof(pg_uuid_t));
		*result->ingestion_id = args[INGESTION_ID].uuid;
	}
	return result;
}

LpCriteria *
lp_criteria_read(Jsonb *json)
{
	return make_criteria(lp_json_read("criterion", json, criteria_keys, CRITERIA));
}

LpCriterion *
lp_criteria_each(Jsonb *json, int *n)
{
	LpJsonArg  *args = lp_json_read("criterion", json, criteria_keys, CRITERIA);
	LpCriterion *list = palloc(sizeof(LpCriterion) * CRITERIA);

	*n = 0;
	for (int i = 0; i < CRITERIA; i++)
	{
		LpJsonArg	one[CRITERIA] = {0};

		if (!HAS(i) || (criteria_keys[i].kind == LP_JSON_TEXTS && args[i].n_texts == 0))
			continue;
		one[i] = args[i];
		list[*n].key = criteria_keys[i].name;
		list[*n].criteria = make_criteria(one);
		list[*n].reach = i == CHANNELS || i == EMAIL_STATUSES;
		(*n)++;
	}
	return list;
}

static LpOrder
read_order(const LpJsonArg *args)
{
	char	   *name;

	if (!HAS(ORDER))
		return LP_ORDER_SCORE;
	name = lp_fold_text(args[ORDER].string);
	if (strcmp(name, "score") == 0)
		return LP_ORDER_SCORE;
	if (strcmp(name, "newest") == 0)
		return LP_ORDER_NEWEST;
	if (strcmp(name, "random") != 0)
		lp_json_wrong("option", "order", "\"score\", \"newest\" or \"random\"");
	if (!HAS(SEED))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("option \"order\" \"random\" needs option \"seed\""),
				errhint("Pass a whole number; the same seed gives the same order."));
	return LP_ORDER_RANDOM;
}

LpOptions *
lp_options_read(Jsonb *json)
{
	LpJsonArg  *args = lp_json_read("option", json, option_keys, OPTIONS);
	LpOptions  *result = palloc0(sizeof(LpOptions));

	result->dry_run = args[DRY_RUN].flag;
	result->order = read_order(args);
	result->seed = args[SEED].integer;
	result->per_company_max = HAS(PER_COMPANY_MAX) ? args[PER_COMPANY_MAX].integer : -1;
	result->enrich_on_shortage = HAS(ENRICH_ON_SHORTAGE) ?
		args[ENRICH_ON_SHORTAGE].flag : true;
	result->request_key = args[REQUEST_KEY].string;
	if (result->request_key != NULL && strlen(result->request_key) > LP_KEY_MAX_BYTES)
		lp_json_wrong("option", "request_key",
					  psprintf("a text of at most %d bytes", LP_KEY_MAX_BYTES));
	return result;
}
