/*
 * jsonwalk.c
 *	  Reading jsonb of unknown shape without ever throwing.
 *
 * PostgreSQL 15 has no soft errors in input functions, so a text is checked
 * here before any of them sees it.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "util/jsonwalk.h"

/* Digits and powers of ten that every numeric operation can bear. */
#define MAX_NUMBER 5000

void
lp_walk_begin(LpWalk *each, const JsonbContainer *container)
{
	JsonbValue	ignored;

	each->it = JsonbIteratorInit(unconstify(JsonbContainer *, container));
	each->is_object = JsonbIteratorNext(&each->it, &ignored, true) == WJB_BEGIN_OBJECT;
}

bool
lp_walk_next(LpWalk *each, JsonbValue *key, JsonbValue *value)
{
	JsonbValue	ignored;
	JsonbIteratorToken token;

	if (key == NULL)
		key = &ignored;
	token = JsonbIteratorNext(&each->it, key, true);
	if (each->is_object && token == WJB_KEY)
	{
		(void) JsonbIteratorNext(&each->it, value, true);
		return true;
	}
	if (!each->is_object && token == WJB_ELEM)
	{
		*value = *key;
		return true;
	}
	return false;
}

bool
lp_json_get(const JsonbContainer *container, const char *key, JsonbValue *value)
{
	if (!JsonContainerIsObject(container))
		return false;
	return getKeyJsonValueFromContainer(unconstify(JsonbContainer *, container),
										key, strlen(key), value) != NULL;
}

char *
lp_json_value_text(const JsonbValue *value)
{
	if (value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	if (value->type == jbvNumeric)
		return DatumGetCString(DirectFunctionCall1(numeric_out,
												   NumericGetDatum(value->val.numeric)));
	return NULL;
}

char *
lp_json_get_text(const JsonbContainer *container, const char *key)
{
	JsonbValue	value;

	if (!lp_json_get(container, key, &value))
		return NULL;
	return lp_json_value_text(&value);
}

bool
lp_json_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

bool
lp_json_is_list(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);
}

bool
lp_json_is_blank(const JsonbValue *value)
{
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	entry;

	check_stack_depth();
	if (value->type == jbvString)
	{
		for (int i = 0; i < value->val.string.len; i++)
			if (!isspace((unsigned char) value->val.string.val[i]))
				return false;
		return true;
	}
	if (value->type != jbvBinary)
		return value->type == jbvNull;
	if (lp_json_is_object(value))
		return JsonContainerSize(value->val.binary.data) == 0;
	lp_walk_begin(&each, value->val.binary.data);
	while (lp_walk_next(&each, &key, &entry))
		if (!lp_json_is_blank(&entry))
			return false;
	return true;
}

/* Whether a text is a plain decimal number that numeric can hold. */
static bool
is_number(const char *text)
{
	const char *p = text;
	int			digits = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; isdigit((unsigned char) *p); p++)
		digits++;
	if (*p == '.')
		for (p++; isdigit((unsigned char) *p); p++)
			digits++;
	if (digits == 0 || digits > MAX_NUMBER)
		return false;
	if (*p == 'e' || *p == 'E')
	{
		char	   *end;
		long		power = strtol(p + 1, &end, 10);

		if (end == p + 1 || isspace((unsigned char) p[1]) ||
			power < -MAX_NUMBER || power > MAX_NUMBER)
			return false;
		p = end;
	}
	return *p == '\0';
}

static char *
trimmed(char *text)
{
	char	   *end;

	while (isspace((unsigned char) *text))
		text++;

	for (end = text + strlen(text); end > text && isspace((unsigned char) end[-1]);)
		*--end = '\0';
	return text;
}

/* A number, also as a string. */
static bool
to_numeric(const JsonbValue *value, Numeric *result)
{
	char	   *text;

	if (value->type == jbvNumeric)
	{
		*result = value->val.numeric;
		return true;
	}
	if (value->type != jbvString)
		return false;
	text = trimmed(lp_json_value_text(value));

	if (!is_number(text))
		return false;
	*result = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
												  ObjectIdGetDatum(InvalidOid),
												  Int32GetDatum(-1)));
	return true;
}

/* A whole number between two bounds. */
static bool
to_integer(const JsonbValue *value, int64 low, int64 high, int64 *result)
{
	Numeric		number;
	char	   *text;
	char	   *point;
	char	   *end;

	if (!to_numeric(value, &number))
		return false;
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	point = strchr(text, '.');
	if (point != NULL && strspn(point + 1, "0") != strlen(point + 1))
		return false;
	if (point != NULL)
		*point = '\0';
	errno = 0;
	*result = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && end != text &&
		*result >= low && *result <= high;
}

static bool
to_float(const JsonbValue *value, float8 *result)
{
	Numeric		number;
	char	   *text;

	if (!to_numeric(value, &number))
		return false;
	text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	errno = 0;
	*result = strtod(text, NULL);
	return errno != ERANGE || (*result != 0 && isfinite(*result));
}

static bool
to_boolean(const JsonbValue *value, bool *result)
{
	char	   *text;

	if (value->type == jbvBool)
	{
		*result = value->val.boolean;
		return true;
	}
	if (value->type != jbvString)
		return false;
	text = trimmed(lp_json_value_text(value));

	*result = pg_strcasecmp(text, "true") == 0;
	return *result || pg_strcasecmp(text, "false") == 0;
}

