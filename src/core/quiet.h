/*
 * quiet.h
 *	  When a call or message to a person is lawful.
 */
#ifndef LP_QUIET_H
#define LP_QUIET_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#include "util/channel.h"

/* Where the recipient is, as far as it is known. */
typedef struct LpPlace
{
	const char *zone;			/* IANA name or NULL */
	const char *country_code;	/* ISO 3166 or NULL */
	const char *state;			/* as the provider spells it, or NULL */
} LpPlace;

typedef struct LpQuiet LpQuiet;

/*
 * The rules that hold for a place and channel: the law of the place (all zones
 * still possible, each must allow), narrowed by the client's quiet_hours
 * setting (jsonb object or NULL).  Reads the rule tables, once for each country
 * in a call; needs SPI.  The result lives in the current memory context, and so
 * does what is remembered for the next place: ask for a batch in one context.
 */
extern LpQuiet *lp_quiet_rules(const LpPlace *place, LpChannel channel,
							   const Jsonb *client_hours);

/*
 * Whether contact is lawful at the moment given.  If not, *next is the first
 * later moment at which it is, or DT_NOEND if there is none (country unknown).
 */
extern bool lp_quiet_allows(LpQuiet *rules, TimestampTz at, TimestampTz *next);

/* One line for people: the zones and the rule that decide. */
extern char *lp_quiet_describe(LpQuiet *rules, TimestampTz at);

#endif							/* LP_QUIET_H */
