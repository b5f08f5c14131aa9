/*
 * assignment_state.h
 *	  The states of an assignment: how one ends.
 */
#ifndef LP_ASSIGNMENT_STATE_H
#define LP_ASSIGNMENT_STATE_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef enum LpAssignmentState
{
	LP_ASSIGNMENT_ACTIVE,		/* owns the lead */
	LP_ASSIGNMENT_RELEASED,
	LP_ASSIGNMENT_CANCELLED,
	LP_ASSIGNMENT_TRANSFERRED,
	LP_ASSIGNMENT_MERGED_AWAY,
	LP_ASSIGNMENT_ERASED,
	LP_ASSIGNMENT_STATES
} LpAssignmentState;


/* LP_ASSIGNMENT_STATES for a word that is none. */
extern LpAssignmentState lp_assignment_state_from_name(const char *name);

/* LP003, naming both states, for a move that there is not. */
extern void lp_assignment_move(LpAssignmentState from, LpAssignmentState to);

/* The same for the undoing of a merge. */
extern void lp_assignment_move_back(LpAssignmentState from, LpAssignmentState to);

/*
 * Ends assignments; LP003 if one of them is not active.  kept_until DT_NOBEGIN
 * = not kept.  Their rows are in SPI_tuptable.  What follows (fencing claims,
 * lead_state, companies, the pool) is the caller's.
 */
extern void lp_assignments_end(const pg_uuid_t *ids, const TimestampTz *kept_until, int n,
							   LpAssignmentState to, const char *reason, TimestampTz at);

/* The same for one that is kept for nobody. */
extern void lp_assignment_end(const pg_uuid_t *id, LpAssignmentState to, const char *reason,
							  TimestampTz at);

/* Makes an assignment that a merge had ended active again; LP003 for another. */
extern void lp_assignment_reopen(const pg_uuid_t *id);

#endif							/* LP_ASSIGNMENT_STATE_H */
