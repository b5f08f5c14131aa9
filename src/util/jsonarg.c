/*
 * jsonarg.c
 *	  jsonb arguments of functions (settings, criteria, options): typed keys.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

#include "util/jsonarg.h"
#include "util/settings.h"
#include "util/zone.h"

void
lp_json_wrong(const char *what, const char *name, const char *expected)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for %s \"%s\"", what, name),
			errhint("Expected %s.", expected));
}

static void
unknown_key(const char *what, const char *name, const LpJsonKey *keys, int n_keys)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n_keys; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", keys[i].name);
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown %s \"%s\"", what, name),
			errhint("Known are: %s.", list.data));
}

char *
lp_json_text(const JsonbValue *value)
{
	if (value->type != jbvString)
		return NULL;
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static bool
is_number(const JsonbValue *value, double low, double high, double *result)
{
	if (value->type != jbvNumeric)
		return false;
	/* numeric_float8 would throw for what is beyond a double */
	*result = strtod(DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(value->val.numeric))),
					 NULL);
	return *result >= low && *result <= high;
}

bool
lp_json_integer(const JsonbValue *value, double low, double high, int64 *result)
{
	double		number;

	if (!is_number(value, low, high, &number) || number != floor(number))
		return false;
	*result = DatumGetInt64(DirectFunctionCall1(numeric_int8,
												NumericGetDatum(value->val.numeric)));
	return true;
}

/* A text that is not blank; NULL otherwise. */
static char *
read_text(const JsonbValue *value)
{
	char	   *string = lp_json_text(value);

	return string != NULL && string[strspn(string, " \t\r\n")] != '\0' ? string : NULL;
}

static bool
read_texts(JsonbValue *value, LpJsonArg *arg)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	item;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		return false;
	arg->texts = palloc(sizeof(char *) *
						Max(JsonContainerSize(value->val.binary.data), 1));
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
		if (token == WJB_ELEM)
		{
			char	   *string = read_text(&item);

			if (string == NULL)
				return false;
			arg->texts[arg->n_texts++] = string;
		}
	return true;
}

static bool
read_uuid(const char *string, pg_uuid_t *result)
{
	int			digits = 0;

	memset(result, 0, sizeof(pg_uuid_t));
	for (; *string != '\0'; string++)
	{
		int			c = pg_tolower((unsigned char) *string);
		int			nibble;

		if (c == '-' || c == '{' || c == '}')
			continue;
		if (c >= '0' && c <= '9')
			nibble = c - '0';
		else if (c >= 'a' && c <= 'f')
			nibble = c - 'a' + 10;
		else
			return false;
		if (digits == 2 * UUID_LEN)
			return false;
		result->data[digits / 2] |= digits % 2 == 0 ? nibble << 4 : nibble;
		digits++;
	}
	return digits == 2 * UUID_LEN;
}

static bool
read_date(const char *string, DateADT *result)
{
	int			year;
	int			month;
	int			day;
	int			end = 0;

	if (strlen(string) != 10 ||
		sscanf(string, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10 ||
		year < 1 || month < 1 || month > MONTHS_PER_YEAR || day < 1 ||
		day > day_tab[isleap(year)][month - 1])
		return false;
	*result = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Fills arg; returns NULL, or what was expected. */
static const char *
read_value(const LpJsonKey *key, JsonbValue *value, LpJsonArg *arg)
{
	switch (key->kind)
	{
		case LP_JSON_BOOL:
			if (value->type != jbvBool)
				return "true or false";
			arg->flag = value->val.boolean;
			return NULL;
		case LP_JSON_INTEGER:
			if (!lp_json_integer(value, key->low, key->high, &arg->integer))
				return psprintf("a whole number from %.0f to %.0f", key->low, key->high);
			return NULL;
		case LP_JSON_NUMBER:
			if (!is_number(value, key->low, key->high, &arg->number))
				return psprintf("a number from %g to %g", key->low, key->high);
			return NULL;
		case LP_JSON_TEXTS:
			return read_texts(value, arg) ? NULL : "a list of texts";
		case LP_JSON_ANY:
			return NULL;
		default:
			break;
	}

	/* the rest are strings */
	arg->string = read_text(value);
	switch (key->kind)
	{
		case LP_JSON_UUID:
			if (arg->string == NULL || !read_uuid(arg->string, &arg->uuid))
				return "a UUID as text";
			break;
		case LP_JSON_DATE:
			if (arg->string == NULL || !read_date(arg->string, &arg->date))
				return "a date as text, \"YYYY-MM-DD\"";
			break;
		case LP_JSON_ZONE:
			if (arg->string == NULL || lp_zone_find(arg->string) == NULL)
				return "the name of a time zone, such as \"Europe/Berlin\"";
			break;
		case LP_JSON_PERIOD_OR_NEVER:
			arg->never = arg->string != NULL && pg_strcasecmp(arg->string, "never") == 0;
			if (arg->never)
				break;
			if (arg->string == NULL || !lp_interval_parse(arg->string, &arg->period))
				return "\"never\" or an interval from 0 to 1000 years as text, such as \"90 days\"";
			break;
		case LP_JSON_PERIOD:
			if (arg->string == NULL || !lp_interval_parse(arg->string, &arg->period))
				return "an interval from 0 to 1000 years as text, such as \"90 minutes\"";
			break;
		default:
			if (arg->string == NULL)
				return "a text";
	}
	return NULL;
}

void
lp_json_each(JsonbContainer *object,
			 void (*visit) (const char *name, JsonbValue *value, void *context),
			 void *context)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	item;

	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			char	   *name = lp_json_text(&item);

			(void) JsonbIteratorNext(&it, &item, true);
			visit(name, &item, context);
		}
}

typedef struct Reading
{
	const char *what;
	const LpJsonKey *keys;
	int			n_keys;
	LpJsonArg  *args;
} Reading;

static void
read_key(const char *name, JsonbValue *value, void *context)
{
	Reading    *reading = context;
	const char *expected;

	for (int i = 0; i < reading->n_keys; i++)
	{
		LpJsonArg  *arg = &reading->args[i];

		if (strcmp(reading->keys[i].name, name) != 0)
			continue;
		arg->given = true;
		arg->raw = *value;
		arg->is_null = value->type == jbvNull;
		if (arg->is_null)
			return;
		expected = read_value(&reading->keys[i], value, arg);
		if (expected != NULL)
			lp_json_wrong(reading->what, name, expected);
		return;
	}
	unknown_key(reading->what, name, reading->keys, reading->n_keys);
}

LpJsonArg *
lp_json_read(const char *what, Jsonb *json, const LpJsonKey *keys, int n_keys)
{
	Reading		reading = {what, keys, n_keys, NULL};

	reading.args = palloc0(sizeof(LpJsonArg) * n_keys);
	if (json == NULL)
		return reading.args;
	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_JSON_TEXT),
				errmsg("a %s must be given in a JSON object", what),
				errhint("Pass {} for none."));
	lp_json_each(&json->root, read_key, &reading);
	return reading.args;
}
