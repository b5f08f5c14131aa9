/*
 * findings.c
 *	  What is found in a payload besides the columns: whom it mentions, and
 *	  paths that no column is mapped to.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/archive.h"
#include "core/bans.h"
#include "core/textkeys.h"
#include "store/sql.h"
#include "util/jsonwalk.h"

#define MAX_PATH 1000			/* bytes */
#define MAX_SAMPLE 200			/* characters */

static LpSql keys_sql = LP_SQL(
	"INSERT INTO @s@.lead_capture_keys (capture_id, key_hash)"
	" SELECT c, h FROM unnest($1, $2) u(c, h)",
	UUIDARRAYOID, BYTEAARRAYOID);

static LpSql unmapped_sql = LP_SQL(
	"INSERT INTO @s@.lead_unmapped (capture_id, provider, json_path, sample, seen_at)"
	" SELECT DISTINCT ON (c, p) c, $1, p, s, $2"
	" FROM unnest($3, $4, $5) WITH ORDINALITY u(c, p, s, n)"
	" ORDER BY c, p, s IS NULL, n",
	TEXTOID, TIMESTAMPTZOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID);

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
	StringInfoData path;		/* being written */
} Findings;

static int
compare_hashes(const void *a, const void *b)
{
	return memcmp(VARDATA_ANY(DatumGetPointer(*(const Datum *) a)),
				  VARDATA_ANY(DatumGetPointer(*(const Datum *) b)), LP_HASH_BYTES);
}

/* Sorts n hashes and keeps each once: two addresses may have one. */
static int
unique_hashes(Datum *hashes, int n)
{
	int			kept = 0;

	qsort(hashes, n, sizeof(Datum), compare_hashes);
	for (int i = 0; i < n; i++)
		if (i == 0 || compare_hashes(&hashes[kept - 1], &hashes[i]) != 0)
			hashes[kept++] = hashes[i];
	return kept;
}

/* Whom the payload that is being read mentions. */
static void
found_keys(Findings *f, const LpKey *keys, int n)
{
	if (n == 0)
		return;
	if (f->n_keys + n > f->key_room)
	{
		f->key_room = Max(f->key_room * 2, f->n_keys + n + 64);
		f->key_captures = f->n_keys == 0 ? palloc(sizeof(Datum) * f->key_room) :
			repalloc_huge(f->key_captures, sizeof(Datum) * f->key_room);
		f->key_hashes = f->n_keys == 0 ? palloc(sizeof(Datum) * f->key_room) :
			repalloc_huge(f->key_hashes, sizeof(Datum) * f->key_room);
	}
	lp_bans_key_hashes(keys, n, &f->key_hashes[f->n_keys]);
	n = unique_hashes(&f->key_hashes[f->n_keys], n);
	for (int i = 0; i < n; i++)
		f->key_captures[f->n_keys++] = f->capture;
}

static void
found_mentions(Findings *f, const LpPart *part)
{
	int			n;
	LpKey	   *keys;

	if (part->mentions != NULL)
	{
		found_keys(f, part->mentions->keys, part->mentions->n);
		return;
	}
	keys = lp_text_keys(part->text, part->region, &n);
	found_keys(f, keys, n);
}

/*
 * Where a value stands.  Most places are known ones, so that a path is written
 * only when it is asked for; a long one no further than it is kept.
 */
typedef struct Place
{
	const struct Place *around;
	const char *word;			/* key, or of the root its path; NULL: in a
								 * list */
	int			len;
} Place;

static void
write_path(const Place *place, StringInfo path)
{
	if (place->around != NULL)
		write_path(place->around, path);
	if (path->len > MAX_PATH)
		return;
	if (place->word == NULL)
	{
		appendStringInfoString(path, "[]");
		return;
	}
	if (path->len > 0)
		appendStringInfoChar(path, '.');
	appendBinaryStringInfo(path, place->word, Min(place->len, MAX_PATH));
}

static void
found_path(Findings *f, const Place *place, const JsonbValue *value)
{
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
	resetStringInfo(&f->path);
	write_path(place, &f->path);
	f->paths[f->n_paths] = pnstrdup(f->path.data,
									pg_mbcliplen(f->path.data, f->path.len, MAX_PATH));
	f->samples[f->n_paths++] = sample;
}

static const LpField data_field = {.open = true};

/*
 * Walks one value.  place is where in the element; field what is known of it,
 * or NULL.
 */
static void
walk(Findings *f, const Place *place, const LpField *field, const JsonbValue *value)
{
	LpWalk		each;
	JsonbValue	name;
	JsonbValue	member;
	bool		is_list = lp_json_is_list(value);
	bool		data = field != NULL && field->open;

	check_stack_depth();
	if (value->type != jbvBinary || JsonContainerSize(value->val.binary.data) == 0)
	{
		if (field == NULL)
			found_path(f, place, value);
		return;
	}
	lp_walk_begin(&each, value->val.binary.data);
	while (lp_walk_next(&each, &name, &member))
	{
		const LpField *inner = data ? &data_field : NULL;
		Place		here = {.around = place};

		if (is_list)
		{
			LpField		entry = {0};

			if (field != NULL && field->list && !data)
			{
				entry.inside = field->inside;
				inner = &entry;
			}
			walk(f, &here, inner, &member);
			continue;
		}
		here.word = name.val.string.val;
		here.len = name.val.string.len;
		if (field != NULL && field->inside != NULL && !field->list)
			inner = lp_shape_find(field->inside, here.word, here.len);
		walk(f, &here, inner, &member);
	}
}

static void
walk_json(Findings *f, const char *path, const LpShape *shape, Jsonb *json)
{
	LpField		field = {.inside = shape};
	Place		place = {.word = path, .len = strlen(path)};
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.data = &json->root;
	value.val.binary.len = VARSIZE(json) - VARHDRSZ;
	walk(f, &place, &field, &value);
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
		Place		place = {.word = name.val.string.val, .len = name.val.string.len};
		bool		known = lp_pool_column(f->pool, place.word, place.len) >= 0 &&
		lp_facts_settable(place.word, place.len);

		walk(f, &place, known ? &data_field : NULL, &member);
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

void
lp_findings_store(const LpPool *pool, const pg_uuid_t *envelope_id, const LpBody *body)
{
	Findings	f = {.pool = pool};
	LpKey	   *rest;
	int			n_rest;

	initStringInfo(&f.path);
	for (int i = 0; i < body->n_parts; i++)
	{
		walk_part(&f, body->provider, &body->parts[i]);
		found_mentions(&f, &body->parts[i]);
	}
	f.capture = UUIDPGetDatum(envelope_id);
	if (body->json != NULL)
		walk_json(&f, "", body->provider->envelope, body->json);
	rest = lp_text_keys(body->rest, NULL, &n_rest);
	found_keys(&f, rest, n_rest);
	store_findings(&f, body);
}