bool
lp_json_get_true(const JsonbContainer *container, const char *key)
{
	JsonbValue	value;
	bool		truth;

	return lp_json_get(container, key, &value) && to_boolean(&value, &truth) && truth;
}

/* Reads exactly n digits. */
static bool
digits(const char **p, int n, int *result)
{
	*result = 0;
	for (int i = 0; i < n; i++, (*p)++)
	{
		if (!isdigit((unsigned char) **p))
			return false;
		*result = *result * 10 + (**p - '0');
	}
	return true;
}

/* "Z", "+02", "+0200", "+02:00" or nothing, as seconds east. */
static bool
parse_offset(const char *p, int *seconds)
{
	int			sign;
	int			hours;
	int			minutes = 0;

	*seconds = 0;
	if (*p == ' ')
		p++;
	if (*p == '\0' || pg_strcasecmp(p, "z") == 0 || pg_strcasecmp(p, "utc") == 0)
		return true;
	if (*p != '+' && *p != '-')
		return false;
	sign = *p++ == '-' ? -1 : 1;
	if (!digits(&p, 2, &hours))
		return false;
	if (*p == ':')
		p++;
	if (*p != '\0' && !digits(&p, 2, &minutes))
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return *p == '\0' && hours <= 15 && minutes <= 59;
}

/* An ISO 8601 date or time; false if it is none. */
static bool
parse_time(const char *text, TimestampTz *result)
{
	const char *p = text;
	int			year;
	int			month;
	int			day;
	int			hour = 0;
	int			minute = 0;
	int			second = 0;
	int			offset = 0;
	int64		fraction = 0;

	if (!digits(&p, 4, &year) || *p++ != '-' || !digits(&p, 2, &month) ||
		*p++ != '-' || !digits(&p, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
		day > day_tab[isleap(year)][month - 1])
		return false;
	if (*p == 'T' || *p == 't' || *p == ' ')
	{
		p++;
		if (!digits(&p, 2, &hour) || *p++ != ':' || !digits(&p, 2, &minute))
			return false;
		if (*p == ':')
		{
			p++;
			if (!digits(&p, 2, &second))
				return false;
		}
		if (*p == '.' || *p == ',')
		{
			int64		unit = USECS_PER_SEC;

			for (p++; isdigit((unsigned char) *p); p++)
			{
				unit /= 10;
				fraction += (*p - '0') * unit;
			}
		}
		if (!parse_offset(p, &offset))
			return false;
	}
	else if (*p != '\0')
		return false;
	if (hour > 24 || minute > 59 || second > 60 ||
		(hour == 24 && (minute > 0 || second > 0 || fraction > 0)))
		return false;
	*result = ((int64) date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
		((int64) hour * 3600 + minute * 60 + second - offset) * USECS_PER_SEC + fraction;
	return true;
}

/* The texts of a list; entries that are none are left out. */
static bool
to_texts(const JsonbValue *value, Datum *result)
{
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	entry;
	Datum	   *texts;
	int			n = 0;

	if (!lp_json_is_list(value))
		return false;
	texts = palloc(sizeof(Datum) * (JsonContainerSize(value->val.binary.data) + 1));
	lp_walk_begin(&each, value->val.binary.data);
	while (lp_walk_next(&each, &key, &entry))
	{
		char	   *word = lp_json_value_text(&entry);

		if (word != NULL)
			texts[n++] = CStringGetTextDatum(word);
	}
	if (n == 0 && JsonContainerSize(value->val.binary.data) > 0)
		return false;
	*result = PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
	return true;
}

bool
lp_json_to_datum(const JsonbValue *value, Oid type, Datum *result)
{
	int64		integer;
	float8		number;
	bool		truth;
	Numeric		numeric;
	TimestampTz time;
	char	   *text;

	if (value->type == jbvNull)
		return false;
	switch (type)
	{
		case TEXTOID:
			text = lp_json_value_text(value);

			if (text == NULL)
				return false;
			*result = CStringGetTextDatum(text);
			return true;
		case BOOLOID:
			if (!to_boolean(value, &truth))
				return false;
			*result = BoolGetDatum(truth);
			return true;
		case INT4OID:
			if (!to_integer(value, PG_INT32_MIN, PG_INT32_MAX, &integer))
				return false;
			*result = Int32GetDatum(integer);
			return true;
		case INT8OID:
			if (!to_integer(value, PG_INT64_MIN, PG_INT64_MAX, &integer))
				return false;
			*result = Int64GetDatum(integer);
			return true;
		case NUMERICOID:
			/* Beyond double precision no statistic could bear it. */
			if (!to_numeric(value, &numeric) || !to_float(value, &number))
				return false;
			*result = datumCopy(NumericGetDatum(numeric), false, -1);
			return true;
		case FLOAT8OID:
			if (!to_float(value, &number))
				return false;
			*result = Float8GetDatum(number);
			return true;
		case TIMESTAMPTZOID:
			text = value->type == jbvString ? trimmed(lp_json_value_text(value)) : NULL;

			if (text == NULL || !parse_time(text, &time))
				return false;
			*result = TimestampTzGetDatum(time);
			return true;
		case TEXTARRAYOID:
			return to_texts(value, result);
		case JSONBOID:
			*result = JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, value)));
			return true;
		default:
			return false;
	}
}
