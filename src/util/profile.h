/*
 * profile.h
 *	  LinkedIn profiles as they are compared.
 */
#ifndef LP_PROFILE_H
#define LP_PROFILE_H

/*
 * The slug of a personal profile URL in any spelling (scheme, country host,
 * trailing slash, query, percent-encoding), lower-cased; a bare slug is taken
 * as it is.  NULL for anything else (company pages too).  Result palloc'd.
 */
extern char *lp_profile_slug(const char *url);

#endif							/* LP_PROFILE_H */
