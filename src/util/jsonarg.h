/*
 * jsonarg.h
 *	  jsonb arguments of functions (settings, criteria, options): typed keys.
 *
 * One table of keys says everything about an argument: the names, what each
 * may hold, its range.  A key that is not in the table and a value of a wrong
 * type are errors (22023) that name the key; an argument that is not an object
 * is 22032.
 */
#ifndef LP_JSONARG_H
#define LP_JSONARG_H

#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "util/compat.h"

typedef enum LpJsonKind
{
	LP_JSON_BOOL,
	LP_JSON_INTEGER,			/* whole number, low..high */
	LP_JSON_NUMBER,				/* any number, low..high */
	LP_JSON_TEXT,				/* not empty */
	LP_JSON_TEXTS,				/* list of texts, a single text is a list of
								 * one */
	LP_JSON_UUID,
	LP_JSON_DATE,				/* "YYYY-MM-DD" */
	LP_JSON_ZONE,				/* IANA name */
	LP_JSON_PERIOD,				/* interval text, zero or more */
	LP_JSON_PERIOD_OR_NEVER,	/* the same, or "never" */
	LP_JSON_ANY					/* checked by the caller */
} LpJsonKind;

typedef struct LpJsonKey
{
	const char *name;
	LpJsonKind	kind;
	double		low;			/* of numbers */
	double		high;
} LpJsonKey;

/* What an argument says about one key of the table. */
typedef struct LpJsonArg
{
	bool		given;			/* the key is there */
	bool		is_null;		/* ... as JSON null */
	bool		flag;
	bool		never;
	int64		integer;
	double		number;
	char	   *string;			/* of all kinds that are strings */
	char	  **texts;
	int			n_texts;
	pg_uuid_t	uuid;
	DateADT		date;
	Interval	period;
	JsonbValue	raw;
} LpJsonArg;

/*
 * Reads an argument (NULL = an empty object): an array parallel to keys.
 * what names the argument in errors ("setting", "criterion", "option").
 */
extern LpJsonArg *lp_json_read(const char *what, Jsonb *json,
							   const LpJsonKey *keys, int n_keys);

/* Throws 22023: key what "name" has a wrong value; expected says which are right. */
pg_noreturn extern void lp_json_wrong(const char *what, const char *name,
									  const char *expected);

/* Calls each key of an object: name and value. */
extern void lp_json_each(JsonbContainer *object,
						 void (*visit) (const char *name, JsonbValue *value, void *context),
						 void *context);

/* True if the value is a whole number from low to high. */
extern bool lp_json_integer(const JsonbValue *value, double low, double high,
							int64 *result);

/* A text value as a C string; NULL for any other kind. */
extern char *lp_json_text(const JsonbValue *value);

/* Argument n as jsonb, NULL where it is null. */
#define LP_ARG_JSONB(n)	(PG_ARGISNULL(n) ? NULL : PG_GETARG_JSONB_P(n))

#endif							/* LP_JSONARG_H */
