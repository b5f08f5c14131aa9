/*
 * touches.c
 *	  Rows of lead_touches and lead_decisions.
 *
 * Statements only: which state may follow which, and under which locks, is
 * decided by the callers.  Rows are locked in the order of ids.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "store/sql.h"
#include "store/touches.h"
#include "util/uuid.h"

#define TOUCH_COLUMNS \
	"t.id, t.lead_id, t.client_id, t.assignment_id, t.campaign_id, t.step," \
	" t.channel::text, t.sender, t.sender_match, t.state, t.claimed_at," \
	" t.expires_at, t.dispatched_at, t.sent_at, t.ended_at, t.counted_at," \
	" t.provider_message_id, t.error, t.address_key, t.flags"

static LpSql read_sql = LP_SQL(
	"SELECT " TOUCH_COLUMNS " FROM @s@.lead_touches t WHERE t.id = $1",
	UUIDOID);

static LpSql lock_sql = LP_SQL(
	"SELECT " TOUCH_COLUMNS " FROM @s@.lead_touches t WHERE t.id = $1 FOR UPDATE",
	UUIDOID);

static LpSql row_sql = LP_SQL(
	"SELECT t FROM @s@.lead_touches t WHERE t.id = $1",
	UUIDOID);

static LpSql write_sql = LP_SQL(
	"UPDATE @s@.lead_touches SET state = $2, dispatched_at = $3, sent_at = $4,"
	" ended_at = $5, counted_at = $6, provider_message_id = $7, error = $8,"
	" flags = flags || ARRAY(SELECT f FROM unnest($9) WITH ORDINALITY u(f, n)"
	"  WHERE f <> ALL (flags) ORDER BY n)"
	" WHERE id = $1",
	UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTARRAYOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_touches (id, lead_id, assignment_id, address_key,"
	" client_id, campaign_id, step, channel, sender, sender_match, state,"
	" claimed_at, expires_at, sent_at, ended_at, counted_at,"
	" provider_message_id)"
	" SELECT u.id, u.lead_id, u.assignment_id, nullif(u.address_key, 0),"
	"  $5, $6, $7, $8::@s@.lp_channel, $9, $10, $11, $12, $13, $14, $15, $16, $17"
	" FROM unnest($1, $2, $3, $4) u(id, lead_id, assignment_id, address_key)",
	UUIDARRAYOID, UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID,
	UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID, TEXTOID);

#define MOVING "SELECT t.id, t.state, t.expires_at, t.dispatched_at, t.counted_at" \
	" FROM @s@.lead_touches t WHERE "

static LpSql lock_open_sql = LP_SQL(
	MOVING "t.lead_id = ANY ($1) AND t.counted_at IS NOT NULL AND t.state = 'claimed'"
	" AND ($2 IS NULL OR t.client_id = $2)"
	" AND ($3 IS NULL OR t.channel::text = $3) ORDER BY t.id FOR UPDATE",
	UUIDARRAYOID, UUIDOID, TEXTOID);

static LpSql lock_open_of_client_sql = LP_SQL(
	MOVING "t.client_id = $1 AND t.state = 'claimed' ORDER BY t.id LIMIT $2 FOR UPDATE",
	UUIDOID, INT4OID);

static LpSql lock_lapsed_sql = LP_SQL(
	MOVING "t.lead_id = ANY ($1) AND t.counted_at IS NOT NULL"
	" AND (t.state = 'claimed' AND t.expires_at <= $2"
	"  OR t.state = 'dispatched' AND t.dispatched_at <= $3) ORDER BY t.id FOR UPDATE",
	UUIDARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

static LpSql write_moves_sql = LP_SQL(
	"UPDATE @s@.lead_touches t SET state = u.state, ended_at = u.ended_at,"
	" counted_at = u.counted_at"
	" FROM unnest($1, $2, $3, $4) u(id, state, ended_at, counted_at) WHERE t.id = u.id",
	UUIDARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID);

static LpSql open_sql = LP_SQL(
	"SELECT count(*) FROM @s@.lead_touches"
	" WHERE client_id = $1 AND state = 'claimed' AND expires_at > $2",
	UUIDOID, TIMESTAMPTZOID);

static LpSql of_step_sql = LP_SQL(
	"SELECT t.id, t.lead_id, t.client_id, t.state = 'claimed'"
	" FROM @s@.lead_touches t WHERE t.lead_id = ANY ($1)"
	" AND t.campaign_id = $2 AND t.step = $3 AND t.claimed_at IS NOT NULL"
	" AND t.state NOT IN ('failed', 'expired', 'fenced')",
	UUIDARRAYOID, UUIDOID, TEXTOID);

static LpSql decided_sql = LP_SQL(
	"INSERT INTO @s@.lead_decisions"
	" (lead_id, touch_id, allowed, failed, facts, client_id, channel, decided_at)"
	" SELECT u.lead_id, u.touch_id, u.allowed, u.failed::text[], u.facts::jsonb,"
	"  $6, $7::@s@.lp_channel, $8"
	" FROM unnest($1, $2, $3, $4, $5) u(lead_id, touch_id, allowed, failed, facts)",
	UUIDARRAYOID, UUIDARRAYOID, BOOLARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	UUIDOID, TEXTOID, TIMESTAMPTZOID);

static const char *const state_names[LP_TOUCH_STATES] = {
	[LP_TOUCH_NEW] = "new",
	[LP_TOUCH_CLAIMED] = "claimed",
	[LP_TOUCH_DISPATCHED] = "dispatched",
	[LP_TOUCH_SENT] = "sent",
	[LP_TOUCH_FAILED] = "failed",
	[LP_TOUCH_UNKNOWN] = "unknown",
	[LP_TOUCH_EXPIRED] = "expired",
	[LP_TOUCH_FENCED] = "fenced",
};

static const struct
{
	LpTouchFlag flag;
	const char *name;
}			flag_names[] = {
	{LP_TOUCH_UNDISPATCHED, "undispatched"},
	{LP_TOUCH_LATE, "late"},
	{LP_TOUCH_AFTER_FENCE, "after_fence"},
	{LP_TOUCH_REPEATED, "repeated"},
	{LP_TOUCH_OTHER_MESSAGE_ID, "other_message_id"},
	{LP_TOUCH_FAIL_AFTER_SENT, "fail_after_sent"},
	{LP_TOUCH_IN_FLIGHT, "in_flight"},
};

const char *
lp_touch_state_name(LpTouchState state)
{
	return state_names[state];
}

LpTouchState
lp_touch_state_from_name(const char *name)
{
	LpTouchState state = LP_TOUCH_CLAIMED;

	while (state < LP_TOUCH_STATES && strcmp(state_names[state], name) != 0)
		state++;
	return state;
}

static LpTouchState
col_state(uint64 row, int col)
{
	const char *name = lp_col_text(row, col);
	LpTouchState state = lp_touch_state_from_name(name);

	if (state == LP_TOUCH_STATES)
		elog(ERROR, "unknown touch state \"%s\"", name);
	return state;
}

/* Flags of ours in a text[]; a word that is not ours stays in the row only. */
static int
flags_from_array(Datum array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			flags = 0;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < lengthof(flag_names); j++)
			if (!nulls[i] &&
				strcmp(TextDatumGetCString(values[i]), flag_names[j].name) == 0)
				flags |= flag_names[j].flag;
	return flags;
}

