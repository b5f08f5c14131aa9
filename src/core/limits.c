/*
 * limits.c
 *	  Sends a local day: the days of a sender or client, and what is used.
 *
 * A day is recorded at the first claim in it.  It then keeps its bounds
 * whatever happens to the zone, and its row is the lock of the counter.  A day
 * that is not recorded is computed, and never overlaps a recorded one.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/limits.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/zone.h"

/* Longer than any local day, so that every neighbour is loaded. */
#define NEIGHBOUR (3 * USECS_PER_DAY)

static LpSql days_sql = LP_SQL(
	"SELECT d.starts_at, d.ends_at FROM @s@.lead_limit_days d"
	" WHERE d.scope = $1 AND d.scope_id = $2 AND d.ends_at > $3"
	" ORDER BY d.starts_at",
	TEXTOID, UUIDOID, TIMESTAMPTZOID);

static LpSql begin_sql = LP_SQL(
	"INSERT INTO @s@.lead_limit_days (scope, scope_id, starts_at, ends_at)"
	" VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
	TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

static LpSql lock_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_limit_days d"
	" WHERE d.scope = $1 AND d.scope_id = $2 AND d.ends_at > $3"
	" AND d.starts_at <= $4 ORDER BY d.starts_at FOR UPDATE",
	TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/*
 * Sends are counted by quarters of an hour: local days begin at such times in
 * every zone.  Claims come one by one, since each lapses at its own time.
 */
#define USES(conditions) \
	"SELECT max(t.counted_at), NULL::timestamptz, count(*)," \
	"  count(*) FILTER (WHERE t.channel::text = $1)" \
	" FROM @s@.lead_touches t WHERE " conditions \
	"  AND t.counted_at >= $3 AND t.state <> 'claimed'" \
	" GROUP BY date_bin('15 minutes', t.counted_at, '2000-01-01 00:00:00+00')" \
	" UNION ALL " \
	"SELECT t.counted_at, t.expires_at, 1, (t.channel::text = $1)::integer" \
	" FROM @s@.lead_touches t WHERE " conditions \
	"  AND t.counted_at >= $3 AND t.state = 'claimed' AND t.expires_at > $4"

static LpSql sender_uses_sql = LP_SQL(
	USES("t.sender_match = $2 AND t.channel = $1::@s@.lp_channel"),
	TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

static LpSql client_uses_sql = LP_SQL(
	USES("t.client_id = $2"),
	TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

static void
load_days(LpCounter *counter, TimestampTz at)
{
	Datum		args[] = {
		CStringGetTextDatum(counter->scope),
		UUIDPGetDatum(&counter->scope_id),
		TimestampTzGetDatum(at - NEIGHBOUR)
	};

	counter->n_days = lp_sql_run(&days_sql, args, NULL);
	counter->days = palloc(sizeof(LpDay) * Max(counter->n_days, 1));
	for (int row = 0; row < counter->n_days; row++)
	{
		counter->days[row].starts_at = lp_col_time(row, 1, DT_NOBEGIN);
		counter->days[row].ends_at = lp_col_time(row, 2, DT_NOBEGIN);
	}
}

/* The day that t lies in: as recorded, else the zone's between recorded days. */
static LpDay
day_of(const LpCounter *counter, TimestampTz t)
{
	LpDay		day;

	day.starts_at = lp_zone_day_start(counter->zone, t);
	day.ends_at = lp_zone_day_end(counter->zone, t);
	for (int i = 0; i < counter->n_days; i++)
	{
		const LpDay *recorded = &counter->days[i];

		if (recorded->starts_at <= t && t < recorded->ends_at)
			return *recorded;
		if (recorded->ends_at <= t)
			day.starts_at = Max(day.starts_at, recorded->ends_at);
		else
			day.ends_at = Min(day.ends_at, recorded->starts_at);
	}
	return day;
}

static const Interval four_days = {.day = 4};

/* The earliest moment that rules look back to from at. */
static TimestampTz
look_back(const LpCounter *counter, TimestampTz at, const Interval *back)
{
	TimestampTz since = day_of(counter, at).starts_at;

	if (!lp_interval_is_zero(back))
	{
		TimestampTz start = lp_clock_sub(at, back);

		/* a month back and forth again may lose up to three days */
		if (back->month != 0)
			start = lp_clock_sub(start, &four_days);
		since = Min(since, start);
	}
	return since;
}

LpDay
lp_counter_find_day(LpCounter *counter, TimestampTz at, bool record)
{
	LpDay		day;

	load_days(counter, at);
	day = day_of(counter, at);
	if (record)
	{
		Datum		args[] = {
			CStringGetTextDatum(counter->scope),
			UUIDPGetDatum(&counter->scope_id),
			TimestampTzGetDatum(day.starts_at),
			TimestampTzGetDatum(day.ends_at)
		};

		lp_sql_run(&begin_sql, args, NULL);
	}
	return day;
}

void
lp_counter_lock(LpCounter *counter, const Interval *back)
{
	LpDay		day;

	/* Should midnight pass while we wait, the next day is locked as well. */
	do
	{
		TimestampTz now = lp_clock_now();
		Datum		args[4];

		day = lp_counter_find_day(counter, now, true);
		args[0] = CStringGetTextDatum(counter->scope);
		args[1] = UUIDPGetDatum(&counter->scope_id);
		args[2] = TimestampTzGetDatum(look_back(counter, now, back));
		args[3] = TimestampTzGetDatum(now);
		lp_sql_run(&lock_sql, args, NULL);
	} while (lp_clock_now() >= day.ends_at);
}

void
lp_counter_load(LpCounter *counter, TimestampTz at, const Interval *back)
{
	bool		of_sender = counter->sender_match != NULL;
	Datum		args[4];

	load_days(counter, at);
	args[0] = CStringGetTextDatum(lp_channel_name(counter->channel));
	args[1] = of_sender ? CStringGetTextDatum(counter->sender_match) :
		UUIDPGetDatum(&counter->scope_id);
	args[2] = TimestampTzGetDatum(look_back(counter, at, back));
	args[3] = TimestampTzGetDatum(at);
	counter->n_uses = lp_sql_run(of_sender ? &sender_uses_sql : &client_uses_sql,
								 args, NULL);
	counter->max_uses = counter->n_uses + 16;
	counter->uses = palloc(sizeof(LpUse) * counter->max_uses);
	for (int row = 0; row < counter->n_uses; row++)
	{
		LpUse	   *use = &counter->uses[row];

		use->at = lp_col_time(row, 1, DT_NOBEGIN);
		use->until = lp_col_time(row, 2, DT_NOEND);
		use->all = lp_col_int(row, 3, 0);
		use->on_channel = lp_col_int(row, 4, 0);
	}
}

void
lp_counter_add(LpCounter *counter, TimestampTz at, TimestampTz until)
{
	LpUse	   *use;

	if (counter->n_uses == counter->max_uses)
	{
		counter->max_uses *= 2;
		counter->uses = repalloc(counter->uses, sizeof(LpUse) * counter->max_uses);
	}
	use = &counter->uses[counter->n_uses++];
	use->at = at;
	use->until = until;
	use->all = use->on_channel = 1;
}

/* What a use takes of a day at t. */
static int64
taken(const LpUse *use, const LpDay *day, TimestampTz t, bool all)
{
	if (use->at < day->starts_at || use->at >= day->ends_at || use->until <= t)
		return 0;
	return all ? use->all : use->on_channel;
}

int64
lp_counter_used(const LpCounter *counter, TimestampTz t, bool all)
{
	LpDay		day = day_of(counter, t);
	int64		used = 0;

	for (int i = 0; i < counter->n_uses; i++)
		used += taken(&counter->uses[i], &day, t, all);
	return used;
}

bool
lp_counter_below(const LpCounter *counter, TimestampTz t, int64 limit, bool all,
				 TimestampTz *next)
{
	LpDay		day;

	if (limit == LP_NO_LIMIT || lp_counter_used(counter, t, all) < limit)
		return true;
	*next = DT_NOEND;
	if (limit == 0)
		return false;

	/* Nothing changes before the next claim lapses or the day ends. */
	day = day_of(counter, t);
	*next = day.ends_at;
	for (int i = 0; i < counter->n_uses; i++)
		if (taken(&counter->uses[i], &day, t, all) > 0)
			*next = Min(*next, counter->uses[i].until);
	return false;
}

TimestampTz
lp_counter_gap(const LpCounter *counter, TimestampTz t, const Interval *gap)
{
	TimestampTz until = DT_NOBEGIN;

	if (lp_interval_is_zero(gap))
		return DT_NOBEGIN;
	for (int i = 0; i < counter->n_uses; i++)
	{
		const LpUse *use = &counter->uses[i];
		TimestampTz over = Min(lp_clock_add(use->at, gap), use->until);

		if (over > t)
			until = Max(until, over);
	}
	return until;
}
