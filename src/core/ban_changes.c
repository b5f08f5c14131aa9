/*
 * ban_changes.c
 *	  Bans that are made, united and lifted, and what that means for leads.
 *
 * A ban that covers the person gets a row for every key by which the person is
 * known.  Open claims end in the transaction that makes it.  Lifting deletes
 * nothing.  Locks: leads by id, after any stripes that the caller holds.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/available.h"
#include "core/bankey.h"
#include "core/bans.h"
#include "core/lead.h"
#include "core/touch.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"

/* Whether a ban for this reason covers the person, not one address. */
static bool
covers_person(LpBanReason reason)
{
	return reason != LP_BAN_DNC && reason != LP_BAN_BOUNCED;
}

/*
 * Adding bans.
 */
static LpSql leads_of_sql = LP_SQL(
	"SELECT DISTINCT lead_id FROM @s@.lead_identities WHERE key_hash = ANY ($1)",
	BYTEAARRAYOID);

static LpSql keys_of_sql = LP_SQL(
	"SELECT DISTINCT kind, value FROM @s@.lead_identities WHERE lead_id = ANY ($1)"
	" ORDER BY kind, value",
	UUIDARRAYOID);

/* The leads that are or were known by one of these keys. */
pg_uuid_t *
lp_bans_leads_of_keys(const LpKey *keys, int n, int *nleads)
{
	Datum	   *hashes = palloc(sizeof(Datum) * Max(n, 1));
	int			nhashes = 0;
	Datum		args[1];
	pg_uuid_t  *leads;
	LpBanKey   *ring;

	*nleads = 0;
	if (lp_bankey_ring(&ring) == 0)
		return NULL;			/* nothing was ever hashed here */
	for (int i = 0; i < n; i++)
	{
		uint8		hash[LP_HASH_BYTES];

		if (keys[i].kind == LP_KEY_DOMAIN)
			continue;
		lp_bans_hash(keys[i].kind, keys[i].value, hash);
		hashes[nhashes++] = lp_bytea(hash, LP_HASH_BYTES);
	}
	if (nhashes == 0)
		return NULL;
	args[0] = lp_array_of_datums(hashes, nhashes, BYTEAOID);
	*nleads = lp_sql_run(&leads_of_sql, args, NULL);
	leads = palloc(sizeof(pg_uuid_t) * Max(*nleads, 1));
	for (int i = 0; i < *nleads; i++)
		leads[i] = *DatumGetUUIDP(lp_col(i, 1));
	return leads;
}

/* keys and every other key of the leads. */
static LpKey *
with_keys_of(const LpKey *keys, int *n, const pg_uuid_t *leads, int nleads)
{
	Datum		args[] = {lp_array_of_uuids(leads, nleads)};
	uint64		rows = lp_sql_run(&keys_of_sql, args, NULL);
	LpKey	   *all = palloc(sizeof(LpKey) * (*n + rows));
	int			count = *n;

	if (*n > 0)
		memcpy(all, keys, sizeof(LpKey) * *n);
	for (uint64 row = 0; row < rows; row++)
	{
		LpKey		key = {0};
		bool		given = false;

		if (!lp_key_kind_from_name(lp_col_text(row, 1), &key.kind))
			elog(ERROR, "unknown identity kind");
		key.value = lp_col_text(row, 2);
		for (int i = 0; i < *n; i++)
			given |= keys[i].kind == key.kind && strcmp(keys[i].value, key.value) == 0;
		if (!given)
			all[count++] = key;
	}
	*n = count;
	return all;
}

