/*
 * lead.h
 *	  The slim row of a lead: what the rules read, and the lead's lock.
 */
#ifndef LP_LEAD_H
#define LP_LEAD_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "store/lead_flags.h"
#include "util/compat.h"

typedef struct LpLead
{
	pg_uuid_t	id;
	bool		known;			/* false: no such active lead */
	int			flags;
	int64		email_key;		/* keyed hashes of the current addresses, 0 =
								 * none */
	int64		phone_key;
	int64		linkedin_key;
	pg_uuid_t  *contacted_by;	/* first client that contacted, or NULL */
	pg_uuid_t  *kept_for;		/* kept from all other clients until
								 * kept_until */
	TimestampTz kept_until;		/* DT_NOBEGIN = not kept */
	TimestampTz replied_at;		/* DT_NOBEGIN = never, likewise below */
	TimestampTz not_interested_at;
	TimestampTz converted_at;
	pg_uuid_t  *converted_by;
	char	   *country_code;	/* NULL = unknown, likewise below */
	char	   *region;			/* state or province */
	char	   *zone;
	char	   *email_domain;
	char	   *company_domain; /* registrable */
	char	   *company_host;	/* as given, where that is a sub-domain */
	char	   *company_org;	/* Apollo organization id */
	pg_uuid_t  *owner;			/* client of the active assignment, or NULL */
	pg_uuid_t  *assignment_id;
	bool		converted_by_owner; /* converted, and not by an earlier client */
} LpLead;

/*
 * In SQL, of an assignment and lead_state: converted for the client that has
 * the assignment.  A conversion belongs to the client whose message it answers;
 * one that answers nobody's is the owner's.
 */
#define LP_CONVERTED_BY_OWNER(a, s) \
	"(" s ".converted_at IS NOT NULL AND (" a ".converted_at IS NOT NULL" \
	" OR coalesce(" s ".converted_by, " a ".client_id) = " a ".client_id))"

/*
 * Follows ids that were merged away to their survivors, in place.  An id that
 * was erased or never existed stays as it is and will load as not known.
 */
extern void lp_lead_resolve(pg_uuid_t *ids, int n);

/* Takes the row locks of these leads (resolved ids), in the order of ids. */
extern void lp_lead_lock(const pg_uuid_t *ids, int n);

/*
 * Both at once: follows merged ids and takes the locks, again if somebody
 * merged or parted one of them while we waited.  Pass the ids as the caller
 * gave them: one that was followed before stays with the survivor.
 */
extern void lp_lead_take(pg_uuid_t *ids, int n);

/*
 * Reads the newest committed state of leads (resolved ids), in the order
 * given; result[i].known tells whether there is such an active lead.  Lock
 * first if the answer is to be acted on.
 */
extern LpLead *lp_lead_load(const pg_uuid_t *ids, int n);

/* Throws LP001 for a lead that does not exist (for the caller). */
pg_noreturn extern void lp_lead_no_such(const pg_uuid_t *id);

#endif							/* LP_LEAD_H */
