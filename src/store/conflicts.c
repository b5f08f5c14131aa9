/*
 * conflicts.c
 *	  What an operator must know of two leads.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "store/conflicts.h"
#include "store/sql.h"

static LpSql identity_sql = LP_SQL(
	"INSERT INTO @s@.lead_conflicts (kind, lead_id, other_lead_id, detail, created_at)"
	" SELECT 'identity', $1, $2, $3, $4"
	" WHERE NOT EXISTS (SELECT FROM @s@.lead_conflicts c WHERE c.kind = 'identity'"
	"  AND c.status = 'open' AND c.lead_id = $2 AND c.other_lead_id = $1)"
	" ON CONFLICT DO NOTHING",
	UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID);

void
lp_conflict_identity(const pg_uuid_t *lead_id, const pg_uuid_t *other_id,
					 const char *detail, TimestampTz now)
{
	Datum		args[] = {UUIDPGetDatum(lead_id), UUIDPGetDatum(other_id),
	CStringGetTextDatum(detail), TimestampTzGetDatum(now)};

	lp_sql_run(&identity_sql, args, NULL);
}
