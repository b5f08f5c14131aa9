/*
 * fold.h
 *	  Text as criteria compare it.
 */
#ifndef LP_FOLD_TEXT_H
#define LP_FOLD_TEXT_H

/* Trimmed and case-folded, the same in every database.  Result palloc'd. */
extern char *lp_fold_text(const char *string);

/* The ISO 3166 code of a country, else its folded text.  Result palloc'd. */
extern char *lp_fold_country_text(const char *string);

#endif							/* LP_FOLD_TEXT_H */
