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

#include "core/bankey.h"
#include "core/bans.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/domain.h"
#include "util/email.h"
#include "util/errors.h"
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
			lp_bytea(keys[i].fingerprint, LP_BANKEY_BYTES),
			TimestampTzGetDatum(lp_clock_now())
		};

		lp_sql_run(&key_insert_sql, args, NULL);
	}
}

const char *
lp_bans_hashed_form(LpKeyKind kind, const char *value)
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
				   lp_bans_hashed_form(kind, value), hash);
}

Datum
lp_bans_key_hash(const LpKey *key)
{
	uint8		hash[LP_HASH_BYTES];

	lp_bans_hash(key->kind, key->value, hash);
	return lp_bytea(hash, LP_HASH_BYTES);
}

void
lp_bans_key_hashes(const LpKey *keys, int n, Datum *hashes)
{
	LpBanKey   *ring;
	int			nkeys = n == 0 ? 0 : lp_bankey_ring(&ring);

	if (n > 0 && nkeys == 0)
		wrong_key(false);
	for (int i = 0; i < n; i++)
	{
		uint8		hash[LP_HASH_BYTES];

		lp_bankey_hash(&ring[nkeys - 1], lp_key_kind_name(keys[i].kind),
					   lp_bans_hashed_form(keys[i].kind, keys[i].value), hash);
		hashes[i] = lp_bytea(hash, LP_HASH_BYTES);
	}
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

static LpSql find_sql = LP_SQL_BY_KEY(
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
		questions->hashes[questions->n++] = lp_bytea(hash, LP_HASH_BYTES);
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
	ask_hash(questions, person, kind, lp_bans_hashed_form(kind, value), current);
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
	"SELECT u.n, s.email_domain, coalesce(s.company_host, s.company_domain)"
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

bool
lp_bans_forbid_buying(const List *bans, TimestampTz at)
{
	ListCell   *cell;

	foreach(cell, bans)
	{
		const LpBan *ban = lfirst(cell);

		if (!lp_ban_is_private(ban) &&
			lp_ban_stops(ban, NULL, LP_CHANNEL_NONE, at) != LP_BAN_STOPS_NOTHING)
			return true;
	}
	return false;
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
