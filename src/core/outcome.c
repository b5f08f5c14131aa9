/*
 * outcome.c
 *	  What happened to an owned lead: contacted, replied, converted.
 *
 * lead_state first (its row lock is the lead's lock), then the assignment.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/available.h"
#include "core/client.h"
#include "store/sql.h"
#include "util/clock.h"

static LpSql state_contacted_sql = LP_SQL(
	"UPDATE @s@.lead_state SET"
	" contacted_by = CASE WHEN contacted_at IS NULL OR $3 < contacted_at"
	"  THEN $2 ELSE contacted_by END,"
	" contacted_at = least(contacted_at, $3)"
	" WHERE lead_id = $1",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

/*
 * The assignment named, else the client's active one, else its last one: a
 * send may be confirmed after the lead was given back.  Then the lead is kept
 * as if it had been known at the time.
 */
static LpSql assignment_contacted_sql = LP_SQL(
	"UPDATE @s@.lead_assignments SET"
	" first_contacted_at = least(first_contacted_at, $4),"
	" last_contacted_at = greatest(last_contacted_at, $4),"
	" kept_until = CASE WHEN status IN ('released', 'cancelled')"
	"  THEN coalesce(kept_until, $5) ELSE kept_until END"
	" WHERE id = (SELECT a.id FROM @s@.lead_assignments a"
	"  WHERE CASE WHEN $3 IS NULL THEN a.lead_id = $1 ELSE a.id = $3 END"
	"   AND a.client_id = $2"
	"  ORDER BY a.status = 'active' DESC, a.assigned_at DESC LIMIT 1)"
	" RETURNING status, kept_until",
	UUIDOID, UUIDOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* Kept for the client that contacted, unless someone else owns the lead. */
static LpSql keep_sql = LP_SQL(
	"UPDATE @s@.lead_state SET kept_for = $2, kept_until = $3"
	" WHERE lead_id = $1 AND (kept_until IS NULL OR kept_until < $3)",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

static LpSql state_outcome_sql = LP_SQL(
	"UPDATE @s@.lead_state SET"
	" replied_at = CASE WHEN $2 = 'converted' THEN replied_at"
	"  ELSE least(replied_at, $3) END,"
	" not_interested_at = CASE WHEN $2 = 'not_interested'"
	"  THEN greatest(not_interested_at, $3) ELSE not_interested_at END,"
	" converted_by = CASE WHEN $2 = 'converted' AND converted_at IS NULL"
	"  THEN $4 ELSE converted_by END,"
	" converted_at = CASE WHEN $2 = 'converted'"
	"  THEN coalesce(converted_at, $3) ELSE converted_at END"
	" WHERE lead_id = $1",
	UUIDOID, TEXTOID, TIMESTAMPTZOID, UUIDOID);

static LpSql find_sql = LP_SQL(
	"SELECT id, client_id, outcome, not_interested_at"
	" FROM @s@.lead_assignments"
	" WHERE lead_id = $1 AND CASE WHEN $2 IS NULL THEN status = 'active'"
	"  ELSE client_id = $2 END"
	" ORDER BY status = 'active' DESC, assigned_at DESC LIMIT 1",
	UUIDOID, UUIDOID);

/* The last yes that the client was given; a refusal before it is answered. */
static LpSql yes_sql = LP_SQL(
	"SELECT max(occurred_at) FROM @s@.lead_events WHERE lead_id = $1"
	" AND client_id = $2 AND event IN ('interested', 'meeting_booked')",
	UUIDOID, UUIDOID);

static LpSql assignment_outcome_sql = LP_SQL(
	"UPDATE @s@.lead_assignments SET"
	" outcome = CASE WHEN $4 THEN $2 ELSE outcome END,"
	" replied_at = CASE WHEN $2 = 'converted' THEN replied_at"
	"  ELSE least(replied_at, $3) END,"
	" not_interested_at = CASE WHEN $2 = 'not_interested'"
	"  THEN greatest(not_interested_at, $3) ELSE not_interested_at END,"
	" converted_at = CASE WHEN $2 = 'converted'"
	"  THEN coalesce(converted_at, $3) ELSE converted_at END"
	" WHERE id = $1",
	UUIDOID, TEXTOID, TIMESTAMPTZOID, BOOLOID);

void
lp_ownership_contacted(const pg_uuid_t *lead_id, const pg_uuid_t *client_id,
					   const pg_uuid_t *assignment_id, TimestampTz at)
{
	Datum		state[] = {UUIDPGetDatum(lead_id), UUIDPGetDatum(client_id),
	TimestampTzGetDatum(at)};
	Datum		values[] = {UUIDPGetDatum(lead_id), UUIDPGetDatum(client_id),
		assignment_id ? UUIDPGetDatum(assignment_id) : (Datum) 0,
		TimestampTzGetDatum(at),
	TimestampTzGetDatum(lp_client_keeps_until(lp_client_load(client_id), lp_clock_now()))};

	lp_sql_run(&state_contacted_sql, state, NULL);
	if (lp_sql_run(&assignment_contacted_sql, values,
				   assignment_id ? NULL : "  n  ") > 0)
	{
		if (strcmp(lp_col_text(0, 1), "active") == 0)
			return;				/* owned: not in the pool anyway */
		if (!lp_col_is_null(0, 2))
		{
			Datum		keep[] = {state[0], state[1], lp_col(0, 2)};

			lp_sql_run(&keep_sql, keep, NULL);
		}
	}
	lp_available_refresh(lead_id, 1);
}

/* Strength of an outcome; 0 for none. */
static int
strength(const char *outcome)
{
	static const char *const order[] = {
		"replied", "interested", "not_interested", "meeting_booked", "converted"
	};

	for (int i = 0; outcome != NULL && i < lengthof(order); i++)
		if (strcmp(order[i], outcome) == 0)
			return i + 1;
	return 0;
}

/* The moment of the last yes, DT_NOBEGIN if there was none. */
static TimestampTz
last_yes(const pg_uuid_t *lead_id, const pg_uuid_t *client_id)
{
	Datum		values[] = {UUIDPGetDatum(lead_id), UUIDPGetDatum(client_id)};

	lp_sql_run(&yes_sql, values, NULL);
	return lp_col_time(0, 1, DT_NOBEGIN);
}

/*
 * Whether a new outcome replaces the one that stands: the stronger one does,
 * but between a yes and a no it is the one said last that counts, in whatever
 * order they were reported.
 */
static bool
replaces(const char *new, const char *old, TimestampTz at, TimestampTz refused_at,
		 TimestampTz agreed_at)
{
	if (strcmp(new, "not_interested") == 0 && strength(old) > 0 &&
		(at <= refused_at || at < agreed_at))
		return false;			/* an old no, answered since */
	if (strength(new) > strength(old))
		return true;
	/* a later yes stands over a no */
	return strcmp(new, "interested") == 0 && old != NULL &&
		strcmp(old, "not_interested") == 0 && at >= refused_at;
}

void
lp_ownership_outcome(const pg_uuid_t *lead_id, const pg_uuid_t *client_id,
					 const char *outcome, TimestampTz at)
{
	Datum		find[] = {UUIDPGetDatum(lead_id),
	client_id ? UUIDPGetDatum(client_id) : (Datum) 0};
	pg_uuid_t  *assignment = NULL;
	bool		stronger = false;

	if (strength(outcome) == 0)
		elog(ERROR, "unknown outcome \"%s\"", outcome);
	if (lp_sql_run(&find_sql, find, client_id ? NULL : " n") > 0)
	{
		char	   *old = lp_col_text(0, 3);
		TimestampTz refused_at = lp_col_time(0, 4, DT_NOBEGIN);

		assignment = lp_col_uuid(0, 1);
		client_id = lp_col_uuid(0, 2);
		stronger = replaces(outcome, old, at, refused_at,
							last_yes(lead_id, client_id));
	}
	{
		Datum		state[] = {UUIDPGetDatum(lead_id), CStringGetTextDatum(outcome),
			TimestampTzGetDatum(at),
		client_id ? UUIDPGetDatum(client_id) : (Datum) 0};

		lp_sql_run(&state_outcome_sql, state, client_id ? NULL : "   n");
	}
	if (assignment != NULL)
	{
		Datum		values[] = {UUIDPGetDatum(assignment), CStringGetTextDatum(outcome),
		TimestampTzGetDatum(at), BoolGetDatum(stronger)};

		lp_sql_run(&assignment_outcome_sql, values, NULL);
	}
	lp_available_refresh(lead_id, 1);
}
