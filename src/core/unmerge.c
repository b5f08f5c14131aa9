/*
 * unmerge.c
 *	  lp_unmerge: one lead becomes the two again that were merged.
 *
 * If every row is as the merge left it, the journal puts both leads back byte
 * for byte; else what happened since is shared out (unmerge_replay.c).  Locks
 * as for a merge, with the client that lost its assignment.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/available.h"
#include "core/bans.h"
#include "core/merge.h"
#include "core/ownership.h"
#include "core/stripes.h"
#include "store/decisions.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_unmerge);

static LpSql merge_sql = LP_SQL(
	"SELECT survivor, duplicate, unmerged_at, turn,"
	" EXISTS (SELECT FROM @s@.lead_merge_rows r WHERE r.merge_id = m.id"
	"  AND r.relation = 'lead_pool')"
	" FROM @s@.lead_merges m WHERE id = $1",
	UUIDOID);

/* A merge that stands on top of this one. */
static LpSql later_sql = LP_SQL(
	"SELECT id FROM @s@.lead_merges WHERE unmerged_at IS NULL AND id <> $1"
	" AND (duplicate = $2 OR survivor = $2 AND turn > $3)"
	" ORDER BY duplicate = $2 DESC, turn DESC LIMIT 1",
	UUIDOID, UUIDOID, INT4OID);

static LpSql erased_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_pool WHERE id = ANY ($1) AND state = 'erased'",
	UUIDARRAYOID);

/* The clients that own the person or would. */
static LpSql clients_sql = LP_SQL(
	"SELECT a.client_id FROM @s@.lead_assignments a"
	" WHERE a.lead_id = ANY ($2) AND a.status = 'active'"
	" UNION SELECT (r.before->>'client_id')::uuid FROM @s@.lead_merge_rows r"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_assignments'"
	"  AND r.before->>'status' = 'active'"
	" ORDER BY 1",
	UUIDOID, UUIDARRAYOID);

/*
 * What stands against giving back what the merge took: its client has left,
 * or another one has come to have the company to itself.
 */
static LpSql contradicted_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_merge_rows r"
	" JOIN @s@.lead_clients c ON c.id = (r.before->>'client_id')::uuid"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_assignments'"
	"  AND r.before->>'status' = 'active' AND r.after->>'status' <> 'active'"
	"  AND (c.status = 'cancelled' OR EXISTS ("
	"   SELECT FROM @s@.lead_merge_rows s JOIN @s@.lead_company_holds h"
	"    ON h.company IN ('domain:' || (s.before->>'company_domain'),"
	"     'apollo:' || (s.before->>'company_org')) AND h.client_id <> c.id"
	"   WHERE s.merge_id = $1 AND s.relation = 'lead_state'"
	"    AND s.key = r.before->>'lead_id' AND NOT EXISTS ("
	"     SELECT FROM @s@.lead_merge_rows w WHERE w.merge_id = $1"
	"      AND w.relation = 'lead_company_holds' AND w.key = h.company"
	"      AND h.client_id::text IN (w.before->>'client_id', w.after->>'client_id'))))",
	UUIDOID);

/* Others that share a key on which the merge put a ban. */
static LpSql marked_sql = LP_SQL(
	"SELECT DISTINCT i.lead_id FROM @s@.lead_merge_rows r"
	" JOIN @s@.lead_suppressions b ON b.id = r.key::uuid"
	" JOIN @s@.lead_identities i ON i.key_hash = b.key_hash"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_suppressions' AND r.before IS NULL"
	" AND i.lead_id <> ALL ($2)",
	UUIDOID, UUIDARRAYOID);

static LpSql banned_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_pool p JOIN @s@.lead_state s ON s.lead_id = p.id"
	" WHERE p.id = ANY ($2) AND (s.flags & 512 <> 0 OR p.unsubscribed_at IS NOT NULL"
	"  OR p.email_bounced_at IS NOT NULL) AND $1 IS NOT NULL",
	UUIDOID, UUIDARRAYOID);

/*
 * Bans of either that were lifted since.  Where an equal one of the other had
 * the person banned all the time, no row of theirs tells.
 */
static LpSql lifted_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_merges m JOIN @s@.lead_merge_rows r ON r.merge_id = m.id"
	" JOIN @s@.lead_suppressions b ON b.key_hash = (r.before->>'key_hash')::bytea"
	" WHERE m.id = $1 AND r.relation = 'lead_identities' AND b.lifted_at >= m.merged_at"
	" LIMIT 1",
	UUIDOID);

static LpSql undone_sql = LP_SQL(
	"UPDATE @s@.lead_merges SET unmerged_at = greatest($2, merged_at) WHERE id = $1",
	UUIDOID, TIMESTAMPTZOID);

/* A client that is there and got nothing back is owed a replacement still. */
static LpSql settled_sql = LP_SQL(
	"UPDATE @s@.lead_conflicts f SET status = 'settled', settled_at = $3"
	" WHERE kind = 'merge_owner' AND status = 'open'"
	"  AND lead_id = $1 AND other_lead_id = $2 AND NOT EXISTS ("
	"   SELECT FROM @s@.lead_assignments a JOIN @s@.lead_clients c ON c.id = a.client_id"
	"   WHERE a.id = f.assignment_id AND a.status = 'merged_away'"
	"    AND c.status <> 'cancelled')",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

static void
refuse(const pg_uuid_t *merge_id, const char *why, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_STATE),
			errmsg("merge \"%s\" cannot be undone", lp_uuid_text(merge_id)),
			errdetail("%s", why),
			hint ? errhint("%s", hint) : 0);
}

