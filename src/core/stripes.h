/*
 * stripes.h
 *	  Locks on keys that nobody may have yet.
 *
 * Whoever may add a lead under a key, or notes that nobody has it, holds the
 * key's stripe until the transaction ends.  A call collects its stripes and
 * locks them once, before leads (doc/architecture.md).
 */
#ifndef LP_STRIPES_H
#define LP_STRIPES_H

#include "storage/lock.h"

#include "util/key.h"

#define LP_STRIPES 1024

/* All NoLock to begin with. */
typedef struct LpStripes
{
	LOCKMODE	modes[LP_STRIPES];
} LpStripes;

extern void lp_stripes_add(LpStripes *stripes, char kind, const void *data, int len,
						   LOCKMODE mode);

/* A key, in the broad form in which bans and events know it. */
extern void lp_stripes_add_key(LpStripes *stripes, const LpKey *key, LOCKMODE mode);

/* Every key by which these leads are known now, exclusively. */
extern void lp_stripes_add_leads(LpStripes *stripes, const pg_uuid_t *ids, int n);

/* Takes the locks, ascending. */
extern void lp_stripes_lock(const LpStripes *stripes);

#endif							/* LP_STRIPES_H */
