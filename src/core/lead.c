/*
 * lead.c
 *	  The slim row of a lead: what the rules read, and the lead's lock.
 *
 * The row lock of lead_state is the lock of the lead: whoever decides about a
 * lead takes it first, in the order of ids, and reads afterwards.
 */
#include "postgres.h"

#include "core/lead.h"
#include "store/sql.h"
#include "util/errors.h"
#include "util/uuid.h"

static LpSql resolve_sql = LP_SQL(
	"WITH RECURSIVE chain(asked, id, state, next) AS ("
	" SELECT p.id, p.id, p.state, p.merged_into FROM @s@.lead_pool p"
	"  WHERE p.id = ANY ($1) AND p.state = 'merged'"
	" UNION ALL"
	" SELECT c.asked, p.id, p.state, p.merged_into FROM chain c"
	"  JOIN @s@.lead_pool p ON p.id = c.next)"
	" SELECT asked, id FROM chain WHERE state <> 'merged'",
	UUIDARRAYOID);

static LpSql lock_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_state WHERE lead_id = ANY ($1)"
	" ORDER BY lead_id FOR UPDATE",
	UUIDARRAYOID);

static LpSql load_sql = LP_SQL(
	"SELECT u.n, s.flags, s.email_key, s.phone_key, s.linkedin_key,"
	" s.contacted_by, s.kept_for, s.kept_until, s.replied_at,"
	" s.not_interested_at, s.converted_at, s.converted_by, s.country_code,"
	" s.region, s.zone, s.email_domain, s.company_domain, s.company_org,"
	" a.client_id, a.id, s.company_host,"
	" coalesce(" LP_CONVERTED_BY_OWNER("a", "s") ", false)"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_state s ON s.lead_id = u.id AND s.state = 'active'"
	" LEFT JOIN @s@.lead_assignments a ON a.lead_id = u.id AND a.status = 'active'",
	UUIDARRAYOID);

void
lp_lead_resolve(pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	uint64		found = lp_sql_run(&resolve_sql, args, NULL);

	for (uint64 row = 0; row < found; row++)
	{
		pg_uuid_t  *asked = lp_col_uuid(row, 1);

		for (int i = 0; i < n; i++)
			if (lp_uuid_equal(&ids[i], asked))
				ids[i] = *lp_col_uuid(row, 2);
	}
}

void
lp_lead_lock(const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	lp_sql_run_list(&lock_sql, n, args, NULL);
}

void
lp_lead_take(pg_uuid_t *ids, int n)
{
	Size		size = sizeof(pg_uuid_t) * n;
	pg_uuid_t  *asked = palloc(Max(size, 1));
	pg_uuid_t  *locked = palloc(Max(size, 1));

	memcpy(asked, ids, size);
	lp_lead_resolve(ids, n);
	do
	{
		lp_lead_lock(ids, n);
		memcpy(locked, ids, size);
		memcpy(ids, asked, size);	/* it may be a lead of its own again */
		lp_lead_resolve(ids, n);
	} while (memcmp(locked, ids, size) != 0);
}

LpLead *
lp_lead_load(const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	LpLead	   *leads = palloc0(sizeof(LpLead) * Max(n, 1));
	uint64		found;

	for (int i = 0; i < n; i++)
		leads[i].id = ids[i];
	found = lp_sql_run(&load_sql, args, NULL);
	for (uint64 row = 0; row < found; row++)
	{
		LpLead	   *lead = &leads[lp_col_int(row, 1, 0) - 1];

		lead->known = true;
		lead->flags = lp_col_int(row, 2, 0);
		lead->email_key = lp_col_int(row, 3, 0);
		lead->phone_key = lp_col_int(row, 4, 0);
		lead->linkedin_key = lp_col_int(row, 5, 0);
		lead->contacted_by = lp_col_uuid(row, 6);
		lead->kept_for = lp_col_uuid(row, 7);
		lead->kept_until = lp_col_time(row, 8, DT_NOBEGIN);
		lead->replied_at = lp_col_time(row, 9, DT_NOBEGIN);
		lead->not_interested_at = lp_col_time(row, 10, DT_NOBEGIN);
		lead->converted_at = lp_col_time(row, 11, DT_NOBEGIN);
		lead->converted_by = lp_col_uuid(row, 12);
		lead->country_code = lp_col_text(row, 13);
		lead->region = lp_col_text(row, 14);
		lead->zone = lp_col_text(row, 15);
		lead->email_domain = lp_col_text(row, 16);
		lead->company_domain = lp_col_text(row, 17);
		lead->company_org = lp_col_text(row, 18);
		lead->owner = lp_col_uuid(row, 19);
		lead->assignment_id = lp_col_uuid(row, 20);
		lead->company_host = lp_col_text(row, 21);
		lead->converted_by_owner = lp_col_bool(row, 22);
	}
	return leads;
}

void
lp_lead_no_such(const pg_uuid_t *id)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_NO_LEAD),
			errmsg("lead \"%s\" does not exist", lp_uuid_text(id)));
}
