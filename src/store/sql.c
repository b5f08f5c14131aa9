/*
 * sql.c
 *	  Running SQL from C: kept plans, fresh snapshots.
 *
 * Statements run through SPI with GetLatestSnapshot(): what was committed
 * before the statement began is seen at every isolation level.  The functions
 * that call in here are created with a fixed search_path, so operators in the
 * texts are those of pg_catalog; tables are always schema-qualified.
 *
 * Kept plans belong to one incarnation of the extension.  Should it be dropped
 * and made again within a session, all plans are thrown away.
 */
#include "postgres.h"

#include "jit/jit.h"
#include "optimizer/cost.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "store/sql.h"

static Oid	current_schema_oid = InvalidOid;
static Oid	current_pool_type = InvalidOid;
static char *current_schema_name = NULL;
static LpSql *planned = NULL;

static void
forget_plans(void)
{
	for (LpSql *sql = planned; sql != NULL;)
	{
		LpSql	   *next = sql->next;

		SPI_freeplan(sql->plan);
		sql->plan = NULL;
		sql->next = NULL;
		sql = next;
	}
	planned = NULL;
}

void
lp_sql_use_schema(Oid schema)
{
	const char *name;
	Oid			pool_type = get_rel_type_id(get_relname_relid("lead_pool", schema));

	if (schema == current_schema_oid && pool_type == current_pool_type)
		return;
	forget_plans();
	current_pool_type = pool_type;
	name = quote_identifier(get_namespace_name(schema));
	if (current_schema_name != NULL)
		pfree(current_schema_name);
	current_schema_name = MemoryContextStrdup(TopMemoryContext, name);
	current_schema_oid = schema;
}

Oid
lp_schema(void)
{
	Assert(OidIsValid(current_schema_oid));
	return current_schema_oid;
}

/* The statement with the schema written in. */
static char *
with_schema(const char *text)
{
	StringInfoData out;
	const char *mark;

	initStringInfo(&out);
	while ((mark = strstr(text, "@s@")) != NULL)
	{
		appendBinaryStringInfo(&out, text, mark - text);
		appendStringInfoString(&out, current_schema_name);
		text = mark + 3;
	}
	appendStringInfoString(&out, text);
	return out.data;
}

static Oid
resolve_type(Oid type)
{
	if (type == LP_TYPE_POOL_ROW)
		return current_pool_type;
	if (type == LP_TYPE_POOL_ROWS)
		return get_array_type(current_pool_type);
	return type;
}

static SPIPlanPtr
prepare(const char *text, int nargs, const Oid *types, int options)
{
	Oid			resolved[LP_SQL_MAX_ARGS];
	SPIPlanPtr	plan;
	char	   *full = with_schema(text);

	Assert(nargs <= LP_SQL_MAX_ARGS);
	for (int i = 0; i < nargs; i++)
		resolved[i] = resolve_type(types[i]);
	plan = SPI_prepare_cursor(full, nargs, resolved, options);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", full,
			 SPI_result_code_string(SPI_result));
	pfree(full);
	return plan;
}

/*
 * Statements that look costly because their lists are long would be compiled
 * each time they are planned, which takes longer than running them.
 *
 * By index: rows are looked up by what the statement is given.  The plan must
 * not depend on what the server believes of a table that was filled a moment
 * ago: reading it through once for each of a thousand leads takes minutes.  By
 * place: nor is an index to be read through that looked empty.
 */
static uint64
execute(SPIPlanPtr plan, LpSqlLookup lookup, const Datum *values, const char *nulls,
		const char *text)
{
	bool		callers_jit = jit_enabled;
	bool		callers_seqscan = enable_seqscan;
	bool		callers_hashjoin = enable_hashjoin;
	bool		callers_mergejoin = enable_mergejoin;
	bool		callers_material = enable_material;
	bool		callers_indexscan = enable_indexscan;
	bool		callers_bitmapscan = enable_bitmapscan;
	bool		one_by_one = lookup == LP_LOOKUP_BY_KEY || lookup == LP_LOOKUP_BY_PLACE;
	int			code;

	jit_enabled = false;
	enable_seqscan = enable_seqscan && lookup == LP_LOOKUP_ANYHOW;
	enable_hashjoin = enable_hashjoin && !one_by_one;
	enable_mergejoin = enable_mergejoin && !one_by_one;
	enable_material = enable_material && !one_by_one;
	enable_indexscan = enable_indexscan && lookup != LP_LOOKUP_BY_PLACE;
	enable_bitmapscan = enable_bitmapscan && lookup != LP_LOOKUP_BY_PLACE;
	PG_TRY();
	{
		code = SPI_execute_snapshot(plan, (Datum *) values, nulls,
									GetLatestSnapshot(), InvalidSnapshot,
									false, true, 0);
	}
	PG_FINALLY();
	{
		jit_enabled = callers_jit;
		enable_seqscan = callers_seqscan;
		enable_hashjoin = callers_hashjoin;
		enable_mergejoin = callers_mergejoin;
		enable_material = callers_material;
		enable_indexscan = callers_indexscan;
		enable_bitmapscan = callers_bitmapscan;
	}
	PG_END_TRY();
	if (code < 0)
		elog(ERROR, "could not run \"%s\": %s", text,
			 SPI_result_code_string(code));
	return SPI_processed;
}

uint64
lp_sql_run(LpSql *sql, const Datum *values, const char *nulls)
{
	if (sql->plan == NULL)
	{
		int			nargs = 0;
		SPIPlanPtr	plan;

		while (nargs < LP_SQL_MAX_ARGS && OidIsValid(sql->types[nargs]))
			nargs++;
		plan = prepare(sql->text, nargs, sql->types,
					   sql->lookup == LP_LOOKUP_BY_INDEX ? 0 : CURSOR_OPT_GENERIC_PLAN);
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep plan");
		sql->plan = plan;
		sql->next = planned;
		planned = sql;
	}
	return execute(sql->plan, sql->lookup, values, nulls,
				   sql->text);
}

static uint64
run_once(const char *text, LpSqlLookup lookup, int nargs, const Oid *types,
		 const Datum *values, const char *nulls)
{
	SPIPlanPtr	plan = prepare(text, nargs, types, CURSOR_OPT_CUSTOM_PLAN);
	uint64		rows = execute(plan, lookup, values, nulls, text);

	SPI_freeplan(plan);
	return rows;
}

uint64
lp_sql_run_once(const char *text, int nargs, const Oid *types,
				const Datum *values, const char *nulls)
{
	return run_once(text, LP_LOOKUP_ANYHOW, nargs, types, values, nulls);
}

uint64
lp_sql_run_list(LpSql *sql, int n, const Datum *values, const char *nulls)
{
	int			nargs = 0;

	if (n <= 1000 || sql->lookup != LP_LOOKUP_BY_INDEX)
		return lp_sql_run(sql, values, nulls);
	while (nargs < LP_SQL_MAX_ARGS && sql->types[nargs] != InvalidOid)
		nargs++;
	return run_once(sql->text, LP_LOOKUP_BY_INDEX, nargs, sql->types, values, nulls);
}
