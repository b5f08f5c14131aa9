/*
 * merge.c
 *	  lp_merge: two leads that are one person become one.
 *
 * Everything of the duplicate moves to the survivor, which is folded again
 * from the captures of both; the duplicate stays as a row and an alias.  Locks:
 * the clients that own them, exclusively, so that neither claims meanwhile,
 * the stripes of all keys, both leads.  The journal (merge_journal.c) keeps
 * every row as it was.  All in one transaction: to any snapshot there are two
 * persons with an owner each, or one with one.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/available.h"
#include "core/bans.h"
#include "core/fold.h"
#include "core/holds.h"
#include "core/merge.h"
#include "core/ownership.h"
#include "core/refold.h"
#include "core/stripes.h"
#include "core/touch.h"
#include "store/decisions.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_merge);

static LpSql owners_sql = LP_SQL(
	"SELECT DISTINCT client_id FROM @s@.lead_assignments"
	" WHERE lead_id = ANY ($1) AND status = 'active' ORDER BY client_id",
	UUIDARRAYOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_merges (id, survivor, duplicate, reason, merged_at, turn)"
	" VALUES ($1, $2, $3, $4, $5, (SELECT coalesce(max(m.turn), 0) + 1"
	"  FROM @s@.lead_merges m WHERE m.survivor = $2))",
	UUIDOID, UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID);

static LpSql forget_sql = LP_SQL(
	"WITH m AS MATERIALIZED (SELECT id FROM @s@.lead_merges"
	"  WHERE survivor = ANY ($1) OR duplicate = ANY ($1)),"
	" gone AS (DELETE FROM @s@.lead_merge_rows WHERE relation <> 'lead_assignments'"
	"  AND merge_id IN (SELECT id FROM m))"
	" UPDATE @s@.lead_merge_rows SET"
	"  before = jsonb_build_object('id', key, 'lead_id', before->>'lead_id'),"
	"  after = jsonb_build_object('id', key, 'lead_id', after->>'lead_id')"
	" WHERE relation = 'lead_assignments' AND merge_id IN (SELECT id FROM m)",
	UUIDARRAYOID);

/* $1 survivor, $2 duplicate in all that follow. */
static LpSql assignments_sql = LP_SQL(
	"UPDATE @s@.lead_assignments SET lead_id = $1,"
	" origin = CASE WHEN status = 'active' THEN 'merge' ELSE origin END"
	" WHERE lead_id = $2",
	UUIDOID, UUIDOID);

/* Two touches of one step, made for two leads, are both kept. */
static LpSql touches_sql = LP_SQL(
	"UPDATE @s@.lead_touches t SET lead_id = $1,"
	" flags = CASE WHEN t.step IS NOT NULL AND EXISTS (SELECT FROM @s@.lead_touches o"
	"   WHERE o.lead_id = $1 AND o.campaign_id = t.campaign_id AND o.step = t.step)"
	"  THEN t.flags || '{merged}' ELSE t.flags END"
	" WHERE t.lead_id = $2",
	UUIDOID, UUIDOID);

static LpSql events_sql = LP_SQL(
	"UPDATE @s@.lead_events SET lead_id = $1 WHERE lead_id = $2", UUIDOID, UUIDOID);

static LpSql captures_sql = LP_SQL(
	"UPDATE @s@.lead_captures SET lead_id = $1 WHERE lead_id = $2", UUIDOID, UUIDOID);

/* Where both have a pin, the survivor's holds. */
static LpSql pins_sql = LP_SQL(
	"UPDATE @s@.lead_pins d SET lead_id = $1 WHERE d.lead_id = $2 AND NOT EXISTS ("
	" SELECT FROM @s@.lead_pins s WHERE s.lead_id = $1 AND s.column_name = d.column_name)",
	UUIDOID, UUIDOID);

/* A key that both have is one, and identifies if it did so for either. */
static LpSql shared_keys_sql = LP_SQL(
	"WITH gone AS (DELETE FROM @s@.lead_identities d USING @s@.lead_identities s"
	"  WHERE d.lead_id = $2 AND s.lead_id = $1 AND s.kind = d.kind AND s.value = d.value"
	"  RETURNING d.kind, d.value, d.identifies)"
	" SELECT kind, value FROM gone WHERE identifies",
	UUIDOID, UUIDOID);

