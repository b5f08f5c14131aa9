/*
 * sql.h
 *	  Running SQL from C: kept plans, fresh snapshots, rows in and out.
 *
 * Every statement reads with a snapshot taken when it starts, whatever the
 * isolation level of the caller (DESIGN: no answer may rest on what was
 * committed before the call began).  A level that cannot be honoured shows as
 * 40001, never as an older answer.
 */
#ifndef LP_SQL_H
#define LP_SQL_H

#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#define LP_SQL_MAX_ARGS 40

/*
 * One statement.  In the text "@s@" stands for the extension's schema.  Types
 * of the extension itself have no fixed OID and are named by LP_TYPE_*.
 */
typedef struct LpSql
{
	const char *text;
	Oid			types[LP_SQL_MAX_ARGS];
	SPIPlanPtr	plan;
	struct LpSql *next;			/* list of all that have a plan */
} LpSql;

#define LP_SQL(statement, ...) {.text = statement, .types = {__VA_ARGS__}}

/* Own row types, resolved when the statement is prepared. */
#define LP_TYPE_POOL_ROW		((Oid) 0xFFFFFFF0)
#define LP_TYPE_POOL_ROWS		((Oid) 0xFFFFFFF1)	/* lead_pool[] */

/*
 * Runs a kept statement, which looks rows up by index; nulls is NULL (none) or
 * a string with 'n' at each null.  Returns the number of rows; they are in
 * SPI_tuptable until the next statement.
 */
extern uint64 lp_sql_run(LpSql *sql, const Datum *values, const char *nulls);

/*
 * The same for a statement composed at run time, or over a whole table: planned
 * for these values, as the server thinks best.
 */
extern uint64 lp_sql_run_once(const char *text, int nargs, const Oid *types,
							  const Datum *values, const char *nulls);

/*
 * The same, for a statement over a list of n: a long one is planned for the
 * tables as they are now, never by a plan that was made while they were small.
 */
extern uint64 lp_sql_run_list(LpSql *sql, int n, const Datum *values, const char *nulls);

/* Columns (from 1) of the current SPI_tuptable. */
extern bool lp_col_is_null(uint64 row, int col);
extern Datum lp_col(uint64 row, int col);	/* 0 where null */
extern pg_uuid_t *lp_col_uuid(uint64 row, int col); /* copy, or NULL */
extern char *lp_col_text(uint64 row, int col);	/* copy, or NULL */
extern bool lp_col_bool(uint64 row, int col);	/* null is false */
extern int64 lp_col_int(uint64 row, int col, int64 if_null);	/* int2, int4, int8 */
extern TimestampTz lp_col_time(uint64 row, int col, TimestampTz if_null);

/* Bytes as a Datum. */
extern Datum lp_numeric(double value);
extern Datum lp_bytea(const uint8 *bytes, int length);

/* Arrays as Datums, and a uuid[] argument as a C array. */
extern Datum lp_array_of_uuids(const pg_uuid_t *ids, int n);
extern Datum lp_array_of_texts(char **texts, int n);	/* NULL entries stay
														 * null */
extern Datum lp_array_of_times(const TimestampTz *times, int n);	/* DT_NOBEGIN is null */
extern Datum lp_array_of_datums(Datum *values, int n, Oid type);
extern pg_uuid_t *lp_array_to_uuids(Datum array, int *n);	/* skips nulls */

/*
 * A call from SQL.  lp_call_begin connects to SPI and learns the schema;
 * lp_call_end disconnects.  A result must live in the caller's context:
 * lp_call_result_context() is that context.
 */
typedef enum LpCallKind
{
	LP_CALL_READS,				/* fine on a standby */
	LP_CALL_DECIDES,			/* a lagging answer would be wrong: no standby */
	LP_CALL_WRITES				/* refused where writes are */
} LpCallKind;

extern void lp_call_begin(FunctionCallInfo fcinfo, LpCallKind kind);

/* The same where nobody called: the worker's own work, in its transaction. */
extern void lp_call_begin_own(Oid schema);
extern void lp_call_end(void);
extern MemoryContext lp_call_result_context(void);
extern Oid	lp_schema(void);

/* The row at SPI_tuptable as a composite Datum that outlives the call. */
extern Datum lp_call_return_row(uint64 row);

/* Arguments by position; the name goes into the error (22004) for a null. */
extern void lp_arg_require(FunctionCallInfo fcinfo, int n, const char *name);
extern pg_uuid_t *lp_arg_uuid(FunctionCallInfo fcinfo, int n, const char *name);
extern char *lp_arg_text(FunctionCallInfo fcinfo, int n, const char *name);
extern pg_uuid_t *lp_arg_uuid_or_null(FunctionCallInfo fcinfo, int n);
extern char *lp_arg_text_or_null(FunctionCallInfo fcinfo, int n);
extern TimestampTz lp_arg_time(FunctionCallInfo fcinfo, int n, TimestampTz if_null);

/* Rows of a set-returning function, filled by column name. */
typedef struct LpRows LpRows;

extern LpRows *lp_rows_begin(FunctionCallInfo fcinfo);
extern void lp_rows_set(LpRows *rows, const char *column, Datum value);
extern void lp_rows_set_text(LpRows *rows, const char *column, const char *value);	/* NULL is null */
extern void lp_rows_set_uuid(LpRows *rows, const char *column, const pg_uuid_t *value); /* NULL is null */
extern void lp_rows_set_time(LpRows *rows, const char *column, TimestampTz value);	/* DT_NOEND is null */
extern void lp_rows_emit(LpRows *rows); /* columns not set are null */
extern void lp_rows_emit_tuple(LpRows *rows, uint64 row);	/* a row of SPI_tuptable
															 * as it is */

#endif							/* LP_SQL_H */