static Datum
flags_to_array(int flags)
{
	char	   *names[lengthof(flag_names)];
	int			n = 0;

	for (int i = 0; i < lengthof(flag_names); i++)
		if (flags & flag_names[i].flag)
			names[n++] = (char *) flag_names[i].name;
	return lp_array_of_texts(names, n);
}

LpTouch *
lp_touches_read(const pg_uuid_t *id, bool lock)
{
	Datum		args[] = {UUIDPGetDatum(id)};
	LpTouch    *touch;

	if (lp_sql_run(lock ? &lock_sql : &read_sql, args, NULL) == 0)
		return NULL;
	touch = palloc0(sizeof(LpTouch));
	touch->id = *lp_col_uuid(0, 1);
	touch->lead_id = *lp_col_uuid(0, 2);
	touch->client_id = *lp_col_uuid(0, 3);
	touch->assignment_id = lp_col_uuid(0, 4);
	touch->campaign_id = lp_col_uuid(0, 5);
	touch->step = lp_col_text(0, 6);
	touch->channel = lp_channel_from_name(lp_col_text(0, 7));
	touch->sender = lp_col_text(0, 8);
	touch->sender_match = lp_col_text(0, 9);
	touch->state = col_state(0, 10);
	touch->claimed_at = lp_col_time(0, 11, DT_NOBEGIN);
	touch->expires_at = lp_col_time(0, 12, DT_NOBEGIN);
	touch->dispatched_at = lp_col_time(0, 13, DT_NOBEGIN);
	touch->sent_at = lp_col_time(0, 14, DT_NOBEGIN);
	touch->ended_at = lp_col_time(0, 15, DT_NOBEGIN);
	touch->counted_at = lp_col_time(0, 16, DT_NOBEGIN);
	touch->provider_message_id = lp_col_text(0, 17);
	touch->error = lp_col_text(0, 18);
	touch->address_key = lp_col_int(0, 19, 0);
	touch->flags = flags_from_array(lp_col(0, 20));
	return touch;
}

