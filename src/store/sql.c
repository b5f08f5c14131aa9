/*
 * sql.c
 *	  Running SQL from C: kept plans, fresh snapshots, rows in and out.
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

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "jit/jit.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"

#include "store/sql.h"
#include "util/uuid.h"

static Oid	current_schema_oid = InvalidOid;
static Oid	current_pool_type = InvalidOid;
static char *current_schema_name = NULL;
static LpSql *planned = NULL;
static MemoryContext result_context = NULL;

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

static void
set_schema(Oid schema)
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
 * by_index: rows are looked up by what the statement is given.  The plan must
 * not depend on what the server believes of a table that was filled a moment
 * ago: reading it through once for each of a thousand leads takes minutes.
 */
static uint64
execute(SPIPlanPtr plan, bool by_index, const Datum *values, const char *nulls,
		const char *text)
{
	bool		callers_jit = jit_enabled;
	bool		callers_seqscan = enable_seqscan;
	int			code;

	jit_enabled = false;
	enable_seqscan = enable_seqscan && !by_index;
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
		plan = prepare(sql->text, nargs, sql->types, 0);
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "could not keep plan");
		sql->plan = plan;
		sql->next = planned;
		planned = sql;
	}
	return execute(sql->plan, true, values, nulls, sql->text);
}

static uint64
run_once(const char *text, bool by_index, int nargs, const Oid *types,
		 const Datum *values, const char *nulls)
{
	SPIPlanPtr	plan = prepare(text, nargs, types, CURSOR_OPT_CUSTOM_PLAN);
	uint64		rows = execute(plan, by_index, values, nulls, text);

	SPI_freeplan(plan);
	return rows;
}

uint64
lp_sql_run_once(const char *text, int nargs, const Oid *types,
				const Datum *values, const char *nulls)
{
	return run_once(text, false, nargs, types, values, nulls);
}

uint64
lp_sql_run_list(LpSql *sql, int n, const Datum *values, const char *nulls)
{
	int			nargs = 0;

	if (n <= 1000)
		return lp_sql_run(sql, values, nulls);
	while (nargs < LP_SQL_MAX_ARGS && sql->types[nargs] != InvalidOid)
		nargs++;
	return run_once(sql->text, true, nargs, sql->types, values, nulls);
}

bool
lp_col_is_null(uint64 row, int col)
{
	bool		isnull;

	(void) SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 col, &isnull);
	return isnull;
}

Datum
lp_col(uint64 row, int col)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row],
									  SPI_tuptable->tupdesc, col, &isnull);

	return isnull ? (Datum) 0 : value;
}

pg_uuid_t *
lp_col_uuid(uint64 row, int col)
{
	pg_uuid_t  *copy;

	if (lp_col_is_null(row, col))
		return NULL;
	copy = palloc(sizeof(pg_uuid_t));
	memcpy(copy, DatumGetUUIDP(lp_col(row, col)), sizeof(pg_uuid_t));
	return copy;
}

char *
lp_col_text(uint64 row, int col)
{
	if (lp_col_is_null(row, col))
		return NULL;
	return TextDatumGetCString(lp_col(row, col));
}

bool
lp_col_bool(uint64 row, int col)
{
	return DatumGetBool(lp_col(row, col));
}

int64
lp_col_int(uint64 row, int col, int64 if_null)
{
	Datum		value;

	if (lp_col_is_null(row, col))
		return if_null;
	value = lp_col(row, col);
	switch (SPI_gettypeid(SPI_tuptable->tupdesc, col))
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		default:
			elog(ERROR, "column %d is no integer", col);
	}
}

TimestampTz
lp_col_time(uint64 row, int col, TimestampTz if_null)
{
	if (lp_col_is_null(row, col))
		return if_null;
	return DatumGetTimestampTz(lp_col(row, col));
}

/* Whole numbers, which most are, without the way through text. */
Datum
lp_numeric(double value)
{
	if (value == rint(value) && fabs(value) < 1e15)
		return NumericGetDatum(int64_to_numeric((int64) value));
	return DirectFunctionCall1(float8_numeric, Float8GetDatum(value));
}

Datum
lp_bytea(const uint8 *bytes, int length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return PointerGetDatum(result);
}

Datum
lp_array_of_datums(Datum *values, int n, Oid type)
{
	int16		len;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &len, &byval, &align);
	return PointerGetDatum(construct_array(values, n, type, len, byval, align));
}

Datum
lp_array_of_uuids(const pg_uuid_t *ids, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = UUIDPGetDatum(&ids[i]);
	return lp_array_of_datums(values, n, UUIDOID);
}

