/*
 * fold.c
 *	  Text as criteria compare it.
 *
 * lower() of SQL knows only ASCII in a database with locale C, and two
 * databases would answer differently.  Where the server has ICU its root
 * collation is used; otherwise the database's own locale has to do.
 */
#include "postgres.h"

#include "catalog/pg_collation_d.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "util/country.h"
#include "util/fold.h"

PG_FUNCTION_INFO_V1(lp_fold);
PG_FUNCTION_INFO_V1(lp_fold_country);

static Oid
root_collation(void)
{
	static Oid	collation = InvalidOid;

	if (!OidIsValid(collation))
	{
		collation = get_collation_oid(list_make2(makeString("pg_catalog"),
												 makeString("und-x-icu")), true);
		if (!OidIsValid(collation))
			collation = DEFAULT_COLLATION_OID;
	}
	return collation;
}

static bool
is_ascii(const char *text, int length)
{
	for (int i = 0; i < length; i++)
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	return true;
}

/* Bytes of the blank at the start of text, 0 if there is none. */
static int
blank_at(const char *text, int length)
{
	if (length > 0 && (*text == ' ' || (*text >= '\t' && *text <= '\r')))
		return 1;
	if (length > 1 && memcmp(text, "\302\240", 2) == 0)
		return 2;
	return 0;
}

char *
lp_fold_text(const char *text, int length)
{
	int			blank;
	char	   *result;

	while ((blank = blank_at(text, length)) > 0)
	{
		text += blank;
		length -= blank;
	}
	for (;;)
	{
		if (blank_at(text + length - 1, Min(length, 1)) == 1)
			length--;
		else if (length > 1 && blank_at(text + length - 2, 2) == 2)
			length -= 2;
		else
			break;
	}
	if (!is_ascii(text, length))
		return str_tolower(text, length, root_collation());
	result = pnstrdup(text, length);
	for (char *p = result; *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return result;
}

char *
lp_fold_country_text(const char *text, int length)
{
	char	   *folded = lp_fold_text(text, length);
	const char *code = lp_country_code(folded);

	return code != NULL ? pstrdup(code) : folded;
}

Datum
lp_fold(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(lp_fold_text(VARDATA_ANY(value),
												  VARSIZE_ANY_EXHDR(value))));
}

Datum
lp_fold_country(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(cstring_to_text(lp_fold_country_text(VARDATA_ANY(value),
														  VARSIZE_ANY_EXHDR(value))));
}
