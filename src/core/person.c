/*
 * person.c
 *	  Who is to be erased: the leads, the keys, and how the person may show.
 *
 * The leads named, those merged with them, and those that share a key which
 * identifies.  A number or role address that somebody else has too is that
 * person's as well: it is neither banned nor taken there.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/batch.h"
#include "core/erase.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "core/stripes.h"
#include "store/sql.h"
#include "util/email.h"
#include "util/jsonwalk.h"
#include "util/phone.h"
#include "util/settings.h"
#include "util/uuid.h"

#define MIN_DIGITS 5			/* of a number that cannot be parsed */
#define LOCK_TRIES 4

static LpSql state_sql = LP_SQL(
	"SELECT state FROM @s@.lead_pool WHERE id = $1", UUIDOID);

/* Whom keys name: who is identified by one, else all who have it. */
static LpSql named_sql = LP_SQL(
	"SELECT DISTINCT i.lead_id FROM @s@.lead_identities i"
	" WHERE i.key_hash = ANY ($1) AND (i.identifies OR NOT EXISTS ("
	"  SELECT FROM @s@.lead_identities o WHERE o.key_hash = i.key_hash AND o.identifies))",
	BYTEAARRAYOID);

/* The leads, those merged with them, those with the same identifying key. */
static LpSql widen_sql = LP_SQL(
	"SELECT unnest($1) AS id"
	" UNION SELECT p.merged_into FROM @s@.lead_pool p"
	"  WHERE p.id = ANY ($1) AND p.merged_into IS NOT NULL"
	" UNION SELECT p.id FROM @s@.lead_pool p WHERE p.merged_into = ANY ($1)"
	" UNION SELECT i.lead_id FROM @s@.lead_identities i"
	"  WHERE i.identifies AND i.key_hash = ANY (ARRAY(SELECT o.key_hash"
	"   FROM @s@.lead_identities o WHERE o.lead_id = ANY ($1) AND o.identifies))"
	" ORDER BY 1",
	UUIDARRAYOID);

/* Keys of the leads; shared: others who are no part of the person have it. */
static LpSql keys_sql = LP_SQL(
	"SELECT DISTINCT i.kind, i.value, NOT i.identifies AND EXISTS ("
	"  SELECT FROM @s@.lead_identities o JOIN @s@.lead_state s USING (lead_id)"
	"  WHERE o.key_hash = i.key_hash AND o.lead_id <> ALL ($1) AND s.state <> 'erased')"
	" FROM @s@.lead_identities i WHERE i.lead_id = ANY ($1) ORDER BY 1, 2",
	UUIDARRAYOID);

/* Others who are known by a key that is the person's. */
static LpSql others_sql = LP_SQL(
	"SELECT DISTINCT lead_id FROM @s@.lead_identities"
	" WHERE lead_id <> ALL ($1) AND key_hash = ANY ($2) ORDER BY 1",
	UUIDARRAYOID, BYTEAARRAYOID);

static LpSql companies_sql = LP_SQL(
	"SELECT DISTINCT company_org FROM @s@.lead_state"
	" WHERE lead_id = ANY ($1) AND company_org IS NOT NULL",
	UUIDARRAYOID);

static bool
has_key(const LpKey *keys, int n, const LpKey *key)
{
	for (int i = 0; i < n; i++)
		if (keys[i].kind == key->kind && strcmp(keys[i].value, key->value) == 0)
			return true;
	return false;
}

static void
add_key(LpPerson *person, const LpKey *key)
{
	if (has_key(person->keys, person->n_keys, key))
		return;
	person->keys = person->keys == NULL ? palloc(sizeof(LpKey)) :
		repalloc(person->keys, sizeof(LpKey) * (person->n_keys + 1));
	person->hashes = person->hashes == NULL ? palloc(sizeof(Datum)) :
		repalloc(person->hashes, sizeof(Datum) * (person->n_keys + 1));
	person->hashes[person->n_keys] = lp_bans_key_hash(key);
	person->keys[person->n_keys++] = *key;
	lp_needles_add_key(&person->needles, key);
}

/*
 * The arguments.
 */
static void
refuse_value(const char *kind)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("argument \"%s\" is not a valid %s", kind,
				   strcmp(kind, "email") == 0 ? "email address" : "phone number"));
}

static void
given_email(LpPerson *person, const char *text)
{
	LpKey		key = {.kind = LP_KEY_EMAIL};

	if (text == NULL)
		return;
	key.value = lp_email_is_locked(text) ? NULL : lp_email_match(text);
	if (key.value == NULL || strlen(key.value) > LP_KEY_MAX_BYTES)
		refuse_value("email");
	add_key(person, &key);
}

