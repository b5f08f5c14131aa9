/*
 * pins.c
 *	  lead_pins: values that an operator said, whatever is captured.
 *
 * The pins of a lead are read as one more row of facts, as if the source
 * "operator" had been captured after everything else; fold.c lays them.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/pins.h"
#include "store/sql.h"
#include "util/jsonwalk.h"

static LpSql load_sql = LP_SQL(
	"SELECT u.n, p.column_name, p.value, p.pinned_at"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_pins p ON p.lead_id = u.id ORDER BY u.n, p.column_name",
	UUIDARRAYOID);

static LpSql set_sql = LP_SQL(
	"INSERT INTO @s@.lead_pins AS p (lead_id, column_name, value, pinned_by, pinned_at)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (lead_id, column_name) DO UPDATE SET"
	" value = excluded.value, pinned_by = excluded.pinned_by,"
	" pinned_at = excluded.pinned_at WHERE p.value IS DISTINCT FROM excluded.value",
	UUIDOID, TEXTOID, JSONBOID, TEXTOID, TIMESTAMPTZOID);

static LpSql remove_sql = LP_SQL(
	"DELETE FROM @s@.lead_pins WHERE lead_id = $1 AND column_name = $2",
	UUIDOID, TEXTOID);

static LpPins *
new_pins(const LpPool *pool)
{
	LpPins	   *pins = palloc0(sizeof(LpPins));

	pins->values = lp_pool_row_new(pool);
	pins->pinned = palloc0(sizeof(bool) * pool->desc->natts);
	pins->pinned_at = palloc0(sizeof(TimestampTz) * pool->desc->natts);
	pins->json = palloc0(sizeof(Jsonb *) * pool->desc->natts);
	return pins;
}

/* The value of a pin, which is a JSON scalar, list or object. */
static void
value_of(Jsonb *json, JsonbValue *value)
{
	if (JB_ROOT_IS_SCALAR(json))
	{
		JsonbExtractScalar(&json->root, value);
		return;
	}
	value->type = jbvBinary;
	value->val.binary.data = &json->root;
	value->val.binary.len = VARSIZE(json) - VARHDRSZ;
}

static void
add_pin(const LpPool *pool, LpPins *pins, int column, Jsonb *json, TimestampTz at)
{
	JsonbValue	value;

	value_of(json, &value);
	pins->pinned[column] = true;
	pins->pinned_at[column] = at;
	pins->json[column] = json;
	if (lp_json_to_datum(&value, TupleDescAttr(pool->desc, column)->atttypid,
						 &pins->values->values[column]))
		pins->values->nulls[column] = false;
}

/* The pins as one row, read like a row of any other source. */
static LpFacts *
facts_of(const LpPool *pool, const LpPins *pins)
{
	JsonbParseState *state = NULL;
	TimestampTz newest = DT_NOBEGIN;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < pool->desc->natts; i++)
	{
		JsonbValue	key;
		JsonbValue	value;

		if (!pins->pinned[i])
			continue;
		key.type = jbvString;
		key.val.string.val = NameStr(TupleDescAttr(pool->desc, i)->attname);
		key.val.string.len = strlen(key.val.string.val);
		value_of(pins->json[i], &value);
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
		newest = Max(newest, pins->pinned_at[i]);
	}
	return lp_facts_read(pool, NULL, "operator", LP_ELEMENT_PERSON,
						 JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)),
						 newest);
}

LpPins **
lp_pins_load(const LpPool *pool, const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	LpPins	  **pins = palloc0(sizeof(LpPins *) * Max(n, 1));
	uint64		found = lp_sql_run(&load_sql, args, NULL);

	for (uint64 row = 0; row < found; row++)
	{
		int			lead = lp_col_int(row, 1, 0) - 1;
		char	   *name = lp_col_text(row, 2);
		int			column = lp_pool_column(pool, name, strlen(name));

		if (column < 0)
			continue;
		if (pins[lead] == NULL)
			pins[lead] = new_pins(pool);
		add_pin(pool, pins[lead], column, DatumGetJsonbPCopy(lp_col(row, 3)),
				lp_col_time(row, 4, DT_NOBEGIN));
	}
	for (int i = 0; i < n; i++)
		if (pins[i] != NULL)
			pins[i]->facts = facts_of(pool, pins[i]);
	return pins;
}

void
lp_pins_set(const pg_uuid_t *lead_id, const char *column, Jsonb *value, const char *by,
			TimestampTz at)
{
	Datum		args[] = {
		UUIDPGetDatum(lead_id), CStringGetTextDatum(column), JsonbPGetDatum(value),
		CStringGetTextDatum(by), TimestampTzGetDatum(at)
	};

	lp_sql_run(&set_sql, args, NULL);
}

bool
lp_pins_remove(const pg_uuid_t *lead_id, const char *column)
{
	Datum		args[] = {UUIDPGetDatum(lead_id), CStringGetTextDatum(column)};

	return lp_sql_run(&remove_sql, args, NULL) > 0;
}
