/*
 * sender.c
 *	  Mailboxes, numbers and profiles that clients send from.
 *
 * The unique constraint over (channel, sender_match) is the promise that one
 * sender belongs to one client.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "core/ownership.h"
#include "core/sender.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/email.h"
#include "util/jsonarg.h"
#include "util/key.h"
#include "util/phone.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_sender_set);

enum
{
	SET_DAILY_LIMIT,
	SET_TIME_ZONE,
	SET_MIN_GAP,
	SET_PAUSED,
	SET_WARMUP_READY,
	SET_WARMUP_STARTED,
	SET_WARMUP_DAYS,
	SETTINGS
};

static const LpJsonKey setting_keys[SETTINGS] = {
	[SET_DAILY_LIMIT] = {"daily_limit", LP_JSON_INTEGER, 0, PG_INT32_MAX},
	[SET_TIME_ZONE] = {"time_zone", LP_JSON_ZONE},
	[SET_MIN_GAP] = {"min_gap", LP_JSON_PERIOD},
	[SET_PAUSED] = {"paused", LP_JSON_BOOL},
	[SET_WARMUP_READY] = {"warmup_ready", LP_JSON_BOOL},
	[SET_WARMUP_STARTED] = {"warmup_started_on", LP_JSON_DATE},
	[SET_WARMUP_DAYS] = {"warmup_days", LP_JSON_INTEGER, 1, 3650},
};

#define WARMUP_DAYS 21

/* An existing row of another client is not changed: no row comes back. */
static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_senders (client_id, channel, sender, sender_match,"
	" created_at, updated_at) VALUES ($1, $2::text::@s@.lp_channel, $3, $4, $5, $5)"
	" ON CONFLICT (channel, sender_match) DO UPDATE SET sender = excluded.sender,"
	" updated_at = excluded.updated_at"
	" WHERE lead_senders.client_id = excluded.client_id"
	" RETURNING id",
	UUIDOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID);

/*
 * For each setting a pair: whether it is given, and its value (null restores
 * the default).
 */
static LpSql update_sql = LP_SQL(
	"UPDATE @s@.lead_senders SET"
	" daily_limit = CASE WHEN $2 THEN $3 ELSE daily_limit END,"
	" time_zone = CASE WHEN $4 THEN $5 ELSE time_zone END,"
	" min_gap = CASE WHEN $6 THEN coalesce($7, '0') ELSE min_gap END,"
	" status = CASE WHEN NOT $8 THEN status WHEN $9 THEN 'paused' ELSE 'active' END,"
	" paused_reason = CASE WHEN NOT $8 THEN paused_reason WHEN $9 THEN 'operator' END,"
	" bounces_after = CASE WHEN $8 AND $9 IS NOT TRUE AND status = 'paused'"
	"  THEN $17 ELSE bounces_after END,"
	" warmup_ready = CASE WHEN $10 THEN $11 ELSE warmup_ready END,"
	" warmup_started_on = CASE WHEN $12 THEN $13 ELSE warmup_started_on END,"
	" warmup_days = CASE WHEN $14 THEN coalesce($15, $16) ELSE warmup_days END"
	" WHERE id = $1 RETURNING *",
	UUIDOID, BOOLOID, INT4OID, BOOLOID, TEXTOID, BOOLOID, INTERVALOID,
	BOOLOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID, DATEOID, BOOLOID, INT4OID,
	INT4OID, UUIDOID);

/*
 * Whoever else writes the row now writes a time that is as good: nobody waits
 * for it, so that sends of one sender never stand in line.
 */
static LpSql used_sql = LP_SQL(
	"UPDATE @s@.lead_senders SET last_used_at = $3 WHERE id = ("
	" SELECT s.id FROM @s@.lead_senders s"
	" WHERE s.channel = $1::text::@s@.lp_channel AND s.sender_match = $2"
	"  AND (s.last_used_at IS NULL OR s.last_used_at < $3)"
	" FOR NO KEY UPDATE SKIP LOCKED)",
	TEXTOID, TEXTOID, TIMESTAMPTZOID);