static LpSql equal_sql = LP_SQL(
	"SELECT id, ban_id FROM @s@.lead_suppressions"
	" WHERE value_hash = $1 AND lifted_at IS NULL AND reason = $2"
	" AND channel IS NOT DISTINCT FROM $3::@s@.lp_channel"
	" AND client_id IS NOT DISTINCT FROM $4"
	" AND (expires_at IS NULL OR expires_at >= coalesce($5, 'infinity'))"
	" AND note IS NOT DISTINCT FROM $6"
	" ORDER BY created_at, id LIMIT 1",
	BYTEAOID, TEXTOID, TEXTOID, UUIDOID, TIMESTAMPTZOID, TEXTOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_suppressions (id, ban_id, kind, value_hash, key_id, domain,"
	" channel, reason, note, client_id, origin, created_at, expires_at, key_hash)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7::@s@.lp_channel, $8, $9, $10, $11, $12, $13, $14)",
	UUIDOID, UUIDOID, TEXTOID, BYTEAOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TEXTOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BYTEAOID);

typedef struct NewBan
{
	const LpBanOrder *order;
	const char *channel;
	pg_uuid_t	ban_id;
	bool		ban_known;
	TimestampTz now;
} NewBan;

/* One row, unless an equal one is in force; returns its id. */
static pg_uuid_t
insert_row(NewBan *ban, const LpKey *key, const char *value)
{
	const LpBanOrder *order = ban->order;
	LpBanKey   *keys;
	uint8		hash[LP_HASH_BYTES];
	Datum		args[14];
	char		nulls[] = "              ";
	pg_uuid_t	id;
	int			nkeys = lp_bankey_ring(&keys);

	lp_bankey_hash(&keys[0], lp_key_kind_name(key->kind), value, hash);

	args[0] = lp_bytea(hash, LP_HASH_BYTES);
	args[1] = CStringGetTextDatum(lp_ban_reason_name(order->reason));
	args[2] = ban->channel != NULL ? CStringGetTextDatum(ban->channel) : 0;
	args[3] = UUIDPGetDatum(order->client_id);
	args[4] = TimestampTzGetDatum(order->expires_at);
	nulls[2] = ban->channel == NULL ? 'n' : ' ';
	nulls[3] = order->client_id == NULL ? 'n' : ' ';
	nulls[4] = TIMESTAMP_IS_NOEND(order->expires_at) ? 'n' : ' ';
	args[5] = order->note != NULL ? CStringGetTextDatum(order->note) : 0;
	nulls[5] = order->note == NULL ? 'n' : ' ';
	if (lp_sql_run(&equal_sql, args, nulls) > 0)
	{
		if (!ban->ban_known)
			ban->ban_id = *lp_col_uuid(0, 2);
		ban->ban_known = true;
		return *lp_col_uuid(0, 1);
	}

	lp_uuid_make(&id);
	if (!ban->ban_known)
		lp_uuid_make(&ban->ban_id);
	ban->ban_known = true;
	memset(nulls, ' ', sizeof(nulls) - 1);
	args[0] = UUIDPGetDatum(&id);
	args[1] = UUIDPGetDatum(&ban->ban_id);
	args[2] = CStringGetTextDatum(lp_key_kind_name(key->kind));
	args[3] = lp_bytea(hash, LP_HASH_BYTES);
	args[4] = CStringGetTextDatum(keys[0].id);
	args[5] = CStringGetTextDatum(value);
	nulls[5] = key->kind == LP_KEY_DOMAIN ? ' ' : 'n';
	args[6] = ban->channel != NULL ? CStringGetTextDatum(ban->channel) : 0;
	nulls[6] = ban->channel == NULL ? 'n' : ' ';
	args[7] = CStringGetTextDatum(lp_ban_reason_name(order->reason));
	args[8] = order->note != NULL ? CStringGetTextDatum(order->note) : 0;
	nulls[8] = order->note == NULL ? 'n' : ' ';
	args[9] = UUIDPGetDatum(order->client_id);
	nulls[9] = order->client_id == NULL ? 'n' : ' ';
	args[10] = CStringGetTextDatum(order->origin);
	args[11] = TimestampTzGetDatum(ban->now);
	args[12] = TimestampTzGetDatum(order->expires_at);
	nulls[12] = TIMESTAMP_IS_NOEND(order->expires_at) ? 'n' : ' ';
	lp_bankey_hash(&keys[nkeys - 1], lp_key_kind_name(key->kind), value, hash);
	args[13] = lp_bytea(hash, LP_HASH_BYTES);
	lp_sql_run(&insert_sql, args, nulls);
	return id;
}

/* The rows of one key: a number is also banned by its digits alone. */
static pg_uuid_t
insert_key(NewBan *ban, const LpKey *key)
{
	pg_uuid_t	id = insert_row(ban, key, lp_bans_hashed_form(key->kind, key->value));

	if (key->kind == LP_KEY_PHONE && *key->value == '+')
		insert_row(ban, key, key->value + 1);
	return id;
}

static LpSql flag_sql = LP_SQL(
	"UPDATE @s@.lead_state SET flags = flags | $2"
	" WHERE lead_id = ANY ($1) AND flags & $2 = 0",
	UUIDARRAYOID, INT4OID);

static LpSql unsubscribed_sql = LP_SQL(
	"UPDATE @s@.lead_pool SET unsubscribed_at = $2, updated_at = $2"
	" WHERE id = ANY ($1) AND unsubscribed_at IS NULL",
	UUIDARRAYOID, TIMESTAMPTZOID);

static LpSql bounced_sql = LP_SQL(
	"UPDATE @s@.lead_pool p SET email_bounced_at = $3, updated_at = $3"
	" FROM @s@.lead_identities i"
	" WHERE p.id = ANY ($1) AND p.email_bounced_at IS NULL AND i.lead_id = p.id"
	" AND i.kind = 'email' AND i.value = p.email_match AND i.key_hash = ANY ($2)",
	UUIDARRAYOID, BYTEAARRAYOID, TIMESTAMPTZOID);

static void
mark_bounced(const pg_uuid_t *leads, int n, const LpKey *keys, int nkeys,
			 TimestampTz now)
{
	Datum	   *hashes = palloc(sizeof(Datum) * Max(nkeys, 1));
	int			nhashes = 0;
	Datum		args[3];

	for (int i = 0; i < nkeys; i++)
	{
		uint8		hash[LP_HASH_BYTES];

		if (keys[i].kind != LP_KEY_EMAIL)
			continue;
		lp_bans_hash(keys[i].kind, keys[i].value, hash);
		hashes[nhashes++] = lp_bytea(hash, LP_HASH_BYTES);
	}
	args[0] = lp_array_of_uuids(leads, n);
	args[1] = lp_array_of_datums(hashes, nhashes, BYTEAOID);
	args[2] = TimestampTzGetDatum(now);
	lp_sql_run(&bounced_sql, args, NULL);
}

/* What a new ban means for the leads that it reaches, in its transaction. */
static void
act_on_leads(const LpBanOrder *order, const pg_uuid_t *leads, int n,
			 const LpKey *keys, int nkeys, TimestampTz now)
{
	LpBan		probe = {
		.reason = order->reason,
		.channel = order->channel,
		.client_id = (pg_uuid_t *) order->client_id,
		.current = true,
		.expires_at = order->expires_at
	};
	LpBanCheck	whole = lp_ban_stops(&probe, NULL, LP_CHANNEL_NONE, now);
	bool		lasts = TIMESTAMP_IS_NOEND(order->expires_at);
	Datum		args[2] = {lp_array_of_uuids(leads, n)};

	/* Nothing would take the marks of a ban that ends by itself back. */
	if (lasts && whole != LP_BAN_STOPS_NOTHING)
	{
		args[1] = Int32GetDatum(LP_LEAD_BANNED);
		lp_sql_run(&flag_sql, args, NULL);
	}
	if (lasts && whole == LP_BAN_STOPS_PERSON)
	{
		args[1] = TimestampTzGetDatum(now);
		lp_sql_run(&unsubscribed_sql, args, NULL);
	}
	if (lasts && order->reason == LP_BAN_BOUNCED)
		mark_bounced(leads, n, keys, nkeys, now);

	for (LpChannel channel = 0; channel < LP_CHANNELS; channel++)
		if (lp_ban_stops(&probe, order->client_id, channel, now) != LP_BAN_STOPS_NOTHING)
			lp_touch_fence(leads, n, lp_ban_is_private(&probe) ? order->client_id : NULL,
						   channel, now);
	lp_available_refresh(leads, n);
}

pg_uuid_t
lp_bans_add(const LpBanOrder *order, const LpKey *keys, int n,
			const pg_uuid_t *lead, pg_uuid_t *row_id)
{
	NewBan		ban = {.order = order};
	LpKey	   *all;
	pg_uuid_t  *leads;
	int			nleads;
	int			nall = n;

	lp_bans_require_key(true);
	ban.ban_known = order->ban_id != NULL;
	if (ban.ban_known)
		ban.ban_id = *order->ban_id;
	leads = lp_bans_leads_of_keys(keys, n, &nleads);
	if (lead != NULL)
	{
		leads = leads == NULL ? palloc(sizeof(pg_uuid_t)) :
			repalloc(leads, sizeof(pg_uuid_t) * (nleads + 1));
		leads[nleads++] = *lead;
	}
	if (nleads > 0)
		lp_lead_take(leads, nleads);
	/* Dated after the wait: what was dispatched meanwhile was before it. */
	ban.now = lp_clock_now();
	all = covers_person(order->reason) && nleads > 0 ?
		with_keys_of(keys, &nall, leads, nleads) : (LpKey *) keys;

	ban.channel = lp_channel_name(order->channel);
	for (int i = 0; i < nall; i++)
	{
		pg_uuid_t	id = insert_key(&ban, &all[i]);

		if (i == 0 && row_id != NULL)
			*row_id = id;
	}
	if (nleads > 0)
		act_on_leads(order, leads, nleads, keys, n, ban.now);
	return ban.ban_id;
}

/*
 * Uniting the bans of leads that are one person.
 */
static LpSql rows_of_bans_sql = LP_SQL(
	"SELECT id FROM @s@.lead_suppressions WHERE ban_id = ANY ($1) AND id <> ALL ($2)",
	UUIDARRAYOID, UUIDARRAYOID);

static LpSql orders_sql = LP_SQL(
	"SELECT DISTINCT ON (ban_id) ban_id, reason, channel::text, client_id, note,"
	" origin, expires_at FROM @s@.lead_suppressions"
	" WHERE ban_id = ANY ($1) AND lifted_at IS NULL ORDER BY ban_id, created_at, id",
	UUIDARRAYOID);

/* The bans among those of leads that cover the person by a key. */
static pg_uuid_t *
personal_bans(const pg_uuid_t *leads, int n, TimestampTz now, int *n_bans)
{
	List	  **bans = lp_bans_of_leads(leads, n, now);
	pg_uuid_t  *ids;
	int			room = 0;

	*n_bans = 0;
	for (int i = 0; i < n; i++)
		room += list_length(bans[i]);
	ids = palloc(sizeof(pg_uuid_t) * Max(room, 1));
	for (int i = 0; i < n; i++)
	{
		ListCell   *cell;

		foreach(cell, bans[i])
		{
			LpBan	   *ban = lfirst(cell);

			if (covers_person(ban->reason) && ban->kind != LP_KEY_DOMAIN)
				ids[(*n_bans)++] = ban->ban_id;
		}
	}
	return ids;
}

static pg_uuid_t *
rows_of_bans(Datum bans, const pg_uuid_t *but, int n_but, int *n)
{
	Datum		args[] = {bans, lp_array_of_uuids(but, n_but)};
	pg_uuid_t  *rows;

	*n = lp_sql_run(&rows_of_bans_sql, args, NULL);
	rows = palloc(sizeof(pg_uuid_t) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		rows[i] = *lp_col_uuid(i, 1);
	return rows;
}

pg_uuid_t *
lp_bans_unite(const pg_uuid_t *leads, int n, int *added)
{
	TimestampTz now = lp_clock_now();
	int			n_bans;
	pg_uuid_t  *bans = personal_bans(leads, n, now, &n_bans);
	Datum		args[] = {lp_array_of_uuids(bans, n_bans)};
	pg_uuid_t  *known;
	int			n_known;
	LpBanOrder *orders;
	NewBan	   *new;
	uint64		n_orders;
	LpKey	   *keys;
	int			n_keys = 0;

	*added = 0;
	if (n_bans == 0)
		return NULL;
	known = rows_of_bans(args[0], NULL, 0, &n_known);
	n_orders = lp_sql_run(&orders_sql, args, NULL);
	orders = palloc0(sizeof(LpBanOrder) * Max(n_orders, 1));
	new = palloc0(sizeof(NewBan) * Max(n_orders, 1));
	for (uint64 row = 0; row < n_orders; row++)
	{
		new[row].order = &orders[row];
		new[row].now = now;
		new[row].ban_id = *lp_col_uuid(row, 1);
		new[row].ban_known = true;
		new[row].channel = lp_col_text(row, 3);
		if (!lp_ban_reason_from_name(lp_col_text(row, 2), &orders[row].reason))
			elog(ERROR, "unknown ban reason");
		orders[row].channel = lp_channel_from_name(new[row].channel);
		orders[row].client_id = lp_col_uuid(row, 4);
		orders[row].note = lp_col_text(row, 5);
		orders[row].origin = lp_col_text(row, 6);
		orders[row].expires_at = lp_col_time(row, 7, DT_NOEND);
	}
	keys = with_keys_of(NULL, &n_keys, leads, n);
	for (uint64 row = 0; row < n_orders; row++)
		for (int i = 0; i < n_keys; i++)
			insert_key(&new[row], &keys[i]);
	return rows_of_bans(args[0], known, n_known, added);
}

/*
 * Lifting bans.
 */
static LpSql lift_sql = LP_SQL(
	"UPDATE @s@.lead_suppressions SET lifted_at = $2, lift_reason = $3"
	" WHERE ban_id = $1 AND lifted_at IS NULL RETURNING key_hash",
	UUIDOID, TIMESTAMPTZOID, TEXTOID);

static LpSql leads_by_hash_sql = LP_SQL(
	"SELECT DISTINCT i.lead_id FROM @s@.lead_identities i"
	" WHERE i.key_hash = ANY ($1)",
	BYTEAARRAYOID);

static LpSql lifted_sql = LP_SQL(
	"UPDATE @s@.lead_state SET flags = flags & ~$2 WHERE lead_id = $1",
	UUIDOID, INT4OID);

static LpSql lifted_pool_sql = LP_SQL(
	"UPDATE @s@.lead_pool SET"
	" unsubscribed_at = CASE WHEN $2 THEN NULL ELSE unsubscribed_at END,"
	" email_bounced_at = CASE WHEN $3 THEN NULL ELSE email_bounced_at END,"
	" updated_at = $4 WHERE id = $1"
	" AND (($2 AND unsubscribed_at IS NOT NULL) OR ($3 AND email_bounced_at IS NOT NULL))",
	UUIDOID, BOOLOID, BOOLOID, TIMESTAMPTZOID);

void
lp_bans_unmark(const pg_uuid_t *leads, int n, TimestampTz now)
{
	List	  **left = lp_bans_of_leads(leads, n, now);

	for (int i = 0; i < n; i++)
	{
		bool		person = false;
		bool		whole = false;
		bool		bounced = false;
		ListCell   *cell;
		Datum		args[4] = {UUIDPGetDatum(&leads[i])};

		foreach(cell, left[i])
		{
			LpBan	   *ban = lfirst(cell);
			LpBanCheck	stops = lp_ban_stops(ban, NULL, LP_CHANNEL_NONE, now);

			/* As in act_on_leads: these mark nobody. */
			if (!TIMESTAMP_IS_NOEND(ban->expires_at) || ban->kind == LP_KEY_DOMAIN)
				continue;
			whole |= stops != LP_BAN_STOPS_NOTHING;
			person |= stops == LP_BAN_STOPS_PERSON;
			bounced |= lp_ban_stops(ban, NULL, LP_CHANNEL_EMAIL, now) == LP_BAN_STOPS_BOUNCED;
		}
		args[1] = Int32GetDatum(LP_LEAD_BANNED);
		if (!whole)
			lp_sql_run(&lifted_sql, args, NULL);
		args[1] = BoolGetDatum(!person);
		args[2] = BoolGetDatum(!bounced);
		args[3] = TimestampTzGetDatum(now);
		lp_sql_run(&lifted_pool_sql, args, NULL);
	}
	lp_available_refresh(leads, n);
}

bool
lp_bans_lift(const pg_uuid_t *ban_id, const char *reason)
{
	TimestampTz now = lp_clock_now();
	Datum		args[3] = {
		UUIDPGetDatum(ban_id), TimestampTzGetDatum(now), CStringGetTextDatum(reason)
	};
	uint64		rows = lp_sql_run(&lift_sql, args, NULL);
	Datum	   *hashes;
	pg_uuid_t  *leads;
	uint64		nleads;

	if (rows == 0)
		return false;
	hashes = palloc(sizeof(Datum) * rows);
	for (uint64 row = 0; row < rows; row++)
		hashes[row] = PointerGetDatum(DatumGetByteaPCopy(lp_col(row, 1)));
	args[0] = lp_array_of_datums(hashes, rows, BYTEAOID);
	nleads = lp_sql_run(&leads_by_hash_sql, args, NULL);
	leads = palloc(sizeof(pg_uuid_t) * Max(nleads, 1));
	for (uint64 row = 0; row < nleads; row++)
		leads[row] = *DatumGetUUIDP(lp_col(row, 1));
	if (nleads > 0)
	{
		lp_lead_take(leads, nleads);
		lp_bans_unmark(leads, nleads, now);
	}
	return true;
}
