/*
 * worth.h
 *	  Who of the people that a search found is worth paying for.
 */
#ifndef LP_WORTH_H
#define LP_WORTH_H

#include "core/criteria.h"
#include "core/ownership.h"

/*
 * Keeps those of a list, in place and in order, who belong to nobody, who may
 * be contacted for the client (NULL: whoever it will be), and whom nothing that
 * is known already keeps from what criteria ask for; returns how many.
 */
extern int	lp_worth_choose(const LpClient *client, const LpCriteria *criteria,
							pg_uuid_t *ids, int n, TimestampTz now);

/*
 * Keeps of them, likewise, no more of one company than a request may be given
 * beside those whom it has.
 */
extern int	lp_worth_of_companies(const pg_uuid_t *request_id, int most, pg_uuid_t *ids, int n);

/* Whether people found by a search can be what criteria ask for at all. */
extern bool lp_worth_searching(const LpCriteria *criteria);

/* Whether only a phone number makes a person what criteria ask for. */
extern bool lp_worth_needs_phone(const LpCriteria *criteria);

#endif							/* LP_WORTH_H */