static char *
trimmed_lower(const char *string)
{
	int			length;
	char	   *result;

	string += strspn(string, " \t\r\n");
	length = strlen(string);
	while (length > 0 && strchr(" \t\r\n", string[length - 1]) != NULL)
		length--;
	result = pnstrdup(string, length);
	for (char *p = result; *p != '\0'; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return result;
}

char *
lp_sender_match(LpChannel channel, const char *sender)
{
	LpPhone		phone;
	char	   *match;

	if (channel == LP_CHANNEL_EMAIL)
		match = lp_email_match(sender);
	else if ((channel == LP_CHANNEL_SMS || channel == LP_CHANNEL_VOICE) &&
			 lp_phone_parse(sender, NULL, &phone))
		match = pstrdup(phone.e164);
	else
		match = trimmed_lower(sender);
	if (match == NULL || *match == '\0' || strlen(match) > LP_KEY_MAX_BYTES)
		return NULL;
	return match;
}

void
lp_sender_used(LpChannel channel, const char *sender_match, TimestampTz at)
{
	Datum		values[3];

	if (sender_match == NULL)
		return;
	values[0] = CStringGetTextDatum(lp_channel_name(channel));
	values[1] = CStringGetTextDatum(sender_match);
	values[2] = TimestampTzGetDatum(at);
	lp_sql_run(&used_sql, values, NULL);
}

/* The value of a setting, and whether it is null. */
static Datum
value_of(int key, const LpJsonArg *arg)
{
	switch (key)
	{
		case SET_TIME_ZONE:
			return CStringGetTextDatum(arg->string);
		case SET_MIN_GAP:
			return IntervalPGetDatum(&arg->period);
		case SET_PAUSED:
		case SET_WARMUP_READY:
			return BoolGetDatum(arg->flag);
		case SET_WARMUP_STARTED:
			return DateADTGetDatum(arg->date);
		default:
			return Int32GetDatum((int32) arg->integer);
	}
}

static void
apply_settings(const pg_uuid_t *id, const LpJsonArg *args)
{
	Datum		values[3 + 2 * SETTINGS];
	char		nulls[3 + 2 * SETTINGS + 1];

	memset(nulls, ' ', sizeof(nulls) - 1);
	nulls[sizeof(nulls) - 1] = '\0';
	values[0] = UUIDPGetDatum(id);
	for (int i = 0; i < SETTINGS; i++)
	{
		bool		has = args[i].given && !args[i].is_null;

		values[1 + 2 * i] = BoolGetDatum(args[i].given);
		values[2 + 2 * i] = has ? value_of(i, &args[i]) : (Datum) 0;
		nulls[2 + 2 * i] = has ? ' ' : 'n';
	}
	values[1 + 2 * SETTINGS] = Int32GetDatum(WARMUP_DAYS);
	values[2 + 2 * SETTINGS] = lp_uuid_new();
	lp_sql_run(&update_sql, values, nulls);
}

/* The id of the client's sender, made if it is new. */
static pg_uuid_t *
find_or_make(const pg_uuid_t *client_id, LpChannel channel, const char *sender)
{
	char	   *match = lp_sender_match(channel, sender);
	Datum		values[5];

	if (match == NULL || strlen(sender) > LP_KEY_MAX_BYTES)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid sender for channel %s", lp_channel_name(channel)),
				errhint(channel == LP_CHANNEL_EMAIL ? "Pass a mail address." :
						"Pass a number, name or profile of at most %d bytes.",
						LP_KEY_MAX_BYTES));
	values[0] = UUIDPGetDatum(client_id);
	values[1] = CStringGetTextDatum(lp_channel_name(channel));
	values[2] = CStringGetTextDatum(sender);
	values[3] = CStringGetTextDatum(match);
	values[4] = TimestampTzGetDatum(lp_clock_now());
	if (lp_sql_run(&insert_sql, values, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_DUPLICATE_OBJECT),
				errmsg("this sender belongs to another client"),
				errhint("A sender belongs to one client; use another one."));
	return lp_col_uuid(0, 1);
}

Datum
lp_sender_set(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 0, "client_id");
	LpChannel	channel;
	char	   *sender = lp_arg_text(fcinfo, 2, "sender");
	Jsonb	   *given = LP_ARG_JSONB(3);
	LpJsonArg  *args;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	channel = lp_arg_channel(fcinfo, 1, "channel");
	args = lp_json_read("setting", given, setting_keys, SETTINGS);
	lp_client_lock(client_id, true);
	if (!lp_client_load(client_id)->known)
		lp_client_no_such(client_id);
	apply_settings(find_or_make(client_id, channel, sender), args);
	result = lp_call_return_row(0);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
