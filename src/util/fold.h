/*
 * fold.h
 *	  Text as criteria compare it.
 */
#ifndef LP_FOLD_H
#define LP_FOLD_H

/*
 * Trimmed (blanks and no-break spaces) and in lower case, the same in every
 * database whatever its locale.  Result palloc'd.
 */
extern char *lp_fold_text(const char *text, int length);

/* The ISO 3166 code of a country, else its folded text.  Result palloc'd. */
extern char *lp_fold_country_text(const char *text, int length);

#endif							/* LP_FOLD_H */
