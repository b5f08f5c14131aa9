/*
 * terms.c
 *	  The terms by which rare criteria find leads; in SQL lp_lead_terms.
 *
 * The same functions make the terms of a lead and those of a question, so that
 * both always agree.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "common/md5.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "util/fold.h"
#include "util/terms.h"

PG_FUNCTION_INFO_V1(lp_lead_terms);

/* Longer terms are stored as "x:" and their md5. */
#define MAX_BYTES 120

char *
lp_term(char kind, const char *folded)
{
	char	   *result = psprintf("%c:%s", kind, folded);
	char		md5[MD5_PASSWD_LEN];
	const char *error;

	if (strlen(result) <= MAX_BYTES)
		return result;
	if (!pg_md5_hash(result, strlen(result), md5, &error))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute %s hash: %s", "MD5", error));
	return psprintf("x:%s", md5);
}

/* Bytes of the letter or digit at p, 0 if it is none. */
static int
letter_at(const char *p)
{
	unsigned char c = *p;
	unsigned int code;

	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	code = utf8_to_unicode((const unsigned char *) p);
	if (code <= 0xBF || (code >= 0x2000 && code <= 0x206F) ||
		(code >= 0x3000 && code <= 0x303F))
		return 0;
	return pg_utf_mblen((const unsigned char *) p);
}

List *
lp_term_words(const char *folded)
{
	List	   *words = NIL;
	const char *p = folded;

	while (*p != '\0')
	{
		const char *start = p;
		int			bytes;

		while (*p != '\0' && (bytes = letter_at(p)) > 0)
			p += bytes;
		if (p > start)
			words = lappend(words, pnstrdup(start, p - start));
		else
			p += pg_utf_mblen((const unsigned char *) p);
	}
	return words;
}

typedef struct Terms
{
	char	  **values;
	int			n;
	int			size;
} Terms;

static void
add(Terms *terms, char kind, const char *folded)
{
	if (*folded == '\0')
		return;
	if (terms->n == terms->size)
	{
		terms->size *= 2;
		terms->values = repalloc(terms->values, sizeof(char *) * terms->size);
	}
	terms->values[terms->n++] = lp_term(kind, folded);
}

static char *
folded_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : lp_fold_text(text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/* The values of a list; those that differ from main also as kind other. */
static void
add_list(Terms *terms, FunctionCallInfo fcinfo, int n, char kind, char other,
		 const char *main)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(n))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *folded;

		if (nulls[i])
			continue;
		folded = lp_fold_text(TextDatumGetCString(values[i]));
		add(terms, kind, folded);
		if (other != '\0' && (main == NULL || strcmp(folded, main) != 0))
			add(terms, other, folded);
	}
}

/* [{"uid": ..., "name": ...}, ...]; anything else is passed over. */
static void
add_technologies(Terms *terms, Jsonb *json)
{
	static const char *const keys[] = {"name", "uid"};
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	item;

	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		return;
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
		for (int i = 0; token == WJB_ELEM && i < lengthof(keys); i++)
		{
			JsonbValue	value;

			if (item.type == jbvBinary && JsonContainerIsObject(item.val.binary.data) &&
				getKeyJsonValueFromContainer(item.val.binary.data, keys[i],
											 strlen(keys[i]), &value) != NULL &&
				value.type == jbvString)
				add(terms, 't', lp_fold_text(pnstrdup(value.val.string.val,
													  value.val.string.len)));
		}
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/*
 * title, industry, industries, departments, subdepartments, technologies,
 * current technologies, keywords, sources
 */
Datum
lp_lead_terms(PG_FUNCTION_ARGS)
{
	Terms		terms = {palloc(sizeof(char *) * 32), 0, 32};
	char	   *title = folded_arg(fcinfo, 0);
	char	   *industry = folded_arg(fcinfo, 1);
	ListCell   *cell;
	Datum	   *values;
	int			n = 0;

	if (title != NULL)
	{
		foreach(cell, lp_term_words(title))
			add(&terms, 'w', lfirst(cell));
	}
	if (industry != NULL)
		add(&terms, 'i', industry);
	add_list(&terms, fcinfo, 2, 'i', 'j', industry);
	add_list(&terms, fcinfo, 3, 'd', '\0', NULL);
	add_list(&terms, fcinfo, 4, 'd', '\0', NULL);
	add_list(&terms, fcinfo, 5, 't', '\0', NULL);
	if (!PG_ARGISNULL(6))
		add_technologies(&terms, PG_GETARG_JSONB_P(6));
	add_list(&terms, fcinfo, 7, 'k', '\0', NULL);
	add_list(&terms, fcinfo, 8, 's', '\0', NULL);

	qsort(terms.values, terms.n, sizeof(char *), compare);
	values = palloc(sizeof(Datum) * Max(terms.n, 1));
	for (int i = 0; i < terms.n; i++)
		if (i == 0 || strcmp(terms.values[i], terms.values[i - 1]) != 0)
			values[n++] = CStringGetTextDatum(terms.values[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, n, TEXTOID, -1, false, TYPALIGN_INT));
}
