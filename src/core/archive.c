/*
 * archive.c
 *	  Payloads as they came: lead_captures, lead_capture_keys, lead_unmapped.
 *
 * A body is stored once, by content: its text with the elements cut out, and
 * each element as a row of its own, so that one person can be erased and the
 * others stay.  Every address, number and profile in an element is kept as a
 * keyed hash, by which an erasure finds who is mentioned where.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/archive.h"
#include "core/bans.h"
#include "store/sql.h"
#include "util/jsonwalk.h"
#include "util/uuid.h"

#define MAX_PATH 1000			/* bytes */
#define MAX_SAMPLE 200			/* characters */
#define MIN_NUMBER 7			/* digits of what may be a phone number */

static LpSql find_sql = LP_SQL(
	"SELECT id, captured_at FROM @s@.lead_captures"
	" WHERE envelope_id IS NULL AND source = $1 AND content_hash = $2",
	TEXTOID, BYTEAOID);

#define PART_COLUMNS "id, ordinal, lead_id, company_id, source, element, captured_at"

static LpSql parts_sql = LP_SQL(
	"SELECT " PART_COLUMNS ", null FROM @s@.lead_captures"
	" WHERE envelope_id = $1 ORDER BY ordinal",
	UUIDOID);

static LpSql of_leads_sql = LP_SQL(
	"SELECT " PART_COLUMNS ", part FROM @s@.lead_captures"
	" WHERE lead_id = ANY ($1) ORDER BY captured_at, first_seen_at, id",
	UUIDARRAYOID);

static LpSql of_companies_sql = LP_SQL(
	"SELECT " PART_COLUMNS ", part FROM @s@.lead_captures"
	" WHERE company_id = ANY ($1) ORDER BY captured_at, first_seen_at, id",
	UUIDARRAYOID);

static LpSql newest_sql = LP_SQL(
	"SELECT u.n, (SELECT c.captured_at FROM @s@.lead_captures c"
	"  WHERE c.lead_id = u.id ORDER BY c.captured_at DESC LIMIT 1)"
	" FROM unnest($1) WITH ORDINALITY u(id, n)",
	UUIDARRAYOID);

static LpSql raise_sql = LP_SQL(
	"UPDATE @s@.lead_captures SET captured_at = $2"
	" WHERE id = ANY ($1) AND captured_at < $2",
	UUIDARRAYOID, TIMESTAMPTZOID);

static LpSql envelope_sql = LP_SQL(
	"INSERT INTO @s@.lead_captures (id, source, part, cuts, content_hash,"
	" captured_at, first_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
	UUIDOID, TEXTOID, TEXTOID, INT4ARRAYOID, BYTEAOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID);

static LpSql store_sql = LP_SQL(
	"INSERT INTO @s@.lead_captures (id, source, envelope_id, ordinal, lead_id,"
	" company_id, element, part, content_hash, captured_at, first_seen_at)"
	" SELECT u.id, $1, $2, u.ordinal,"
	" nullif(u.lead, '00000000-0000-0000-0000-000000000000'),"
	" nullif(u.company, '00000000-0000-0000-0000-000000000000'),"
	" u.element, u.part, sha256(convert_to(u.part, 'UTF8')), $3, $4"
	" FROM unnest($5, $6, $7, $8, $9, $10)"
	" u(id, ordinal, lead, company, element, part)",
	TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDARRAYOID, INT4ARRAYOID,
	UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID);

static LpSql keys_sql = LP_SQL(
	"INSERT INTO @s@.lead_capture_keys (capture_id, key_hash)"
	" SELECT DISTINCT c, h FROM unnest($1, $2) u(c, h)",
	UUIDARRAYOID, BYTEAARRAYOID);

static LpSql unmapped_sql = LP_SQL(
	"INSERT INTO @s@.lead_unmapped (capture_id, provider, json_path, sample, seen_at)"
	" SELECT DISTINCT ON (c, p) c, $1, p, s, $2"
	" FROM unnest($3, $4, $5) WITH ORDINALITY u(c, p, s, n)"
	" ORDER BY c, p, s IS NULL, n",
	TEXTOID, TIMESTAMPTZOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID);

void
lp_sha256(const char *data, int len, uint8 *hash)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) data, len) < 0 ||
		pg_cryptohash_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(context);
}

static Datum
bytes(const uint8 *data, int len)
{
	bytea	   *copy = palloc(VARHDRSZ + len);

	SET_VARSIZE(copy, VARHDRSZ + len);
	memcpy(VARDATA(copy), data, len);
	return PointerGetDatum(copy);
}

