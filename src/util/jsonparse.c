/*
 * jsonparse.c
 *	  JSON from outside, as jsonb.
 *
 * jsonb_in throws; so the text is parsed once without a result, and only what
 * passed is handed to it.
 */
#include "postgres.h"

#include <limits.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"

#include "util/jsonparse.h"
#include "util/jsonsplit.h"

static bool
is_json(char *text, int length)
{
	JsonLexContext *lex;

#if PG_VERSION_NUM >= 170000
	lex = makeJsonLexContextCstringLen(NULL, text, length, PG_UTF8, false);
#else
	lex = makeJsonLexContextCstringLen(text, length, PG_UTF8, false);
#endif
	return pg_parse_json(lex, &nullSemAction) == JSON_SUCCESS;
}

Jsonb *
lp_json_parse(const char *bytes, size_t length)
{
	size_t		start = 0;
	char	   *clean;

	if (length == 0 || length > INT_MAX / 4 ||
		memchr(bytes, '\0', length) != NULL ||
		!pg_verify_mbstr(PG_UTF8, bytes, length, true) ||
		lp_json_too_deep(bytes, length))
		return NULL;
	while (start < length && strchr(" \t\r\n", bytes[start]) != NULL)
		start++;
	if (start == length || bytes[start] != '{')
		return NULL;
	clean = lp_json_clean(bytes, length);
	if (!is_json(clean, strlen(clean)))
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(clean)));
}
