/*
 * quiet.c
 *	  When a call or message to a person is lawful.
 *
 * The law is rows, chosen by quiet_rules.c; this file knows none of it.  How
 * it judges:
 *
 * - Every zone that is possible must allow; no zone: never.
 * - A window belongs to the local date on which it opens, and may close on the
 *	 next.  On a public holiday only windows with day 8 open, on their weekdays.
 * - A moment is lawful by what the local clock shows at it, so an hour that
 *	 comes twice is judged twice, and one that is skipped never is.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "core/quiet_rules.h"

#define HORIZON_DAYS	370
#define EPOCH_SHIFT		((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)
#define NEVER			PG_INT64_MAX

static bool
is_holiday(const LpQuiet *quiet, DateADT date)
{
	for (int i = 0; i < quiet->nholidays; i++)
		if (quiet->holidays[i] == date)
			return true;
	return false;
}

/* Whether a window opens on a local date. */
static bool
opens_on(const LpQuiet *quiet, const Window *window, DateADT date)
{
	int			weekday = j2day(date + POSTGRES_EPOCH_JDATE);

	if (weekday == 0)
		weekday = 7;
	if ((window->days & (1 << weekday)) == 0)
		return false;
	return (window->days & (1 << LP_QUIET_HOLIDAY)) != 0 || !is_holiday(quiet, date);
}

static DateADT
date_of(int64 local)
{
	return local >= 0 ? local / USECS_PER_DAY : -((-local + USECS_PER_DAY - 1) / USECS_PER_DAY);
}

/* The first local time from the one given at which one window is open. */
static int64
first_open(const LpQuiet *quiet, const Hours *hours, int64 local)
{
	DateADT		today = date_of(local);

	for (DateADT date = today - 1; date <= today + HORIZON_DAYS; date++)
	{
		int64		best = NEVER;

		for (int i = 0; i < hours->n; i++)
		{
			const Window *window = hours->windows[i];
			int64		opens = date * USECS_PER_DAY + window->opens;
			int64		closes = date * USECS_PER_DAY + window->closes;

			if (window->closes <= window->opens)
				closes += USECS_PER_DAY;
			if (local < closes && opens_on(quiet, window, date))
				best = Min(best, Max(local, opens));
		}
		/* Yesterday's windows can only be open now, not open later. */
		if (best != NEVER)
			return best;
	}
	return NEVER;
}

/* The first local time from the one given that all hours allow. */
static int64
first_lawful(const LpQuiet *quiet, int64 local, int64 limit)
{
	while (local <= limit)
	{
		int64		start = local;

		for (int i = 0; i < quiet->n; i++)
		{
			local = first_open(quiet, &quiet->all_of[i], local);
			if (local == NEVER)
				return NEVER;
		}
		if (local == start)
			return local;
	}
	return NEVER;
}

/* The same for a moment, by the clock of one zone. */
static TimestampTz
next_in_zone(const LpQuiet *quiet, pg_tz *zone, TimestampTz at, TimestampTz limit)
{
	while (at <= limit)
	{
		pg_time_t	second = at / USECS_PER_SEC - (at % USECS_PER_SEC < 0) + EPOCH_SHIFT;
		pg_time_t	boundary;
		long		offset;
		long		after;
		int			isdst;
		int			found;
		int64		local;
		TimestampTz change;

		found = pg_next_dst_boundary(&second, &offset, &isdst, &boundary,
									 &after, &isdst, zone);
		if (found < 0)
			return DT_NOEND;
		change = found == 0 ? DT_NOEND : (boundary - EPOCH_SHIFT) * USECS_PER_SEC;
		local = first_lawful(quiet, at + offset * USECS_PER_SEC,
							 limit + offset * USECS_PER_SEC);
		if (local != NEVER && local - offset * USECS_PER_SEC < change)
			return local - offset * USECS_PER_SEC;
		if (found == 0)
			return DT_NOEND;
		at = change;
	}
	return DT_NOEND;
}

