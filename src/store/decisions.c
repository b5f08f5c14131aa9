/*
 * decisions.c
 *	  Whose decisions are when two leads become one, and are parted again.
 *
 * A row that a merge moves remembers whom it was about, so that parting needs
 * no journal of what may be many rows.
 */
#include "postgres.h"

#include "store/decisions.h"
#include "store/sql.h"

static LpSql move_sql = LP_SQL(
	"UPDATE @s@.lead_decisions SET lead_id = $1,"
	" decided_for = coalesce(decided_for, lead_id) WHERE lead_id = $2",
	UUIDOID, UUIDOID);

/* A decision that came later follows its touch. */
static LpSql give_back_sql = LP_SQL(
	"WITH RECURSIVE side(id) AS (SELECT $2 UNION SELECT p.id FROM side"
	"  JOIN @s@.lead_merges m ON m.survivor = side.id AND m.unmerged_at IS NULL"
	"  JOIN @s@.lead_pool p ON p.id = m.duplicate)"
	" UPDATE @s@.lead_decisions d SET lead_id = $2,"
	" decided_for = nullif(d.decided_for, $2) WHERE d.lead_id = $1"
	"  AND (d.decided_for IN (SELECT id FROM side)"
	"   OR d.decided_for IS NULL AND EXISTS (SELECT FROM @s@.lead_touches t"
	"    WHERE t.id = d.touch_id AND t.lead_id = $2))",
	UUIDOID, UUIDOID);

void
lp_decisions_move(const pg_uuid_t *survivor, const pg_uuid_t *duplicate)
{
	Datum		args[] = {UUIDPGetDatum(survivor), UUIDPGetDatum(duplicate)};

	lp_sql_run(&move_sql, args, NULL);
}

void
lp_decisions_give_back(const pg_uuid_t *survivor, const pg_uuid_t *duplicate)
{
	Datum		args[] = {UUIDPGetDatum(survivor), UUIDPGetDatum(duplicate)};

	lp_sql_run(&give_back_sql, args, NULL);
}
