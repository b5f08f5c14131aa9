/*
 * quiet_rules.h
 *	  What quiet_rules.c makes of the rows and quiet.c judges by; for these two.
 */
#ifndef LP_QUIET_RULES_H
#define LP_QUIET_RULES_H

#include "pgtime.h"
#include "utils/date.h"

#include "core/quiet.h"

#define LP_QUIET_HOLIDAY 8

/* Hours of a day; times are microseconds. */
typedef struct Window
{
	uint32		days;			/* bit n: ISO weekday n; bit 8: holidays */
	TimeADT		opens;
	TimeADT		closes;			/* at or before opens: on the next day */
	char	   *state;			/* "" for the country */
	char	   *law;			/* with version */
	bool		fallback;		/* of country '*' */
	bool		shipped;
} Window;

/* Windows of which one must be open; none at all: always closed. */
typedef struct Hours
{
	Window	  **windows;
	int			n;
} Hours;

struct LpQuiet
{
	bool		always;			/* the channel has no hours */
	pg_tz	  **zones;
	int			nzones;
	Hours		all_of[3];		/* each must be open: law, site, client */
	int			n;
	DateADT    *holidays;
	int			nholidays;
	const char *why_never;		/* no zone is known */
	/* The answer given last: a batch asks for one moment again and again. */
	bool		answered;
	bool		allowed;
	TimestampTz at;
	TimestampTz next;
};

#endif							/* LP_QUIET_RULES_H */
