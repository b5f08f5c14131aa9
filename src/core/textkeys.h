/*
 * textkeys.h
 *	  Whom a JSON text mentions.
 */
#ifndef LP_TEXTKEYS_H
#define LP_TEXTKEYS_H

#include "datatype/timestamp.h"

#include "util/key.h"

/* What lp_text_keys returns, to be kept. */
typedef struct LpMentions
{
	LpKey	   *keys;			/* each once */
	int			n;
} LpMentions;

/*
 * Every address, number, profile and id of a person in a JSON text, also in
 * the middle of a sentence, in a key, or in the copy of a key that comes
 * twice.  region is the country of numbers that stand without one, or NULL.
 * Meant for an index: a number may be told that is none.
 */
extern LpKey *lp_text_keys(const char *json, const char *region, int *n);

/* Whether it mentions somebody who was erased. */
extern bool lp_text_shows_erased(const char *json, const char *region, TimestampTz now);

#endif							/* LP_TEXTKEYS_H */
