/*
 * jsonsplit.h
 *	  Where in the text of a body its elements stand.
 */
#ifndef LP_JSONSPLIT_H
#define LP_JSONSPLIT_H

#include "utils/jsonb.h"

/* Lists and objects within each other: the parser and the walks recurse. */
#define LP_JSON_MAX_DEPTH 500

/* The lists that a body may have, in the order in which elements count. */
typedef enum LpList
{
	LP_LIST_BODY,				/* the body itself is the element */
	LP_LIST_PERSON,
	LP_LIST_PEOPLE,
	LP_LIST_MATCHES,
	LP_LIST_CONTACTS,
	LP_LIST_ORGANIZATION,
	LP_LIST_ORGANIZATIONS,
	LP_LISTS
} LpList;

typedef struct LpSpan
{
	LpList		list;
	int			start;			/* byte offsets in the text */
	int			end;
	bool		in_result;		/* the list stands in "webhook_result" */
} LpSpan;

/*
 * A copy of JSON text that jsonb accepts, of the same length, so that offsets
 * hold in both: an escaped NUL and lone surrogates become U+FFFD, a number
 * beyond numeric becomes null.
 */
extern char *lp_json_clean(const char *text, int len);

/* Whether a text nests deeper than LP_JSON_MAX_DEPTH; ask before parsing it. */
extern bool lp_json_too_deep(const char *text, int len);

/*
 * The elements of a cleaned Apollo body, in the order of LpList.  Returns
 * NULL if the text is no JSON object; *n is 0 for one without elements.
 */
extern LpSpan *lp_json_split(char *clean, int len, int *n);

/* The same for rows: one object, or each entry of a list. */
extern LpSpan *lp_json_split_rows(char *clean, int len, int *n);

/*
 * The objects at the spans of a text, out of the jsonb that the text is; NULL
 * for what is no object.  False if they are not found there.
 */
extern bool lp_json_of_spans(const LpSpan *spans, int n, Jsonb *body, Jsonb **parts);

#endif							/* LP_JSONSPLIT_H */
