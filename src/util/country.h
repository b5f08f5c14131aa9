/*
 * country.h
 *	  Countries by English name or ISO 3166 code.
 */
#ifndef LP_COUNTRY_H
#define LP_COUNTRY_H

/*
 * The ISO 3166 alpha-2 code of an English country name or of a code (alpha-2
 * or alpha-3), case and surrounding blanks ignored; NULL if unknown.  The
 * result is static.
 */
extern const char *lp_country_code(const char *text);

#endif							/* LP_COUNTRY_H */
