/*
 * proofs.c
 *	  What the proof views cannot say in SQL.
 *
 * Whom a ban means, and what it stops, is told by bans.c alone.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "core/bans.h"
#include "store/sql.h"
#include "util/channel.h"
#include "util/clock.h"

PG_FUNCTION_INFO_V1(lp_proof_banned_contacts);

/* Leads that are looked at together. */
#define PART 5000

static LpSql leads_sql = LP_SQL(
	"SELECT DISTINCT t.lead_id FROM @s@.lead_touches t"
	" WHERE t.state IN ('dispatched', 'unknown', 'sent')"
	"  AND ($1 IS NULL OR t.lead_id > $1)"
	" ORDER BY t.lead_id LIMIT $2",
	UUIDOID, INT4OID);

static LpSql touches_sql = LP_SQL(
	"SELECT u.n::integer, t.id, t.client_id, t.channel::text,"
	" coalesce(t.dispatched_at, t.sent_at)"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_touches t ON t.lead_id = u.id"
	" WHERE t.state IN ('dispatched', 'unknown', 'sent') ORDER BY t.id",
	UUIDARRAYOID);

/* The oldest ban that forbade a contact at that moment, or NULL. */
static const LpBan *
ban_before(List *bans, const pg_uuid_t *client_id, LpChannel channel, TimestampTz at)
{
	const LpBan *oldest = NULL;
	ListCell   *cell;

	foreach(cell, bans)
	{
		const LpBan *ban = lfirst(cell);

		if (ban->created_at < at && ban->expires_at > at &&
			lp_ban_stops(ban, client_id, channel, at) != LP_BAN_STOPS_NOTHING &&
			(oldest == NULL || ban->created_at < oldest->created_at))
			oldest = ban;
	}
	return oldest;
}

static void
look_at(LpRows *rows, const pg_uuid_t *ids, int n)
{
	List	  **bans = lp_bans_of_leads(ids, n, DT_NOBEGIN);
	Datum		values[] = {lp_array_of_uuids(ids, n)};
	uint64		found = lp_sql_run(&touches_sql, values, NULL);

	for (uint64 row = 0; row < found; row++)
	{
		int			lead = lp_col_int(row, 1, 0) - 1;
		TimestampTz at = lp_col_time(row, 5, DT_NOBEGIN);
		const LpBan *ban;

		if (bans[lead] == NIL)
			continue;
		ban = ban_before(bans[lead], lp_col_uuid(row, 3),
						 lp_channel_from_name(lp_col_text(row, 4)), at);
		if (ban == NULL)
			continue;
		lp_rows_set_uuid(rows, "touch_id", lp_col_uuid(row, 2));
		lp_rows_set_uuid(rows, "lead_id", &ids[lead]);
		lp_rows_set_uuid(rows, "suppression_id", &ban->id);
		lp_rows_set_time(rows, "banned_at", ban->created_at);
		lp_rows_set_time(rows, "sent_at", at);
		lp_rows_emit(rows);
	}
}

Datum
lp_proof_banned_contacts(PG_FUNCTION_ARGS)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	pg_uuid_t  *ids = NULL;
	int			n = PART;

	lp_call_begin(fcinfo, LP_CALL_READS);
	lp_bans_require_key(false);
	while (n == PART)
	{
		Datum		values[] = {ids ? UUIDPGetDatum(&ids[n - 1]) : (Datum) 0,
		Int32GetDatum(PART)};

		CHECK_FOR_INTERRUPTS();
		n = lp_sql_run(&leads_sql, values, ids ? NULL : "n ");
		ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
		for (int i = 0; i < n; i++)
			ids[i] = *DatumGetUUIDP(lp_col(i, 1));
		if (n > 0)
			look_at(rows, ids, n);
	}
	lp_call_end();
	return (Datum) 0;
}