/* Whether both leads may be put back as they were. */
static bool
is_clean(const LpMergeScope *scope)
{
	Datum		args[] = {UUIDPGetDatum(&scope->merge_id)};

	return lp_merge_journal_is_clean(scope) &&
		lp_sql_run(&contradicted_sql, args, NULL) == 0;
}

/* The merge; throws if there is none or it may not be undone. */
static void
load(LpMergeScope *scope)
{
	Datum		args[] = {UUIDPGetDatum(&scope->merge_id), 0, 0};
	bool		has_journal;

	if (lp_sql_run(&merge_sql, args, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("merge \"%s\" does not exist", lp_uuid_text(&scope->merge_id)),
				errhint("Pass the id that lp_merge returned, or one of lead_merges."));
	if (!lp_col_is_null(0, 3))
		refuse(&scope->merge_id, "from: unmerged, to: unmerged", NULL);
	scope->ids[0] = *lp_col_uuid(0, 1);
	scope->ids[1] = *lp_col_uuid(0, 2);
	has_journal = lp_col_bool(0, 5);
	args[1] = UUIDPGetDatum(&scope->ids[0]);
	args[2] = Int32GetDatum(lp_col_int(0, 4, 0));
	if (lp_sql_run(&later_sql, args, NULL) > 0)
		refuse(&scope->merge_id,
			   psprintf("from: merged again by merge %s, to: unmerged",
						lp_uuid_text(lp_col_uuid(0, 1))),
			   "Undo the later merge first.");
	args[0] = lp_array_of_uuids(scope->ids, 2);
	if (lp_sql_run(&erased_sql, args, NULL) > 0 || !has_journal)
		refuse(&scope->merge_id, "from: erased, to: unmerged",
			   "What an erasure took away does not come back.");
}

static void
lock(const LpMergeScope *scope)
{
	Datum		args[] = {UUIDPGetDatum(&scope->merge_id), lp_array_of_uuids(scope->ids, 2)};
	uint64		rows = lp_sql_run(&clients_sql, args, NULL);
	pg_uuid_t  *clients = palloc(sizeof(pg_uuid_t) * Max(rows, 1));
	LpStripes	stripes = {{NoLock}};

	for (uint64 row = 0; row < rows; row++)
		clients[row] = *lp_col_uuid(row, 1);
	for (uint64 row = 0; row < rows; row++)
		lp_client_lock(&clients[row], true);
	lp_stripes_add_leads(&stripes, scope->ids, 2);
	lp_stripes_lock(&stripes);
	lp_lead_lock(scope->ids, 2);
}

/* Both leads as they were, and what others had of the merge taken back. */
static void
restore(const LpMergeScope *scope)
{
	Datum		args[] = {UUIDPGetDatum(&scope->merge_id), lp_array_of_uuids(scope->ids, 2)};
	LpLead	   *merged = lp_lead_load(&scope->ids[0], 1);
	uint64		n = lp_sql_run(&marked_sql, args, NULL);
	pg_uuid_t  *others = palloc(sizeof(pg_uuid_t) * Max(n, 1));

	for (uint64 row = 0; row < n; row++)
		others[row] = *lp_col_uuid(row, 1);
	lp_merge_journal_restore(scope, NULL);
	for (int i = 0; i < 2; i++)
		lp_merge_hold(&scope->ids[i], merged);
	if (n > 0)
	{
		lp_lead_lock(others, n);
		lp_bans_unmark(others, n, lp_clock_now());
	}
	if (lp_sql_run(&banned_sql, args, NULL) > 0 && lp_sql_run(&lifted_sql, args, NULL) > 0)
		lp_bans_unmark(scope->ids, 2, lp_clock_now());
}

Datum
lp_unmerge(PG_FUNCTION_ARGS)
{
	LpMergeScope scope = {.bans = 0};
	pg_uuid_t  *restored;
	TimestampTz now;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_unmerge");
	scope.merge_id = *lp_arg_uuid(fcinfo, 0, "merge_id");
	lp_bans_require_key(true);
	load(&scope);
	lock(&scope);
	lock(&scope);				/* and what came while we waited */
	load(&scope);
	now = lp_clock_now();
	if (is_clean(&scope))
		restore(&scope);
	else
		lp_unmerge_replay(&scope);
	{
		Datum		undone[] = {UUIDPGetDatum(&scope.merge_id), TimestampTzGetDatum(now)};
		Datum		settled[] = {UUIDPGetDatum(&scope.ids[0]), UUIDPGetDatum(&scope.ids[1]),
		TimestampTzGetDatum(now)};

		lp_sql_run(&undone_sql, undone, NULL);
		lp_sql_run(&settled_sql, settled, NULL);
	}
	lp_decisions_give_back(&scope.ids[0], &scope.ids[1]);
	lp_available_refresh(scope.ids, 2);
	restored = MemoryContextAlloc(lp_call_result_context(), sizeof(pg_uuid_t));
	*restored = scope.ids[1];
	lp_call_end();
	PG_RETURN_UUID_P(restored);
}
