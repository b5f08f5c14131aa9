/*
 * clock.c
 *	  The one clock of leadpool, and calendar arithmetic in UTC.
 *
 * Every rule asks this clock once a call: a test can set it, and the session's
 * TimeZone never changes an answer.
 */
#include "postgres.h"

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

static TimestampTz
shift(TimestampTz at, int months, int days, int64 micros)
{
	if (TIMESTAMP_NOT_FINITE(at))
		return at;
	if (months != 0)
	{
		struct pg_tm tm;
		fsec_t		fsec;
		int			month;

		if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
			ereport(ERROR,
					errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("timestamp out of range"));
		month = tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1 + months;
		tm.tm_year = month / MONTHS_PER_YEAR;
		tm.tm_mon = month % MONTHS_PER_YEAR + 1;
		tm.tm_mday = Min(tm.tm_mday, day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
		if (tm2timestamp(&tm, fsec, NULL, &at) != 0)
			return months > 0 ? DT_NOEND : DT_NOBEGIN;
	}
	return at + days * USECS_PER_DAY + micros;
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
