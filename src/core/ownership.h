/*
 * ownership.h
 *	  Assignments and clients: the locks and transitions that others need.
 */
#ifndef LP_OWNERSHIP_H
#define LP_OWNERSHIP_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/assignment_state.h"
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
 * lead_state; the strongest outcome stays.  client_id may be NULL: then the
 * owner's.
 */
extern void lp_ownership_outcome(const pg_uuid_t *lead_id, const pg_uuid_t *client_id,
								 const char *outcome, TimestampTz at);

typedef struct LpGivenBack
{
	uint64		ended;
	int			contacted;		/* of them: kept from all other clients */
} LpGivenBack;

/*
 * Takes leads, locked, from the client that owns them, under the one rule of
 * release, cancel and transfer: what was contacted is kept from every other
 * client as release_contacted says, what has converted stays.  The assignments'
 * rows are in SPI_tuptable; fencing claims, companies and the pool are the
 * caller's.
 */
extern LpGivenBack lp_ownership_end(const LpClient *client, const pg_uuid_t *lead_ids,
									int n, LpAssignmentState to, const char *reason,
									TimestampTz at);

struct LpEligible;
struct LpLead;

/*
 * What forbids giving a lead to a client, as an error (LP003 to LP005, LP007).
 * A lead of another client says nothing about its state, unless tell_state.
 */
extern void lp_ownership_require(const struct LpEligible *item, const LpClient *client,
								 TimestampTz now, bool tell_state);

/*
 * Throws unless the client (NULL: anyone) owns the lead and may lose it.  A
 * client is not told whether another one owns it.
 */
extern void lp_ownership_require_owned(const struct LpLead *lead,
									   const pg_uuid_t *client_id, const char *to);

/*
 * Writes the new assignment of a lead that was found fit for the client; its
 * row is in SPI_tuptable.  LP005 if another client has its company to itself.
 */
extern void lp_ownership_give(const LpClient *client, const struct LpLead *lead,
							  const pg_uuid_t *campaign_id, const char *origin,
							  const char *reason);

#endif							/* LP_OWNERSHIP_H */