static void
given_phone(LpPerson *person, const char *text)
{
	LpKey		key = {.kind = LP_KEY_PHONE};
	LpPhone		phone;

	if (text == NULL)
		return;
	if (lp_phone_parse(text, *lp_default_region != '\0' ? lp_default_region : NULL, &phone))
		key.value = pstrdup(phone.e164);
	else
		key.value = lp_phone_digits(text);
	if (strlen(key.value) < MIN_DIGITS || strlen(key.value) > LP_KEY_MAX_BYTES)
		refuse_value("phone");
	add_key(person, &key);
}

/*
 * Who it is.
 */
static pg_uuid_t *
ids_of(uint64 rows)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(rows, 1));

	for (uint64 row = 0; row < rows; row++)
		ids[row] = *lp_col_uuid(row, 1);
	return ids;
}

static void
set_ids(LpPerson *person, uint64 rows)
{
	person->ids = ids_of(rows);
	person->n = rows;
}

/* Finds all leads of the person, from a lead and the keys given. */
static void
find_leads(LpPerson *person, const pg_uuid_t *lead_id)
{
	Datum		args[1] = {lp_array_of_datums(person->hashes, person->n_keys, BYTEAOID)};
	int			before;

	set_ids(person, lp_sql_run(&named_sql, args, NULL));
	args[0] = UUIDPGetDatum(lead_id);
	if (lead_id != NULL)
	{
		if (lp_sql_run(&state_sql, args, NULL) == 0)
			lp_lead_no_such(lead_id);
		if (strcmp(lp_col_text(0, 1), "erased") != 0)
		{
			person->ids = repalloc(person->ids, sizeof(pg_uuid_t) * (person->n + 1));
			person->ids[person->n++] = *lead_id;
		}
	}
	do
	{
		before = person->n;
		args[0] = lp_array_of_uuids(person->ids, person->n);
		set_ids(person, lp_sql_run(&widen_sql, args, NULL));
	} while (person->n != before);
}

/* The person's keys; those that somebody else has too only if none is left. */
static void
find_keys(LpPerson *person)
{
	Datum		args[1] = {lp_array_of_uuids(person->ids, person->n)};
	int			rows = lp_sql_run(&keys_sql, args, NULL);
	LpKey	   *keys = palloc(sizeof(LpKey) * Max(rows, 1));
	bool	   *shared = palloc(sizeof(bool) * Max(rows, 1));

	for (int i = 0; i < rows; i++)
	{
		if (!lp_key_kind_from_name(lp_col_text(i, 1), &keys[i].kind))
			elog(ERROR, "unknown identity kind");
		keys[i].value = lp_col_text(i, 2);
		keys[i].identifies = false;
		shared[i] = lp_col_bool(i, 3);
	}
	for (int i = 0; i < rows; i++)
		if (!shared[i])
			add_key(person, &keys[i]);
	for (int i = 0; i < rows && person->n_keys == 0; i++)
		add_key(person, &keys[i]);
}

/* Whether the customer's record in a payload of the person is the person's. */
static bool
is_own_contact(const LpPerson *person, const LpFacts *facts)
{
	int			column = person->pool->at[LP_COL_CONTACT];
	const JsonbContainer *contact;
	LpKey		key;

	if (facts->row->nulls[column] ||
		!JB_ROOT_IS_OBJECT(DatumGetJsonbP(facts->row->values[column])))
		return false;
	contact = &DatumGetJsonbP(facts->row->values[column])->root;
	if (lp_key_make(LP_KEY_APOLLO_ID, lp_json_get_text(contact, "person_id"), NULL, &key))
		return has_key(person->keys, person->n_keys, &key);
	return lp_key_make(LP_KEY_EMAIL, lp_json_get_text(contact, "email"), NULL, &key) &&
		has_key(person->keys, person->n_keys, &key);
}

static bool
names_another(const LpPerson *person, const LpKey *key)
{
	int			n;
	LpKnownKey *known = lp_identities_find(key, 1, &n);

	for (int i = 0; i < n; i++)
	{
		bool		own = false;

		for (int k = 0; k < person->n; k++)
			own |= lp_uuid_equal(&person->ids[k], &known[i].lead_id);
		if (!own)
			return true;
	}
	return false;
}

