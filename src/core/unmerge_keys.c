/*
 * unmerge_keys.c
 *	  Which captures and keys are whose when a merge is undone after something
 *	  has happened since.
 *
 * What was the duplicate's goes back to it.  A capture since goes to the lead
 * whose key it carries, the strongest first, with the keys that are new; a key
 * that is the other lead's is known to bans for both.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/archive.h"
#include "core/bans.h"
#include "core/batch.h"
#include "core/unmerge.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"

/* An erasure takes the person's keys out of the journals of others. */
#define STILL_KNOWN " AND r.before->>'value' IS NOT NULL"

static LpSql keys_sql = LP_SQL(
	"SELECT r.before->>'kind', r.before->>'value', bool_or(r.before->>'lead_id' = $2::text),"
	" bool_or(r.before->>'lead_id' = $3::text)"
	" FROM @s@.lead_merge_rows r WHERE r.merge_id = $1"
	" AND r.relation = 'lead_identities'" STILL_KNOWN " GROUP BY 1, 2",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql captures_back_sql = LP_SQL(
	"UPDATE @s@.lead_captures c SET lead_id = $3 WHERE c.lead_id = $2 AND "
	WAS_DUPLICATES("lead_captures", "c.id"),
	UUIDOID, UUIDOID, UUIDOID);

static LpSql later_captures_sql = LP_SQL(
	"SELECT c.id FROM @s@.lead_captures c WHERE c.lead_id = $2 AND NOT EXISTS ("
	JOURNAL("lead_captures", "c.id") ") AND $3 IS NOT NULL",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql captures_move_sql = LP_SQL(
	"UPDATE @s@.lead_captures SET lead_id = $1 WHERE id = ANY ($2)",
	UUIDOID, UUIDARRAYOID);

/* Keys that both had are two rows again; first they may not clash. */
static LpSql keys_lower_sql = LP_SQL(
	"UPDATE @s@.lead_identities i SET identifies = false"
	" FROM @s@.lead_merge_rows r WHERE r.merge_id = $1 AND r.relation = 'lead_identities'"
	" AND r.before->>'lead_id' = $2::text AND i.lead_id = $2"
	" AND i.kind = r.before->>'kind' AND i.value = r.before->>'value'"
	" AND NOT (r.before->>'identifies')::boolean AND i.identifies AND $3 IS NOT NULL",
	UUIDOID, UUIDOID, UUIDOID);

static LpSql keys_move_sql = LP_SQL(
	"UPDATE @s@.lead_identities i SET lead_id = $1"
	" FROM unnest($3, $4) u(kind, value)"
	" WHERE i.lead_id = $2 AND i.kind = u.kind AND i.value = u.value",
	UUIDOID, UUIDOID, TEXTARRAYOID, TEXTARRAYOID);

static LpSql keys_again_sql = LP_SQL(
	"INSERT INTO @s@.lead_identities"
	" SELECT b.* FROM @s@.lead_merge_rows r,"
	" LATERAL jsonb_populate_record(NULL::@s@.lead_identities, r.before) b"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_identities'"
	" AND b.lead_id = $3 AND $2 IS NOT NULL" STILL_KNOWN
	" ON CONFLICT DO NOTHING",
	UUIDOID, UUIDOID, UUIDOID);

static LpReplayKey *
find_key(const LpReplay *replay, const char *kind, const char *value)
{
	for (int i = 0; i < replay->n_keys; i++)
		if (strcmp(replay->keys[i].kind, kind) == 0 &&
			strcmp(replay->keys[i].value, value) == 0)
			return &replay->keys[i];
	return NULL;
}

void
lp_replay_load_keys(LpReplay *replay)
{
	replay->n_keys = lp_sql_run(&keys_sql, replay->args, NULL);
	replay->keys = palloc0(sizeof(LpReplayKey) * Max(replay->n_keys, 1));
	for (int i = 0; i < replay->n_keys; i++)
	{
		replay->keys[i].kind = lp_col_text(i, 1);
		replay->keys[i].value = lp_col_text(i, 2);
		replay->keys[i].survivors = lp_col_bool(i, 3);
		replay->keys[i].duplicates = lp_col_bool(i, 4);
	}
}

/* 1 for the duplicate: whose the strongest known key of a capture is. */
static int
side_of_capture(LpReplay *replay, const LpArchived *part)
{
	Jsonb	   *json = lp_batch_json(part->part, strlen(part->part));
	LpKey	   *keys;
	int			n;
	int			side = 0;

	if (json == NULL)
		return 0;
	keys = lp_facts_keys(replay->pool,
						 lp_facts_read(replay->pool, lp_provider_of(part->source),
									   part->source, part->kind, json, part->captured_at),
						 &n);
	for (int i = 0; i < n; i++)
	{
		LpReplayKey *known = find_key(replay, lp_key_kind_name(keys[i].kind), keys[i].value);

		if (known == NULL || known->survivors == known->duplicates)
			continue;
		side = known->duplicates ? 1 : 0;
		break;
	}
	replay->told = replay->told == NULL ? palloc(sizeof(LpReplayTold) * (n + 1)) :
		repalloc(replay->told, sizeof(LpReplayTold) * (replay->n_told + n + 1));
	for (int i = 0; i < n; i++)
	{
		LpReplayKey *key;
		LpReplayTold *told = &replay->told[replay->n_told++];

		told->key = keys[i];
		told->side = side;
		told->source = part->source;
		if (find_key(replay, lp_key_kind_name(keys[i].kind), keys[i].value) != NULL)
			continue;
		replay->keys = repalloc(replay->keys, sizeof(LpReplayKey) * (replay->n_keys + 1));
		key = &replay->keys[replay->n_keys++];
		memset(key, 0, sizeof(*key));
		key->kind = pstrdup(lp_key_kind_name(keys[i].kind));
		key->value = keys[i].value;
		key->survivors = side == 0;
		key->duplicates = side == 1;
		key->is_new = true;
	}
	return side;
}

static bool
is_one_of(const pg_uuid_t *id, const pg_uuid_t *ids, int n)
{
	for (int i = 0; i < n; i++)
		if (lp_uuid_equal(id, &ids[i]))
			return true;
	return false;
}

void
lp_replay_part_captures(LpReplay *replay)
{
	pg_uuid_t  *later;
	pg_uuid_t  *moved;
	int			n_later;
	int			n_moved = 0;
	int			n;
	LpArchived *parts;

	lp_sql_run(&captures_back_sql, replay->args, NULL);
	n_later = lp_sql_run(&later_captures_sql, replay->args, NULL);
	later = palloc(sizeof(pg_uuid_t) * Max(n_later, 1));
	moved = palloc(sizeof(pg_uuid_t) * Max(n_later, 1));
	for (int i = 0; i < n_later; i++)
		later[i] = *lp_col_uuid(i, 1);
	if (n_later == 0)
		return;
	parts = lp_archive_of_leads(&replay->scope->ids[0], 1, &n);
	for (int i = 0; i < n; i++)
	{
		int			side;

		if (!is_one_of(&parts[i].id, later, n_later))
			continue;
		side = side_of_capture(replay, &parts[i]);
		replay->has_later[side] = true;
		if (side == 1)
			moved[n_moved++] = parts[i].id;
	}
	{
		Datum		args[] = {replay->args[2], lp_array_of_uuids(moved, n_moved)};

		lp_sql_run(&captures_move_sql, args, NULL);
	}
}

/*
 * A key whose owner is the other side is known to bans all the same, as it is
 * where a capture finds it taken.
 */
static void
know_keys(const LpReplay *replay, const LpReplayTold *told, int n)
{
	LpKey	   *keys = palloc(sizeof(LpKey) * Max(n, 1));
	Datum	   *hashes = palloc(sizeof(Datum) * Max(n, 1));
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	char	  **sources = palloc(sizeof(char *) * Max(n, 1));
	int			changed;

	for (int i = 0; i < n; i++)
	{
		keys[i] = told[i].key;
		keys[i].identifies = false;
		hashes[i] = lp_bans_key_hash(&keys[i]);
		ids[i] = replay->scope->ids[told[i].side];
		sources[i] = told[i].source;
	}
	lp_identities_add(keys, hashes, ids, sources, n, lp_clock_now(), &changed);
}

void
lp_replay_know_shown(const LpReplay *replay, int side, const LpPoolRow *row)
{
	static const struct
	{
		LpKeyKind	kind;
		LpPoolColumn column;
	}			shown[] = {
		{LP_KEY_EMAIL, LP_COL_EMAIL_MATCH},
		{LP_KEY_PHONE, LP_COL_PHONE},
		{LP_KEY_LINKEDIN, LP_COL_LINKEDIN_SLUG}
	};
	LpReplayTold told[lengthof(shown)];
	int			n = 0;

	for (int i = 0; i < lengthof(shown); i++)
	{
		char	   *value = lp_pool_text(replay->pool, row, shown[i].column);

		if (value != NULL && strlen(value) <= LP_KEY_MAX_BYTES)
		{
			told[n].key.kind = shown[i].kind;
			told[n].key.value = value;
			told[n].side = side;
			told[n++].source = "operator";
		}
	}
	know_keys(replay, told, n);
}

void
lp_replay_part_keys(LpReplay *replay)
{
	char	  **kinds = palloc(sizeof(char *) * Max(replay->n_keys, 1));
	char	  **values = palloc(sizeof(char *) * Max(replay->n_keys, 1));
	int			n = 0;
	Datum		args[4] = {replay->args[2], replay->args[1]};

	lp_sql_run(&keys_lower_sql, replay->args, NULL);
	for (int i = 0; i < replay->n_keys; i++)
	{
		if (!replay->keys[i].duplicates || replay->keys[i].survivors)
			continue;
		kinds[n] = replay->keys[i].kind;
		values[n++] = replay->keys[i].value;
	}
	args[2] = lp_array_of_texts(kinds, n);
	args[3] = lp_array_of_texts(values, n);
	lp_sql_run(&keys_move_sql, args, NULL);
	lp_sql_run(&keys_again_sql, replay->args, NULL);
	know_keys(replay, replay->told, replay->n_told);
}
