/*
 * columns.c
 *	  Columns of the last result, and values for parameters.
 *
 * Columns are read from SPI_tuptable, so each is good until the next statement
 * runs; what is copied (texts, ids) lives in the current context.
 */
#include "postgres.h"

#include <math.h>

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "store/sql.h"

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
