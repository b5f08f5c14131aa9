/*
 * told.c
 *	  What captures told about leads, read from the archive.
 */
#include "postgres.h"

#include "core/archive.h"
#include "core/batch.h"
#include "core/fold.h"
#include "core/organization.h"
#include "core/told.h"
#include "util/uuid.h"

/* The parts as tellings; a part that is no object told nothing. */
static LpTelling *
read_parts(const LpPool *pool, const LpArchived *parts, int n, bool companies, int *found)
{
	LpTelling  *tellings = palloc(sizeof(LpTelling) * Max(n, 1));

	*found = 0;
	for (int i = 0; i < n; i++)
	{
		Jsonb	   *json = lp_batch_json(parts[i].part, strlen(parts[i].part));
		LpTelling  *telling = &tellings[*found];

		if (json == NULL)
			continue;
		telling->capture_id = parts[i].id;
		telling->about = companies ? *parts[i].company_id : *parts[i].lead_id;
		telling->source = parts[i].source;
		telling->at = parts[i].captured_at;
		telling->kind = parts[i].kind;
		telling->json = json;
		telling->facts = lp_facts_read(pool, lp_provider_of(parts[i].source), parts[i].source,
									   parts[i].kind, json, parts[i].captured_at);
		(*found)++;
	}
	return tellings;
}

LpTelling *
lp_told_of_leads(const LpPool *pool, const pg_uuid_t *ids, int n, int *found)
{
	int			n_parts;
	LpArchived *parts = lp_archive_of_leads(ids, n, &n_parts);

	return read_parts(pool, parts, n_parts, false, found);
}

LpTelling *
lp_told_of_companies(const LpPool *pool, const pg_uuid_t *ids, int n, int *found)
{
	int			n_parts;
	LpArchived *parts = lp_archive_of_companies(ids, n, &n_parts);

	return read_parts(pool, parts, n_parts, true, found);
}

void
lp_told_lay(const LpPool *pool, const LpTelling *tellings, int count, const pg_uuid_t *ids,
			LpPoolRow **rows, int n)
{
	for (int i = 0; i < count; i++)
		for (int k = 0; k < n; k++)
			if (lp_uuid_equal(&tellings[i].about, &ids[k]))
				lp_fold_lay(pool, rows[k], tellings[i].facts);
}

LpOrganization *
lp_told_companies(const LpPool *pool, LpPoolRow **rows, int n, int *found)
{
	char	  **ids = palloc(sizeof(char *) * Max(n, 1));
	int			n_ids = 0;

	for (int i = 0; i < n; i++)
	{
		ids[n_ids] = lp_fold_company(pool, rows[i]);
		if (ids[n_ids] != NULL)
			n_ids++;
	}
	return lp_organization_find(ids, n_ids, NULL, 0, found);
}

void
lp_told_fill(const LpPool *pool, const LpOrganization *companies, int n_companies,
			 LpPoolRow **rows, int n)
{
	char	  **names = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		names[i] = lp_fold_company(pool, rows[i]);
	for (int k = 0; k < n_companies; k++)
	{
		LpFacts    *facts = lp_organization_facts(pool, &companies[k]);

		for (int i = 0; i < n; i++)
			if (names[i] != NULL && strcmp(names[i], companies[k].apollo_id) == 0)
				lp_fold_fill(pool, rows[i], facts);
	}
}

LpPoolRow *
lp_told_alone(const LpPool *pool, const LpFacts *facts, const LpPoolRow *shown)
{
	LpPoolRow  *row = lp_pool_row_new(pool);
	int			country = pool->at[LP_COL_COUNTRY_CODE];
	LpPoolRow  *bare;

	/* A number without "+" was read with the country that the lead had. */
	row->values[country] = shown->values[country];
	row->nulls[country] = shown->nulls[country];
	lp_fold_lay(pool, row, facts);
	bare = lp_pool_row_new(pool);
	lp_fold_lay(pool, bare, facts);
	row->values[country] = bare->values[country];
	row->nulls[country] = bare->nulls[country];
	return row;
}
