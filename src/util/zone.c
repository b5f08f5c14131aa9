/*
 * zone.c
 *	  Days and times of day in a time zone.
 *
 * The server's own time zone database decides (pgtz), never the session's
 * TimeZone.  A local time is turned into a moment by one rule that is exact at
 * clock changes: the first moment at which the zone's clock shows that time or
 * a later one.
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "util/zone.h"

#define EPOCH_SHIFT ((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* No zone is that far from UTC. */
#define MAX_OFFSET_SECS (26 * SECS_PER_HOUR)

/*
 * pg_tzset takes any "ABC5" as a POSIX rule and names it in capitals; what
 * comes from the database has small letters in its name, but for UTC and GMT.
 */
static bool
is_from_database(pg_tz *zone)
{
	const char *name = pg_get_timezone_name(zone);

	if (strcmp(name, "UTC") == 0 || strcmp(name, "GMT") == 0)
		return true;
	if (strchr(name, '/') == NULL)
		return false;
	for (; *name != '\0'; name++)
		if (*name >= 'a' && *name <= 'z')
			return true;
	return false;
}

pg_tz *
lp_zone_find(const char *name)
{
	pg_tz	   *zone;

	if (name == NULL || *name == '\0' || strlen(name) > TZ_STRLEN_MAX)
		return NULL;
	if (strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/+-") < strlen(name))
		return NULL;
	zone = pg_tzset(name);
	if (zone == NULL || !is_from_database(zone) || !pg_tz_acceptable(zone))
		return NULL;
	return zone;
}

DateADT
lp_zone_date(pg_tz *zone, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (TIMESTAMP_IS_NOBEGIN(at))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(at))
		return DATEVAL_NOEND;
	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR,
				errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("timestamp out of range"));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE;
}

TimestampTz
lp_zone_instant(pg_tz *zone, DateADT date, TimeADT time)
{
	int64		fraction = time % USECS_PER_SEC;
	int64		wall;			/* as if it were UTC, in seconds of Unix */
	pg_time_t	from;

	if (DATE_IS_NOBEGIN(date))
		return DT_NOBEGIN;
	if (DATE_IS_NOEND(date))
		return DT_NOEND;
	wall = (int64) date * SECS_PER_DAY + EPOCH_SHIFT + time / USECS_PER_SEC;
	from = wall - MAX_OFFSET_SECS;
	for (;;)
	{
		pg_time_t	boundary;
		long		before;
		long		after;
		int			isdst;
		int			found;

		found = pg_next_dst_boundary(&from, &before, &isdst, &boundary,
									 &after, &isdst, zone);
		if (found < 0)
			ereport(ERROR,
					errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("timestamp out of range"));
		if (found == 0 || wall - before < boundary)
			return (wall - before - EPOCH_SHIFT) * USECS_PER_SEC + fraction;
		if (boundary + after > wall ||
			(boundary + after == wall && fraction == 0))
			return (boundary - EPOCH_SHIFT) * USECS_PER_SEC;
		from = boundary;
	}
}

TimestampTz
lp_zone_day_start(pg_tz *zone, TimestampTz at)
{
	return lp_zone_instant(zone, lp_zone_date(zone, at), 0);
}

TimestampTz
lp_zone_day_end(pg_tz *zone, TimestampTz at)
{
	DateADT		date = lp_zone_date(zone, at);
	TimestampTz end;

	if (DATE_NOT_FINITE(date))
		return lp_zone_instant(zone, date, 0);
	/* Where a clock went back over midnight, the day after begins twice. */
	do
		end = lp_zone_instant(zone, ++date, 0);
	while (end <= at);
	return end;
}