Datum
lp_array_of_times(const TimestampTz *times, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		values[i] = TimestampTzGetDatum(times[i]);
		nulls[i] = TIMESTAMP_IS_NOBEGIN(times[i]);
	}
	return PointerGetDatum(construct_md_array(values, nulls, 1, &n, &lower, TIMESTAMPTZOID,
											  sizeof(TimestampTz), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

Datum
lp_array_of_texts(char **texts, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int			dims[1] = {n};
	int			lower[1] = {1};

	for (int i = 0; i < n; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	if (n == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower,
											  TEXTOID, -1, false, TYPALIGN_INT));
}

pg_uuid_t *
lp_array_to_uuids(Datum array, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	pg_uuid_t  *ids;

	deconstruct_array(DatumGetArrayTypeP(array), UUIDOID, UUID_LEN, false,
					  TYPALIGN_CHAR, &values, &nulls, &count);
	ids = palloc(sizeof(pg_uuid_t) * Max(count, 1));
	*n = 0;
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			ids[(*n)++] = *DatumGetUUIDP(values[i]);
	return ids;
}

void
lp_call_begin(FunctionCallInfo fcinfo, LpCallKind kind)
{
	set_schema(get_func_namespace(fcinfo->flinfo->fn_oid));
	if (kind != LP_CALL_READS && RecoveryInProgress())
		ereport(ERROR,
				errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				errmsg("cannot execute %s() on a standby",
					   get_func_name(fcinfo->flinfo->fn_oid)),
				errdetail("A standby may lag behind, and its answer with it."),
				errhint("Call it on the primary."));
	if (kind == LP_CALL_WRITES && XactReadOnly)
		ereport(ERROR,
				errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				errmsg("cannot execute %s() in a read-only transaction",
					   get_func_name(fcinfo->flinfo->fn_oid)));
	result_context = CurrentMemoryContext;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
lp_call_begin_own(Oid schema)
{
	set_schema(schema);
	result_context = CurrentMemoryContext;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
lp_call_end(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	result_context = NULL;
}

MemoryContext
lp_call_result_context(void)
{
	return result_context;
}

Datum
lp_call_return_row(uint64 row)
{
	HeapTupleHeader header;

	if (row >= SPI_processed)
		elog(ERROR, "no row to return");
	header = SPI_returntuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc);
	return HeapTupleHeaderGetDatum(header);
}

void
lp_arg_require(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"%s\" must not be null", name));
}

pg_uuid_t *
lp_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name)
{
	lp_arg_require(fcinfo, n, name);
	return PG_GETARG_UUID_P(n);
}

pg_uuid_t *
lp_arg_uuid_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_UUID_P(n);
}

char *
lp_arg_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	lp_arg_require(fcinfo, n, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

char *
lp_arg_text_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

TimestampTz
lp_arg_time(FunctionCallInfo fcinfo, int n, TimestampTz if_null)
{
	return PG_ARGISNULL(n) ? if_null : PG_GETARG_TIMESTAMPTZ(n);
}

struct LpRows
{
	Tuplestorestate *store;
	TupleDesc	desc;
	Datum	   *values;
	bool	   *nulls;
};

LpRows *
lp_rows_begin(FunctionCallInfo fcinfo)
{
	LpRows	   *rows = palloc(sizeof(LpRows));
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	rows->store = info->setResult;
	rows->desc = info->setDesc;
	rows->values = palloc0(sizeof(Datum) * rows->desc->natts);
	rows->nulls = palloc(sizeof(bool) * rows->desc->natts);
	memset(rows->nulls, true, sizeof(bool) * rows->desc->natts);
	return rows;
}

void
lp_rows_set(LpRows *rows, const char *column, Datum value)
{
	for (int i = 0; i < rows->desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(rows->desc, i)->attname), column) == 0)
		{
			rows->values[i] = value;
			rows->nulls[i] = false;
			return;
		}
	elog(ERROR, "the function has no result column \"%s\"", column);
}

void
lp_rows_set_text(LpRows *rows, const char *column, const char *value)
{
	if (value != NULL)
		lp_rows_set(rows, column, CStringGetTextDatum(value));
}

void
lp_rows_set_uuid(LpRows *rows, const char *column, const pg_uuid_t *value)
{
	if (value != NULL)
		lp_rows_set(rows, column, UUIDPGetDatum(value));
}

void
lp_rows_set_time(LpRows *rows, const char *column, TimestampTz value)
{
	if (!TIMESTAMP_IS_NOEND(value))
		lp_rows_set(rows, column, TimestampTzGetDatum(value));
}

void
lp_rows_emit(LpRows *rows)
{
	tuplestore_putvalues(rows->store, rows->desc, rows->values, rows->nulls);
	memset(rows->nulls, true, sizeof(bool) * rows->desc->natts);
}

void
lp_rows_emit_tuple(LpRows *rows, uint64 row)
{
	tuplestore_puttuple(rows->store, SPI_tuptable->vals[row]);
}
