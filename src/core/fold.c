/*
 * fold.c
 *	  What lead_pool shows: the fold of a person's captures in the order of
 *	  their time.
 *
 * Laying captures one by one in the order of (captured_at, arrival) gives the
 * row; a late old capture is folded in by starting again.  The rules:
 * - newer and not null wins, column by column; absent or null never erases;
 * - an address and its status go together, and a placeholder is no address;
 * - the phone is the best personal number that any capture gave, the newer one
 *   of equals;
 * - answers about the company fill only what is null, after all captures;
 * - what an operator pinned is laid last of all, whatever was captured later.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "core/bans.h"
#include "core/fold.h"
#include "core/score.h"
#include "util/country.h"
#include "util/domain.h"
#include "util/email.h"
#include "util/phone.h"
#include "util/profile.h"
#include "util/settings.h"
#include "util/zone.h"

/* Columns that no capture tells, or that are kept over all captures. */
static const LpPoolColumn kept_columns[] = {
	LP_COL_ID, LP_COL_STATE, LP_COL_SCORE, LP_COL_SOURCES, LP_COL_ENRICHED_AT,
	LP_COL_CREATED_AT, LP_COL_UPDATED_AT, LP_COL_EMAIL_MATCH, LP_COL_EMAIL_BOUNCED_AT
};

static const char *const kept_names[] = {
	"merged_into", "unsubscribed_at"
};

static void
set(const LpPool *pool, LpPoolRow *row, LpPoolColumn column, Datum value)
{
	row->values[pool->at[column]] = value;
	row->nulls[pool->at[column]] = false;
}

static void
set_null(const LpPool *pool, LpPoolRow *row, LpPoolColumn column)
{
	row->values[pool->at[column]] = (Datum) 0;
	row->nulls[pool->at[column]] = true;
}

static void
set_text(const LpPool *pool, LpPoolRow *row, LpPoolColumn column, const char *text)
{
	if (text == NULL)
		set_null(pool, row, column);
	else
		set(pool, row, column, CStringGetTextDatum(text));
}

static bool
is_null(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	return row->nulls[pool->at[column]];
}

static bool
same_address(const char *a, const char *b)
{
	char	   *x = lp_email_match(a);
	char	   *y = lp_email_match(b);

	return x != NULL && y != NULL && strcmp(x, y) == 0;
}

static void
lay_email(const LpPool *pool, LpPoolRow *row, const LpFacts *facts)
{
	char	   *known = lp_pool_text(pool, row, LP_COL_EMAIL);

	if (facts->email != NULL)
	{
		bool		same = known != NULL && same_address(known, facts->email);

		set_text(pool, row, LP_COL_EMAIL, facts->email);
		set(pool, row, LP_COL_EMAIL_LOCKED, BoolGetDatum(false));
		if (facts->email_status != NULL || !same)
			set_text(pool, row, LP_COL_EMAIL_STATUS, facts->email_status);
		return;
	}
	if (facts->email_locked && known != NULL)
		return;
	if (facts->email_locked)
		set(pool, row, LP_COL_EMAIL_LOCKED, BoolGetDatum(true));
	if (facts->email_status != NULL)
		set_text(pool, row, LP_COL_EMAIL_STATUS, facts->email_status);
}

static int
rank_of_row(const LpPool *pool, const LpPoolRow *row)
{
	static const char *const types[] = {"mobile", "work_direct", "home", "other"};
	char	   *type = lp_pool_text(pool, row, LP_COL_PHONE_TYPE);
	int			rank = 0;

	while (rank < lengthof(types) && (type == NULL || strcmp(types[rank], type) != 0))
		rank++;
	return rank;
}

