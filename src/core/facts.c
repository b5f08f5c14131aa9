/*
 * facts.c
 *	  lp_provenance, lp_pin and lp_unpin: where a value comes from, and what an
 *	  operator says it is.
 *
 * Nothing about origins is stored: they are read from the archive by the same
 * walk that fills lead_pool, each capture laid over an empty row.  What is
 * shown stays the business of fold.c.
 *
 * A pin is a last capture of source "operator": it keeps its lead's keys,
 * availability and bans up to date as a capture would.  Stripes of its keys
 * are taken first, then the lead (DESIGN B1).
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/bans.h"
#include "core/batch.h"
#include "core/facts.h"
#include "core/fold.h"
#include "core/lead.h"
#include "core/organization.h"
#include "core/pins.h"
#include "core/stripes.h"
#include "core/textkeys.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/country.h"
#include "util/email.h"
#include "util/errors.h"
#include "util/jsonwalk.h"
#include "util/phone.h"
#include "util/settings.h"
#include "util/uuid.h"
#include "util/zone.h"

PG_FUNCTION_INFO_V1(lp_provenance);
PG_FUNCTION_INFO_V1(lp_pin);
PG_FUNCTION_INFO_V1(lp_unpin);

#define REFOLD_CHUNK 500

static LpBatch *
refold_batch(const pg_uuid_t *ids, int n)
{
	LpBatch    *batch = palloc0(sizeof(LpBatch));

	batch->pool = lp_pool_open();
	batch->source = "operator";
	batch->now = lp_clock_now();
	batch->captured_at = batch->now;
	for (int i = 0; i < n; i++)
		(void) lp_batch_lead(batch, &ids[i], false);
	return batch;
}

void
lp_facts_refold(const pg_uuid_t *ids, int n)
{
	for (int i = 0; i < n; i += REFOLD_CHUNK)
	{
		MemoryContext chunk = AllocSetContextCreate(CurrentMemoryContext, "leadpool refold",
													ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(chunk);

		lp_batch_refold(refold_batch(ids + i, Min(REFOLD_CHUNK, n - i)));
		MemoryContextSwitchTo(old);
		MemoryContextDelete(chunk);
	}
}

/* The column of that name that captures fill; throws 22023 for any other. */
static int
require_column(const LpPool *pool, const char *name)
{
	int			column = lp_pool_column(pool, name, strlen(name));

	if (column < 0 || !lp_facts_settable(name, strlen(name)))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg(column < 0 ? "lead_pool has no column \"%s\"" :
					   "column \"%s\" is filled by leadpool itself",
					   pnstrdup(name, Min(strlen(name), NAMEDATALEN))),
				errhint("lp_field_map() lists the columns that captures fill."));
	return column;
}

/* The only row of a lead; throws LP001 unless it is active. */
static LpPoolRow *
require_lead(const LpPool *pool, const pg_uuid_t *id)
{
	if (!lp_lead_load(id, 1)->known)
		lp_lead_no_such(id);
	return lp_pool_load(pool, id, 1)[0];
}

/*
 * Origins.
 */
typedef struct Telling
{
	const char *source;
	TimestampTz at;
	LpPoolRow  *row;			/* what it told, by column */
	Jsonb	   *json;			/* the same as JSON, nulls left out */
} Telling;

/* What one capture told, laid over nothing. */
static LpPoolRow *
told_alone(const LpPool *pool, const LpFacts *facts, const LpPoolRow *shown)
{
	LpPoolRow  *row = lp_pool_row_new(pool);
	int			country = pool->at[LP_COL_COUNTRY_CODE];
	LpPoolRow  *bare;

	/* A number without "+" was read with the country that the lead had. */
	row->values[country] = shown->values[country];
	row->nulls[country] = shown->nulls[country];
	lp_fold_lay(pool, row, facts);
	bare = lp_pool_row_new(pool);
	lp_fold_lay(pool, bare, facts);
	row->values[country] = bare->values[country];
	row->nulls[country] = bare->nulls[country];
	return row;
}

static int
add_captures(const LpPool *pool, const pg_uuid_t *lead_id, const LpPoolRow *shown,
			 Telling **tellings)
{
	int			n;
	int			count = 0;
	LpArchived *parts = lp_archive_of_leads(lead_id, 1, &n);

	*tellings = palloc0(sizeof(Telling) * (n + 1));
	for (int i = n - 1; i >= 0; i--)
	{
		Jsonb	   *json = lp_batch_json(parts[i].part, strlen(parts[i].part));
		Telling    *telling = &(*tellings)[count];

		if (json == NULL)
			continue;
		telling->source = parts[i].source;
		telling->at = parts[i].captured_at;
		telling->row = told_alone(pool, lp_facts_read(pool, lp_provider_of(parts[i].source),
													  parts[i].source, parts[i].kind, json,
													  parts[i].captured_at), shown);
		count++;
	}
	return count;
}

