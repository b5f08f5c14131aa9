/*
 * instance.c
 *	  Which database this is: a copy does not send or spend.
 *
 * A database is known by the system identifier and timeline of its cluster,
 * its OID, and leadpool.instance.  lead_worker_identity is copied with
 * everything else, whichever way (dump, file copy, template, promotion), and
 * then has no row that names the copy.  leadpool.instance tells apart what the
 * others cannot: two clusters started from one snapshot of a disk.
 *
 * Only functions that people call make rows, never the worker: under a
 * pg_restore it sees an empty database first, and then somebody else's work.
 * Rows are made under an advisory lock of the transaction; who only adopts does
 * not wait for it, since somebody else is doing the same.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/instance.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/settings.h"

/* Class of the advisory lock: 'lpid'. */
#define IDENTITY_LOCK_CLASS 0x6c706964

/* Columns: some row, our row. */
static LpSql look_sql = LP_SQL(
	"SELECT count(*) > 0, coalesce(bool_or(system_identifier = $1"
	"  AND database = $2 AND timeline = $3 AND instance = $4), false)"
	" FROM @s@.lead_worker_identity",
	INT8OID, OIDOID, INT4OID, TEXTOID);

static LpSql add_sql = LP_SQL(
	"INSERT INTO @s@.lead_worker_identity (system_identifier, database,"
	" timeline, instance, approved_at, approved_by)"
	" VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
	INT8OID, OIDOID, INT4OID, TEXTOID, TIMESTAMPTZOID, TEXTOID);

static void
identity(Datum *values)
{
	values[0] = Int64GetDatum((int64) GetSystemIdentifier());
	values[1] = ObjectIdGetDatum(MyDatabaseId);
	values[2] = Int32GetDatum((int32) GetWALInsertionTimeLine());
	values[3] = CStringGetTextDatum(lp_instance);
}

static bool
lock(bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, IDENTITY_LOCK_CLASS, 0, 2);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

static void
look(bool *any, bool *ours)
{
	Datum		values[4];

	identity(values);
	lp_sql_run(&look_sql, values, NULL);
	*any = lp_col_bool(0, 1);
	*ours = lp_col_bool(0, 2);
}

/* approved_by is NULL where nobody had to be asked. */
static void
add(const char *approved_by)
{
	Datum		values[6];

	identity(values);
	values[4] = TimestampTzGetDatum(lp_clock_now());
	values[5] = approved_by == NULL ? (Datum) 0 : CStringGetTextDatum(approved_by);
	lp_sql_run(&add_sql, values, approved_by == NULL ? "     n" : NULL);
}

/* Whether anything was asked for or paid for in this database's history. */
static bool
has_work(void)
{
	static const char *const tables[] = {"lead_jobs", "lead_requests", "lead_provider_calls"};

	for (int i = 0; i < lengthof(tables); i++)
	{
		char	   *text = psprintf("SELECT FROM @s@.%s LIMIT 1", tables[i]);

		if (OidIsValid(get_relname_relid(tables[i], lp_schema())) &&
			lp_sql_run_once(text, 0, NULL, NULL, NULL) > 0)
			return true;
	}
	return false;
}

LpInstance
lp_instance_check(void)
{
	bool		any;
	bool		ours;

	look(&any, &ours);
	if (ours)
		return LP_INSTANCE_OURS;
	return any || has_work() ? LP_INSTANCE_COPY : LP_INSTANCE_NEW;
}

void
lp_instance_approve(void)
{
	bool		any;
	bool		ours;

	look(&any, &ours);
	if (ours)
		return;
	lock(true);
	look(&any, &ours);
	if (!ours)
		add(GetUserNameFromId(GetOuterUserId(), false));
}

void
lp_instance_adopt(void)
{
	bool		any;
	bool		ours;

	look(&any, &ours);
	if (any || !lock(false))
		return;
	look(&any, &ours);
	if (!any)
		add(NULL);
}
