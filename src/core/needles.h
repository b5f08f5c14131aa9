/*
 * needles.h
 *	  How a person may show in a text, and looking for it.
 */
#ifndef LP_NEEDLES_H
#define LP_NEEDLES_H

#include "nodes/pg_list.h"

#include "core/element.h"

/* A number in the middle of a text has at least so many digits. */
#define LP_NEEDLE_MIN_DIGITS 7

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

typedef enum LpSighting
{
	LP_SIGHT_NONE,
	LP_SIGHT_INSIDE,			/* somewhere in the text */
	LP_SIGHT_WHOLE				/* it is the text */
} LpSighting;

extern void lp_needles_add_key(LpNeedles *needles, const LpKey *key);

/* Names, links and ids in a row of lead_pool, or of what a capture told. */
extern void lp_needles_add_row(LpNeedles *needles, const LpPool *pool, const LpPoolRow *row);

/* Whether a text shows the person. */
extern bool lp_needles_find(const LpNeedles *needles, const char *text);

/*
 * Whether a text that was put together by a program (the id of a message)
 * shows a key of the person, with whatever stands right before or behind it.
 */
extern bool lp_needles_in_id(const LpNeedles *needles, const char *text);

/* What a text, folded and trimmed, shows of the person besides the name. */
extern LpSighting lp_needles_look(const LpNeedles *needles, const char *folded);

/* Whether it shows a name of several words, or is one word of a name. */
extern bool lp_needles_show_name(const LpNeedles *needles, const char *folded);
extern bool lp_needles_is_name_part(const LpNeedles *needles, const char *folded);

#endif							/* LP_NEEDLES_H */
