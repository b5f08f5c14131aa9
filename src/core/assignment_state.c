/*
 * assignment_state.c
 *	  The states of an assignment: the one place where they change.
 *
 * An active assignment may end in any way, and none comes back.  The one
 * exception is the undoing of a merge, which gives a client back what the
 * merge took.  Whoever moves an assignment holds the lock of its lead.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/assignment_state.h"
#include "store/sql.h"
#include "util/compat.h"
#include "util/errors.h"

static LpSql end_sql = LP_SQL(
	"UPDATE @s@.lead_assignments a SET status = $3, end_reason = $4,"
	" ended_at = greatest($5, a.assigned_at), kept_until = u.kept_until"
	" FROM unnest($1, $2) u(id, kept_until)"
	" WHERE a.id = u.id AND a.status = 'active' RETURNING a.*",
	UUIDARRAYOID, TIMESTAMPTZARRAYOID, TEXTOID, TEXTOID, TIMESTAMPTZOID);

static LpSql others_sql = LP_SQL(
	"SELECT status FROM @s@.lead_assignments"
	" WHERE id = ANY ($1) AND id <> ALL ($2) ORDER BY id LIMIT 1",
	UUIDARRAYOID, UUIDARRAYOID);

static LpSql lock_sql = LP_SQL(
	"SELECT status FROM @s@.lead_assignments WHERE id = $1 FOR UPDATE", UUIDOID);

static LpSql reopen_sql = LP_SQL(
	"UPDATE @s@.lead_assignments SET status = 'active', ended_at = NULL,"
	" end_reason = NULL, kept_until = NULL WHERE id = $1",
	UUIDOID);

static const char *const state_names[LP_ASSIGNMENT_STATES] = {
	[LP_ASSIGNMENT_ACTIVE] = "active",
	[LP_ASSIGNMENT_RELEASED] = "released",
	[LP_ASSIGNMENT_CANCELLED] = "cancelled",
	[LP_ASSIGNMENT_TRANSFERRED] = "transferred",
	[LP_ASSIGNMENT_MERGED_AWAY] = "merged_away",
	[LP_ASSIGNMENT_ERASED] = "erased",
};

/* The moves there are. */
static const bool legal[LP_ASSIGNMENT_STATES][LP_ASSIGNMENT_STATES] = {
	[LP_ASSIGNMENT_ACTIVE] = {
		[LP_ASSIGNMENT_RELEASED] = true,
		[LP_ASSIGNMENT_CANCELLED] = true,
		[LP_ASSIGNMENT_TRANSFERRED] = true,
		[LP_ASSIGNMENT_MERGED_AWAY] = true,
		[LP_ASSIGNMENT_ERASED] = true,
	},
};

LpAssignmentState
lp_assignment_state_from_name(const char *name)
{
	LpAssignmentState state = LP_ASSIGNMENT_ACTIVE;

	while (state < LP_ASSIGNMENT_STATES && strcmp(state_names[state], name) != 0)
		state++;
	return state;
}

pg_noreturn static void
refuse(LpAssignmentState from, LpAssignmentState to)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_STATE),
			errmsg("an assignment cannot go from \"%s\" to \"%s\"",
				   state_names[from], state_names[to]),
			errdetail("from: %s, to: %s", state_names[from], state_names[to]));
}

void
lp_assignment_move(LpAssignmentState from, LpAssignmentState to)
{
	if (!legal[from][to])
		refuse(from, to);
}

void
lp_assignment_move_back(LpAssignmentState from, LpAssignmentState to)
{
	if (from != LP_ASSIGNMENT_MERGED_AWAY || to != LP_ASSIGNMENT_ACTIVE)
		refuse(from, to);
}

static LpAssignmentState
col_state(void)
{
	const char *name = lp_col_text(0, 1);
	LpAssignmentState state = lp_assignment_state_from_name(name);

	if (state == LP_ASSIGNMENT_STATES)
		elog(ERROR, "unknown assignment state \"%s\"", name);
	return state;
}

/* Some of them were not active: says from which state they cannot go. */
static void
refuse_others(const pg_uuid_t *ids, int n, uint64 ended, LpAssignmentState to)
{
	pg_uuid_t  *moved = palloc(sizeof(pg_uuid_t) * Max(ended, 1));
	Datum		values[2];

	for (uint64 row = 0; row < ended; row++)
		moved[row] = *DatumGetUUIDP(lp_col(row, 1));
	values[0] = lp_array_of_uuids(ids, n);
	values[1] = lp_array_of_uuids(moved, ended);
	if (lp_sql_run(&others_sql, values, NULL) == 0)
		elog(ERROR, "an assignment is gone");
	lp_assignment_move(col_state(), to);
	elog(ERROR, "an assignment changed under the lock of its lead");
}

void
lp_assignments_end(const pg_uuid_t *ids, const TimestampTz *kept_until, int n,
				   LpAssignmentState to, const char *reason, TimestampTz at)
{
	Datum		values[] = {lp_array_of_uuids(ids, n), lp_array_of_times(kept_until, n),
		CStringGetTextDatum(state_names[to]),
		reason ? CStringGetTextDatum(reason) : (Datum) 0,
	TimestampTzGetDatum(at)};
	uint64		ended;

	lp_assignment_move(LP_ASSIGNMENT_ACTIVE, to);
	ended = lp_sql_run_list(&end_sql, n, values, reason ? NULL : "   n ");
	if (ended != n)
		refuse_others(ids, n, ended, to);
}

void
lp_assignment_end(const pg_uuid_t *id, LpAssignmentState to, const char *reason,
				  TimestampTz at)
{
	TimestampTz not_kept = DT_NOBEGIN;

	lp_assignments_end(id, &not_kept, 1, to, reason, at);
}

void
lp_assignment_reopen(const pg_uuid_t *id)
{
	Datum		values[] = {UUIDPGetDatum(id)};

	if (lp_sql_run(&lock_sql, values, NULL) == 0)
		elog(ERROR, "an assignment is gone");
	lp_assignment_move_back(col_state(), LP_ASSIGNMENT_ACTIVE);
	lp_sql_run(&reopen_sql, values, NULL);
}
