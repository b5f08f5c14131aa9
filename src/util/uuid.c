/*
 * uuid.c
 *	  Time-ordered ids (UUID version 7, RFC 9562).
 *
 * 48 bits of milliseconds, then 12 bits that count within the millisecond so
 * that ids of one process are strictly ascending, then 62 random bits.  The
 * real clock is used even under leadpool.now: a frozen clock must not make
 * ids collide or run out of order.
 */
#include "postgres.h"

#include "fmgr.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_new_id);

void
lp_uuid_make(pg_uuid_t *result)
{
	static uint64 last;			/* milliseconds << 12 | counter */
	uint64		stamp;
	uint64		millis;

	millis = (GetCurrentTimestamp() +
			  (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) / 1000;
	stamp = millis << 12;
	if (stamp <= last)
		stamp = last + 1;
	last = stamp;

	if (!pg_strong_random(result->data, UUID_LEN))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate random values"));
	for (int i = 0; i < 6; i++)
		result->data[i] = (stamp >> (52 - 8 * i)) & 0xff;
	result->data[6] = 0x70 | ((stamp >> 8) & 0x0f);
	result->data[7] = stamp & 0xff;
	result->data[8] = 0x80 | (result->data[8] & 0x3f);
}

Datum
lp_uuid_new(void)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	lp_uuid_make(id);
	return UUIDPGetDatum(id);
}

Datum
lp_new_id(PG_FUNCTION_ARGS)
{
	return lp_uuid_new();
}

bool
lp_uuid_equal(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a->data, b->data, UUID_LEN) == 0;
}

int
lp_uuid_compare(const void *a, const void *b)
{
	return memcmp(a, b, UUID_LEN);
}

char *
lp_uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}