/*
 * What answers about the company told, newest first; an older one may be what
 * a lead still shows, since answers only fill what is null.
 */
static int
add_company(const LpPool *pool, const LpPoolRow *shown, Telling **tellings, int count)
{
	char	   *id = lp_fold_company(pool, shown);
	LpOrganization *company;
	LpArchived *parts;
	int			n = 0;
	int			added = 0;

	if (id != NULL)
		company = lp_organization_find(&id, 1, NULL, 0, &n);
	if (n == 0)
		return count;
	parts = lp_archive_of_companies(&company->id, 1, &n);
	*tellings = repalloc(*tellings, sizeof(Telling) * (count + n + 1));
	for (int i = n - 1; i >= 0; i--)
	{
		LpOrganization told = *company;
		Telling    *telling = &(*tellings)[count];

		told.facts = lp_batch_json(parts[i].part, strlen(parts[i].part));
		if (told.facts == NULL)
			continue;
		telling->source = parts[i].source;
		telling->at = parts[i].captured_at;
		telling->row = lp_pool_row_new(pool);
		lp_fold_fill(pool, telling->row, lp_organization_facts(pool, &told));
		count++;
		added++;
	}
	if (added > 0)
		return count;
	(*tellings)[count].source = lp_apollo.name;
	(*tellings)[count].at = company->captured_at;
	(*tellings)[count].row = lp_pool_row_new(pool);
	lp_fold_fill(pool, (*tellings)[count].row, lp_organization_facts(pool, company));
	return count + 1;
}

static Jsonb *
member(Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (object == NULL || !lp_json_get(&object->root, name, &value))
		return NULL;
	return JsonbValueToJsonb(&value);
}

static Jsonb *
json_null(void)
{
	JsonbValue	value;

	value.type = jbvNull;
	return JsonbValueToJsonb(&value);
}

typedef struct Origins
{
	LpOrigin   *items;
	int			n;
	int			room;
} Origins;

static LpOrigin *
add_origin(Origins *list, const char *column, Jsonb *value, const char *source, TimestampTz at)
{
	LpOrigin   *origin;

	if (list->n == list->room)
	{
		list->room = Max(64, list->room * 2);
		list->items = list->items == NULL ? palloc(sizeof(LpOrigin) * list->room) :
			repalloc(list->items, sizeof(LpOrigin) * list->room);
	}
	origin = &list->items[list->n++];
	origin->column = column;
	origin->value = value;
	origin->source = source;
	origin->captured_at = at;
	origin->shown = false;
	return origin;
}

static int
newest_first(const void *a, const void *b)
{
	const LpOrigin *x = a;
	const LpOrigin *y = b;

	if (x->captured_at != y->captured_at)
		return x->captured_at > y->captured_at ? -1 : 1;
	return (int) y->shown - (int) x->shown;
}

/* The origins of one column; at most one of them is what is shown. */
static void
origins_of_column(const LpPool *pool, int column, const LpPoolRow *shown,
				  const Telling *tellings, int n, const LpPins *pins, Origins *list)
{
	const char *name = NameStr(TupleDescAttr(pool->desc, column)->attname);
	bool		found = pins != NULL && pins->pinned[column];
	int			first = list->n;

	if (found)
		add_origin(list, name, pins->values->nulls[column] ? json_null() : pins->json[column],
				   "operator", pins->pinned_at[column])->shown = true;
	for (int i = 0; i < n; i++)
	{
		LpOrigin   *origin;

		if (tellings[i].row->nulls[column])
			continue;
		origin = add_origin(list, name, member(tellings[i].json, name), tellings[i].source,
							tellings[i].at);
		origin->shown = !found && lp_pool_same(pool, column, tellings[i].row, shown);
		found |= origin->shown;
	}
	if (list->n > first)
		qsort(list->items + first, list->n - first, sizeof(LpOrigin), newest_first);
}

