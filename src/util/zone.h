/*
 * zone.h
 *	  Days and times of day in a time zone.
 */
#ifndef LP_ZONE_H
#define LP_ZONE_H

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"

/* An IANA zone by name, or NULL if there is none of that name. */
extern pg_tz *lp_zone_find(const char *name);

/* Start of the local day in which at falls, and of the next one. */
extern TimestampTz lp_zone_day_start(pg_tz *zone, TimestampTz at);
extern TimestampTz lp_zone_day_end(pg_tz *zone, TimestampTz at);

/* The local date of at. */
extern DateADT lp_zone_date(pg_tz *zone, TimestampTz at);

/*
 * The moment of a local time of day (microseconds since midnight, 24:00
 * allowed) on a local date.  A time that a clock change skips is the moment of
 * the change; of one that comes twice the first is meant.
 */
extern TimestampTz lp_zone_instant(pg_tz *zone, DateADT date, TimeADT time);

#endif							/* LP_ZONE_H */
