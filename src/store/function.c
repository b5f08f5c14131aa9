/*
 * function.c
 *	  Functions that SQL calls: beginning and end, arguments, result rows.
 *
 * Between beginning and end SPI is connected, and the current context is SPI's:
 * a result that outlives the call is made in lp_call_result_context(), or goes
 * through LpRows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "store/sql.h"

static MemoryContext result_context = NULL;

void
lp_call_begin(FunctionCallInfo fcinfo, LpCallKind kind)
{
	lp_sql_use_schema(get_func_namespace(fcinfo->flinfo->fn_oid));
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
	lp_sql_use_schema(schema);
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
