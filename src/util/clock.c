/*
 * clock.c
 *	  The one clock of leadpool, and calendar arithmetic in UTC.
 *
 * Every rule asks this clock once a call: a test can set it, and the session's
 * TimeZone never changes an answer.
 */
#include "postgres.h"

#include "common/int.h"
#include "pgtime.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "util/clock.h"
#include "util/settings.h"

TimestampTz
lp_clock_now(void)
{
	TimestampTz set = lp_setting_now();

	return TIMESTAMP_IS_NOBEGIN(set) ? GetCurrentTimestamp() : set;
}

/* Months are calendar months; a day that the month has not is its last. */
static bool
shift_months(TimestampTz *at, int months)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int64		month;
	int64		year;

	if (timestamp2tm(*at, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	month = (int64) tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1 + months;
	year = (month < 0 ? month - (MONTHS_PER_YEAR - 1) : month) / MONTHS_PER_YEAR;
	if (year < JULIAN_MINYEAR || year >= JULIAN_MAXYEAR)
		return false;
	tm.tm_year = year;
	tm.tm_mon = month - year * MONTHS_PER_YEAR + 1;
	tm.tm_mday = Min(tm.tm_mday, day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
	return tm2timestamp(&tm, fsec, NULL, at) == 0;
}

/* What lies beyond the times there are is infinity: a long period never wraps. */
static TimestampTz
shift(TimestampTz at, int months, int days, int64 micros)
{
	int64		by;

	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	if ((months != 0 && !shift_months(&at, months)) ||
		pg_mul_s64_overflow(days, USECS_PER_DAY, &by) ||
		pg_add_s64_overflow(by, micros, &by) ||
		pg_add_s64_overflow(at, by, &at) ||
		!IS_VALID_TIMESTAMP(at))
		return months > 0 || days > 0 || micros > 0 ? DT_NOEND : DT_NOBEGIN;
	return at;
}

TimestampTz
lp_clock_add(TimestampTz at, const Interval *period)
{
	return shift(at, period->month, period->day, period->time);
}

TimestampTz
lp_clock_sub(TimestampTz at, const Interval *period)
{
	return shift(at, -period->month, -period->day, -period->time);
}

bool
lp_interval_is_zero(const Interval *period)
{
	return period->month == 0 && period->day == 0 && period->time == 0;
}
