/*
 * money.c
 *	  What may be spent at a provider in a day, and what was.
 *
 * One row a provider and UTC day.  A call reserves the most that it can cost
 * before it leaves, under the row's lock; once its price is known the
 * reservation becomes what was spent.  A call whose outcome nobody knows stays
 * reserved, so a limit holds whatever happened to it.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/money.h"

static LpSql make_sql = LP_SQL(
	"INSERT INTO @s@.lead_budgets (provider, day) VALUES ($1, $2) ON CONFLICT DO NOTHING",
	TEXTOID, DATEOID);

static LpSql lock_sql = LP_SQL(
	"SELECT (reserved + spent)::float8 FROM @s@.lead_budgets"
	" WHERE provider = $1 AND day = $2 FOR UPDATE",
	TEXTOID, DATEOID);

static LpSql reserve_sql = LP_SQL(
	"UPDATE @s@.lead_budgets SET reserved = reserved + $3::numeric"
	" WHERE provider = $1 AND day = $2",
	TEXTOID, DATEOID, FLOAT8OID);

static LpSql settle_sql = LP_SQL(
	"UPDATE @s@.lead_budgets SET reserved = greatest(0, reserved - $3::numeric),"
	" spent = spent + $4::numeric WHERE provider = $1 AND day = $2",
	TEXTOID, DATEOID, FLOAT8OID, FLOAT8OID);

static LpSql release_sql = LP_SQL(
	"UPDATE @s@.lead_budgets b SET reserved = greatest(0, b.reserved - u.kept)"
	" FROM (SELECT (c.started_at AT TIME ZONE 'UTC')::date AS day, sum(c.reserved) AS kept"
	"  FROM @s@.lead_provider_calls c WHERE c.id = ANY ($2) AND c.outcome <> 'unknown' GROUP BY 1) u"
	" WHERE b.provider = $1 AND b.day = u.day",
	TEXTOID, INT8ARRAYOID);

static LpSql released_sql = LP_SQL(
	"UPDATE @s@.lead_provider_calls SET reserved = 0, reason = 'expired'"
	" WHERE id = ANY ($2) AND provider = $1 AND outcome <> 'unknown' AND reserved > 0",
	TEXTOID, INT8ARRAYOID);

static LpSql left_sql = LP_SQL(
	"SELECT (coalesce((SELECT b.reserved + b.spent FROM @s@.lead_budgets b"
	"  WHERE b.provider = $1 AND b.day = $2), 0)"
	" + coalesce((SELECT sum(j.credits_reserved) FROM @s@.lead_jobs j"
	"  WHERE j.provider = $1 AND j.state = 'queued'), 0))::float8",
	TEXTOID, DATEOID);

DateADT
lp_money_day(TimestampTz at)
{
	TimestampTz days = at / USECS_PER_DAY;

	return days - (at % USECS_PER_DAY < 0 ? 1 : 0);
}

static double
limit_of(LpProviderId provider)
{
	int			limit = lp_providers[provider].daily_budget;

	return limit < 0 ? INFINITY : limit;
}

double
lp_money_lock(LpProviderId provider, TimestampTz now)
{
	Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider)),
	DateADTGetDatum(lp_money_day(now))};

	(void) lp_sql_run(&make_sql, values, NULL);
	if (lp_sql_run(&lock_sql, values, NULL) != 1)
		elog(ERROR, "the day's budget row is missing");
	return limit_of(provider) - DatumGetFloat8(lp_col(0, 1));
}

void
lp_money_reserve(LpProviderId provider, TimestampTz now, double amount)
{
	Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider)),
	DateADTGetDatum(lp_money_day(now)), Float8GetDatum(amount)};

	(void) lp_sql_run(&reserve_sql, values, NULL);
}

void
lp_money_settle(LpProviderId provider, TimestampTz started_at,
				double reserved, double spent)
{
	Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider)),
		DateADTGetDatum(lp_money_day(started_at)), Float8GetDatum(reserved),
	Float8GetDatum(spent)};

	if (reserved != 0 || spent != 0)
		(void) lp_sql_run(&settle_sql, values, NULL);
}

void
lp_money_release(LpProviderId provider, const int64 *call_ids, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));
	Datum		values[2];

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(call_ids[i]);
	values[0] = CStringGetTextDatum(lp_provider_name(provider));
	values[1] = lp_array_of_datums(ids, n, INT8OID);
	(void) lp_sql_run(&release_sql, values, NULL);
	(void) lp_sql_run(&released_sql, values, NULL);
}

double
lp_money_left(LpProviderId provider, TimestampTz now)
{
	Datum		values[] = {CStringGetTextDatum(lp_provider_name(provider)),
	DateADTGetDatum(lp_money_day(now))};

	if (isinf(limit_of(provider)))
		return INFINITY;
	(void) lp_sql_run(&left_sql, values, NULL);
	return limit_of(provider) - DatumGetFloat8(lp_col(0, 1));
}
