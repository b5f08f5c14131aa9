/*
 * unmerge.h
 *	  Parting two leads although something has happened to them since they were
 *	  merged: what unmerge_replay.c and unmerge_keys.c share.
 */
#ifndef LP_UNMERGE_H
#define LP_UNMERGE_H

#include "core/merge.h"
#include "util/key.h"

/* $1 merge, $2 survivor, $3 duplicate in all that take them. */
#define JOURNAL(relation, id) \
	"SELECT FROM @s@.lead_merge_rows r WHERE r.merge_id = $1" \
	" AND r.relation = '" relation "' AND r.key = " id "::text"
#define WAS_DUPLICATES(relation, id) \
	"EXISTS (" JOURNAL(relation, id) " AND r.before->>'lead_id' = $3::text)"

/* A key as it was before the merge, or came since. */
typedef struct LpReplayKey
{
	char	   *kind;
	char	   *value;
	bool		survivors;
	bool		duplicates;
	bool		is_new;
} LpReplayKey;

/* A key that a capture since the merge tells of its side. */
typedef struct LpReplayTold
{
	LpKey		key;
	int			side;
	char	   *source;
} LpReplayTold;

typedef struct LpReplay
{
	const LpMergeScope *scope;
	LpPool	   *pool;
	Datum		args[3];		/* merge, survivor, duplicate */
	LpReplayKey *keys;
	int			n_keys;
	LpReplayTold *told;
	int			n_told;
	bool		has_later[2];	/* captures since the merge */
} LpReplay;

extern void lp_replay_load_keys(LpReplay *replay);

/* Shares out the captures, and with them the keys that they bring. */
extern void lp_replay_part_captures(LpReplay *replay);
extern void lp_replay_part_keys(LpReplay *replay);

/* The addresses that a lead shows: a pin may have brought one. */
extern void lp_replay_know_shown(const LpReplay *replay, int side, const LpPoolRow *row);

#endif							/* LP_UNMERGE_H */
