/*
 * merge.h
 *	  Two leads that are one person.
 */
#ifndef LP_MERGE_H
#define LP_MERGE_H

#include "core/lead.h"
#include "store/leads.h"

/* The clients that own these leads now, exclusively, in the order of ids. */
extern void lp_merge_lock_owners(const pg_uuid_t *ids, int n);

/*
 * Merges a duplicate into a survivor.  The caller holds the locks of the
 * owners, of all stripes of both and of both leads.  False, with a row of
 * lead_conflicts, if both were converted by different clients.  Writes the id
 * of the merge to *merge_id (may be NULL).
 */
extern bool lp_merge_leads(const LpPool *pool, const pg_uuid_t *survivor,
						   const pg_uuid_t *duplicate, const char *reason,
						   pg_uuid_t *merge_id);

/*
 * Forgets the journal of every merge of these leads: an erasure.  They cannot
 * be parted any more; which assignments came from which lead stays known.
 */
extern void lp_merge_forget(const pg_uuid_t *ids, int n);

/*
 * Whose lead it is (merge_owner.c).
 */
typedef struct LpMergeOwner
{
	pg_uuid_t	assignment_id;
	pg_uuid_t	client_id;
	pg_uuid_t	lead_id;
	bool		converted;
	bool		positive;		/* interested, or a meeting was booked */
	TimestampTz contacted_at;	/* DT_NOEND = never */
	TimestampTz assigned_at;
	bool		cancelled;		/* the client has left */
} LpMergeOwner;

typedef struct LpMergeVerdict
{
	bool		refused;		/* both converted, by different clients */
	LpMergeOwner *kept;			/* NULL = nobody owns either */
	LpMergeOwner *lost;			/* NULL = nobody loses it */
} LpMergeVerdict;

/* Both leads locked; leads[0] and leads[1] as loaded. */
extern LpMergeVerdict lp_merge_decide(const LpLead *leads);

/*
 * The journal (merge_journal.c): every row of both leads before and after.
 */
typedef struct LpMergeScope
{
	pg_uuid_t	merge_id;
	pg_uuid_t	ids[2];			/* survivor, duplicate */
	Datum		bans;			/* uuid[]: rows of bans that the merge added */
	Datum		companies;		/* text[]: of which holds are looked at */
} LpMergeScope;

extern void lp_merge_journal_before(const LpMergeScope *scope);
extern void lp_merge_journal_after(const LpMergeScope *scope);

/* Whether every row still is what the merge left. */
extern bool lp_merge_journal_is_clean(const LpMergeScope *scope);

/*
 * A row of lead_pins from b, its image as a row: the pin that says "nothing" is
 * a JSON null there, which reads back as none.
 */
#define LP_PIN_AGAIN \
	"b.lead_id, b.column_name, coalesce(b.value, 'null'), b.pinned_by, b.pinned_at"

/* Puts every row back, or those of one relation. */
extern void lp_merge_journal_restore(const LpMergeScope *scope, const char *relation);

/* Companies held for the owner of a lead, after it or its company changed. */
extern void lp_merge_hold(const pg_uuid_t *lead_id, const LpLead *before);

/*
 * Puts both leads back although something happened since (unmerge_replay.c).
 */
extern void lp_unmerge_replay(const LpMergeScope *scope);

#endif							/* LP_MERGE_H */