/* What the payloads and rows of the person say: names, links, more keys. */
static void
learn(LpPerson *person)
{
	int			n;
	LpArchived *parts = lp_archive_of_leads(person->ids, person->n, &n);
	LpPoolRow **rows = lp_pool_load(person->pool, person->ids, person->n);
	Datum		args[1] = {lp_array_of_uuids(person->ids, person->n)};

	for (int i = 0; i < person->n; i++)
		if (rows[i] != NULL)
			lp_needles_add_row(&person->needles, person->pool, rows[i]);
	for (int i = 0; i < n; i++)
	{
		Jsonb	   *json = lp_batch_json(parts[i].part, strlen(parts[i].part));
		LpFacts    *facts;
		LpKey	   *keys;
		int			n_keys;

		if (json == NULL)
			continue;
		facts = lp_facts_read(person->pool, lp_provider_of(parts[i].source), parts[i].source,
							  parts[i].kind, json, parts[i].captured_at);
		lp_needles_add_row(&person->needles, person->pool, facts->row);
		keys = is_own_contact(person, facts) ?
			lp_facts_mentions(person->pool, facts, &n_keys) :
			lp_facts_keys(person->pool, facts, &n_keys);
		for (int k = 0; k < n_keys; k++)
			if (!has_key(person->keys, person->n_keys, &keys[k]) &&
				!names_another(person, &keys[k]))
				add_key(person, &keys[k]);
	}
	person->n_companies = lp_sql_run(&companies_sql, args, NULL);
	person->companies = palloc(sizeof(char *) * Max(person->n_companies, 1));
	for (int i = 0; i < person->n_companies; i++)
		person->companies[i] = lp_col_text(i, 1);
}

static void
find_others(LpPerson *person)
{
	Datum		args[2] = {
		lp_array_of_uuids(person->ids, person->n),
		lp_array_of_datums(person->hashes, person->n_keys, BYTEAOID)
	};

	person->n_others = lp_sql_run(&others_sql, args, NULL);
	person->others = ids_of(person->n_others);
}

static LpPerson *
find_person(const pg_uuid_t *lead_id, const char *email, const char *phone)
{
	LpPerson   *person = palloc0(sizeof(LpPerson));

	person->pool = lp_pool_open();
	given_email(person, email);
	given_phone(person, phone);
	find_leads(person, lead_id);
	find_keys(person);
	learn(person);
	find_others(person);
	return person;
}

static int
by_id(const void *a, const void *b)
{
	return lp_uuid_compare(a, b);
}

/* The owners of the leads, sorted. */
static pg_uuid_t *
owners_of(const LpPerson *person, int *n)
{
	LpLead	   *leads = lp_lead_load(person->ids, person->n);
	pg_uuid_t  *clients = palloc(sizeof(pg_uuid_t) * Max(person->n, 1));

	*n = 0;
	for (int i = 0; i < person->n; i++)
		if (leads[i].owner != NULL)
			clients[(*n)++] = *leads[i].owner;
	qsort(clients, *n, sizeof(pg_uuid_t), by_id);
	return clients;
}

static bool
same_ids(const pg_uuid_t *a, int n_a, const pg_uuid_t *b, int n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, sizeof(pg_uuid_t) * n_a) == 0);
}

/* Whether all that one view of the person needs locked was in the other. */
static bool
is_covered(const LpPerson *person, const LpPerson *locked, const pg_uuid_t *clients,
		   int n_clients)
{
	int			n;
	pg_uuid_t  *owners = owners_of(person, &n);
	bool		covered = same_ids(person->ids, person->n, locked->ids, locked->n) &&
	same_ids(person->others, person->n_others, locked->others, locked->n_others);

	for (int i = 0; i < person->n_keys; i++)
		covered = covered && has_key(locked->keys, locked->n_keys, &person->keys[i]);
	for (int i = 0; i < n; i++)
		covered = covered &&
			bsearch(&owners[i], clients, n_clients, sizeof(pg_uuid_t), by_id) != NULL;
	return covered;
}

/* The leads and the others at once: all by id. */
static void
lock_leads(const LpPerson *person)
{
	int			n = person->n + person->n_others;
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));

	memcpy(ids, person->ids, sizeof(pg_uuid_t) * person->n);
	memcpy(ids + person->n, person->others, sizeof(pg_uuid_t) * person->n_others);
	if (n > 0)
		lp_lead_lock(ids, n);
}

/*
 * Locks whoever is concerned.  What turned up while it waited is locked as
 * well, out of order: that may end in a deadlock, which tells the caller to
 * try again.
 */
LpPerson *
lp_person_lock(const pg_uuid_t *lead_id, const char *email, const char *phone)
{
	LpPerson   *seen = find_person(lead_id, email, phone);

	for (int tries = 0; tries < LOCK_TRIES; tries++)
	{
		LpStripes	stripes = {{NoLock}};
		LpPerson   *person;
		int			n;
		pg_uuid_t  *clients = owners_of(seen, &n);

		for (int i = 0; i < n; i++)
			lp_client_lock(&clients[i], true);
		for (int i = 0; i < seen->n_keys; i++)
			lp_stripes_add_key(&stripes, &seen->keys[i], ExclusiveLock);
		lp_stripes_lock(&stripes);
		lock_leads(seen);
		person = find_person(lead_id, email, phone);
		if (is_covered(person, seen, clients, n))
			return person;
		seen = person;
	}
	ereport(ERROR,
			errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			errmsg("the person changed while the erasure waited"),
			errhint("Call it again."));
}
