/*
 * merge_owner.c
 *	  Whose lead it is when two leads turn out to be one person.
 *
 * Who converted, else a client that is not cancelled over one that is (its
 * leads go back anyway), else who got a positive reply, else who contacted first, else
 * who was assigned first, else the lower lead id.  An assigned side always
 * keeps its assignment over an unassigned one.
 */
#include "postgres.h"

#include "core/merge.h"
#include "store/sql.h"
#include "util/uuid.h"

static LpSql owners_sql = LP_SQL(
	"SELECT a.id, a.client_id, a.lead_id,"
	" a.converted_at IS NOT NULL OR a.outcome = 'converted'"
	"  OR coalesce(s.converted_by = a.client_id, false),"
	" coalesce(a.outcome IN ('interested', 'meeting_booked'), false),"
	" least(a.first_contacted_at, (SELECT min(t.counted_at) FROM @s@.lead_touches t"
	"  WHERE t.lead_id = a.lead_id AND t.client_id = a.client_id"
	"   AND t.state IN ('dispatched', 'unknown', 'sent'))), a.assigned_at,"
	" coalesce(c.status = 'cancelled', false)"
	" FROM @s@.lead_assignments a JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" LEFT JOIN @s@.lead_clients c ON c.id = a.client_id"
	" WHERE a.lead_id = ANY ($1) AND a.status = 'active' ORDER BY a.lead_id",
	UUIDARRAYOID);

/* Whether a keeps the person over b. */
static bool
goes_before(const LpMergeOwner *a, const LpMergeOwner *b)
{
	if (a->converted != b->converted)
		return a->converted;
	if (a->cancelled != b->cancelled)
		return b->cancelled;
	if (a->positive != b->positive)
		return a->positive;
	if (a->contacted_at != b->contacted_at)
		return a->contacted_at < b->contacted_at;
	if (a->assigned_at != b->assigned_at)
		return a->assigned_at < b->assigned_at;
	return lp_uuid_compare(&a->lead_id, &b->lead_id) < 0;
}

/* Who converted the person of a lead; NULL for nobody. */
static const pg_uuid_t *
converter(const LpLead *lead, const LpMergeOwner *owners, int n)
{
	if (lead->converted_by != NULL)
		return lead->converted_by;
	for (int i = 0; i < n; i++)
		if (owners[i].converted && lp_uuid_equal(&owners[i].lead_id, &lead->id))
			return &owners[i].client_id;
	return NULL;
}

LpMergeVerdict
lp_merge_decide(const LpLead *leads)
{
	pg_uuid_t	ids[] = {leads[0].id, leads[1].id};
	Datum		args[] = {lp_array_of_uuids(ids, 2)};
	int			n = lp_sql_run(&owners_sql, args, NULL);
	LpMergeOwner *owners = palloc0(sizeof(LpMergeOwner) * 2);
	LpMergeVerdict verdict = {0};
	const pg_uuid_t *a;
	const pg_uuid_t *b;

	for (int i = 0; i < n; i++)
	{
		owners[i].assignment_id = *lp_col_uuid(i, 1);
		owners[i].client_id = *lp_col_uuid(i, 2);
		owners[i].lead_id = *lp_col_uuid(i, 3);
		owners[i].converted = lp_col_bool(i, 4);
		owners[i].positive = lp_col_bool(i, 5);
		owners[i].contacted_at = lp_col_time(i, 6, DT_NOEND);
		owners[i].assigned_at = lp_col_time(i, 7, DT_NOBEGIN);
		owners[i].cancelled = lp_col_bool(i, 8);
	}
	a = converter(&leads[0], owners, n);
	b = converter(&leads[1], owners, n);
	verdict.refused = a != NULL && b != NULL && !lp_uuid_equal(a, b);
	if (n > 0)
		verdict.kept = &owners[0];
	if (n == 2)
	{
		bool		first = goes_before(&owners[0], &owners[1]);

		verdict.kept = &owners[first ? 0 : 1];
		verdict.lost = &owners[first ? 1 : 0];
	}
	return verdict;
}
