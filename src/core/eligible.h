/*
 * eligible.h
 *	  Who may be handed out to whom: the one answer for allocation and
 *	  assignment.
 */
#ifndef LP_ELIGIBLE_H
#define LP_ELIGIBLE_H

#include "core/criteria.h"
#include "core/lead.h"
#include "core/ownership.h"

/* In the order in which they are told. */
typedef enum LpRule
{
	LP_RULE_KNOWN,
	LP_RULE_NOT_BANNED,
	LP_RULE_REACHABLE,
	LP_RULE_NOT_OWNED,
	LP_RULE_NOT_KEPT,
	LP_RULE_NOT_REPLIED,
	LP_RULE_NOT_COOLING,
	LP_RULE_CLIENT_ACTIVE,
	LP_RULE_EXCLUDE_DOMAINS,
	LP_RULE_COMPANY_EXCLUSIVE,
	LP_RULES
} LpRule;

typedef struct LpEligible
{
	LpLead	   *lead;
	int			broken;			/* bits 1 << LpRule; 0 = may be handed out */
	int			channels;		/* bits 1 << LpChannel by which this client
								 * reaches the lead */
} LpEligible;

/*
 * Judges leads (resolved ids, locked if the answer is to be acted on) for a
 * client at a moment, in the order given.  criteria tells by which channels a
 * lead must be reachable; NULL asks for none.
 */
extern LpEligible *lp_eligible_check(const LpClient *client, const LpCriteria *criteria,
									 const pg_uuid_t *ids, int n, TimestampTz now);

extern const char *lp_rule_name(LpRule rule);

#endif							/* LP_ELIGIBLE_H */
