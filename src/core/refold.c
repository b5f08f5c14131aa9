/*
 * refold.c
 *	  A lead folded again from all its captures.
 */
#include "postgres.h"

#include "core/archive.h"
#include "core/fold.h"
#include "core/pins.h"
#include "core/refold.h"
#include "core/told.h"

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

void
lp_refold(const LpPool *pool, const pg_uuid_t *ids, LpPoolRow **rows, int n)
{
	LpPins	  **pins = lp_pins_load(pool, ids, n);
	LpTelling  *tellings;
	LpOrganization *companies;
	int			count;

	tellings = lp_told_of_leads(pool, ids, n, &count);
	lp_told_lay(pool, tellings, count, ids, rows, n);
	companies = lp_told_companies(pool, rows, n, &count);
	lp_told_fill(pool, companies, count, rows, n);
	for (int i = 0; i < n; i++)
	{
		if (pins[i] != NULL)
			lp_fold_pin(pool, rows[i], pins[i]);
		lp_fold_finish(pool, rows[i]);
	}
}
