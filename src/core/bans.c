/*
 * bans.c
 *	  Who may not be contacted: the one answer for every door.
 *
 * A ban is rows of lead_suppressions, one an identity of the person, by keyed
 * hash.  Whether a person is banned is decided from all keys by which the
 * person is or was known, at the moment of the question: a key that a later
 * capture adds is covered, a key that a capture replaced still counts.
 * LP_LEAD_BANNED and lead_available only save work.
 *
 * New bans are hashed under the first key of the file.  Hashes of addresses in
 * other tables (lead_identities, lead_touches ...) use the last, oldest one,
 * so that adding a key changes none of them.
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
#include "util/domain.h"
#include "util/email.h"
#include "util/errors.h"
#include "util/phone.h"
#include "util/uuid.h"

static const char *const reason_names[] = {
	[LP_BAN_UNSUBSCRIBED] = "unsubscribed",
	[LP_BAN_COMPLAINED] = "complained",
	[LP_BAN_DO_NOT_CONTACT] = "do_not_contact",
	[LP_BAN_CONSENT_REVOKED] = "consent_revoked",
	[LP_BAN_ERASURE] = "erasure",
	[LP_BAN_OPERATOR] = "operator",
	[LP_BAN_DNC] = "dnc",
	[LP_BAN_BOUNCED] = "bounced",
	[LP_BAN_EXCLUDED] = "excluded",
};

const char *
lp_ban_reason_name(LpBanReason reason)
{
	return reason_names[reason];
}

bool
lp_ban_reason_from_name(const char *name, LpBanReason *reason)
{
	for (int i = 0; i < lengthof(reason_names); i++)
		if (strcmp(reason_names[i], name) == 0)
		{
			*reason = i;
			return true;
		}
	return false;
}

/* Whether a ban for this reason covers the person, not one address. */
static bool
covers_person(LpBanReason reason)
{
	return reason != LP_BAN_DNC && reason != LP_BAN_BOUNCED;
}

/*
 * The key.
 */
static LpSql keys_sql = LP_SQL(
	"SELECT fingerprint FROM @s@.lead_keys");

static LpSql any_ban_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_suppressions LIMIT 1");

static LpSql key_insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_keys (key_id, fingerprint, created_at)"
	" VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	TEXTOID, BYTEAOID, TIMESTAMPTZOID);

static Datum
bytea_of(const uint8 *bytes, int length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return PointerGetDatum(result);
}

static void
wrong_key(bool present)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_BAN_KEY),
			present ?
			errmsg("the suppression key is not the one that this database's bans were made with") :
			errmsg("the suppression key is missing"),
			errdetail("Without it nobody can tell who asked not to be contacted, so nothing is answered."),
			errhint("Bring the file that leadpool.key_file names from the server that this database comes from."));
}

void
lp_bans_require_key(bool create)
{
	LpBanKey   *keys;
	int			nkeys = lp_bankey_ring(&keys);
	uint64		known = lp_sql_run(&keys_sql, NULL, NULL);
	bool		current_known = false;

	for (uint64 row = 0; row < known; row++)
	{
		bytea	   *print = DatumGetByteaPP(lp_col(row, 1));
		bool		have = false;

		for (int i = 0; i < nkeys; i++)
			if (VARSIZE_ANY_EXHDR(print) == LP_BANKEY_BYTES &&
				memcmp(VARDATA_ANY(print), keys[i].fingerprint, LP_BANKEY_BYTES) == 0)
			{
				have = true;
				current_known |= i == 0;
			}
		if (!have)
			wrong_key(nkeys > 0);
	}
	if (known == 0 && lp_sql_run(&any_ban_sql, NULL, NULL) > 0)
		wrong_key(nkeys > 0);
	if (current_known || !create)
		return;

	if (nkeys == 0)
	{
		lp_bankey_create();
		nkeys = lp_bankey_ring(&keys);
	}
	for (int i = 0; i < nkeys; i++)
	{
		Datum		args[] = {
			CStringGetTextDatum(keys[i].id),
			bytea_of(keys[i].fingerprint, LP_BANKEY_BYTES),
			TimestampTzGetDatum(lp_clock_now())
		};

		lp_sql_run(&key_insert_sql, args, NULL);
	}
}

static const char *
hashed_form(LpKeyKind kind, const char *value)
{
	return kind == LP_KEY_EMAIL ? lp_email_ban(value) : value;
}

void
lp_bans_hash(LpKeyKind kind, const char *value, uint8 *hash)
{
	LpBanKey   *keys;
	int			nkeys = lp_bankey_ring(&keys);

	if (nkeys == 0)
		wrong_key(false);
	lp_bankey_hash(&keys[nkeys - 1], lp_key_kind_name(kind),
				   hashed_form(kind, value), hash);
}

int64
lp_bans_short_hash(LpKeyKind kind, const char *value)
{
	uint8		hash[LP_HASH_BYTES];
	int64		result = 0;

	lp_bans_hash(kind, value, hash);
	for (int i = 0; i < 8; i++)
		result = (int64) (((uint64) result << 8) | hash[i]);
	return result == 0 ? 1 : result;
}

