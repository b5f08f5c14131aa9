/*
 * facts.c
 *	  lp_pin and lp_unpin: what an operator says a value is.
 *
 * A pin is a last capture of source "operator": it keeps its lead's keys,
 * availability and bans up to date as a capture would.  Stripes of its keys
 * are taken first, then the lead (doc/architecture.md).
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/bans.h"
#include "core/batch.h"
#include "core/facts.h"
#include "core/lead.h"
#include "core/pins.h"
#include "core/stripes.h"
#include "core/textkeys.h"
#include "store/conflicts.h"
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

int
lp_facts_column(const LpPool *pool, const char *name)
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

LpPoolRow *
lp_facts_lead(const LpPool *pool, const pg_uuid_t *id)
{
	if (!lp_lead_load(id, 1)->known)
		lp_lead_no_such(id);
	return lp_pool_load(pool, id, 1)[0];
}

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
				keys[i].identifies = false;
				lp_conflict_identity(lead_id, &known[k].lead_id,
									 lp_key_kind_name(keys[i].kind), batch->now);
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
	at = lp_facts_column(pool, column);
	lp_lead_resolve(&id, 1);
	row = lp_facts_lead(pool, &id);
	require_value(pool, at, value, row);
	keys = keys_of_pin(pool, column, value, row, &n);
	for (int i = 0; i < n; i++)
		lp_stripes_add_key(&stripes, &keys[i], ExclusiveLock);
	lp_stripes_lock(&stripes);
	id = *PG_GETARG_UUID_P(0);
	lp_lead_take(&id, 1);
	(void) lp_facts_lead(pool, &id);
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
	(void) lp_facts_column(pool, column);
	lp_lead_take(&id, 1);
	(void) lp_facts_lead(pool, &id);
	if (lp_pins_remove(&id, column))
		lp_facts_refold(&id, 1);
	lp_call_end();
	PG_RETURN_VOID();
}
