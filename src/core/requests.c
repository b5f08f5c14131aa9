/*
 * requests.c
 *	  lead_requests: stopped while their client is not active.
 *
 * What was stopped for another reason stays so.  While a client is inactive no
 * request of its is opened, so that none stands in the way of the old one; if
 * one does all the same, the old one stays stopped.
 */
#include "postgres.h"

#include "core/requests.h"
#include "store/sql.h"

static LpSql stop_sql = LP_SQL(
	"UPDATE @s@.lead_requests SET status = 'stopped', stop_reason = 'client_inactive',"
	" updated_at = $2 WHERE client_id = $1 AND status IN ('open', 'searching')",
	UUIDOID, TIMESTAMPTZOID);

static LpSql open_sql = LP_SQL(
	"UPDATE @s@.lead_requests r SET status = 'open', stop_reason = NULL, updated_at = $2"
	" WHERE r.client_id = $1 AND r.status = 'stopped' AND r.stop_reason = 'client_inactive'"
	" AND NOT EXISTS (SELECT FROM @s@.lead_requests o WHERE o.client_id = $1"
	"  AND o.campaign_id IS NOT DISTINCT FROM r.campaign_id"
	"  AND o.criteria_hash = r.criteria_hash AND o.id <> r.id"
	"  AND (o.status IN ('open', 'searching')"
	"   OR o.status = 'stopped' AND o.stop_reason = 'client_inactive' AND o.id > r.id))",
	UUIDOID, TIMESTAMPTZOID);

void
lp_requests_follow(const pg_uuid_t *client_id, bool active, TimestampTz now)
{
	Datum		values[] = {UUIDPGetDatum(client_id), TimestampTzGetDatum(now)};

	lp_sql_run(active ? &open_sql : &stop_sql, values, NULL);
}