/* The first moment from the one given that every zone allows. */
static TimestampTz
next_everywhere(const LpQuiet *quiet, TimestampTz at)
{
	TimestampTz limit = at + HORIZON_DAYS * USECS_PER_DAY;

	for (;;)
	{
		TimestampTz start = at;

		for (int i = 0; i < quiet->nzones; i++)
		{
			at = next_in_zone(quiet, quiet->zones[i], at, limit);
			if (TIMESTAMP_IS_NOEND(at) || at > limit)
				return DT_NOEND;
		}
		if (at == start)
			return at;
	}
}

bool
lp_quiet_allows(LpQuiet *rules, TimestampTz at, TimestampTz *next)
{
	if (next != NULL)
		*next = at;
	if (rules->always)
		return true;
	if (!rules->answered || rules->at != at)
	{
		rules->at = at;
		rules->next = TIMESTAMP_NOT_FINITE(at) || rules->nzones == 0 ?
			DT_NOEND : next_everywhere(rules, at);
		rules->allowed = !TIMESTAMP_NOT_FINITE(at) && rules->next == at;
		rules->answered = true;
	}
	if (next != NULL)
		*next = rules->next;
	return rules->allowed;
}

static void
describe_days(StringInfo out, uint32 days)
{
	static const char *const names[] = {
		NULL, "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"
	};
	const char *separator = "";

	for (int first = 1; first <= 7; first++)
	{
		int			last = first;

		if ((days & (1 << first)) == 0)
			continue;
		while (last < 7 && (days & (1 << (last + 1))) != 0)
			last++;
		appendStringInfo(out, "%s%s", separator, names[first]);
		if (last > first)
			appendStringInfo(out, "%s%s", last > first + 1 ? "-" : ",", names[last]);
		separator = ",";
		first = last;
	}
	if (*separator == '\0')
		appendStringInfoString(out, "no day");
	else if ((days & (1 << LP_QUIET_HOLIDAY)) == 0)
		appendStringInfoString(out, " but holidays");
}

static void
describe_hours(StringInfo out, const Hours *hours)
{
	const char *law = NULL;

	if (hours->n == 0)
		appendStringInfoString(out, "never");
	for (int i = 0; i < hours->n; i++)
	{
		const Window *window = hours->windows[i];
		int			opens = window->opens / USECS_PER_MINUTE;
		int			closes = window->closes / USECS_PER_MINUTE;

		appendStringInfoString(out, i == 0 ? "" : ", ");
		describe_days(out, window->days);
		appendStringInfo(out, " %02d:%02d-%02d:%02d", opens / 60, opens % 60,
						 closes / 60, closes % 60);
		law = window->law;
	}
	if (law != NULL)
		appendStringInfo(out, " (%s)", law);
}

/* The zones, three by name. */
static void
describe_zones(StringInfo out, const LpQuiet *quiet)
{
	for (int i = 0; i < Min(quiet->nzones, 3); i++)
		appendStringInfo(out, "%s%s", i == 0 ? "" : ", ",
						 pg_get_timezone_name(quiet->zones[i]));
	if (quiet->nzones > 3)
		appendStringInfo(out, " and %d more zones", quiet->nzones - 3);
}

/* The zone whose clock forbids the moment, else the first. */
static pg_tz *
deciding_zone(const LpQuiet *quiet, TimestampTz at)
{
	for (int i = 0; i < quiet->nzones; i++)
		if (next_in_zone(quiet, quiet->zones[i], at, at) != at)
			return quiet->zones[i];
	return quiet->zones[0];
}

char *
lp_quiet_describe(LpQuiet *rules, TimestampTz at)
{
	StringInfoData out;
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (rules->always)
		return pstrdup("no legal hours for this channel");
	if (rules->nzones == 0)
		return psprintf("never: %s", rules->why_never);
	initStringInfo(&out);
	describe_zones(&out, rules);
	appendStringInfoString(&out, ": ");
	for (int i = 0; i < rules->n; i++)
	{
		appendStringInfoString(&out, i == 0 ? "" : "; ");
		describe_hours(&out, &rules->all_of[i]);
	}
	if (!TIMESTAMP_NOT_FINITE(at))
	{
		pg_tz	   *zone = deciding_zone(rules, at);

		if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) == 0)
			appendStringInfo(&out, "; local time %04d-%02d-%02d %02d:%02d in %s",
							 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
							 tm.tm_min, pg_get_timezone_name(zone));
	}
	return out.data;
}
