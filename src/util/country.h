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

/* The English name of an ISO 3166 alpha-2 code; NULL if unknown, static. */
extern const char *lp_country_name(const char *code);

#define LP_STATE_MAX_BYTES 100

/*
 * A state or province of a country (ISO 3166 code) as rules spell it: lower
 * case, without accents, abbreviations of the US, Canada and Australia written
 * out.  "" for NULL or an overlong name.
 */
extern const char *lp_state_name(const char *code, const char *given);

#endif							/* LP_COUNTRY_H */
