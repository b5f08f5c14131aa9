/*
 * ownership.h
 *	  Assignments and clients: the locks and transitions that others need.
 */
#ifndef LP_OWNERSHIP_H
#define LP_OWNERSHIP_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "util/compat.h"

typedef struct LpClient
{
	pg_uuid_t	id;
	bool		known;
	char	   *name;
	char	   *status;			/* active, paused, cancelled */
	char	   *time_zone;
	char	   *paused_reason;
	int64		max_active_leads;	/* -1 = no limit, likewise below */
	int64		daily_allocation;
	int64		daily_limit_all;	/* over all channels together */
	int64		daily_limit[5]; /* by LpChannel */
	bool		company_exclusive;
	char	  **exclude_domains;	/* normalised */
	int			n_exclude_domains;
	bool		release_contacted;	/* false = never */
	Interval	release_after;
	Interval	recent_contact; /* the client's own, else the setting */
	Interval	channel_cooling;
	Interval	not_interested_cooling;
	bool		allow_catch_all;
	Jsonb	   *quiet_hours;	/* NULL = none */
	double		bounce_breaker_rate;	/* -1 = the setting's */
} LpClient;

/*
 * The client's advisory lock, first in the lock order: shared for claims,
 * exclusive for whatever changes what the client owns or may do.
 */
extern void lp_client_lock(const pg_uuid_t *client_id, bool exclusive);

/* The newest committed row, settings merged with the defaults. */
extern LpClient *lp_client_load(const pg_uuid_t *client_id);

/* Whether the client's exclude_domains cover a host; NULL is covered by none. */
extern bool lp_client_excludes(const LpClient *client, const char *host);

/* Throws 42704. */
pg_noreturn extern void lp_client_no_such(const pg_uuid_t *client_id);

/*
 * Records on the active assignment of a lead (if this client holds it), and on
 * lead_state, that it was contacted at a moment.
 */
extern void lp_ownership_contacted(const pg_uuid_t *lead_id, const pg_uuid_t *client_id,
								   const pg_uuid_t *assignment_id, TimestampTz at);

/*
 * Records an outcome (replied, interested, not_interested, meeting_booked,
 * converted) on the assignment of the client whose message was answered and on
 * lead_state; the strongest outcome stays (VOCABULARY A9.2).  client_id may be
 * NULL: then the owner's.
 */
extern void lp_ownership_outcome(const pg_uuid_t *lead_id, const pg_uuid_t *client_id,
								 const char *outcome, TimestampTz at);

/*
 * Ends an active assignment (released, cancelled, transferred, merged_away,
 * erased): the only way out of "active".  kept_until DT_NOBEGIN = not kept.
 * False if it was not active any more; else its row is in SPI_tuptable.  What
 * follows (fencing claims, lead_state, companies, the pool) is the caller's.
 */
extern bool lp_assignment_end(const pg_uuid_t *assignment_id, const char *status,
							  const char *reason, TimestampTz at, TimestampTz kept_until);

#endif							/* LP_OWNERSHIP_H */
