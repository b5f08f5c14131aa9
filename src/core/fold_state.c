/*
 * fold_state.c
 *	  What the rules read of a lead, from the row that shows it.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "core/bans.h"
#include "core/fold.h"
#include "core/lead.h"
#include "util/domain.h"
#include "util/email.h"

static bool
is_null(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	return row->nulls[pool->at[column]];
}

/* The host given, where it is a sub-domain of the company's domain. */
static char *
company_host(const char *given, const char *company_domain)
{
	char	   *host = given == NULL ? NULL : lp_domain_normalize(given);

	if (host == NULL || company_domain == NULL || strlen(host) > LP_KEY_MAX_BYTES ||
		strcmp(host, company_domain) == 0 || !lp_domain_covers(company_domain, host))
		return NULL;
	return host;
}

/* Short hash of a current key, which is normalised already. */
static int64
hash_of(LpKeyKind kind, const char *value)
{
	return value == NULL ? 0 : lp_bans_short_hash(kind, value);
}

static int
flags_of(const LpPool *pool, const LpPoolRow *row)
{
	char	   *status = lp_pool_text(pool, row, LP_COL_EMAIL_STATUS);
	char	   *line = lp_pool_text(pool, row, LP_COL_LINE_TYPE);
	int			flags = 0;

	if (!is_null(pool, row, LP_COL_EMAIL_MATCH))
	{
		flags |= LP_LEAD_EMAIL;
		if (status != NULL && strcmp(status, "verified") == 0)
			flags |= LP_LEAD_EMAIL_VERIFIED;
		if (lp_pool_true(pool, row, LP_COL_EMAIL_CATCH_ALL))
			flags |= LP_LEAD_EMAIL_CATCH_ALL;
		if (lp_pool_true(pool, row, LP_COL_EMAIL_ROLE))
			flags |= LP_LEAD_EMAIL_ROLE;
	}
	if (!is_null(pool, row, LP_COL_PHONE))
		flags |= LP_LEAD_PHONE;
	if (line != NULL && strcmp(line, "landline") == 0)
		flags |= LP_LEAD_LANDLINE;
	if (!is_null(pool, row, LP_COL_LINKEDIN_SLUG))
		flags |= LP_LEAD_LINKEDIN;
	if (lp_pool_true(pool, row, LP_COL_EMAIL_LOCKED))
		flags |= LP_LEAD_EMAIL_LOCKED;
	return flags;
}

static bool
has_text(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	char	   *given = lp_pool_text(pool, row, column);

	return given != NULL && given[strspn(given, " \t\r\n")] != '\0';
}

void
lp_fold_state(const LpPool *pool, const LpPoolRow *row, const pg_uuid_t *lead_id,
			  LpStateRow *state)
{
	char	   *match = lp_pool_text(pool, row, LP_COL_EMAIL_MATCH);
	char	   *region = lp_pool_text(pool, row, LP_COL_PERSON_STATE);

	state->lead_id = *lead_id;
	state->flags = flags_of(pool, row);
	if (has_text(pool, row, LP_COL_STREET) && has_text(pool, row, LP_COL_CITY) &&
		(has_text(pool, row, LP_COL_POSTAL_CODE) || has_text(pool, row, LP_COL_COUNTRY)))
		state->flags |= LP_LEAD_MAIL;
	state->email_key = hash_of(LP_KEY_EMAIL, match);
	state->phone_key = hash_of(LP_KEY_PHONE, lp_pool_text(pool, row, LP_COL_PHONE));
	state->linkedin_key = hash_of(LP_KEY_LINKEDIN, lp_pool_text(pool, row, LP_COL_LINKEDIN_SLUG));
	state->country_code = lp_pool_text(pool, row, LP_COL_COUNTRY_CODE);
	if (region == NULL)
		region = lp_pool_text(pool, row, LP_COL_COMPANY_STATE);
	state->region = region == NULL ? NULL : str_tolower(region, strlen(region), DEFAULT_COLLATION_OID);
	state->zone = lp_pool_text(pool, row, LP_COL_ZONE);
	state->email_domain = match == NULL ? NULL : pstrdup(lp_email_domain(match));
	state->company_domain = lp_fold_company_domain(lp_pool_text(pool, row, LP_COL_COMPANY_DOMAIN));
	if (state->company_domain == NULL)
		state->company_domain = lp_fold_company_domain(state->email_domain);
	state->company_host = company_host(lp_pool_text(pool, row, LP_COL_COMPANY_DOMAIN),
									   state->company_domain);
	state->company_org = lp_fold_company(pool, row);
}
