/*
 * apply_companies.c
 *	  What answers about companies told: lead_companies, and which leads must
 *	  be folded anew.
 */
#include "postgres.h"

#include "core/batch.h"
#include "core/fold.h"
#include "core/organization.h"
#include "util/uuid.h"

/* The company of an organization element, found or new. */
static int
company_of(LpBatch *batch, const LpFacts *facts)
{
	char	   *id = lp_fold_company(batch->pool, facts->row);
	char	   *domain = lp_fold_company_domain(lp_pool_text(batch->pool, facts->row,
															 LP_COL_COMPANY_DOMAIN));
	LpOrganization *company;

	for (int i = 0; i < batch->n_companies; i++)
	{
		company = &batch->companies[i];
		if (id != NULL ? company->apollo_id != NULL && strcmp(company->apollo_id, id) == 0 :
			company->apollo_id == NULL && strcmp(company->domain, domain) == 0)
			return i;
	}
	batch->companies = batch->companies == NULL ? palloc(sizeof(LpOrganization)) :
		repalloc(batch->companies, sizeof(LpOrganization) * (batch->n_companies + 1));
	company = &batch->companies[batch->n_companies];
	memset(company, 0, sizeof(*company));
	lp_uuid_make(&company->id);
	company->apollo_id = id;
	company->domain = domain;
	company->captured_at = DT_NOBEGIN;
	company->is_new = true;
	return batch->n_companies++;
}

void
lp_batch_load_companies(LpBatch *batch)
{
	char	  **ids = palloc(sizeof(char *) * Max(batch->n, 1));
	char	  **domains = palloc(sizeof(char *) * Max(batch->n, 1));
	int			n_ids = 0;
	int			n_domains = 0;
	int			n_leads;
	pg_uuid_t  *leads;

	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];

		if (element->kind != LP_ELEMENT_ORGANIZATION || element->facts == NULL ||
			(element->outcome != NULL && strcmp(element->outcome, "unchanged") != 0))
			continue;
		ids[n_ids] = lp_fold_company(batch->pool, element->facts->row);
		domains[n_domains] = lp_fold_company_domain(
													lp_pool_text(batch->pool, element->facts->row, LP_COL_COMPANY_DOMAIN));
		element->company = 0;
		if (ids[n_ids] != NULL)
			n_ids++;
		else
			n_domains++;
	}
	if (n_ids + n_domains == 0)
		return;
	batch->companies = lp_organization_find(ids, n_ids, domains, n_domains, &batch->n_companies);
	for (int i = 0; i < batch->n; i++)
		if (batch->elements[i].company >= 0)
			batch->elements[i].company = company_of(batch, batch->elements[i].facts);
	leads = lp_state_of_companies(ids, n_ids, &n_leads);
	for (int i = 0; i < n_leads; i++)
		(void) lp_batch_lead(batch, &leads[i], false);
}

/* Whether the row shows a value of the company's that is another one now. */
static bool
shows_older(const LpPool *pool, const LpPoolRow *row, const LpPoolRow *told,
			const LpPoolRow *tells)
{
	for (int i = 0; i < pool->desc->natts; i++)
		if (!told->nulls[i] && !row->nulls[i] && lp_pool_same(pool, i, told, row) &&
			!lp_pool_same(pool, i, told, tells))
			return true;
	return false;
}

/* Leads that were filled with what the company no longer says: fold again. */
static void
retell_company(LpBatch *batch, const LpOrganization *company, Jsonb *before)
{
	LpOrganization old = *company;
	LpFacts    *told;
	LpFacts    *tells = lp_organization_facts(batch->pool, company);

	old.facts = before;
	told = lp_organization_facts(batch->pool, &old);
	for (int i = 0; i < batch->n_leads; i++)
	{
		LpTouched  *lead = &batch->leads[i];
		char	   *name = lp_fold_company(batch->pool, lead->row);

		if (name != NULL && company->apollo_id != NULL &&
			strcmp(name, company->apollo_id) == 0 && !lead->is_new &&
			shows_older(batch->pool, lead->row, told->row, tells->row))
			lead->replay = true;
	}
}

void
lp_batch_lay_companies(LpBatch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		LpOrganization *company = element->company < 0 ? NULL :
		&batch->companies[element->company];
		Jsonb	   *before;

		if (company == NULL || (!element->stored && !company->changed))
			continue;
		before = company->facts;
		if (element->stored && company->captured_at <= batch->captured_at)
			company->facts = lp_organization_lay(before, element->json);
		else
		{
			int			n;
			LpArchived *parts = lp_archive_of_companies(&company->id, 1, &n);

			company->facts = NULL;
			for (int k = 0; k < n; k++)
				company->facts = lp_organization_lay(company->facts,
													 lp_batch_json(parts[k].part,
																   strlen(parts[k].part)));
		}
		company->changed = true;
		company->captured_at = Max(company->captured_at, batch->captured_at);
		company->domain = lp_fold_company_domain(
												 lp_pool_text(batch->pool, lp_organization_facts(batch->pool, company)->row,
															  LP_COL_COMPANY_DOMAIN));
		element->outcome = before == NULL ? "inserted" :
			compareJsonbContainers(&before->root, &company->facts->root) == 0 ?
			"unchanged" : "updated";
		if (before != NULL && strcmp(element->outcome, "updated") == 0)
			retell_company(batch, company, before);
	}
	lp_organization_save(batch->companies, batch->n_companies);
}