LpOrigin *
lp_facts_origins(const pg_uuid_t *lead_id, const char *column, int *n)
{
	LpPool	   *pool = lp_pool_open();
	int			only = column == NULL ? -1 : require_column(pool, column);
	LpPoolRow  *shown = require_lead(pool, lead_id);
	LpPins	   *pins = lp_pins_load(pool, lead_id, 1)[0];
	Telling    *tellings;
	int			count = add_captures(pool, lead_id, shown, &tellings);
	LpPoolRow **rows;
	Jsonb	  **json;
	Origins		list = {0};

	count = add_company(pool, shown, &tellings, count);
	rows = palloc(sizeof(LpPoolRow *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		rows[i] = tellings[i].row;
	json = lp_pool_json(pool, rows, count);
	for (int i = 0; i < count; i++)
		tellings[i].json = json[i];
	for (int i = 0; i < pool->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(pool->desc, i);
		const char *name = NameStr(attribute->attname);

		if (attribute->attisdropped || (only >= 0 && i != only) ||
			!lp_facts_settable(name, strlen(name)))
			continue;
		origins_of_column(pool, i, shown, tellings, count, pins, &list);
	}
	*n = list.n;
	return list.items;
}

Datum
lp_provenance(PG_FUNCTION_ARGS)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	char	   *column = lp_arg_text_or_null(fcinfo, 1);
	LpOrigin   *origins;
	MemoryContext old;
	int			n;

	lp_call_begin(fcinfo, LP_CALL_READS);
	lp_lead_resolve(&id, 1);
	origins = lp_facts_origins(&id, column, &n);
	old = MemoryContextSwitchTo(lp_call_result_context());
	for (int i = 0; i < n; i++)
	{
		lp_rows_set_text(rows, "column_name", origins[i].column);
		lp_rows_set(rows, "value", JsonbPGetDatum(origins[i].value));
		lp_rows_set_text(rows, "source", origins[i].source);
		lp_rows_set_time(rows, "captured_at", origins[i].captured_at);
		lp_rows_set(rows, "shown", BoolGetDatum(origins[i].shown));
		lp_rows_emit(rows);
	}
	MemoryContextSwitchTo(old);
	lp_call_end();
	return (Datum) 0;
}

/*
 * Pins.
 */
static bool
is_usable(const LpPool *pool, int column, const char *text, const char *region)
{
	LpPhone		phone;

	if (column == pool->at[LP_COL_EMAIL])
		return lp_email_match(text) != NULL && !lp_email_is_locked(text);
	if (column == pool->at[LP_COL_PHONE])
		return lp_phone_parse(text, region, &phone);
	if (column == pool->at[LP_COL_COUNTRY_CODE])
		return lp_country_code(text) != NULL;
	if (column == pool->at[LP_COL_ZONE])
		return lp_zone_find(text) != NULL;
	return true;
}

/* Throws 22023 for a value that the column cannot take. */
static void
require_value(const LpPool *pool, int column, Jsonb *json, const LpPoolRow *row)
{
	Form_pg_attribute attribute = TupleDescAttr(pool->desc, column);
	char	   *region = lp_pool_text(pool, row, LP_COL_COUNTRY_CODE);
	char	   *given;
	JsonbValue	value;
	Datum		datum;
	bool		fits;

	if (JB_ROOT_IS_SCALAR(json))
		JsonbExtractScalar(&json->root, &value);
	else
	{
		value.type = jbvBinary;
		value.val.binary.data = &json->root;
		value.val.binary.len = VARSIZE(json) - VARHDRSZ;
	}
	if (value.type == jbvNull)
		return;
	fits = lp_json_to_datum(&value, attribute->atttypid, &datum);
	if (region == NULL && *lp_default_region != '\0')
		region = lp_default_region;
	if (fits && attribute->atttypid == TEXTOID)
		fits = is_usable(pool, column, TextDatumGetCString(datum), region);
	if (fits)
		return;
	given = JsonbToCString(NULL, &json->root, VARSIZE(json));
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("value %s does not fit column \"%s\" of type %s",
				   pnstrdup(given, pg_mbcliplen(given, strlen(given), 100)),
				   NameStr(attribute->attname), format_type_be(attribute->atttypid)),
			errhint("Pass a JSON value of that kind, or JSON null to show nothing."));
}

/* The keys that a pin gives its lead. */
static LpKey *
keys_of_pin(const LpPool *pool, const char *column, Jsonb *value, const LpPoolRow *row, int *n)
{
	JsonbParseState *state = NULL;
	JsonbValue	name;
	JsonbValue	scalar;
	LpFacts    *facts;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	name.type = jbvString;
	name.val.string.val = unconstify(char *, column);
	name.val.string.len = strlen(column);
	pushJsonbValue(&state, WJB_KEY, &name);
	if (JB_ROOT_IS_SCALAR(value))
		JsonbExtractScalar(&value->root, &scalar);
	else
	{
		scalar.type = jbvBinary;
		scalar.val.binary.data = &value->root;
		scalar.val.binary.len = VARSIZE(value) - VARHDRSZ;
	}
	pushJsonbValue(&state, WJB_VALUE, &scalar);
	facts = lp_facts_read(pool, NULL, "operator", LP_ELEMENT_PERSON,
						  JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)),
						  lp_clock_now());
	if (facts->country_code == NULL)
		facts->country_code = lp_pool_text(pool, row, LP_COL_COUNTRY_CODE);
	return lp_facts_keys(pool, facts, n);
}