static void
set_phone(const LpPool *pool, LpPoolRow *row, const LpFacts *facts,
		  const LpNumber *number, const LpPhone *phone)
{
	char	   *known = lp_pool_text(pool, row, LP_COL_PHONE);

	if (known == NULL || strcmp(known, phone->e164) != 0)
	{
		/* What was known of the other number is not true of this one. */
		set_text(pool, row, LP_COL_PHONE_TYPE, NULL);
		if (facts->row->nulls[pool->at[LP_COL_LINE_TYPE]])
			set_null(pool, row, LP_COL_LINE_TYPE);
		if (facts->row->nulls[pool->at[LP_COL_CARRIER]])
			set_null(pool, row, LP_COL_CARRIER);
	}
	set_text(pool, row, LP_COL_PHONE, phone->e164);
	if (number->type != NULL)
		set_text(pool, row, LP_COL_PHONE_TYPE, number->type);
	set_text(pool, row, LP_COL_PHONE_STATUS, lp_phone_status_name(phone->status));
}

static void
lay_phone(const LpPool *pool, LpPoolRow *row, const LpFacts *facts)
{
	char	   *known = lp_pool_text(pool, row, LP_COL_PHONE);
	const char *region = facts->country_code;
	const LpNumber *best = NULL;
	LpPhone		best_phone;
	bool		mentioned = false;

	if (region == NULL)
		region = lp_pool_text(pool, row, LP_COL_COUNTRY_CODE);
	if (region == NULL && *lp_default_region != '\0')
		region = lp_default_region;
	for (int i = 0; i < facts->n_numbers; i++)
	{
		const LpNumber *number = &facts->numbers[i];
		LpPhone		phone;

		if (!lp_phone_parse(number->text, region, &phone) ||
			lp_phone_is_blocked(phone.e164))
			continue;
		if (known != NULL && strcmp(known, phone.e164) == 0)
			mentioned = true;
		if (!number->personal)
			continue;
		if (best == NULL || number->stated > best->stated ||
			(number->stated == best->stated && number->rank < best->rank))
		{
			best = number;
			best_phone = phone;
		}
	}
	if (best != NULL && (known == NULL || mentioned || best->stated ||
						 best->rank <= rank_of_row(pool, row)))
		set_phone(pool, row, facts, best, &best_phone);
}

static bool
above_zero(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	Datum		zero;

	if (is_null(pool, row, column))
		return false;
	zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
	return DatumGetBool(DirectFunctionCall2(numeric_gt,
											row->values[pool->at[column]], zero));
}

static void
lay_revenue(const LpPool *pool, LpPoolRow *row)
{
	if (above_zero(pool, row, LP_COL_COMPANY_ORGANIZATION_REVENUE))
		set(pool, row, LP_COL_COMPANY_REVENUE,
			row->values[pool->at[LP_COL_COMPANY_ORGANIZATION_REVENUE]]);
	else if (!is_null(pool, row, LP_COL_COMPANY_ANNUAL_REVENUE))
		set(pool, row, LP_COL_COMPANY_REVENUE,
			row->values[pool->at[LP_COL_COMPANY_ANNUAL_REVENUE]]);
}

static const char *
country_of(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	char	   *text = lp_pool_text(pool, row, column);

	return text == NULL ? NULL : lp_country_code(text);
}

/* The person's country, else what was stated, else the company's. */
static void
lay_country(const LpPool *pool, LpPoolRow *row, const char *old_company)
{
	const char *person = country_of(pool, row, LP_COL_COUNTRY);
	const char *company = country_of(pool, row, LP_COL_COMPANY_COUNTRY);
	char	   *known = lp_pool_text(pool, row, LP_COL_COUNTRY_CODE);

	if (person != NULL)
		set_text(pool, row, LP_COL_COUNTRY_CODE, person);
	else if (company != NULL &&
			 (known == NULL || (old_company != NULL && strcmp(known, old_company) == 0)))
		set_text(pool, row, LP_COL_COUNTRY_CODE, company);
}

static void
lay_zone(const LpPool *pool, LpPoolRow *row, const LpFacts *facts)
{
	char	   *stated = lp_pool_text(pool, facts->row, LP_COL_ZONE);
	char	   *told = lp_pool_text(pool, facts->row, LP_COL_TIME_ZONE);

	if (told != NULL && lp_zone_find(told) != NULL)
		set_text(pool, row, LP_COL_ZONE, told);
	if (stated != NULL && lp_zone_find(stated) != NULL)
		set_text(pool, row, LP_COL_ZONE, stated);
}

