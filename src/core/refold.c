/*
 * refold.c
 *	  A lead folded again from all its captures.
 */
#include "postgres.h"

#include "core/archive.h"
#include "core/batch.h"
#include "core/fold.h"
#include "core/organization.h"
#include "core/pins.h"
#include "core/refold.h"
#include "util/uuid.h"

bool
lp_refold_has_captures(const pg_uuid_t *lead_id)
{
	return lp_archive_newest(lead_id, 1)[0] != DT_NOBEGIN;
}

void
lp_refold_lay_row(const LpPool *pool, LpPoolRow *row, const LpPoolRow *over)
{
	for (int i = 0; i < pool->desc->natts; i++)
		if (!over->nulls[i])
		{
			row->values[i] = over->values[i];
			row->nulls[i] = false;
		}
}

static void
lay_captures(const LpPool *pool, const pg_uuid_t *ids, LpPoolRow **rows, int n)
{
	int			n_parts;
	LpArchived *parts = lp_archive_of_leads(ids, n, &n_parts);

	for (int i = 0; i < n_parts; i++)
	{
		Jsonb	   *json = lp_batch_json(parts[i].part, strlen(parts[i].part));

		for (int k = 0; json != NULL && k < n; k++)
			if (lp_uuid_equal(parts[i].lead_id, &ids[k]))
				lp_fold_lay(pool, rows[k],
							lp_facts_read(pool, lp_provider_of(parts[i].source),
										  parts[i].source, parts[i].kind, json,
										  parts[i].captured_at));
	}
}

/* Company columns from what answers about the companies told. */
static void
fill_company(const LpPool *pool, LpPoolRow *row)
{
	char	   *id = lp_fold_company(pool, row);
	LpOrganization *companies;
	int			n;

	if (id == NULL)
		return;
	companies = lp_organization_find(&id, 1, NULL, 0, &n);
	for (int i = 0; i < n; i++)
		lp_fold_fill(pool, row, lp_organization_facts(pool, &companies[i]));
}

void
lp_refold(const LpPool *pool, const pg_uuid_t *ids, LpPoolRow **rows, int n)
{
	LpPins	  **pins = lp_pins_load(pool, ids, n);

	lay_captures(pool, ids, rows, n);
	for (int i = 0; i < n; i++)
	{
		fill_company(pool, rows[i]);
		if (pins[i] != NULL)
			lp_fold_pin(pool, rows[i], pins[i]);
		lp_fold_finish(pool, rows[i]);
	}
}
