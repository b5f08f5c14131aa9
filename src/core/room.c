/*
 * room.c
 *	  How many leads a client may still be given.
 *
 * Assignments are counted when they are asked for: there is no counter that
 * could be wrong.  Whoever acts on the answer holds the client's exclusive
 * lock, so that nobody else assigns in between.
 */
#include "postgres.h"

#include "core/limits.h"
#include "core/room.h"
#include "store/sql.h"
#include "util/zone.h"

static LpSql active_sql = LP_SQL(
	"SELECT count(*) FROM @s@.lead_assignments"
	" WHERE client_id = $1 AND status = 'active'",
	UUIDOID);

static LpSql today_sql = LP_SQL(
	"SELECT count(*) FROM @s@.lead_assignments"
	" WHERE client_id = $1 AND assigned_at >= $2 AND assigned_at < $3",
	UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* The client's local day, which a change of its zone does not move. */
static LpDay
client_day(const LpClient *client, TimestampTz now, bool record)
{
	LpCounter	counter = {.scope = "client", .scope_id = client->id};

	counter.zone = lp_zone_find(client->time_zone);
	return lp_counter_find_day(&counter, now, record);
}

int64
lp_client_active_room(const LpClient *client)
{
	Datum		values[] = {UUIDPGetDatum(&client->id)};

	if (client->max_active_leads < 0)
		return PG_INT64_MAX;
	lp_sql_run(&active_sql, values, NULL);
	return Max(client->max_active_leads - lp_col_int(0, 1, 0), 0);
}

int64
lp_client_day_room(const LpClient *client, TimestampTz now, bool to_give)
{
	Datum		values[] = {UUIDPGetDatum(&client->id), 0, 0};
	LpDay		day;

	if (client->daily_allocation < 0)
		return PG_INT64_MAX;
	day = client_day(client, now, to_give);
	values[1] = TimestampTzGetDatum(day.starts_at);
	values[2] = TimestampTzGetDatum(day.ends_at);
	lp_sql_run(&today_sql, values, NULL);
	return Max(client->daily_allocation - lp_col_int(0, 1, 0), 0);
}

int64
lp_client_room(const LpClient *client, TimestampTz now, bool to_give)
{
	int64		active = lp_client_active_room(client);

	return Min(active, lp_client_day_room(client, now, to_give));
}
