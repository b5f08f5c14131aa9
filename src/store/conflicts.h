/*
 * conflicts.h
 *	  What an operator must know of two leads.
 */
#ifndef LP_CONFLICTS_H
#define LP_CONFLICTS_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/*
 * Two leads have a key in common and stay apart: one open row of kind
 * "identity" a pair, whichever is named first.
 */
extern void lp_conflict_identity(const pg_uuid_t *lead_id, const pg_uuid_t *other_id,
								 const char *detail, TimestampTz now);

#endif							/* LP_CONFLICTS_H */
