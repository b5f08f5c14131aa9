/*
 * shortage.c
 *	  Demand that the pool could not meet, as it is noted.
 *
 * One request a client, campaign and criteria goes on at a time: a later
 * shortage says anew how many are missing.  It opens a request that had stopped
 * again, so that none is left behind that would be filled beside the new one; a
 * request that an operator stopped stays stopped, and only learns the number.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/instance.h"
#include "core/shortage.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/wake.h"

/* Who knew nobody else is asked again from the beginning; that is free. */
static LpSql again_sql = LP_SQL(
	"UPDATE @s@.lead_requests r SET wanted = $4, filled = 0, updated_at = $5,"
	" per_company_max = $7, asked_at = $8,"
	" next_page = CASE r.stop_reason WHEN 'no_results' THEN 1 ELSE r.next_page END,"
	" status = CASE WHEN r.status <> 'stopped' OR r.stop_reason = 'operator' THEN r.status ELSE 'open' END,"
	" stop_reason = CASE r.stop_reason WHEN 'operator' THEN r.stop_reason END"
	" WHERE r.id = (SELECT s.id FROM @s@.lead_requests s WHERE s.client_id = $1"
	"   AND s.campaign_id IS NOT DISTINCT FROM $2 AND s.criteria_hash = $3"
	"   AND s.status IN ('open', 'searching', 'stopped')"
	"  ORDER BY s.status = 'stopped', s.created_at DESC, s.id DESC LIMIT 1)",
	UUIDOID, UUIDOID, BYTEAOID, INT4OID, TIMESTAMPTZOID, JSONBOID, INT4OID, TIMESTAMPTZOID);

static LpSql open_sql = LP_SQL(
	"INSERT INTO @s@.lead_requests (client_id, campaign_id, criteria_hash, wanted,"
	" created_at, updated_at, criteria, per_company_max, asked_at)"
	" VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8)",
	UUIDOID, UUIDOID, BYTEAOID, INT4OID, TIMESTAMPTZOID, JSONBOID, INT4OID, TIMESTAMPTZOID);

void
lp_shortage_note(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
				 Jsonb *criteria, int missing, int64 per_company_max, TimestampTz asked_at)
{
	char	   *text = criteria == NULL ? "{}" :
	JsonbToCString(NULL, &criteria->root, VARSIZE(criteria));
	uint8		hash[LP_SHA256_BYTES];
	Datum		values[] = {
		UUIDPGetDatum(client_id),
		campaign_id == NULL ? (Datum) 0 : UUIDPGetDatum(campaign_id),
		0, Int32GetDatum(missing), TimestampTzGetDatum(lp_clock_now()),
		DirectFunctionCall1(jsonb_in, CStringGetDatum(text)), Int32GetDatum(per_company_max),
		TimestampTzGetDatum(asked_at)
	};
	char		nulls[] = "        ";

	nulls[1] = campaign_id == NULL ? 'n' : ' ';
	nulls[6] = per_company_max < 0 ? 'n' : ' ';
	lp_sha256_texts(1, (const char *const *) &text, hash);
	values[2] = lp_bytea(hash, LP_SHA256_BYTES);
	if (lp_sql_run(&again_sql, values, nulls) == 0)
		(void) lp_sql_run(&open_sql, values, nulls);
	lp_instance_adopt();
	lp_wake_at_commit();
}
