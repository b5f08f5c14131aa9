/*
 * facts.h
 *	  The values of a lead: where they come from, and what is pinned.
 */
#ifndef LP_CORE_FACTS_H
#define LP_CORE_FACTS_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "store/leads.h"

/*
 * Works out anew what these leads (resolved ids) show, from the captures that
 * are in the archive now, the answers about their companies and their pins:
 * after a source was dropped or cleaned.  Takes the locks of the leads and
 * brings everything up to date that follows from the row.
 */
extern void lp_facts_refold(const pg_uuid_t *ids, int n);

/* The column of that name that captures fill; throws 22023 for any other. */
extern int	lp_facts_column(const LpPool *pool, const char *name);

/* The row of a lead (resolved id); throws LP001 unless it is active. */
extern LpPoolRow *lp_facts_lead(const LpPool *pool, const pg_uuid_t *id);

/*
 * Every value that is known of a lead, one call for each: newest first within
 * a column.  value is JSON, shown tells whether the lead shows it.
 */
typedef struct LpOrigin
{
	const char *column;
	Jsonb	   *value;
	const char *source;
	TimestampTz captured_at;
	bool		shown;
} LpOrigin;

/* column NULL: all columns.  The session's TimeZone must be UTC. */
extern LpOrigin *lp_facts_origins(const pg_uuid_t *lead_id, const char *column, int *n);

#endif							/* LP_CORE_FACTS_H */
