/*
 * fold.c
 *	  Text as criteria compare it; in SQL lp_fold and lp_fold_country.
 *
 * lower() of SQL knows only ASCII in a database with locale C, and two
 * databases would answer differently.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "util/country.h"
#include "util/fold.h"
#include "util/text.h"

PG_FUNCTION_INFO_V1(lp_fold);
PG_FUNCTION_INFO_V1(lp_fold_country);

char *
lp_fold_text(const char *string)
{
	return lp_text_fold(lp_text_trim(string));
}

char *
lp_fold_country_text(const char *string)
{
	const char *code = lp_country_code(string);

	return code != NULL ? pstrdup(code) : lp_fold_text(string);
}

Datum
lp_fold(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(lp_fold_text(value)));
}

Datum
lp_fold_country(PG_FUNCTION_ARGS)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(lp_fold_country_text(value)));
}
