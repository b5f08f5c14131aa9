/*
 * jsonwalk.h
 *	  Reading jsonb of unknown shape without ever throwing.
 */
#ifndef LP_JSONWALK_H
#define LP_JSONWALK_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* Steps over the members of an object or list, one level. */
typedef struct LpWalk
{
	JsonbIterator *it;
	bool		is_object;
} LpWalk;

extern void lp_walk_begin(LpWalk *each, const JsonbContainer *container);

/* key may be NULL: of a list there is none */
extern bool lp_walk_next(LpWalk *each, JsonbValue *key, JsonbValue *value);

/* The member of that name; false if there is none, or no object. */
extern bool lp_json_get(const JsonbContainer *container, const char *key,
						JsonbValue *value);

/* The same as a C string (strings and numbers); NULL for anything else. */
extern char *lp_json_get_text(const JsonbContainer *container, const char *key);

/* True only for a member that is true, also as a string (as in columns). */
extern bool lp_json_get_true(const JsonbContainer *container, const char *key);

extern char *lp_json_value_text(const JsonbValue *value);	/* strings, numbers;
															 * else NULL */
extern bool lp_json_is_object(const JsonbValue *value);
extern bool lp_json_is_list(const JsonbValue *value);

/* Null, a text of blanks, nothing between brackets, or a list of only such. */
extern bool lp_json_is_blank(const JsonbValue *value);

/*
 * The value as a Datum of a type: text, boolean, integer, bigint, numeric,
 * double precision, timestamptz, text[] or jsonb.  A number may come as a
 * string, a text as a number; a time without a zone is UTC.  False for null,
 * for any other type, and for what is out of range.
 */
extern bool lp_json_to_datum(const JsonbValue *value, Oid type, Datum *result);

#endif							/* LP_JSONWALK_H */
