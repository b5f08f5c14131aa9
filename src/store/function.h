/*
 * function.h
 *	  Functions that SQL calls: beginning and end, arguments, result rows.
 */
#ifndef LP_FUNCTION_H
#define LP_FUNCTION_H

#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

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

#endif							/* LP_FUNCTION_H */
