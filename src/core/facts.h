/*
 * facts.h
 *	  Where the values of a lead come from.
 */
#ifndef LP_CORE_FACTS_H
#define LP_CORE_FACTS_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/*
 * Works out anew what these leads (resolved ids) show, from the captures that
 * are in the archive now, the answers about their companies and their pins:
 * after a source was dropped or cleaned.  Takes the locks of the leads and
 * brings everything up to date that follows from the row.
 */
extern void lp_facts_refold(const pg_uuid_t *ids, int n);

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
