/*
 * fold.h
 *	  What lead_pool shows: the fold of a person's captures in the order of
 *	  their time.
 */
#ifndef LP_FOLD_H
#define LP_FOLD_H

#include "core/element.h"
#include "core/pins.h"
#include "store/leads.h"

/* Lays one capture over what older ones left: newer and not null wins. */
extern void lp_fold_lay(const LpPool *pool, LpPoolRow *row, const LpFacts *facts);

/* Fills company columns that are null from what is known of the company. */
extern void lp_fold_fill(const LpPool *pool, LpPoolRow *row, const LpFacts *company);

/* Lays what an operator pinned over everything else. */
extern void lp_fold_pin(const LpPool *pool, LpPoolRow *row, const LpPins *pins);

/* Works out the columns that follow from others, score included. */
extern void lp_fold_finish(const LpPool *pool, LpPoolRow *row);

/* A row to fold from the first capture on; keeps what no capture tells. */
extern LpPoolRow *lp_fold_restart(const LpPool *pool, const LpPoolRow *row);

/* Apollo organization id of the lead's company, or NULL. */
extern char *lp_fold_company(const LpPool *pool, const LpPoolRow *row);

/* What the rules read of a lead (flags without LP_LEAD_BANNED). */
extern void lp_fold_state(const LpPool *pool, const LpPoolRow *row,
						  const pg_uuid_t *lead_id, LpStateRow *state);

/* The registrable domain of a company, NULL for free mail and nonsense. */
extern char *lp_fold_company_domain(const char *domain);

#endif							/* LP_FOLD_H */
