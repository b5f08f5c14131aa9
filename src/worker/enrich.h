/*
 * enrich.h
 *	  Asking for people to be enriched.
 */
#ifndef LP_ENRICH_H
#define LP_ENRICH_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

typedef struct LpAsk
{
	bool		reveal_phone;
	bool		waterfall;
	bool		force;			/* also what was bought a while ago */
	int			priority;
	Jsonb	   *parameters;		/* the options, as the job keeps them */
	const pg_uuid_t *request_id;	/* NULL: for nobody's request */
	const char *reason;			/* may be NULL */
} LpAsk;

typedef struct LpAsked
{
	const char *outcome;		/* queued, cached, suppressed, over_budget,
								 * unknown_lead */
	int64		job_id;			/* 0: none */
} LpAsked;

/* Queues jobs for leads; answers in the order given. */
extern LpAsked *lp_enrich_ask(const LpAsk *ask, const pg_uuid_t *ids, int n,
							  TimestampTz now);

#endif							/* LP_ENRICH_H */
