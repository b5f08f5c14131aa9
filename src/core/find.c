/*
 * find.c
 *	  lp_find_lead and lp_field_map: what is known, without changing it.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#include "core/lead.h"
#include "providers/provider.h"
#include "store/leads.h"
#include "store/sql.h"
#include "util/key.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_find_lead);
PG_FUNCTION_INFO_V1(lp_field_map);

/* The keys, in the order of their strength, and the arguments that hold them. */
static const struct
{
	LpKeyKind	kind;
	int			argument;
}			searches[] = {
	{LP_KEY_APOLLO_ID, 2},
	{LP_KEY_EMAIL, 0},
	{LP_KEY_LINKEDIN, 3},
	{LP_KEY_PHONE, 1},
};

/*
 * The lead that a key leads to; NULL if there is none.  A phone names somebody
 * only if one lead has it.
 */
static pg_uuid_t *
find_by_key(const LpKey *key)
{
	int			n;
	LpKnownKey *known = lp_identities_find(key, 1, &n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	pg_uuid_t  *found = NULL;
	LpLead	   *leads;

	for (int i = 0; i < n; i++)
		ids[i] = known[i].lead_id;
	if (n == 0)
		return NULL;
	lp_lead_resolve(ids, n);
	leads = lp_lead_load(ids, n);
	for (int i = 0; i < n; i++)
	{
		if (!leads[i].known || !(known[i].identifies || key->kind == LP_KEY_PHONE))
			continue;
		if (found != NULL && !lp_uuid_equal(found, &ids[i]))
			return NULL;
		found = &ids[i];
	}
	return found;
}

Datum
lp_find_lead(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *found = NULL;
	pg_uuid_t  *result = NULL;
	bool		asked = false;

	lp_call_begin(fcinfo, LP_CALL_READS);
	for (int i = 0; i < lengthof(searches) && found == NULL; i++)
	{
		char	   *given = lp_arg_text_or_null(fcinfo, searches[i].argument);
		LpKey		key;

		asked = asked || given != NULL;
		if (lp_key_make(searches[i].kind, given, NULL, &key))
			found = find_by_key(&key);
	}
	if (!asked)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("one of email, phone, apollo_id and linkedin_url must be given"));
	if (found != NULL)
	{
		result = MemoryContextAlloc(lp_call_result_context(), sizeof(pg_uuid_t));
		*result = *found;
	}
	lp_call_end();
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(result);
}

typedef struct FieldMap
{
	LpRows	   *rows;
	LpPool	   *pool;
	const char *provider;
} FieldMap;

static void
emit_path(void *state, const char *path, const char *column)
{
	FieldMap   *map = state;
	int			at = lp_pool_column(map->pool, column, strlen(column));
	MemoryContext old;

	if (at < 0)
		elog(ERROR, "lead_pool has no column \"%s\"", column);
	old = MemoryContextSwitchTo(lp_call_result_context());
	lp_rows_set_text(map->rows, "provider", map->provider);
	lp_rows_set_text(map->rows, "json_path", path);
	lp_rows_set_text(map->rows, "column_name", column);
	lp_rows_set_text(map->rows, "column_type",
					 format_type_be(TupleDescAttr(map->pool->desc, at)->atttypid));
	lp_rows_emit(map->rows);
	MemoryContextSwitchTo(old);
}

Datum
lp_field_map(PG_FUNCTION_ARGS)
{
	FieldMap	map;

	map.rows = lp_rows_begin(fcinfo);
	lp_call_begin(fcinfo, LP_CALL_READS);
	map.pool = lp_pool_open();
	map.provider = lp_apollo.name;
	lp_shape_paths(lp_apollo.person, "", NULL, emit_path, &map);
	lp_call_end();
	return (Datum) 0;
}
