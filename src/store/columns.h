/*
 * columns.h
 *	  Columns of the last result, and values for parameters.
 */
#ifndef LP_COLUMNS_H
#define LP_COLUMNS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* Columns (from 1) of the current SPI_tuptable. */
extern bool lp_col_is_null(uint64 row, int col);
extern Datum lp_col(uint64 row, int col);	/* 0 where null */
extern pg_uuid_t *lp_col_uuid(uint64 row, int col); /* copy, or NULL */
extern char *lp_col_text(uint64 row, int col);	/* copy, or NULL */
extern bool lp_col_bool(uint64 row, int col);	/* null is false */
extern int64 lp_col_int(uint64 row, int col, int64 if_null);	/* int2, int4, int8 */
extern TimestampTz lp_col_time(uint64 row, int col, TimestampTz if_null);

/* A number, and bytes, as Datums. */
extern Datum lp_numeric(double value);
extern Datum lp_bytea(const uint8 *bytes, int length);

/* Arrays as Datums, and a uuid[] argument as a C array. */
extern Datum lp_array_of_uuids(const pg_uuid_t *ids, int n);
extern Datum lp_array_of_texts(char **texts, int n);	/* NULL entries stay
														 * null */
extern Datum lp_array_of_times(const TimestampTz *times, int n);	/* DT_NOBEGIN is null */
extern Datum lp_array_of_datums(Datum *values, int n, Oid type);
extern pg_uuid_t *lp_array_to_uuids(Datum array, int *n);	/* skips nulls */

#endif							/* LP_COLUMNS_H */
