/*
 * terms.h
 *	  The terms by which rare criteria find leads (lead_terms): a letter for
 *	  the kind, a colon, the folded value.
 *
 * w: word of the title, i: industry, j: industry beside the main one,
 * d: department or sub-department, t: technology (name or uid), k: keyword,
 * s: source.
 */
#ifndef LP_TERMS_H
#define LP_TERMS_H

#include "nodes/pg_list.h"

/* The term of a folded value; a long one is shortened to its hash. */
extern char *lp_term(char kind, const char *folded);

/*
 * The words of a folded title (List of char *): runs of letters and digits.
 * All else, punctuation and blanks of Unicode too, separates.
 */
extern List *lp_term_words(const char *folded);

#endif							/* LP_TERMS_H */
