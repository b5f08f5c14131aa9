/*
 * organization.h
 *	  lead_companies: what answers about companies told.
 */
#ifndef LP_ORGANIZATION_H
#define LP_ORGANIZATION_H

#include "core/element.h"
#include "utils/jsonb.h"

typedef struct LpOrganization
{
	pg_uuid_t	id;
	char	   *apollo_id;		/* NULL = unknown, likewise below */
	char	   *domain;			/* registrable */
	Jsonb	   *facts;
	TimestampTz captured_at;
	bool		is_new;
	bool		changed;
} LpOrganization;

/* Companies that have one of the ids, or no id and one of the domains. */
extern LpOrganization *lp_organization_find(char **apollo_ids, int n_ids, char **domains,
											int n_domains, int *found);
extern void lp_organization_save(const LpOrganization *companies, int n);

/* Newer facts laid over older ones; what is null or absent erases nothing. */
extern Jsonb *lp_organization_lay(Jsonb *older, Jsonb *newer);

/* The facts as columns of lead_pool. */
extern LpFacts *lp_organization_facts(const LpPool *pool, const LpOrganization *company);

#endif							/* LP_ORGANIZATION_H */
