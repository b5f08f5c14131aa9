/*
 * key.h
 *	  The keys by which a person is known.
 */
#ifndef LP_KEY_H
#define LP_KEY_H

#include "utils/uuid.h"

/* In the order of strength: the first known key decides who someone is. */
typedef enum LpKeyKind
{
	LP_KEY_APOLLO_ID,
	LP_KEY_EMAIL,
	LP_KEY_LINKEDIN,
	LP_KEY_PHONE,
	LP_KEY_DOMAIN,				/* bans only */
	LP_KEY_KINDS
} LpKeyKind;

typedef struct LpKey
{
	LpKeyKind	kind;
	char	   *value;			/* normalised */
	bool		identifies;		/* names one person */
} LpKey;

#define LP_KEY_MAX_BYTES 320

extern const char *lp_key_kind_name(LpKeyKind kind);
extern bool lp_key_kind_from_name(const char *name, LpKeyKind *kind);

/*
 * Normalises a value.  False if it is none of that kind (no address, no
 * number, longer than LP_KEY_MAX_BYTES, a placeholder, an invented value).
 * region is for phones without "+", NULL falls back to
 * leadpool.default_region.  A role address does not identify, a phone never.
 */
extern bool lp_key_make(LpKeyKind kind, const char *text, const char *region,
						LpKey *result);

#endif							/* LP_KEY_H */