/*
 * Looking bans up.  A question is a value that may be banned, with the person
 * (index) that it is asked for; all questions of a call go out as one query.
 */
typedef struct Question
{
	int			person;
	LpKeyKind	kind;
	bool		current;
} Question;

typedef struct Questions
{
	int			n;
	int			size;
	Question   *items;
	Datum	   *hashes;			/* bytea; for domains of the domain itself */
} Questions;

static LpSql find_sql = LP_SQL(
	"SELECT u.n, s.id, s.ban_id, s.reason, s.channel::text, s.client_id,"
	" s.created_at, s.expires_at"
	" FROM unnest($1) WITH ORDINALITY u(hash, n)"
	" JOIN @s@.lead_suppressions s ON s.value_hash = u.hash"
	"  AND s.lifted_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > $2)"
	" ORDER BY u.n, s.created_at, s.id",
	BYTEAARRAYOID, TIMESTAMPTZOID);

static void
ask_hash(Questions *questions, int person, LpKeyKind kind, const char *value,
		 bool current)
{
	LpBanKey   *keys;
	int			nkeys = lp_bankey_ring(&keys);

	for (int i = 0; i < nkeys; i++)
	{
		uint8		hash[LP_HASH_BYTES];

		if (questions->n == questions->size)
		{
			questions->size = Max(64, questions->size * 2);
			questions->items = questions->items == NULL ?
				palloc(sizeof(Question) * questions->size) :
				repalloc_huge(questions->items, sizeof(Question) * questions->size);
			questions->hashes = questions->hashes == NULL ?
				palloc(sizeof(Datum) * questions->size) :
				repalloc_huge(questions->hashes, sizeof(Datum) * questions->size);
		}
		lp_bankey_hash(&keys[i], lp_key_kind_name(kind), value, hash);
		questions->items[questions->n].person = person;
		questions->items[questions->n].kind = kind;
		questions->items[questions->n].current = current;
		questions->hashes[questions->n++] = bytea_of(hash, LP_HASH_BYTES);
	}
}

/* Asks for a domain and for every domain that it is a sub-domain of. */
static void
ask_domain(Questions *questions, int person, const char *domain)
{
	while (domain != NULL && *domain != '\0')
	{
		ask_hash(questions, person, LP_KEY_DOMAIN, domain, true);
		domain = strchr(domain, '.');
		if (domain != NULL)
			domain++;
	}
}

/* Asks for a key in every form in which it may have been banned. */
static void
ask_key(Questions *questions, int person, LpKeyKind kind, const char *value,
		bool current)
{
	if (kind == LP_KEY_DOMAIN)
	{
		ask_domain(questions, person, value);
		return;
	}
	ask_hash(questions, person, kind, hashed_form(kind, value), current);
	if (kind == LP_KEY_PHONE && *value == '+')
		ask_hash(questions, person, kind, value + 1, current);
}

static void
answer(Questions *questions, List **found, TimestampTz at)
{
	Datum		args[2];
	uint64		rows;

	if (questions->n == 0)
		return;
	args[0] = lp_array_of_datums(questions->hashes, questions->n, BYTEAOID);
	args[1] = TimestampTzGetDatum(at);
	rows = lp_sql_run(&find_sql, args, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		Question   *question = &questions->items[lp_col_int(row, 1, 0) - 1];
		LpBan	   *ban = palloc0(sizeof(LpBan));

		ban->id = *lp_col_uuid(row, 2);
		ban->ban_id = *lp_col_uuid(row, 3);
		ban->kind = question->kind;
		ban->current = question->current;
		if (!lp_ban_reason_from_name(lp_col_text(row, 4), &ban->reason))
			elog(ERROR, "unknown ban reason \"%s\"", lp_col_text(row, 4));
		ban->channel = lp_channel_from_name(lp_col_text(row, 5));
		ban->client_id = lp_col_uuid(row, 6);
		ban->created_at = lp_col_time(row, 7, DT_NOBEGIN);
		ban->expires_at = lp_col_time(row, 8, DT_NOEND);
		found[question->person] = lappend(found[question->person], ban);
	}
}

static LpSql identities_sql = LP_SQL(
	"SELECT u.n, i.kind, i.value, s.email_key, s.phone_key, s.linkedin_key"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_identities i ON i.lead_id = u.id"
	" JOIN @s@.lead_state s ON s.lead_id = u.id",
	UUIDARRAYOID);

static LpSql domains_sql = LP_SQL(
	"SELECT u.n, s.email_domain, s.company_domain"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_state s ON s.lead_id = u.id",
	UUIDARRAYOID);

/* Whether a key is the one in use today (lead_state carries its short hash). */
static bool
is_current(uint64 row, LpKeyKind kind, const char *value)
{
	int			column;

	switch (kind)
	{
		case LP_KEY_EMAIL:
			column = 4;
			break;
		case LP_KEY_PHONE:
			column = 5;
			break;
		case LP_KEY_LINKEDIN:
			column = 6;
			break;
		default:
			return true;
	}
	return lp_col_int(row, column, 0) == lp_bans_short_hash(kind, value);
}

