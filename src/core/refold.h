/*
 * refold.h
 *	  A lead folded again from all its captures.
 */
#ifndef LP_REFOLD_H
#define LP_REFOLD_H

#include "store/leads.h"

/*
 * Lays all captures of n leads (ids[i]) over rows[i], oldest first, fills what
 * companies tell, lays the pins last and finishes the rows.  rows[i] is what the fold begins with.
 */
extern void lp_refold(const LpPool *pool, const pg_uuid_t *ids, LpPoolRow **rows, int n);

/* Whether a lead has captures at all; else its row is all there is of it. */
extern bool lp_refold_has_captures(const pg_uuid_t *lead_id);

/* Lays what a row says over another: what is not null wins. */
extern void lp_refold_lay_row(const LpPool *pool, LpPoolRow *row, const LpPoolRow *over);

#endif							/* LP_REFOLD_H */
