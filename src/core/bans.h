/*
 * bans.h
 *	  Who may not be contacted: the one answer for every door.
 */
#ifndef LP_BANS_H
#define LP_BANS_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/uuid.h"

#include "util/channel.h"
#include "util/key.h"

#define LP_HASH_BYTES 32

typedef enum LpBanReason
{
	LP_BAN_UNSUBSCRIBED,
	LP_BAN_COMPLAINED,
	LP_BAN_DO_NOT_CONTACT,
	LP_BAN_CONSENT_REVOKED,
	LP_BAN_ERASURE,
	LP_BAN_OPERATOR,
	LP_BAN_DNC,
	LP_BAN_BOUNCED,
	LP_BAN_EXCLUDED
} LpBanReason;

/* A ban in force, as found for one person. */
typedef struct LpBan
{
	pg_uuid_t	id;				/* lead_suppressions.id of the row that
								 * matched */
	pg_uuid_t	ban_id;
	LpKeyKind	kind;
	LpBanReason reason;
	LpChannel	channel;		/* none: all that the reason covers */
	pg_uuid_t  *client_id;		/* NULL: for everyone */
	bool		current;		/* matched an address that is used today */
	TimestampTz created_at;
	TimestampTz expires_at;		/* DT_NOEND: for good */
} LpBan;

/* What a ban stops: the number of the check that it fails. */
typedef enum LpBanCheck
{
	LP_BAN_STOPS_NOTHING = 0,
	LP_BAN_STOPS_BOUNCED = 1,
	LP_BAN_STOPS_PERSON = 2,
	LP_BAN_STOPS_OTHER = 3
} LpBanCheck;

/*
 * Makes sure that bans can be read: the key of every ban is at hand.  Throws
 * LP008 otherwise.  With create, makes the key if none was ever made here.
 * Every door calls it (the functions below do so themselves).
 */
extern void lp_bans_require_key(bool create);

/* Keyed hash of a key under the current ban key; email in its broad form. */
extern void lp_bans_hash(LpKeyKind kind, const char *value, uint8 *hash);

/* The same of a key, as a bytea. */
extern Datum lp_bans_key_hash(const LpKey *key);

/* The same of n keys; the key file is looked at once. */
extern void lp_bans_key_hashes(const LpKey *keys, int n, Datum *hashes);

/* The form in which a value is hashed: an address without its +tag. */
extern const char *lp_bans_hashed_form(LpKeyKind kind, const char *value);

/* The first 8 bytes of it, never 0: what lead_state and lead_touches carry. */
extern int64 lp_bans_short_hash(LpKeyKind kind, const char *value);

/*
 * Bans in force at the moment given, or later (those that have not expired by
 * then), for each of n leads (resolved ids): a List of LpBan * each.
 */
extern List **lp_bans_of_leads(const pg_uuid_t *ids, int n, TimestampTz at);

/* The same for one set of keys that need not belong to a lead. */
extern List *lp_bans_of_keys(const LpKey *keys, int n, TimestampTz at);

/*
 * Which check a ban fails for contact by a client over a channel at a moment;
 * channel none asks for the person as a whole (allocation, export), where a
 * ban on one address or channel stops nothing.
 */
extern LpBanCheck lp_ban_stops(const LpBan *ban, const pg_uuid_t *client_id,
							   LpChannel channel, TimestampTz at);

/* Whether it is a client's own rule, which binds nobody else. */
extern bool lp_ban_is_private(const LpBan *ban);

/*
 * Whether bans of one person forbid to buy anything about the person: the one
 * answer for whoever asks for it and for whoever pays.
 */
extern bool lp_bans_forbid_buying(const List *bans, TimestampTz at);

extern const char *lp_ban_reason_name(LpBanReason reason);
extern bool lp_ban_reason_from_name(const char *name, LpBanReason *reason);

/* The leads that are or were known by one of these keys. */
extern pg_uuid_t *lp_bans_leads_of_keys(const LpKey *keys, int n, int *nleads);

/*
 * Lifts a ban with all its rows: nothing is deleted, lifted_at is stamped.
 * False if it was lifted already.
 */
extern bool lp_bans_lift(const pg_uuid_t *ban_id, const char *reason);

/* Takes back what bans had marked on leads, where none says it any more. */
extern void lp_bans_unmark(const pg_uuid_t *leads, int n, TimestampTz now);

/* A new ban. */
typedef struct LpBanOrder
{
	LpBanReason reason;
	LpChannel	channel;		/* LP_CHANNEL_NONE: all that the reason covers */
	const pg_uuid_t *client_id; /* NULL: everyone */
	const char *note;
	const char *origin;			/* operator, event, apollo, dnc, import,
								 * erasure */
	TimestampTz expires_at;		/* DT_NOEND: for good */
	const pg_uuid_t *ban_id;	/* the ban that the rows join; NULL: their own */
} LpBanOrder;

/*
 * Bans keys, and with a reason that covers the person every known key of the
 * leads that have one of them (and of lead, if given); ends their open claims
 * and takes them out of lead_available in the same transaction.  An equal ban
 * in force is not repeated.  Writes the id of the row for keys[0] to *row_id
 * (may be NULL); returns the id of the ban.
 */
extern pg_uuid_t lp_bans_add(const LpBanOrder *order, const LpKey *keys, int n,
							 const pg_uuid_t *lead, pg_uuid_t *row_id);

/*
 * Extends every ban that covers the person of one of these leads, who are one
 * person, to all keys of all of them.  Returns the rows added.
 */
extern pg_uuid_t *lp_bans_unite(const pg_uuid_t *leads, int n, int *added);

#endif							/* LP_BANS_H */
