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

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"

#include "core/archive.h"
#include "core/instance.h"
#include "core/shortage.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/wake.h"

/* Who knew nobody else is asked again from the beginning; that is free. */
static LpSql again_sql = LP_SQL(
	"UPDATE @s@.lead_requests r SET wanted = $4, filled = 0, updated_at = $5,"
	" next_page = CASE r.stop_reason WHEN 'no_results' THEN 1 ELSE r.next_page END,"
	" status = CASE WHEN r.status <> 'stopped' OR r.stop_reason = 'operator' THEN r.status ELSE 'open' END,"
	" stop_reason = CASE r.stop_reason WHEN 'operator' THEN r.stop_reason END"
	" WHERE r.id = (SELECT s.id FROM @s@.lead_requests s WHERE s.client_id = $1"
	"   AND s.campaign_id IS NOT DISTINCT FROM $2 AND s.criteria_hash = $3"
	"   AND s.status IN ('open', 'searching', 'stopped')"
	"  ORDER BY s.status = 'stopped', s.created_at DESC, s.id DESC LIMIT 1)",
	UUIDOID, UUIDOID, BYTEAOID, INT4OID, TIMESTAMPTZOID);

static LpSql open_sql = LP_SQL(
	"INSERT INTO @s@.lead_requests (client_id, campaign_id, criteria_hash, wanted,"
	" created_at, updated_at, criteria) VALUES ($1, $2, $3, $4, $5, $5, $6)",
	UUIDOID, UUIDOID, BYTEAOID, INT4OID, TIMESTAMPTZOID, JSONBOID);

/* The length goes in too, as hashes that were stored before have it. */
static Datum
criteria_hash(const char *text)
{
	uint32		length = strlen(text);
	char	   *bytes = palloc(sizeof(length) + length);
	uint8		hash[PG_SHA256_DIGEST_LENGTH];

	memcpy(bytes, &length, sizeof(length));
	memcpy(bytes + sizeof(length), text, length);
	lp_sha256(bytes, sizeof(length) + length, hash);
	return lp_bytea(hash, sizeof(hash));
}

void
lp_shortage_note(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
				 Jsonb *criteria, int missing)
{
	char	   *text = criteria == NULL ? "{}" :
	JsonbToCString(NULL, &criteria->root, VARSIZE(criteria));
	Datum		values[] = {
		UUIDPGetDatum(client_id),
		campaign_id == NULL ? (Datum) 0 : UUIDPGetDatum(campaign_id),
		criteria_hash(text), Int32GetDatum(missing), TimestampTzGetDatum(lp_clock_now()),
		DirectFunctionCall1(jsonb_in, CStringGetDatum(text))
	};
	const char *nulls = campaign_id == NULL ? " n    " : "      ";

	if (lp_sql_run(&again_sql, values, nulls) == 0)
		(void) lp_sql_run(&open_sql, values, nulls);
	lp_instance_adopt();
	lp_wake_at_commit();
}