/* Nothing of somebody who was erased comes back by hand either. */
static void
refuse_erased(Jsonb *value, const LpKey *keys, int n, TimestampTz now)
{
	ListCell   *cell;
	bool		erased = lp_text_shows_erased(JsonbToCString(NULL, &value->root, VARSIZE(value)),
											  NULL, now);

	if (n > 0)
		foreach(cell, lp_bans_of_keys(keys, n, now))
			erased |= ((LpBan *) lfirst(cell))->reason == LP_BAN_ERASURE;
	if (erased)
		ereport(ERROR,
				errcode(ERRCODE_LP_BANNED),
				errmsg("the person with this value was erased"),
				errhint("It cannot be stored again."));
}

/* Two leads are one conflict, whichever of them was pinned. */
static LpSql conflict_sql = LP_SQL(
	"INSERT INTO @s@.lead_conflicts (kind, lead_id, other_lead_id, detail, created_at)"
	" SELECT 'identity', $1, $2, $3, $4"
	" WHERE NOT EXISTS (SELECT FROM @s@.lead_conflicts c WHERE c.kind = 'identity'"
	"  AND c.status = 'open' AND c.lead_id = $2 AND c.other_lead_id = $1)"
	" ON CONFLICT (kind, lead_id, other_lead_id) WHERE status = 'open' DO NOTHING",
	UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID);

/*
 * Gives the keys of a pin to its lead.  One that names another lead becomes a
 * key that identifies nobody new, and a conflict for an operator to settle.
 */
static void
give_keys(LpBatch *batch, const pg_uuid_t *lead_id, LpKey *keys, int n)
{
	Datum	   *hashes = palloc(sizeof(Datum) * n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	char	  **sources = palloc(sizeof(char *) * n);
	int			n_known;
	int			changed;
	LpKnownKey *known = lp_identities_find(keys, n, &n_known);

	for (int i = 0; i < n; i++)
	{
		for (int k = 0; k < n_known; k++)
			if (keys[i].identifies && known[k].identifies && known[k].kind == keys[i].kind &&
				strcmp(known[k].value, keys[i].value) == 0 &&
				!lp_uuid_equal(&known[k].lead_id, lead_id))
			{
				Datum		args[] = {UUIDPGetDatum(lead_id), UUIDPGetDatum(&known[k].lead_id),
					CStringGetTextDatum(lp_key_kind_name(keys[i].kind)),
				TimestampTzGetDatum(batch->now)};

				keys[i].identifies = false;
				lp_sql_run(&conflict_sql, args, NULL);
			}
		hashes[i] = lp_bans_key_hash(&keys[i]);
		ids[i] = *lead_id;
		sources[i] = "operator";
	}
	lp_identities_add(keys, hashes, ids, sources, n, batch->now, &changed);
	if (changed > 0)
		batch->leads[0].extended = true;
}

Datum
lp_pin(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	char	   *column = lp_arg_text(fcinfo, 1, "column_name");
	Jsonb	   *value;
	LpPool	   *pool;
	LpPoolRow  *row;
	LpBatch    *batch;
	LpKey	   *keys;
	LpStripes	stripes = {{NoLock}};
	int			at;
	int			n;

	lp_arg_require(fcinfo, 2, "value");
	value = PG_GETARG_JSONB_P(2);
	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_pin");
	lp_bans_require_key(true);
	pool = lp_pool_open();
	at = require_column(pool, column);
	lp_lead_resolve(&id, 1);
	row = require_lead(pool, &id);
	require_value(pool, at, value, row);
	keys = keys_of_pin(pool, column, value, row, &n);
	for (int i = 0; i < n; i++)
		lp_stripes_add_key(&stripes, &keys[i], ExclusiveLock);
	lp_stripes_lock(&stripes);
	id = *PG_GETARG_UUID_P(0);
	lp_lead_take(&id, 1);
	(void) require_lead(pool, &id);
	batch = refold_batch(&id, 1);
	refuse_erased(value, keys, n, batch->now);
	if (n > 0)
		give_keys(batch, &id, keys, n);
	lp_pins_set(&id, column, value, GetUserNameFromId(GetOuterUserId(), false), batch->now);
	lp_batch_refold(batch);
	lp_call_end();
	PG_RETURN_VOID();
}

Datum
lp_unpin(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	char	   *column = lp_arg_text(fcinfo, 1, "column_name");
	LpPool	   *pool;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_unpin");
	lp_bans_require_key(true);
	pool = lp_pool_open();
	(void) require_column(pool, column);
	lp_lead_take(&id, 1);
	(void) require_lead(pool, &id);
	if (lp_pins_remove(&id, column))
		lp_facts_refold(&id, 1);
	lp_call_end();
	PG_RETURN_VOID();
}