List **
lp_bans_of_leads(const pg_uuid_t *ids, int n, TimestampTz at)
{
	List	  **found = palloc0(sizeof(List *) * Max(n, 1));
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	Questions	questions = {0};
	uint64		rows;

	lp_bans_require_key(false);
	if (lp_sql_run(&any_ban_sql, NULL, NULL) == 0)
		return found;

	rows = lp_sql_run(&identities_sql, args, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		LpKeyKind	kind;
		char	   *value = lp_col_text(row, 3);

		if (!lp_key_kind_from_name(lp_col_text(row, 2), &kind))
			elog(ERROR, "unknown identity kind");
		ask_key(&questions, lp_col_int(row, 1, 0) - 1, kind, value,
				is_current(row, kind, value));
	}
	rows = lp_sql_run(&domains_sql, args, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		char	   *mail = lp_col_text(row, 2);
		char	   *company = lp_col_text(row, 3);

		ask_domain(&questions, lp_col_int(row, 1, 0) - 1, mail);
		if (company != NULL && (mail == NULL || strcmp(mail, company) != 0))
			ask_domain(&questions, lp_col_int(row, 1, 0) - 1, company);
	}
	answer(&questions, found, at);
	return found;
}

List *
lp_bans_of_keys(const LpKey *keys, int n, TimestampTz at)
{
	List	   *found[1] = {NIL};
	Questions	questions = {0};

	lp_bans_require_key(false);
	for (int i = 0; i < n; i++)
	{
		ask_key(&questions, 0, keys[i].kind, keys[i].value, true);
		if (keys[i].kind == LP_KEY_EMAIL)
			ask_domain(&questions, 0, lp_email_domain(keys[i].value));
	}
	answer(&questions, found, at);
	return found[0];
}

bool
lp_ban_is_private(const LpBan *ban)
{
	return ban->client_id != NULL &&
		(ban->reason == LP_BAN_OPERATOR || ban->reason == LP_BAN_EXCLUDED);
}

LpBanCheck
lp_ban_stops(const LpBan *ban, const pg_uuid_t *client_id, LpChannel channel,
			 TimestampTz at)
{
	if (ban->expires_at <= at)
		return LP_BAN_STOPS_NOTHING;
	switch (ban->reason)
	{
		case LP_BAN_UNSUBSCRIBED:
		case LP_BAN_COMPLAINED:
		case LP_BAN_DO_NOT_CONTACT:
			return LP_BAN_STOPS_PERSON;
		case LP_BAN_CONSENT_REVOKED:
			if (ban->channel == LP_CHANNEL_NONE)
				return LP_BAN_STOPS_PERSON;
			return ban->channel == channel ? LP_BAN_STOPS_OTHER : LP_BAN_STOPS_NOTHING;
		case LP_BAN_ERASURE:
			return LP_BAN_STOPS_OTHER;
		case LP_BAN_OPERATOR:
		case LP_BAN_EXCLUDED:
			if (lp_ban_is_private(ban) &&
				(client_id == NULL || !lp_uuid_equal(ban->client_id, client_id)))
				return LP_BAN_STOPS_NOTHING;
			return LP_BAN_STOPS_OTHER;
		case LP_BAN_DNC:
			if (channel != LP_CHANNEL_VOICE && channel != LP_CHANNEL_SMS)
				return LP_BAN_STOPS_NOTHING;
			return ban->current ? LP_BAN_STOPS_OTHER : LP_BAN_STOPS_NOTHING;
		case LP_BAN_BOUNCED:
			if (channel != LP_CHANNEL_EMAIL)
				return LP_BAN_STOPS_NOTHING;
			return ban->current ? LP_BAN_STOPS_BOUNCED : LP_BAN_STOPS_NOTHING;
	}
	return LP_BAN_STOPS_OTHER;
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
		hashes[nhashes++] = bytea_of(hash, LP_HASH_BYTES);
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

	args[0] = bytea_of(hash, LP_HASH_BYTES);
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
	args[3] = bytea_of(hash, LP_HASH_BYTES);
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
	args[13] = bytea_of(hash, LP_HASH_BYTES);
	lp_sql_run(&insert_sql, args, nulls);
	return id;
}

/* The rows of one key: a number is also banned by its digits alone. */
static pg_uuid_t
insert_key(NewBan *ban, const LpKey *key)
{
	pg_uuid_t	id = insert_row(ban, key, hashed_form(key->kind, key->value));

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
		hashes[nhashes++] = bytea_of(hash, LP_HASH_BYTES);
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
	NewBan		ban = {.order = order, .now = lp_clock_now()};
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

/* Takes back what the ban had marked on leads, where no other ban says it. */
static void
unmark(const pg_uuid_t *leads, int n, TimestampTz now)
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
		unmark(leads, nleads, now);
	}
	return true;
}