LpEnvelope *
lp_archive_find(const char *source, const uint8 *hash)
{
	Datum		args[] = {CStringGetTextDatum(source), bytes(hash, PG_SHA256_DIGEST_LENGTH)};
	LpEnvelope *envelope;

	if (lp_sql_run(&find_sql, args, NULL) == 0)
		return NULL;
	envelope = palloc(sizeof(LpEnvelope));
	envelope->id = *lp_col_uuid(0, 1);
	envelope->captured_at = lp_col_time(0, 2, DT_NOBEGIN);
	return envelope;
}

/* The rows of a query for parts. */
static LpArchived *
read_parts(int n)
{
	LpArchived *parts = palloc0(sizeof(LpArchived) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		parts[i].id = *lp_col_uuid(i, 1);
		parts[i].ordinal = lp_col_int(i, 2, 0);
		parts[i].lead_id = lp_col_uuid(i, 3);
		parts[i].company_id = lp_col_uuid(i, 4);
		parts[i].source = lp_col_text(i, 5);
		parts[i].kind = lp_element_kind(lp_col_text(i, 6));
		parts[i].captured_at = lp_col_time(i, 7, DT_NOBEGIN);
		parts[i].part = lp_col_text(i, 8);
	}
	return parts;
}

LpArchived *
lp_archive_parts(const pg_uuid_t *envelope_id, int *n)
{
	Datum		args[] = {UUIDPGetDatum(envelope_id)};

	*n = lp_sql_run(&parts_sql, args, NULL);
	return read_parts(*n);
}

LpArchived *
lp_archive_of_leads(const pg_uuid_t *ids, int n, int *found)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	*found = lp_sql_run(&of_leads_sql, args, NULL);
	return read_parts(*found);
}

LpArchived *
lp_archive_of_companies(const pg_uuid_t *ids, int n, int *found)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	*found = lp_sql_run(&of_companies_sql, args, NULL);
	return read_parts(*found);
}

TimestampTz *
lp_archive_newest(const pg_uuid_t *lead_ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(lead_ids, n)};
	TimestampTz *newest = palloc(sizeof(TimestampTz) * Max(n, 1));
	uint64		found = lp_sql_run(&newest_sql, args, NULL);

	for (uint64 i = 0; i < found; i++)
		newest[lp_col_int(i, 1, 0) - 1] = lp_col_time(i, 2, DT_NOBEGIN);
	return newest;
}

void
lp_archive_raise(const pg_uuid_t *ids, int n, TimestampTz at)
{
	Datum		args[] = {lp_array_of_uuids(ids, n), TimestampTzGetDatum(at)};

	if (n > 0)
		lp_sql_run(&raise_sql, args, NULL);
}

/* What a walk over a payload finds, as columns for SQL. */
typedef struct Findings
{
	const LpPool *pool;
	Datum	   *key_captures;
	Datum	   *key_hashes;
	int			n_keys;
	int			key_room;
	Datum	   *path_captures;
	char	  **paths;
	char	  **samples;
	int			n_paths;
	int			path_room;
	Datum		capture;		/* the one being read */
	bool		keys_only;		/* keys as they are, nothing for SQL */
	LpKey	   *keys;
} Findings;

static void
found_key(Findings *f, LpKeyKind kind, const char *text)
{
	LpKey		key;
	uint8		hash[LP_HASH_BYTES];

	if (!lp_key_make(kind, text, NULL, &key))
		return;
	if (f->keys_only)
	{
		f->keys = f->n_keys == 0 ? palloc(sizeof(LpKey)) :
			repalloc(f->keys, sizeof(LpKey) * (f->n_keys + 1));
		f->keys[f->n_keys++] = key;
		return;
	}
	if (f->n_keys == f->key_room)
	{
		f->key_room = Max(64, f->key_room * 2);
		f->key_captures = f->n_keys == 0 ? palloc(sizeof(Datum) * f->key_room) :
			repalloc(f->key_captures, sizeof(Datum) * f->key_room);
		f->key_hashes = f->n_keys == 0 ? palloc(sizeof(Datum) * f->key_room) :
			repalloc(f->key_hashes, sizeof(Datum) * f->key_room);
	}
	lp_bans_hash(kind, key.value, hash);
	f->key_captures[f->n_keys] = f->capture;
	f->key_hashes[f->n_keys++] = bytes(hash, LP_HASH_BYTES);
}

static bool
may_be_number(const char *text)
{
	int			digits = 0;

	for (const char *p = text; *p != '\0'; p++)
		digits += *p >= '0' && *p <= '9';
	return digits >= MIN_NUMBER && digits <= 20 && strlen(text) <= 40;
}