/* The sources as a sorted list without repetition. */
static void
lay_source(const LpPool *pool, LpPoolRow *row, const char *source)
{
	int			column = pool->at[LP_COL_SOURCES];
	Datum	   *old = NULL;
	Datum	   *sources;
	int			n_old = 0;
	int			n = 0;
	bool		placed = false;

	if (is_null(pool, row, LP_COL_FIRST_SOURCE))
		set_text(pool, row, LP_COL_FIRST_SOURCE, source);
	if (!row->nulls[column])
		deconstruct_array(DatumGetArrayTypeP(row->values[column]), TEXTOID, -1,
						  false, TYPALIGN_INT, &old, NULL, &n_old);
	sources = palloc(sizeof(Datum) * (n_old + 1));
	for (int i = 0; i < n_old; i++)
	{
		int			order = strcmp(source, TextDatumGetCString(old[i]));

		if (order == 0)
			return;
		if (order < 0 && !placed)
		{
			sources[n++] = CStringGetTextDatum(source);
			placed = true;
		}
		sources[n++] = old[i];
	}
	if (!placed)
		sources[n++] = CStringGetTextDatum(source);
	set(pool, row, LP_COL_SOURCES,
		PointerGetDatum(construct_array(sources, n, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* Lays what a capture or an operator says over a row. */
static void
lay(const LpPool *pool, LpPoolRow *row, const LpFacts *facts)
{
	const char *old_company = country_of(pool, row, LP_COL_COMPANY_COUNTRY);
	int			zone = pool->at[LP_COL_ZONE];

	for (int i = 0; i < pool->desc->natts; i++)
		if (!facts->row->nulls[i] && i != zone)
		{
			row->values[i] = facts->row->values[i];
			row->nulls[i] = false;
		}
	lay_email(pool, row, facts);
	if (facts->country_stated)
		set_text(pool, row, LP_COL_COUNTRY_CODE, facts->country_code);
	else
		lay_country(pool, row, old_company);
	lay_phone(pool, row, facts);
	lay_zone(pool, row, facts);
	if (!is_null(pool, facts->row, LP_COL_COMPANY_ORGANIZATION_REVENUE) ||
		!is_null(pool, facts->row, LP_COL_COMPANY_ANNUAL_REVENUE))
		lay_revenue(pool, row);
}

void
lp_fold_lay(const LpPool *pool, LpPoolRow *row, const LpFacts *facts)
{
	lay_source(pool, row, facts->source);
	lay(pool, row, facts);
}

/* Whether laying has worked the value out in a form of its own. */
static bool
is_worked_out(const LpPool *pool, int column)
{
	return column == pool->at[LP_COL_EMAIL] || column == pool->at[LP_COL_PHONE] ||
		column == pool->at[LP_COL_COUNTRY_CODE] || column == pool->at[LP_COL_ZONE];
}

/* An operator says that there is nothing; what describes it goes with it. */
static void
lay_nothing(const LpPool *pool, LpPoolRow *row, int column)
{
	static const LpPoolColumn of_phone[] = {
		LP_COL_PHONE_TYPE, LP_COL_PHONE_STATUS, LP_COL_LINE_TYPE, LP_COL_CARRIER
	};

	row->values[column] = (Datum) 0;
	row->nulls[column] = true;
	if (column == pool->at[LP_COL_EMAIL])
	{
		set_null(pool, row, LP_COL_EMAIL_STATUS);
		set(pool, row, LP_COL_EMAIL_LOCKED, BoolGetDatum(false));
	}
	for (int i = 0; column == pool->at[LP_COL_PHONE] && i < lengthof(of_phone); i++)
		set_null(pool, row, of_phone[i]);
}

void
lp_fold_pin(const LpPool *pool, LpPoolRow *row, const LpPins *pins)
{
	lay(pool, row, pins->facts);
	for (int i = 0; i < pool->desc->natts; i++)
		if (pins->pinned[i] && pins->values->nulls[i])
			lay_nothing(pool, row, i);
	for (int i = 0; i < pool->desc->natts; i++)
		if (pins->pinned[i] && !pins->values->nulls[i] && !is_worked_out(pool, i))
		{
			row->values[i] = pins->values->values[i];
			row->nulls[i] = false;
		}
}

void
lp_fold_fill(const LpPool *pool, LpPoolRow *row, const LpFacts *company)
{
	for (int i = 0; i < pool->desc->natts; i++)
		if (!company->row->nulls[i] && row->nulls[i])
		{
			row->values[i] = company->row->values[i];
			row->nulls[i] = false;
		}
	if (is_null(pool, row, LP_COL_COMPANY_REVENUE))
		lay_revenue(pool, row);
	lay_country(pool, row, NULL);
}

/*
 * The score.  What is known to have bounced is the address that the row had
 * (email_match); another one has not, whatever is found about it later.
 */
static int
score_of(const LpPool *pool, LpPoolRow *row, const char *match)
{
	char	   *before = lp_pool_text(pool, row, LP_COL_EMAIL_MATCH);
	bool	   *no_bounce = &row->nulls[pool->at[LP_COL_EMAIL_BOUNCED_AT]];
	bool		known = *no_bounce;
	int			score;

	if (before == NULL || match == NULL || strcmp(before, match) != 0)
		*no_bounce = true;
	score = lp_score_row(pool, row, NULL);
	*no_bounce = known;
	return score;
}

void
lp_fold_finish(const LpPool *pool, LpPoolRow *row)
{
	char	   *email = lp_pool_text(pool, row, LP_COL_EMAIL);
	char	   *url = lp_pool_text(pool, row, LP_COL_LINKEDIN_URL);
	char	   *match = email == NULL ? NULL : lp_email_match(email);

	set(pool, row, LP_COL_SCORE, Int16GetDatum(score_of(pool, row, match)));
	set_text(pool, row, LP_COL_EMAIL_MATCH, match);
	set(pool, row, LP_COL_EMAIL_ROLE, BoolGetDatum(match != NULL && lp_email_is_role(match)));
	if (is_null(pool, row, LP_COL_EMAIL_LOCKED))
		set(pool, row, LP_COL_EMAIL_LOCKED, BoolGetDatum(false));
	set_text(pool, row, LP_COL_LINKEDIN_SLUG, url == NULL ? NULL : lp_profile_slug(url));
}

LpPoolRow *
lp_fold_restart(const LpPool *pool, const LpPoolRow *row)
{
	LpPoolRow  *fresh = lp_pool_row_new(pool);

	for (int i = 0; i < lengthof(kept_columns) + lengthof(kept_names); i++)
	{
		int			column = i < lengthof(kept_columns) ? pool->at[kept_columns[i]] :
		lp_pool_column(pool, kept_names[i - lengthof(kept_columns)],
					   strlen(kept_names[i - lengthof(kept_columns)]));

		fresh->values[column] = row->values[column];
		fresh->nulls[column] = row->nulls[column];
	}
	return fresh;
}

char *
lp_fold_company(const LpPool *pool, const LpPoolRow *row)
{
	char	   *id = lp_pool_text(pool, row, LP_COL_COMPANY_ID);

	if (id == NULL)
		id = lp_pool_text(pool, row, LP_COL_PERSON_ORGANIZATION);
	return id == NULL || *id == '\0' || strlen(id) > LP_KEY_MAX_BYTES ? NULL : id;
}

char *
lp_fold_company_domain(const char *domain)
{
	char	   *host = domain == NULL ? NULL : lp_domain_normalize(domain);
	char	   *registrable = host == NULL ? NULL : lp_domain_registrable(host);

	if (registrable == NULL || lp_domain_is_free_mail(registrable) ||
		strlen(registrable) > LP_KEY_MAX_BYTES)
		return NULL;
	return registrable;
}