Datum
lp_touches_row(const pg_uuid_t *id)
{
	Datum		args[] = {UUIDPGetDatum(id)};

	if (lp_sql_run(&row_sql, args, NULL) != 1)
		elog(ERROR, "touch is gone");
	return SPI_datumTransfer(lp_col(0, 1), false, -1);
}

/* Values of a statement, with what is null. */
static void
put_time(Datum *args, char *nulls, int i, TimestampTz value)
{
	args[i] = TimestampTzGetDatum(value);
	nulls[i] = TIMESTAMP_IS_NOBEGIN(value) ? 'n' : ' ';
}

static void
put_text(Datum *args, char *nulls, int i, const char *value)
{
	args[i] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
	nulls[i] = value == NULL ? 'n' : ' ';
}

static void
put_uuid(Datum *args, char *nulls, int i, const pg_uuid_t *value)
{
	args[i] = UUIDPGetDatum(value);
	nulls[i] = value == NULL ? 'n' : ' ';
}

void
lp_touches_write(const LpTouch *touch)
{
	Datum		args[9];
	char		nulls[10] = "         ";

	args[0] = UUIDPGetDatum(&touch->id);
	put_text(args, nulls, 1, state_names[touch->state]);
	put_time(args, nulls, 2, touch->dispatched_at);
	put_time(args, nulls, 3, touch->sent_at);
	put_time(args, nulls, 4, touch->ended_at);
	put_time(args, nulls, 5, touch->counted_at);
	put_text(args, nulls, 6, touch->provider_message_id);
	put_text(args, nulls, 7, touch->error);
	args[8] = flags_to_array(touch->flags);
	lp_sql_run(&write_sql, args, nulls);
}

/* A uuid[] from pointers, NULL pointers as nulls. */
static Datum
array_of_maybe_uuids(Datum *values, bool *nulls, int n)
{
	int			dims[1] = {n};
	int			lower[1] = {1};

	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower,
											  UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

void
lp_touches_insert(const LpTouch *touches, int n)
{
	const LpTouch *first = touches;
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	pg_uuid_t  *leads = palloc(sizeof(pg_uuid_t) * n);
	Datum	   *assignments = palloc(sizeof(Datum) * n);
	bool	   *unassigned = palloc(sizeof(bool) * n);
	Datum	   *keys = palloc(sizeof(Datum) * n);
	Datum		args[17];
	char		nulls[18] = "                 ";

	for (int i = 0; i < n; i++)
	{
		ids[i] = touches[i].id;
		leads[i] = touches[i].lead_id;
		assignments[i] = UUIDPGetDatum(touches[i].assignment_id);
		unassigned[i] = touches[i].assignment_id == NULL;
		keys[i] = Int64GetDatum(touches[i].address_key);
	}
	args[0] = lp_array_of_uuids(ids, n);
	args[1] = lp_array_of_uuids(leads, n);
	args[2] = array_of_maybe_uuids(assignments, unassigned, n);
	args[3] = lp_array_of_datums(keys, n, INT8OID);
	args[4] = UUIDPGetDatum(&first->client_id);
	put_uuid(args, nulls, 5, first->campaign_id);
	put_text(args, nulls, 6, first->step);
	put_text(args, nulls, 7, lp_channel_name(first->channel));
	put_text(args, nulls, 8, first->sender);
	put_text(args, nulls, 9, first->sender_match);
	put_text(args, nulls, 10, state_names[first->state]);
	put_time(args, nulls, 11, first->claimed_at);
	put_time(args, nulls, 12, first->expires_at);
	put_time(args, nulls, 13, first->sent_at);
	put_time(args, nulls, 14, first->ended_at);
	put_time(args, nulls, 15, first->counted_at);
	put_text(args, nulls, 16, first->provider_message_id);
	lp_sql_run(&insert_sql, args, nulls);
}

static LpTouch *
moving_rows(uint64 rows, int *found)
{
	LpTouch    *touches = palloc0(sizeof(LpTouch) * Max(rows, 1));

	for (uint64 row = 0; row < rows; row++)
	{
		touches[row].id = *lp_col_uuid(row, 1);
		touches[row].state = col_state(row, 2);
		touches[row].expires_at = lp_col_time(row, 3, DT_NOBEGIN);
		touches[row].dispatched_at = lp_col_time(row, 4, DT_NOBEGIN);
		touches[row].counted_at = lp_col_time(row, 5, DT_NOBEGIN);
		touches[row].sent_at = touches[row].ended_at = DT_NOBEGIN;
	}
	*found = rows;
	return touches;
}

LpTouch *
lp_touches_lock_open(const pg_uuid_t *lead_ids, int n, const pg_uuid_t *client_id,
					 LpChannel channel, int *found)
{
	Datum		args[3];
	char		nulls[4] = "   ";

	args[0] = lp_array_of_uuids(lead_ids, n);
	put_uuid(args, nulls, 1, client_id);
	put_text(args, nulls, 2, lp_channel_name(channel));
	return moving_rows(lp_sql_run(&lock_open_sql, args, nulls), found);
}

LpTouch *
lp_touches_lock_open_of_client(const pg_uuid_t *client_id, int limit, int *found)
{
	Datum		args[] = {UUIDPGetDatum(client_id), Int32GetDatum(limit)};

	return moving_rows(lp_sql_run(&lock_open_of_client_sql, args, NULL), found);
}

LpTouch *
lp_touches_lock_lapsed(const pg_uuid_t *lead_ids, int n, TimestampTz now,
					   TimestampTz unknown_before, int *found)
{
	Datum		args[3];
	char		nulls[4] = "   ";

	args[0] = lp_array_of_uuids(lead_ids, n);
	put_time(args, nulls, 1, now);
	put_time(args, nulls, 2, unknown_before);
	return moving_rows(lp_sql_run(&lock_lapsed_sql, args, nulls), found);
}

void
lp_touches_write_moves(const LpTouch *touches, int n)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	char	  **states = palloc(sizeof(char *) * Max(n, 1));
	TimestampTz *ended = palloc(sizeof(TimestampTz) * Max(n, 1));
	TimestampTz *counted = palloc(sizeof(TimestampTz) * Max(n, 1));
	Datum		args[4];

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		ids[i] = touches[i].id;
		states[i] = unconstify(char *, state_names[touches[i].state]);
		ended[i] = touches[i].ended_at;
		counted[i] = touches[i].counted_at;
	}
	args[0] = lp_array_of_uuids(ids, n);
	args[1] = lp_array_of_texts(states, n);
	args[2] = lp_array_of_times(ended, n);
	args[3] = lp_array_of_times(counted, n);
	lp_sql_run_list(&write_moves_sql, n, args, NULL);
}