/* A string anywhere in a payload, below the key named last. */
static void
look_at_string(Findings *f, const char *key, const JsonbValue *value)
{
	char	   *text;

	if (value->type != jbvString || value->val.string.len > 2000)
		return;
	text = lp_json_value_text(value);

	if (strchr(text, '@') != NULL)
		found_key(f, LP_KEY_EMAIL, text);
	if (strstr(text, "linkedin.com/in/") != NULL)
		found_key(f, LP_KEY_LINKEDIN, text);
	if (strcmp(key, "person_id") == 0 || strstr(key, "people_ids") != NULL)
		found_key(f, LP_KEY_APOLLO_ID, text);
	if ((strstr(key, "phone") != NULL || strstr(key, "number") != NULL) &&
		may_be_number(text))
		found_key(f, LP_KEY_PHONE, text);
}

static void
found_path(Findings *f, const char *path, const JsonbValue *value)
{
	int			len = pg_mbcliplen(path, strlen(path), MAX_PATH);
	char	   *sample = lp_json_value_text(value);

	if (f->n_paths == f->path_room)
	{
		f->path_room = Max(64, f->path_room * 2);
		f->path_captures = f->n_paths == 0 ? palloc(sizeof(Datum) * f->path_room) :
			repalloc(f->path_captures, sizeof(Datum) * f->path_room);
		f->paths = f->n_paths == 0 ? palloc(sizeof(char *) * f->path_room) :
			repalloc(f->paths, sizeof(char *) * f->path_room);
		f->samples = f->n_paths == 0 ? palloc(sizeof(char *) * f->path_room) :
			repalloc(f->samples, sizeof(char *) * f->path_room);
	}
	if (value->type == jbvBool)
		sample = value->val.boolean ? "true" : "false";
	else if (value->type == jbvBinary)
		sample = lp_json_is_list(value) ? "[]" : "{}";
	if (sample != NULL)
		sample = pnstrdup(sample, pg_mbcharcliplen(sample, strlen(sample), MAX_SAMPLE));
	f->path_captures[f->n_paths] = f->capture;
	f->paths[f->n_paths] = pnstrdup(path, len);
	f->samples[f->n_paths++] = sample;
}

static const LpField data_field = {.open = true};

/* The path of a member; a long one is not written further than it is kept. */
static const char *
member_path(const char *path, const char *between, const char *word)
{
	return strlen(path) > MAX_PATH ? path :
		psprintf("%s%s%.*s", path, between, MAX_PATH, word);
}

/*
 * Walks one value.  path is its place in the element; field what is known of
 * it, or NULL; key the last key on the way.
 */
static void
walk(Findings *f, const char *path, const char *key, const LpField *field,
	 const JsonbValue *value)
{
	LpWalk		each;
	JsonbValue	name;
	JsonbValue	member;
	bool		is_list = lp_json_is_list(value);
	bool		data = field != NULL && field->open;

	check_stack_depth();
	if (value->type != jbvBinary || JsonContainerSize(value->val.binary.data) == 0)
	{
		look_at_string(f, key, value);
		if (field == NULL && !f->keys_only)
			found_path(f, path, value);
		return;
	}
	lp_walk_begin(&each, value->val.binary.data);
	while (lp_walk_next(&each, &name, &member))
	{
		const LpField *inner = data ? &data_field : NULL;
		char	   *word;

		if (is_list)
		{
			LpField		entry = {0};

			if (field != NULL && field->list && !data)
			{
				entry.inside = field->inside;
				inner = &entry;
			}
			walk(f, member_path(path, "[]", ""), key, inner, &member);
			continue;
		}
		word = pnstrdup(name.val.string.val, name.val.string.len);
		if (field != NULL && field->inside != NULL && !field->list)
			inner = lp_shape_find(field->inside, word, strlen(word));
		walk(f, member_path(path, *path == '\0' ? "" : ".", word), word, inner,
			 &member);
	}
}

static void
walk_json(Findings *f, const char *path, const LpShape *shape, Jsonb *json)
{
	LpField		field = {.inside = shape};
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.data = &json->root;
	value.val.binary.len = VARSIZE(json) - VARHDRSZ;
	walk(f, path, "", &field, &value);
}

/* A row: its keys are columns, and what a jsonb column holds is data. */
static void
walk_row(Findings *f, Jsonb *json)
{
	LpWalk		each;
	JsonbValue	name;
	JsonbValue	member;

	lp_walk_begin(&each, &json->root);
	while (lp_walk_next(&each, &name, &member))
	{
		char	   *word = pnstrdup(name.val.string.val, name.val.string.len);
		bool		known = lp_pool_column(f->pool, word, strlen(word)) >= 0 &&
		lp_facts_settable(word, strlen(word));

		walk(f, word, word, known ? &data_field : NULL, &member);
	}
}

/*
 * The paths of contacts and companies are written as they are inside a
 * person, so that one path means one thing.
 */
