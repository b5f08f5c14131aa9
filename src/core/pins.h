/*
 * pins.h
 *	  lead_pins: values that an operator said, whatever is captured.
 */
#ifndef LP_PINS_H
#define LP_PINS_H

#include "core/element.h"

/* The pins of one lead. */
typedef struct LpPins
{
	LpFacts    *facts;			/* as a capture would have said them */
	LpPoolRow  *values;			/* by column; null = pinned to nothing */
	bool	   *pinned;			/* by column */
	TimestampTz *pinned_at;		/* by column */
	Jsonb	  **json;			/* by column, as it was given */
} LpPins;

/* The pins of leads, in the order asked; NULL for one without. */
extern LpPins **lp_pins_load(const LpPool *pool, const pg_uuid_t *ids, int n);

extern void lp_pins_set(const pg_uuid_t *lead_id, const char *column, Jsonb *value,
						const char *by, TimestampTz at);

/* False if there was none. */
extern bool lp_pins_remove(const pg_uuid_t *lead_id, const char *column);

#endif							/* LP_PINS_H */
