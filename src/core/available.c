/*
 * available.c
 *	  lead_available and lead_terms: what allocation reads, derived from the
 *	  lead, its state and its assignments.
 *
 * One statement text decides what a row looks like, for a refresh of some
 * leads and for a rebuild of all.  lead_available_built tells that the tables
 * were filled in this database: neither is dumped, so after a restore the row
 * is missing and the first allocation rebuilds.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/available.h"
#include "core/lead.h"
#include "store/available.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/settings.h"

PG_FUNCTION_INFO_V1(lp_rebuild_available);

static LpSql set_built_sql = LP_SQL(
	"INSERT INTO @s@.lead_available_built (built_at) VALUES ($1)"
	" ON CONFLICT (built) DO UPDATE SET built_at = excluded.built_at",
	TIMESTAMPTZOID);

static LpSql others_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_pool WHERE id <> ALL ($1) LIMIT 1", UUIDARRAYOID);

/* Whoever writes leads waits: a row computed from an old state must not stay. */
static LpSql lock_sql = LP_SQL(
	"LOCK TABLE @s@.lead_pool, @s@.lead_state, @s@.lead_assignments,"
	" @s@.lead_available, @s@.lead_terms IN SHARE ROW EXCLUSIVE MODE");

/* A search planned without statistics would read whole segments. */
static LpSql analyze_sql = LP_SQL("ANALYZE @s@.lead_available, @s@.lead_terms");

static LpSql count_sql = LP_SQL("SELECT count(*) FROM @s@.lead_available");

static void
set_built(void)
{
	Datum		values[] = {TimestampTzGetDatum(lp_clock_now())};

	lp_sql_run(&set_built_sql, values, NULL);
}

/*
 * The first leads of a database: from here on every change keeps the tables in
 * step, so there is nothing to rebuild.
 */
static void
see_first(const pg_uuid_t *ids, int n)
{
	Datum		values[] = {lp_array_of_uuids(ids, n)};

	if (!lp_available_is_built() && lp_sql_run(&others_sql, values, NULL) == 0)
		set_built();
}

void
lp_available_refresh(const pg_uuid_t *ids, int n)
{
	if (n == 0)
		return;
	lp_available_store(ids, n);
	see_first(ids, n);
}

void
lp_available_begin(const pg_uuid_t *ids, int n)
{
	if (n == 0)
		return;
	lp_available_store_new(ids, n);
	see_first(ids, n);
}

void
lp_available_give_back(const pg_uuid_t *ids, int n)
{
	lp_available_add(ids, n);
}

static int64
rebuild(void)
{
	lp_sql_run(&lock_sql, NULL, NULL);
	lp_available_store(NULL, 0);
	lp_sql_run(&analyze_sql, NULL, NULL);
	set_built();
	lp_sql_run(&count_sql, NULL, NULL);
	return lp_col_int(0, 1, 0);
}

void
lp_available_ensure(void)
{
	if (lp_available_is_built())
		return;
	lp_sql_run(&lock_sql, NULL, NULL);
	if (!lp_available_is_built())
		rebuild();
}

Datum
lp_rebuild_available(PG_FUNCTION_ARGS)
{
	int64		rows;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_rebuild_available");
	rows = rebuild();
	lp_call_end();
	PG_RETURN_INT64(rows);
}