int64
lp_touches_open(const pg_uuid_t *client_id, TimestampTz at)
{
	Datum		args[] = {UUIDPGetDatum(client_id), TimestampTzGetDatum(at)};

	lp_sql_run(&open_sql, args, NULL);
	return lp_col_int(0, 1, 0);
}

LpTouchOfStep *
lp_touches_of_step(const pg_uuid_t *lead_ids, int n, const pg_uuid_t *campaign_id,
				   const char *step, int *found)
{
	Datum		args[3];
	LpTouchOfStep *touches;

	args[0] = lp_array_of_uuids(lead_ids, n);
	args[1] = UUIDPGetDatum(campaign_id);
	args[2] = CStringGetTextDatum(step);
	*found = lp_sql_run(&of_step_sql, args, NULL);
	touches = palloc(sizeof(LpTouchOfStep) * Max(*found, 1));
	for (int row = 0; row < *found; row++)
	{
		touches[row].id = *lp_col_uuid(row, 1);
		touches[row].lead_id = *lp_col_uuid(row, 2);
		touches[row].client_id = *lp_col_uuid(row, 3);
		touches[row].open = lp_col_bool(row, 4);
	}
	return touches;
}

void
lp_touches_decided(const LpDecision *decisions, int n, const pg_uuid_t *client_id,
				   LpChannel channel, TimestampTz at)
{
	pg_uuid_t  *leads = palloc(sizeof(pg_uuid_t) * n);
	Datum	   *touches = palloc(sizeof(Datum) * n);
	bool	   *refused = palloc(sizeof(bool) * n);
	Datum	   *allowed = palloc(sizeof(Datum) * n);
	char	  **failed = palloc(sizeof(char *) * n);
	char	  **facts = palloc(sizeof(char *) * n);
	Datum		args[8];

	for (int i = 0; i < n; i++)
	{
		leads[i] = decisions[i].lead_id;
		touches[i] = UUIDPGetDatum(decisions[i].touch_id);
		refused[i] = decisions[i].touch_id == NULL;
		allowed[i] = BoolGetDatum(decisions[i].allowed);
		failed[i] = decisions[i].failed;
		facts[i] = decisions[i].facts;
	}
	args[0] = lp_array_of_uuids(leads, n);
	args[1] = array_of_maybe_uuids(touches, refused, n);
	args[2] = lp_array_of_datums(allowed, n, BOOLOID);
	args[3] = lp_array_of_texts(failed, n);
	args[4] = lp_array_of_texts(facts, n);
	args[5] = UUIDPGetDatum(client_id);
	args[6] = CStringGetTextDatum(lp_channel_name(channel));
	args[7] = TimestampTzGetDatum(at);
	lp_sql_run(&decided_sql, args, NULL);
}
