/*
 * failed.c
 *	  Stored answers whose capture failed, and when each is tried again.
 *
 * A failure that is not in the answer (a full disk, a trigger of the site's)
 * may be over the next time, and may concern this answer alone.  So each waits
 * for itself, twice as long after each failure, and those behind it go on.
 *
 * The list is in memory, of this process: the next worker tries all at once.
 * Where more fail than it has room for, the one that is due first gives way, and
 * counts as new when it fails again.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/timestamp.h"

#include "store/columns.h"
#include "worker/failed.h"

#define FAILED_MAX 200
#define WAIT_MIN USECS_PER_SEC
#define WAIT_MAX (600 * USECS_PER_SEC)
#define WAIT_DOUBLINGS 10

typedef struct Failed
{
	int64		key;
	int			times;
	int			code;			/* of the last failure */
	int			times_code;		/* in a row */
	TimestampTz until;			/* 0: due */
} Failed;

static Failed list[FAILED_MAX];
static int	n = 0;

static int64
key_of(int64 call_id, bool later)
{
	return call_id * 2 + later;
}

static Failed *
find(int64 key)
{
	for (int i = 0; i < n; i++)
		if (list[i].key == key)
			return &list[i];
	return NULL;
}

static Failed *
add(int64 key)
{
	Failed	   *failed = &list[0];

	if (n < FAILED_MAX)
		failed = &list[n++];
	else
		for (int i = 1; i < n; i++)
			if (list[i].until < failed->until)
				failed = &list[i];
	memset(failed, 0, sizeof(Failed));
	failed->key = key;
	return failed;
}

int
lp_failed_add(int64 call_id, bool later, int code, bool *first)
{
	Failed	   *failed = find(key_of(call_id, later));

	*first = failed == NULL;
	if (failed == NULL)
		failed = add(key_of(call_id, later));
	failed->until = GetCurrentTimestamp() +
		Min(WAIT_MIN << Min(failed->times, WAIT_DOUBLINGS), WAIT_MAX);
	failed->times++;
	failed->times_code = failed->code == code ? failed->times_code + 1 : 1;
	failed->code = code;
	return failed->times_code;
}

void
lp_failed_forget(int64 call_id, bool later)
{
	Failed	   *failed = find(key_of(call_id, later));

	if (failed != NULL)
		*failed = list[--n];
}

void
lp_failed_captured(int64 call_id, bool later)
{
	if (n == 0 || find(key_of(call_id, later)) == NULL)
		return;
	lp_failed_forget(call_id, later);
	for (int i = 0; i < n; i++)
		list[i].until = 0;
}

Datum
lp_failed_waiting(TimestampTz now)
{
	Datum		keys[FAILED_MAX];
	int			waiting = 0;

	for (int i = 0; i < n; i++)
	{
		/* too far ahead: the clock was set back */
		if (list[i].until <= now || list[i].until > now + WAIT_MAX)
			list[i].until = 0;
		else
			keys[waiting++] = Int64GetDatum(list[i].key);
	}
	return lp_array_of_datums(keys, waiting, INT8OID);
}

TimestampTz
lp_failed_due(void)
{
	TimestampTz due = DT_NOEND;

	for (int i = 0; i < n; i++)
		if (list[i].until != 0)
			due = Min(due, list[i].until);
	return due;
}
