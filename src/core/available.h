/*
 * available.h
 *	  lead_available and lead_terms: what allocation reads, derived from the
 *	  lead, its state and its assignments.
 */
#ifndef LP_AVAILABLE_H
#define LP_AVAILABLE_H

#include "utils/uuid.h"

/*
 * Brings the rows of these leads up to date: a row if the lead may be handed
 * out (active, not owned, not banned as a person, not converted, reachable
 * somehow; from_at says when a cooling or a keeping ends), none otherwise.
 * Call it after every change to lead_pool, lead_state or lead_assignments that
 * allocation could see, in the same transaction.
 */
extern void lp_available_refresh(const pg_uuid_t *ids, int n);

/*
 * The same for leads that this transaction made, unless something refreshed
 * them since.
 */
extern void lp_available_begin(const pg_uuid_t *ids, int n);

/*
 * The same for many leads of which only the assignment has ended: they had no
 * row, and their terms are as they were.
 */
extern void lp_available_give_back(const pg_uuid_t *ids, int n);

/*
 * Rebuilds both tables if they were never filled in this database (after a
 * restore).  Cheap otherwise.
 */
extern void lp_available_ensure(void);

#endif							/* LP_AVAILABLE_H */