static void
walk_part(Findings *f, const LpProvider *provider, const LpPart *part)
{
	f->capture = UUIDPGetDatum(&part->id);
	if (!JB_ROOT_IS_OBJECT(part->json))
		return;
	if (provider == NULL)
		walk_row(f, part->json);
	else if (part->kind == LP_ELEMENT_CONTACT)
		walk_json(f, "contact", provider->contact, part->json);
	else if (part->kind == LP_ELEMENT_ORGANIZATION)
		walk_json(f, "organization", provider->organization, part->json);
	else
		walk_json(f, "", provider->person, part->json);
}

LpKey *
lp_archive_mentions(const LpPool *pool, const LpProvider *provider, LpElementKind kind,
					Jsonb *json, int *n)
{
	Findings	f = {.pool = pool, .keys_only = true};
	LpPart		part = {.kind = kind, .json = json};

	walk_part(&f, provider, &part);
	*n = f.n_keys;
	return f.keys;
}

static void
store_findings(const Findings *f, const LpBody *body)
{
	if (f->n_keys > 0)
	{
		Datum		args[] = {
			lp_array_of_datums(f->key_captures, f->n_keys, UUIDOID),
			lp_array_of_datums(f->key_hashes, f->n_keys, BYTEAOID)
		};

		lp_sql_run(&keys_sql, args, NULL);
	}
	if (f->n_paths > 0)
	{
		Datum		args[] = {
			CStringGetTextDatum(body->source),
			TimestampTzGetDatum(body->captured_at),
			lp_array_of_datums(f->path_captures, f->n_paths, UUIDOID),
			lp_array_of_texts(f->paths, f->n_paths),
			lp_array_of_texts(f->samples, f->n_paths)
		};

		lp_sql_run(&unmapped_sql, args, NULL);
	}
}

static Datum
cuts_array(const LpBody *body)
{
	int			dims[] = {body->n_elements};
	int			lower[] = {1};

	if (body->n_elements == 0)
		return PointerGetDatum(construct_empty_array(INT4OID));
	return PointerGetDatum(construct_md_array(body->cuts, body->uncut, 1, dims, lower,
											  INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
store_parts(const pg_uuid_t *envelope_id, const LpBody *body)
{
	int			n = body->n_parts;
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	pg_uuid_t  *leads = palloc0(sizeof(pg_uuid_t) * n);
	pg_uuid_t  *companies = palloc0(sizeof(pg_uuid_t) * n);
	Datum	   *ordinals = palloc(sizeof(Datum) * n);
	char	  **elements = palloc(sizeof(char *) * n);
	char	  **texts = palloc(sizeof(char *) * n);

	for (int i = 0; i < n; i++)
	{
		const LpPart *part = &body->parts[i];

		ids[i] = part->id;
		if (part->lead_id != NULL)
			leads[i] = *part->lead_id;
		if (part->company_id != NULL)
			companies[i] = *part->company_id;
		ordinals[i] = Int32GetDatum(part->ordinal);
		elements[i] = unconstify(char *, lp_element_name(part->kind));
		texts[i] = part->text;
	}
	{
		Datum		args[] = {
			CStringGetTextDatum(body->source), UUIDPGetDatum(envelope_id),
			TimestampTzGetDatum(body->captured_at),
			TimestampTzGetDatum(body->first_seen_at), lp_array_of_uuids(ids, n),
			lp_array_of_datums(ordinals, n, INT4OID), lp_array_of_uuids(leads, n),
			lp_array_of_uuids(companies, n), lp_array_of_texts(elements, n),
			lp_array_of_texts(texts, n)
		};

		lp_sql_run(&store_sql, args, NULL);
	}
}

void
lp_archive_store(const LpPool *pool, const LpBody *body)
{
	pg_uuid_t	envelope_id;
	Findings	f = {.pool = pool};

	lp_uuid_make(&envelope_id);
	{
		Datum		args[] = {
			UUIDPGetDatum(&envelope_id), CStringGetTextDatum(body->source),
			CStringGetTextDatum(body->rest), cuts_array(body),
			bytes(body->hash, PG_SHA256_DIGEST_LENGTH),
			TimestampTzGetDatum(body->captured_at),
			TimestampTzGetDatum(body->first_seen_at)
		};

		lp_sql_run(&envelope_sql, args, NULL);
	}
	if (body->n_parts > 0)
		store_parts(&envelope_id, body);
	for (int i = 0; i < body->n_parts; i++)
		walk_part(&f, body->provider, &body->parts[i]);
	if (body->json != NULL)
	{
		f.capture = UUIDPGetDatum(&envelope_id);
		walk_json(&f, "", body->provider->envelope, body->json);
	}
	store_findings(&f, body);
}
