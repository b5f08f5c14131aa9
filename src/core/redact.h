/*
 * redact.h
 *	  Finding a person in text, and taking the person out of it.
 */
#ifndef LP_REDACT_H
#define LP_REDACT_H

#include "nodes/pg_list.h"

#include "core/element.h"

/* How a person may show in a text; lists of C strings, folded. */
typedef struct LpNeedles
{
	List	   *emails;			/* as bans compare them */
	List	   *slugs;
	List	   *digits;			/* of numbers in E.164 */
	List	   *words;			/* ids, links, encoded addresses */
	List	   *names;			/* of at least two words */
	List	   *parts;			/* single words of names */
} LpNeedles;

extern void lp_needles_add_key(LpNeedles *needles, const LpKey *key);

/* Names, links and ids in a row of lead_pool, or of what a capture told. */
extern void lp_needles_add_row(LpNeedles *needles, const LpPool *pool, const LpPoolRow *row);

/* Whether a text shows the person. */
extern bool lp_needles_find(const LpNeedles *needles, const char *text);

/*
 * The JSON text without the person, or NULL if nothing of the person is in
 * it.  Values that show the person become null, keys empty; of an object below
 * the root that is about the person every value goes.  With own_root
 * the names at the root are another human's and stay.  *about_root tells
 * whether the root itself has a key of the person.  Offsets in cuts (may be
 * NULL) are moved with the text, which may have holes there.
 */
extern char *lp_redact_json(const LpNeedles *needles, const char *text, bool own_root,
							int *cuts, int n_cuts, bool *about_root);

#endif							/* LP_REDACT_H */
