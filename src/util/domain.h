/*
 * domain.h
 *	  Host names: A-labels, registrable domains, free-mail providers.
 */
#ifndef LP_DOMAIN_H
#define LP_DOMAIN_H

/*
 * A domain, host, URL or address part as a bare lower-case host in A-labels,
 * without scheme, user, port, path, "www." and final dot.  NULL if it is no
 * valid host name with at least two labels.  Result palloc'd.
 */
extern char *lp_domain_normalize(const char *text);

/*
 * The same for a bare host, "www." kept: lower case, in A-labels, without the
 * final dot; NULL if it is no host name.  Result palloc'd.
 */
extern char *lp_domain_to_ascii(const char *host);

/*
 * The registrable domain (public suffix + one label) of a normalised host;
 * NULL for a public suffix itself.  Result palloc'd.
 */
extern char *lp_domain_registrable(const char *host);

/* Whether mail of many unrelated people lives there (gmail.com, gmx.de ...). */
extern bool lp_domain_is_free_mail(const char *domain);

/* Whether host is domain or a sub-domain of it; both normalised. */
extern bool lp_domain_covers(const char *domain, const char *host);

#endif							/* LP_DOMAIN_H */
