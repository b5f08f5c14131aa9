/*
 * tie.h
 *	  Leads that one element of a capture shows to be one person.
 */
#ifndef LP_TIE_H
#define LP_TIE_H

#include "core/batch.h"
#include "core/stripes.h"

/*
 * Before the stripes: looks, without locks, which leads the batch may tie;
 * locks the clients that own them and adds their keys to the stripes.
 */
extern void lp_ties_expect(LpBatch *batch, LpStripes *stripes);

/* After everybody was identified: merges what the elements tie. */
extern void lp_ties_settle(LpBatch *batch);

#endif							/* LP_TIE_H */
