/*
 * drop_source.c
 *	  lp_drop_source: a lead without what one source told of it.
 *
 * The captures of the source go, and what the lead shows is worked out from
 * the others and the pins.  Keys stay: no removal of a fact makes somebody
 * unknown to deduplication and bans.  Stripes first, then the lead.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/bans.h"
#include "core/facts.h"
#include "core/lead.h"
#include "core/stripes.h"
#include "store/sql.h"
#include "util/caller.h"

PG_FUNCTION_INFO_V1(lp_drop_source);

static LpSql envelopes_sql = LP_SQL(
	"SELECT DISTINCT e.id, e.content_hash FROM @s@.lead_captures c"
	" JOIN @s@.lead_captures e ON e.id = c.envelope_id"
	" WHERE c.lead_id = $1 AND c.source = $2",
	UUIDOID, TEXTOID);

static LpSql drop_sql = LP_SQL(
	"WITH c AS (DELETE FROM @s@.lead_captures WHERE lead_id = $1 AND source = $2"
	"  RETURNING id),"
	" k AS (DELETE FROM @s@.lead_capture_keys USING c WHERE capture_id = c.id),"
	" u AS (DELETE FROM @s@.lead_unmapped USING c WHERE capture_id = c.id)"
	" SELECT count(*) FROM c",
	UUIDOID, TEXTOID);

/* Bodies of which nothing is left go; the same body is a new one afterwards. */
static LpSql empty_sql = LP_SQL(
	"WITH e AS (DELETE FROM @s@.lead_captures b WHERE b.id = ANY ($1)"
	"  AND NOT EXISTS (SELECT FROM @s@.lead_captures c WHERE c.envelope_id = b.id)"
	"  RETURNING b.id),"
	" k AS (DELETE FROM @s@.lead_capture_keys USING e WHERE capture_id = e.id)"
	" DELETE FROM @s@.lead_unmapped USING e WHERE capture_id = e.id",
	UUIDARRAYOID);

static LpSql unhash_sql = LP_SQL(
	"UPDATE @s@.lead_captures SET content_hash = sha256(content_hash || uuid_send(id))"
	" WHERE id = ANY ($1)",
	UUIDARRAYOID);

/* Takes the stripes of the lead and of the bodies; returns the bodies. */
static Datum
lock_bodies(const pg_uuid_t *id, const char *source)
{
	Datum		args[] = {UUIDPGetDatum(id), CStringGetTextDatum(source)};
	LpStripes	stripes = {{NoLock}};
	int			n = lp_sql_run(&envelopes_sql, args, NULL);
	pg_uuid_t  *bodies = palloc(sizeof(pg_uuid_t) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		bytea	   *hash = DatumGetByteaPP(lp_col(i, 2));

		bodies[i] = *lp_col_uuid(i, 1);
		lp_stripes_add(&stripes, 'b', VARDATA_ANY(hash), VARSIZE_ANY_EXHDR(hash), ExclusiveLock);
	}
	lp_stripes_add_leads(&stripes, id, 1);
	lp_stripes_lock(&stripes);
	return lp_array_of_uuids(bodies, n);
}

Datum
lp_drop_source(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	char	   *source = lp_arg_text(fcinfo, 1, "source");
	Datum		which[2];
	Datum		bodies[1];
	int			dropped;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_drop_source");
	lp_bans_require_key(true);
	lp_lead_resolve(&id, 1);
	bodies[0] = lock_bodies(&id, source);
	lp_lead_resolve(&id, 1);
	lp_lead_lock(&id, 1);
	if (!lp_lead_load(&id, 1)->known)
		lp_lead_no_such(&id);
	which[0] = UUIDPGetDatum(&id);
	which[1] = CStringGetTextDatum(source);
	lp_sql_run(&drop_sql, which, NULL);
	dropped = lp_col_int(0, 1, 0);
	if (dropped > 0)
	{
		lp_sql_run(&empty_sql, bodies, NULL);
		lp_sql_run(&unhash_sql, bodies, NULL);
		lp_facts_refold(&id, 1);
	}
	lp_call_end();
	PG_RETURN_INT32(dropped);
}