static LpSql identifying_sql = LP_SQL(
	"UPDATE @s@.lead_identities i SET identifies = true"
	" FROM unnest($2, $3) u(kind, value)"
	" WHERE i.lead_id = $1 AND i.kind = u.kind AND i.value = u.value"
	"  AND NOT i.identifies AND i.kind <> 'phone'",
	UUIDOID, TEXTARRAYOID, TEXTARRAYOID);

static LpSql keys_sql = LP_SQL(
	"UPDATE @s@.lead_identities SET lead_id = $1 WHERE lead_id = $2", UUIDOID, UUIDOID);

static LpSql conflicts_sql = LP_SQL(
	"UPDATE @s@.lead_conflicts SET status = 'settled', settled_at = $3"
	" WHERE kind = 'identity' AND status = 'open'"
	"  AND (lead_id, other_lead_id) IN (($1, $2), ($2, $1))",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* $3 the survivor's address before: what bounced is that address. */
static LpSql pool_sql = LP_SQL(
	"UPDATE @s@.lead_pool s SET created_at = least(s.created_at, d.created_at),"
	" unsubscribed_at = least(s.unsubscribed_at, d.unsubscribed_at),"
	" email_bounced_at = least("
	"  CASE WHEN s.email_match IS NOT DISTINCT FROM $3 THEN s.email_bounced_at END,"
	"  CASE WHEN s.email_match = d.email_match THEN d.email_bounced_at END),"
	" updated_at = $4"
	" FROM @s@.lead_pool d WHERE s.id = $1 AND d.id = $2",
	UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID);

static LpSql state_sql = LP_SQL(
	"UPDATE @s@.lead_state s SET flags = s.flags | (d.flags & 512),"
	" contacted_by = CASE WHEN d.contacted_at < coalesce(s.contacted_at, 'infinity')"
	"  THEN d.contacted_by ELSE s.contacted_by END,"
	" contacted_at = least(s.contacted_at, d.contacted_at),"
	" kept_for = CASE WHEN d.kept_until > coalesce(s.kept_until, '-infinity')"
	"  THEN d.kept_for ELSE s.kept_for END,"
	" kept_until = greatest(s.kept_until, d.kept_until),"
	" replied_at = least(s.replied_at, d.replied_at),"
	" not_interested_at = greatest(s.not_interested_at, d.not_interested_at),"
	" converted_by = CASE WHEN d.converted_at < coalesce(s.converted_at, 'infinity')"
	"  THEN d.converted_by ELSE s.converted_by END,"
	" converted_at = least(s.converted_at, d.converted_at)"
	" FROM @s@.lead_state d WHERE s.lead_id = $1 AND d.lead_id = $2",
	UUIDOID, UUIDOID);

static LpSql pool_merged_sql = LP_SQL(
	"UPDATE @s@.lead_pool SET state = 'merged', merged_into = $1, updated_at = $3"
	" WHERE id = $2",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

static LpSql state_merged_sql = LP_SQL(
	"UPDATE @s@.lead_state SET state = 'merged' WHERE lead_id = $1", UUIDOID);

static LpSql conflict_sql = LP_SQL(
	"INSERT INTO @s@.lead_conflicts (kind, lead_id, other_lead_id, client_kept,"
	" client_lost, assignment_id, replacement_owed, detail, created_at)"
	" VALUES ('merge_owner', $1, $2, $3, $4, $5, $6, $7, $8)"
	" ON CONFLICT DO NOTHING",
	UUIDOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID, BOOLOID, TEXTOID, TIMESTAMPTZOID);

/* A merge under way. */
typedef struct Merge
{
	LpMergeScope scope;
	const LpPool *pool;
	LpLead	   *leads;			/* as they were: survivor, duplicate */
	LpMergeVerdict owner;
	TimestampTz now;
	Datum		args[3];		/* survivor, duplicate, now */
} Merge;

void
lp_merge_lock_owners(const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	uint64		rows = n == 0 ? 0 : lp_sql_run(&owners_sql, args, NULL);
	pg_uuid_t  *clients = palloc(sizeof(pg_uuid_t) * Max(rows, 1));

	for (uint64 row = 0; row < rows; row++)
		clients[row] = *lp_col_uuid(row, 1);
	for (uint64 row = 0; row < rows; row++)
		lp_client_lock(&clients[row], true);
}

void
lp_merge_forget(const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	if (n > 0)
		lp_sql_run(&forget_sql, args, NULL);
}

static void
tell_conflict(const Merge *merge, const LpMergeOwner *kept, const LpMergeOwner *lost,
			  const char *detail)
{
	Datum		args[] = {merge->args[0], merge->args[1],
		kept ? UUIDPGetDatum(&kept->client_id) : (Datum) 0,
		lost ? UUIDPGetDatum(&lost->client_id) : (Datum) 0,
		lost ? UUIDPGetDatum(&lost->assignment_id) : (Datum) 0,
	BoolGetDatum(lost != NULL && !lost->cancelled), CStringGetTextDatum(detail), merge->args[2]};
	char		nulls[] = "        ";

	if (kept == NULL)
		nulls[2] = 'n';
	if (lost == NULL)
		nulls[3] = nulls[4] = 'n';
	lp_sql_run(&conflict_sql, args, nulls);
}

/* The companies of both, as lead_company_holds spells them. */
static Datum
companies_of(const LpLead *leads)
{
	char	   *keys[4];
	int			n = 0;

	for (int i = 0; i < 2; i++)
	{
		if (leads[i].company_domain != NULL)
			keys[n++] = psprintf("domain:%s", leads[i].company_domain);
		if (leads[i].company_org != NULL)
			keys[n++] = psprintf("apollo:%s", leads[i].company_org);
	}
	return lp_array_of_texts(keys, n);
}

static void
begin(Merge *merge, const char *reason)
{
	Datum		args[] = {UUIDPGetDatum(&merge->scope.merge_id), merge->args[0],
		merge->args[1], reason ? CStringGetTextDatum(reason) : (Datum) 0,
	merge->args[2]};

	lp_sql_run(&insert_sql, args, reason ? NULL : "   n ");
	merge->scope.bans = lp_array_of_uuids(NULL, 0);
	merge->scope.companies = companies_of(merge->leads);
	lp_merge_journal_before(&merge->scope);
}

/* The loser's claims are void before the person has one owner. */
static void
move_ownership(Merge *merge)
{
	const LpMergeOwner *kept = merge->owner.kept;
	const LpMergeOwner *lost = merge->owner.lost;

	if (lost != NULL)
	{
		lp_assignment_end(&lost->assignment_id, LP_ASSIGNMENT_MERGED_AWAY, "merge",
						  merge->now);
		if (!lp_uuid_equal(&kept->client_id, &lost->client_id))
			lp_touch_fence(merge->scope.ids, 2, &lost->client_id, LP_CHANNEL_NONE,
						   merge->now);
	}
	lp_sql_run(&assignments_sql, merge->args, NULL);
	lp_sql_run(&touches_sql, merge->args, NULL);
	lp_sql_run(&events_sql, merge->args, NULL);
	lp_decisions_move(&merge->scope.ids[0], &merge->scope.ids[1]);
}

static void
move_keys(Merge *merge)
{
	uint64		rows = lp_sql_run(&shared_keys_sql, merge->args, NULL);
	char	  **kinds = palloc(sizeof(char *) * Max(rows, 1));
	char	  **values = palloc(sizeof(char *) * Max(rows, 1));

	for (uint64 row = 0; row < rows; row++)
	{
		kinds[row] = lp_col_text(row, 1);
		values[row] = lp_col_text(row, 2);
	}
	if (rows > 0)
	{
		Datum		args[] = {merge->args[0], lp_array_of_texts(kinds, rows),
		lp_array_of_texts(values, rows)};

		lp_sql_run(&identifying_sql, args, NULL);
	}
	lp_sql_run(&keys_sql, merge->args, NULL);
	lp_sql_run(&captures_sql, merge->args, NULL);
	lp_sql_run(&pins_sql, merge->args, NULL);
}

/*
 * The row that the captures of both make.  A side without captures (it came in
 * another way) is the layer below them.
 */
static LpPoolRow *
fold_both(Merge *merge, LpPoolRow **rows, const bool *has_captures)
{
	const LpPool *pool = merge->pool;
	LpPoolRow  *row = lp_fold_restart(pool, rows[0]);
	LpPoolRow  *kept = lp_pool_row_copy(pool, row);
	int			enriched = pool->at[LP_COL_ENRICHED_AT];

	for (int i = 1; i >= 0; i--)
		if (!has_captures[i])
			lp_refold_lay_row(pool, row, rows[i]);
	for (int i = 0; i < pool->desc->natts; i++)
		if (!kept->nulls[i])
		{
			row->values[i] = kept->values[i];
			row->nulls[i] = false;
		}
	if (row->nulls[enriched] ||
		(!rows[1]->nulls[enriched] &&
		 DatumGetTimestampTz(row->values[enriched]) < DatumGetTimestampTz(rows[1]->values[enriched])))
	{
		row->values[enriched] = rows[1]->values[enriched];
		row->nulls[enriched] = rows[1]->nulls[enriched];
	}
	return row;
}

static void
fold_survivor(Merge *merge, LpPoolRow **rows, const bool *has_captures)
{
	const LpPool *pool = merge->pool;
	LpPoolRow  *row = fold_both(merge, rows, has_captures);
	char	   *address = lp_pool_text(pool, rows[0], LP_COL_EMAIL_MATCH);
	LpStateRow	state;
	Datum		args[] = {merge->args[0], merge->args[1],
	address ? CStringGetTextDatum(address) : (Datum) 0, merge->args[2]};

	lp_refold(pool, &merge->scope.ids[0], &row, 1);
	lp_pool_update(pool, &row, 1);
	lp_fold_state(pool, row, &merge->scope.ids[0], &state);
	lp_state_save(&state, 1);
	lp_sql_run(&pool_sql, args, address ? NULL : "  n ");
	lp_sql_run(&state_sql, merge->args, NULL);
	lp_sql_run(&pool_merged_sql, merge->args, NULL);
	lp_sql_run(&state_merged_sql, &merge->args[1], NULL);
}

/* What bans of the one mean for the other: the hint, and open claims. */
static void
act_on_bans(Merge *merge)
{
	pg_uuid_t  *survivor = &merge->scope.ids[0];
	List	   *bans = lp_bans_of_leads(survivor, 1, merge->now)[0];
	ListCell   *cell;

	foreach(cell, bans)
	{
		LpBan	   *ban = lfirst(cell);

		if (lp_ban_stops(ban, NULL, LP_CHANNEL_NONE, merge->now) != LP_BAN_STOPS_NOTHING &&
			TIMESTAMP_IS_NOEND(ban->expires_at) && ban->kind != LP_KEY_DOMAIN)
			lp_state_set_banned(survivor, 1);
		for (LpChannel channel = 0; channel < LP_CHANNELS; channel++)
			if (lp_ban_stops(ban, ban->client_id, channel, merge->now) != LP_BAN_STOPS_NOTHING)
				lp_touch_fence(survivor, 1, ban->client_id, channel, merge->now);
	}
}

void
lp_merge_hold(const pg_uuid_t *lead_id, const LpLead *before)
{
	lp_holds_follow(before, lp_lead_load(lead_id, 1), 1, lp_clock_now());
}

static void
unite_bans(Merge *merge)
{
	int			n;
	pg_uuid_t  *added = lp_bans_unite(merge->scope.ids, 2, &n);

	merge->scope.bans = lp_array_of_uuids(added, n);
}

bool
lp_merge_leads(const LpPool *pool, const pg_uuid_t *survivor, const pg_uuid_t *duplicate,
			   const char *reason, pg_uuid_t *merge_id)
{
	Merge		merge = {.pool = pool, .now = lp_clock_now()};
	pg_uuid_t  *ids = merge.scope.ids;
	LpPoolRow **rows;
	bool		has_captures[2];

	ids[0] = *survivor;
	ids[1] = *duplicate;
	merge.args[0] = UUIDPGetDatum(&ids[0]);
	merge.args[1] = UUIDPGetDatum(&ids[1]);
	merge.args[2] = TimestampTzGetDatum(merge.now);
	merge.leads = lp_lead_load(ids, 2);
	for (int i = 0; i < 2; i++)
		if (!merge.leads[i].known)
			lp_lead_no_such(&ids[i]);
	merge.owner = lp_merge_decide(merge.leads);
	if (merge.owner.refused)
	{
		tell_conflict(&merge, NULL, NULL, "both converted, by different clients: not merged");
		return false;
	}
	lp_uuid_make(&merge.scope.merge_id);
	begin(&merge, reason);
	rows = lp_pool_load(pool, ids, 2);
	for (int i = 0; i < 2; i++)
		has_captures[i] = lp_refold_has_captures(&ids[i]);

	unite_bans(&merge);
	move_ownership(&merge);
	move_keys(&merge);
	fold_survivor(&merge, rows, has_captures);
	act_on_bans(&merge);
	lp_holds_follow(merge.leads, lp_lead_load(ids, 2), 2, merge.now);
	lp_sql_run(&conflicts_sql, merge.args, NULL);
	lp_merge_journal_after(&merge.scope);
	if (merge.owner.lost != NULL &&
		!lp_uuid_equal(&merge.owner.kept->client_id, &merge.owner.lost->client_id))
		tell_conflict(&merge, merge.owner.kept, merge.owner.lost, "merged");
	lp_available_refresh(ids, 2);
	if (merge_id != NULL)
		*merge_id = merge.scope.merge_id;
	return true;
}

/* All locks of a merge; follows ids that were merged away. */
static void
lock_pair(pg_uuid_t *ids)
{
	const pg_uuid_t asked[] = {ids[0], ids[1]};
	bool		settled = false;

	while (!settled)
	{
		pg_uuid_t	before[2];
		LpStripes	stripes = {{NoLock}};

		memcpy(ids, asked, sizeof(asked));
		lp_lead_resolve(ids, 2);
		memcpy(before, ids, sizeof(before));
		lp_merge_lock_owners(ids, 2);
		lp_stripes_add_leads(&stripes, ids, 2);
		lp_stripes_lock(&stripes);
		memcpy(ids, asked, sizeof(asked));
		lp_lead_take(ids, 2);
		settled = memcmp(before, ids, sizeof(before)) == 0;
	}
	/* what came while we waited; nothing more can come now */
	{
		LpStripes	stripes = {{NoLock}};

		lp_merge_lock_owners(ids, 2);
		lp_stripes_add_leads(&stripes, ids, 2);
		lp_stripes_lock(&stripes);
	}
}

Datum
lp_merge(PG_FUNCTION_ARGS)
{
	pg_uuid_t	ids[2];
	char	   *reason;
	pg_uuid_t  *merge_id;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_merge");
	ids[0] = *lp_arg_uuid(fcinfo, 0, "survivor");
	ids[1] = *lp_arg_uuid(fcinfo, 1, "duplicate");
	reason = lp_arg_text(fcinfo, 2, "reason");
	lp_bans_require_key(true);
	lock_pair(ids);
	if (lp_uuid_equal(&ids[0], &ids[1]))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("survivor and duplicate are the same lead, \"%s\"", lp_uuid_text(&ids[0])),
				errhint("An id that was merged away stands for its survivor."));
	merge_id = MemoryContextAlloc(lp_call_result_context(), sizeof(pg_uuid_t));
	if (!lp_merge_leads(lp_pool_open(), &ids[0], &ids[1], reason, merge_id))
		ereport(ERROR,
				errcode(ERRCODE_LP_STATE),
				errmsg("leads \"%s\" and \"%s\" were converted by different clients",
					   lp_uuid_text(&ids[0]), lp_uuid_text(&ids[1])),
				errdetail("from: converted, to: merged"),
				errhint("A converted lead stays with its client for ever."));
	lp_call_end();
	PG_RETURN_UUID_P(merge_id);
}
