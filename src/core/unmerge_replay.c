/*
 * unmerge_replay.c
 *	  Parting two leads although something has happened to them since they were
 *	  merged.
 *
 * What was the duplicate's goes back to it.  What came since is shared out:
 * a capture goes to the lead whose key it carries, the strongest first; a
 * touch to the lead whose address it used, an event to its touch's lead or the
 * address it reports; what tells neither stays with the survivor.  Bans stay
 * on both.  Both rows are folded again; the states begin with what they were
 * before the merge and take in what came since.  Captures and keys are shared
 * out in unmerge_keys.c.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/bans.h"
#include "core/fold.h"
#include "core/holds.h"
#include "core/ownership.h"
#include "core/refold.h"
#include "core/unmerge.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"

/* The short hash that touches carry, of a key that bans know. */
#define SHORT_HASH(hash) "('x' || encode(substr(" hash ", 1, 8), 'hex'))::bit(64)::bigint"

static LpSql touches_back_sql = LP_SQL(
	"UPDATE @s@.lead_touches t SET lead_id = $3,"
	" flags = CASE WHEN r.before->'flags' ? 'merged' THEN t.flags"
	"  ELSE array_remove(t.flags, 'merged') END"
	" FROM @s@.lead_merge_rows r WHERE r.merge_id = $1 AND r.relation = 'lead_touches'"
	" AND r.key = t.id::text AND r.before->>'lead_id' = $3::text AND t.lead_id = $2",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql touches_move_sql = LP_SQL(
	"UPDATE @s@.lead_touches t SET lead_id = $3 WHERE t.lead_id = $2"
	" AND NOT EXISTS (" JOURNAL("lead_touches", "t.id") ")"
	" AND t.address_key IN (SELECT " SHORT_HASH("i.key_hash")
	"  FROM @s@.lead_identities i WHERE i.lead_id = $3)"
	" AND t.address_key NOT IN (SELECT " SHORT_HASH("i.key_hash")
	"  FROM @s@.lead_identities i WHERE i.lead_id = $2)"
	" AND NOT EXISTS (SELECT FROM @s@.lead_touches o WHERE o.lead_id = $3"
	"  AND o.campaign_id = t.campaign_id AND o.step = t.step)",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql events_back_sql = LP_SQL(
	"UPDATE @s@.lead_events e SET lead_id = $3 WHERE e.lead_id = $2 AND "
	WAS_DUPLICATES("lead_events", "e.id"),
	UUIDOID, UUIDOID, UUIDOID);

static LpSql events_move_sql = LP_SQL(
	"UPDATE @s@.lead_events e SET lead_id = $3 WHERE e.lead_id = $2"
	" AND NOT EXISTS (" JOURNAL("lead_events", "e.id") ")"
	" AND CASE WHEN e.touch_id IS NOT NULL THEN EXISTS ("
	"   SELECT FROM @s@.lead_touches t WHERE t.id = e.touch_id AND t.lead_id = $3)"
	"  ELSE e.address_hash IN (SELECT i.key_hash FROM @s@.lead_identities i"
	"    WHERE i.lead_id = $3)"
	"   AND e.address_hash NOT IN (SELECT i.key_hash FROM @s@.lead_identities i"
	"    WHERE i.lead_id = $2) END",
	UUIDOID, UUIDOID, UUIDOID);

/*
 * Pins that the merge took along; one set anew since is the survivor's.  An
 * image without a value is a pin that says "nothing", or showed somebody who
 * was erased: the survivor's pin tells.
 */
static LpSql pins_again_sql = LP_SQL(
	"INSERT INTO @s@.lead_pins SELECT " LP_PIN_AGAIN " FROM @s@.lead_merge_rows r,"
	" LATERAL jsonb_populate_record(NULL::@s@.lead_pins, r.before) b"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_pins' AND r.after IS NULL"
	" AND b.lead_id = $3 AND EXISTS (SELECT FROM @s@.lead_pins p"
	"  WHERE p.lead_id = $2 AND p.column_name = b.column_name"
	"   AND (b.value IS NOT NULL OR p.value = 'null'))",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql pins_gone_sql = LP_SQL(
	"DELETE FROM @s@.lead_pins p USING @s@.lead_merge_rows r, @s@.lead_pins b"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_pins' AND r.after IS NULL"
	" AND b.lead_id = $3 AND r.key = b.lead_id || ':' || b.column_name"
	" AND p.lead_id = $2 AND p.column_name = b.column_name"
	" AND p.value = b.value AND p.pinned_at = b.pinned_at",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql assignments_back_sql = LP_SQL(
	"UPDATE @s@.lead_assignments a SET lead_id = $3, origin = r.before->>'origin'"
	" FROM @s@.lead_merge_rows r WHERE r.merge_id = $1"
	" AND r.relation = 'lead_assignments' AND r.key = a.id::text"
	" AND r.before->>'lead_id' = $3::text AND a.lead_id = $2",
	UUIDOID, UUIDOID, UUIDOID);

/*
 * What the merge ended, if its client may go on with it: not where the lead has
 * been another's since, or another client has become the first to contact it.
 */
static LpSql ended_sql = LP_SQL(
	"SELECT a.id, a.client_id, a.lead_id FROM @s@.lead_merge_rows m"
	" JOIN @s@.lead_assignments a ON a.id::text = m.key AND a.status = 'merged_away'"
	" JOIN @s@.lead_clients c ON c.id = a.client_id AND c.status <> 'cancelled'"
	" JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	"  AND (s.converted_by IS NULL OR s.converted_by = a.client_id)"
	" WHERE m.merge_id = $1 AND m.relation = 'lead_assignments'"
	" AND m.before->>'status' = 'active' AND NOT EXISTS (SELECT FROM @s@.lead_assignments o"
	"  WHERE o.lead_id = a.lead_id AND (o.status = 'active' OR o.ended_at > a.ended_at))"
	" AND (a.first_contacted_at IS NOT NULL OR NOT EXISTS ("
	"  SELECT FROM @s@.lead_touches t WHERE t.lead_id = a.lead_id"
	"   AND t.client_id <> a.client_id AND t.state IN ('dispatched', 'unknown', 'sent')"
	"   AND NOT EXISTS (" JOURNAL("lead_touches", "t.id") ")))",
	UUIDOID);

static LpSql marks_sql = LP_SQL(
	"SELECT unsubscribed_at, email_bounced_at, email_match, enriched_at"
	" FROM @s@.lead_pool WHERE id = $1",
	UUIDOID);

/* $1 both; what the person was marked with while it was one. */
static LpSql set_marks_sql = LP_SQL(
	"UPDATE @s@.lead_pool SET updated_at = $5, unsubscribed_at ="
	"  CASE WHEN $2 IS NOT NULL THEN coalesce(unsubscribed_at, $2) END,"
	" email_bounced_at = CASE WHEN email_match = $4"
	"  THEN coalesce(email_bounced_at, $3) ELSE email_bounced_at END,"
	" enriched_at = CASE WHEN id = ANY ($6) THEN greatest(enriched_at, $7)"
	"  ELSE enriched_at END"
	" WHERE id = ANY ($1)",
	UUIDARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID,
	UUIDARRAYOID, TIMESTAMPTZOID);

/* $1 merge, $2 lead. */
static LpSql ledger_sql = LP_SQL(
	"UPDATE @s@.lead_state s SET"
	" contacted_by = CASE WHEN t.at < coalesce(s.contacted_at, 'infinity')"
	"  THEN t.client_id ELSE s.contacted_by END,"
	" contacted_at = least(s.contacted_at, t.at),"
	" replied_at = least(s.replied_at, e.replied),"
	" not_interested_at = greatest(s.not_interested_at, e.refused),"
	" converted_by = CASE WHEN s.converted_at IS NULL THEN coalesce(e.converter, a.client_id)"
	"  ELSE s.converted_by END,"
	" converted_at = coalesce(s.converted_at, e.converted, a.converted_at)"
	" FROM (SELECT min(x.occurred_at) FILTER (WHERE x.event IN ('replied', 'interested',"
	"   'not_interested', 'meeting_booked')) AS replied,"
	"  max(x.occurred_at) FILTER (WHERE x.event = 'not_interested') AS refused,"
	"  min(x.occurred_at) FILTER (WHERE x.event = 'converted') AS converted,"
	"  (array_agg(x.client_id ORDER BY x.occurred_at) FILTER (WHERE x.event = 'converted'))[1]"
	"   AS converter"
	"  FROM @s@.lead_events x WHERE x.lead_id = $2"
	"   AND NOT EXISTS (" JOURNAL("lead_events", "x.id") ")) e"
	" LEFT JOIN (SELECT k.client_id, k.counted_at AS at FROM @s@.lead_touches k"
	"  WHERE k.lead_id = $2 AND k.state IN ('dispatched', 'unknown', 'sent')"
	"  ORDER BY k.counted_at, k.id LIMIT 1) t ON true"
	" LEFT JOIN @s@.lead_assignments a ON a.lead_id = $2 AND a.status = 'active'"
	"  AND a.outcome = 'converted'"
	" WHERE s.lead_id = $2",
	UUIDOID, UUIDOID);

/* Kept since the merge: the lead stays kept whose assignment ended so. */
static LpSql kept_sql = LP_SQL(
	"UPDATE @s@.lead_state s SET kept_for = $4, kept_until = $5 WHERE s.lead_id ="
	" coalesce((SELECT a.lead_id FROM @s@.lead_assignments a WHERE a.lead_id IN ($2, $3)"
	"   AND a.client_id = $4 AND a.kept_until = $5 ORDER BY a.ended_at DESC LIMIT 1), $2)"
	" AND EXISTS (SELECT FROM @s@.lead_merge_rows r WHERE r.merge_id = $1"
	"  AND r.relation = 'lead_state' AND r.key = $2::text"
	"  AND (r.after->>'kept_until')::timestamptz IS DISTINCT FROM $5)",
	UUIDOID, UUIDOID, UUIDOID, UUIDOID, TIMESTAMPTZOID);

static void
part_ledger(LpReplay *replay)
{
	lp_sql_run(&touches_back_sql, replay->args, NULL);
	lp_sql_run(&touches_move_sql, replay->args, NULL);
	lp_sql_run(&events_back_sql, replay->args, NULL);
	lp_sql_run(&events_move_sql, replay->args, NULL);
	lp_sql_run(&assignments_back_sql, replay->args, NULL);
	lp_sql_run(&pins_again_sql, replay->args, NULL);
	lp_sql_run(&pins_gone_sql, replay->args, NULL);
}

/* Marks of the person that stay on both. */
static void
set_marks(LpReplay *replay, const Datum *marks, const char *nulls)
{
	pg_uuid_t	enriched[2];
	int			n = 0;
	char		all_nulls[] = "       ";
	Datum		args[7];

	for (int i = 0; i < 2; i++)
		if (replay->has_later[i])
			enriched[n++] = replay->scope->ids[i];
	args[0] = lp_array_of_uuids(replay->scope->ids, 2);
	for (int i = 0; i < 3; i++)
	{
		args[i + 1] = marks[i];
		all_nulls[i + 1] = nulls[i];
	}
	args[4] = TimestampTzGetDatum(lp_clock_now());
	args[5] = lp_array_of_uuids(enriched, n);
	args[6] = marks[3];
	all_nulls[6] = nulls[3];
	lp_sql_run(&set_marks_sql, args, all_nulls);
}

static void
fold_side(LpReplay *replay, int side, bool had_captures)
{
	const pg_uuid_t *id = &replay->scope->ids[side];
	LpPoolRow  *row = lp_pool_load(replay->pool, id, 1)[0];
	LpStateRow	state;

	if (!lp_refold_has_captures(id))
		return;					/* as it was before the merge */
	if (had_captures)
		row = lp_fold_restart(replay->pool, row);
	lp_refold(replay->pool, id, &row, 1);
	lp_pool_update(replay->pool, &row, 1);
	lp_fold_state(replay->pool, row, id, &state);
	lp_state_save(&state, 1);
	lp_replay_know_shown(replay, side, row);
}

static LpSql had_captures_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_merge_rows WHERE merge_id = $1"
	" AND relation = 'lead_captures' AND before->>'lead_id' = $2::text LIMIT 1",
	UUIDOID, UUIDOID);

static void
part_rows(LpReplay *replay, const LpLead *person)
{
	Datum		marks[4];
	char		nulls[] = "    ";
	Datum		kept[] = {replay->args[0], replay->args[1], replay->args[2],
		person->kept_for ? UUIDPGetDatum(person->kept_for) : (Datum) 0,
	TimestampTzGetDatum(person->kept_until)};
	bool		is_kept = person->kept_for != NULL && !TIMESTAMP_IS_NOBEGIN(person->kept_until);

	lp_sql_run(&marks_sql, &replay->args[1], NULL);
	for (int i = 0; i < 4; i++)
	{
		nulls[i] = lp_col_is_null(0, i + 1) ? 'n' : ' ';
		marks[i] = i == 2 && nulls[i] == ' ' ?
			CStringGetTextDatum(lp_col_text(0, 3)) : lp_col(0, i + 1);
	}
	lp_merge_journal_restore(replay->scope, "lead_pool");
	lp_merge_journal_restore(replay->scope, "lead_state");
	for (int i = 0; i < 2; i++)
	{
		Datum		args[] = {replay->args[0], replay->args[i + 1]};

		fold_side(replay, i, lp_sql_run(&had_captures_sql, args, NULL) > 0);
		lp_sql_run(&ledger_sql, args, NULL);
	}
	set_marks(replay, marks, nulls);
	lp_sql_run(&kept_sql, kept, is_kept ? NULL : "   nn");
}

/* The hint that bans stand on both, or no longer do. */
static void
mark_banned(const LpReplay *replay)
{
	TimestampTz now = lp_clock_now();
	List	  **bans = lp_bans_of_leads(replay->scope->ids, 2, now);

	for (int i = 0; i < 2; i++)
	{
		ListCell   *cell;

		foreach(cell, bans[i])
		{
			LpBan	   *ban = lfirst(cell);

			if (lp_ban_stops(ban, NULL, LP_CHANNEL_NONE, now) != LP_BAN_STOPS_NOTHING &&
				TIMESTAMP_IS_NOEND(ban->expires_at) && ban->kind != LP_KEY_DOMAIN)
				lp_state_set_banned(&replay->scope->ids[i], 1);
		}
	}
	lp_bans_unmark(replay->scope->ids, 2, now);
}

/*
 * The assignment that the merge ended, unless something stands against it.
 * What its client got of the person meanwhile (it may have converted) then
 * counts for the lead as well.
 */
static void
give_back(const LpReplay *replay, const LpLead *person)
{
	pg_uuid_t	id;
	pg_uuid_t	lead_id;
	LpClient   *client;
	const LpLead *lead;
	Datum		ledger[2];

	if (lp_sql_run(&ended_sql, replay->args, NULL) == 0)
		return;
	id = *lp_col_uuid(0, 1);
	lead_id = *lp_col_uuid(0, 3);
	client = lp_client_load(lp_col_uuid(0, 2));
	lead = lp_lead_load(&lead_id, 1);
	if (!lead->known || lp_holds_of_others(lead, 1, &client->id)[0])
		return;
	lp_assignment_reopen(&id);
	ledger[0] = replay->args[0];
	ledger[1] = UUIDPGetDatum(&lead_id);
	lp_sql_run(&ledger_sql, ledger, NULL);
}

void
lp_unmerge_replay(const LpMergeScope *scope)
{
	LpReplay	replay = {.scope = scope};
	LpLead	   *person = lp_lead_load(&scope->ids[0], 1);

	replay.pool = lp_pool_open();
	replay.args[0] = UUIDPGetDatum(&scope->merge_id);
	replay.args[1] = UUIDPGetDatum(&scope->ids[0]);
	replay.args[2] = UUIDPGetDatum(&scope->ids[1]);
	lp_replay_load_keys(&replay);
	lp_replay_part_captures(&replay);
	lp_replay_part_keys(&replay);
	part_ledger(&replay);
	part_rows(&replay, person);
	mark_banned(&replay);
	for (int i = 0; i < 2; i++)
		lp_merge_hold(&scope->ids[i], person);
	give_back(&replay, person);
	for (int i = 0; i < 2; i++)
		lp_merge_hold(&scope->ids[i], person);
}
