/*
 * key.c
 *	  The keys by which a person is known: one normalisation for every door.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "util/domain.h"
#include "util/email.h"
#include "util/key.h"
#include "util/phone.h"
#include "util/profile.h"
#include "util/settings.h"

static const char *const kind_names[LP_KEY_KINDS] = {
	[LP_KEY_APOLLO_ID] = "apollo_id",
	[LP_KEY_EMAIL] = "email",
	[LP_KEY_LINKEDIN] = "linkedin",
	[LP_KEY_PHONE] = "phone",
	[LP_KEY_DOMAIN] = "domain",
};

const char *
lp_key_kind_name(LpKeyKind kind)
{
	return kind_names[kind];
}

bool
lp_key_kind_from_name(const char *name, LpKeyKind *kind)
{
	for (int i = 0; i < LP_KEY_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0)
		{
			*kind = i;
			return true;
		}
	return false;
}

bool
lp_key_make(LpKeyKind kind, const char *text, const char *region, LpKey *result)
{
	LpPhone		phone;

	result->kind = kind;
	result->value = NULL;
	result->identifies = true;
	if (text == NULL)
		return false;
	switch (kind)
	{
		case LP_KEY_APOLLO_ID:
			result->value = *text == '\0' ? NULL : pstrdup(text);
			break;
		case LP_KEY_EMAIL:
			if (lp_email_is_locked(text))
				return false;
			result->value = lp_email_match(text);
			if (result->value != NULL && lp_email_is_blocked(result->value))
				return false;
			result->identifies = result->value != NULL &&
				!lp_email_is_role(result->value);
			break;
		case LP_KEY_LINKEDIN:
			result->value = lp_profile_slug(text);
			break;
		case LP_KEY_PHONE:
			result->identifies = false;
			if (region == NULL && *lp_default_region != '\0')
				region = lp_default_region;
			if (lp_phone_parse(text, region, &phone) &&
				!lp_phone_is_blocked(phone.e164))
				result->value = pstrdup(phone.e164);
			break;
		case LP_KEY_DOMAIN:
			result->identifies = false;
			result->value = lp_domain_normalize(text);
			break;
		case LP_KEY_KINDS:
			break;
	}
	return result->value != NULL && strlen(result->value) <= LP_KEY_MAX_BYTES;
}
