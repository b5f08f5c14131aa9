/*
 * event.c
 *	  What happened after a send, as reported: recorded once, with its effect.
 *
 * An event belongs to the client whose message it answers, whoever owns the
 * lead by now; an opt-out acts for everyone.  It may come before its lead:
 * then it is kept by the keyed hash of the address, bans act at once, and
 * lp_event_adopt gives it to the lead that turns up.  A report that comes late
 * never lifts or reopens anything.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "core/bans.h"
#include "core/breaker.h"
#include "core/event.h"
#include "core/event_target.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "core/textkeys.h"
#include "core/touch.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/settings.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_record_event);

/* Namespace of the advisory locks that make (event, external_id) once. */
#define EVENT_LOCK_CLASS 0x6c706576

#define MAX_EXTERNAL_ID 1000	/* bytes; as the table checks */

typedef enum Effect
{
	EFFECT_RECORD,				/* nothing but the row */
	EFFECT_OUTCOME,				/* an outcome of the assignment, by its name */
	EFFECT_STOP,				/* the same, and open claims are void */
	EFFECT_BOUNCE,
	EFFECT_SOFT_BOUNCE,
	EFFECT_BAN,
	EFFECT_SEND
} Effect;

typedef struct EventKind
{
	const char *name;
	Effect		effect;
	const char *word;			/* what the caller is told */
	LpBanReason reason;			/* of EFFECT_BAN */
} EventKind;

static const EventKind event_kinds[] = {
	{"delivered", EFFECT_RECORD, "recorded"},
	{"opened", EFFECT_RECORD, "recorded"},
	{"clicked", EFFECT_RECORD, "recorded"},
	{"bounced", EFFECT_BOUNCE, "bounced"},
	{"soft_bounced", EFFECT_SOFT_BOUNCE, "recorded"},
	{"complained", EFFECT_BAN, "banned", LP_BAN_COMPLAINED},
	{"unsubscribed", EFFECT_BAN, "banned", LP_BAN_UNSUBSCRIBED},
	{"replied", EFFECT_STOP, "replied"},
	{"auto_replied", EFFECT_RECORD, "recorded"},
	{"interested", EFFECT_STOP, "recorded"},
	{"not_interested", EFFECT_STOP, "cooling"},
	{"meeting_booked", EFFECT_STOP, "recorded"},
	{"converted", EFFECT_OUTCOME, "converted"},
	{"do_not_contact", EFFECT_BAN, "banned", LP_BAN_DO_NOT_CONTACT},
	{"consent_revoked", EFFECT_BAN, "banned", LP_BAN_CONSENT_REVOKED},
	{"sent", EFFECT_SEND, "unclaimed_send"},
};

/* One report while it is worked on. */
typedef struct Event
{
	const EventKind *kind;
	LpEventTarget to;
	char	   *external_id;
	Jsonb	   *detail;
	TimestampTz occurred_at;
	TimestampTz now;
	LpBounceClass bounce;
	char	   *sender_match;	/* of what came back; NULL: unknown */
	const char *word;
} Event;

static const EventKind *
find_kind(const char *name)
{
	for (int i = 0; i < lengthof(event_kinds); i++)
		if (strcmp(event_kinds[i].name, name) == 0)
			return &event_kinds[i];
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown event \"%s\"", pnstrdup(name, Min(strlen(name), 100))),
			errhint("The events are delivered, opened, clicked, bounced, soft_bounced, complained, unsubscribed, replied, auto_replied, interested, not_interested, meeting_booked, converted, do_not_contact, consent_revoked and sent."));
}

/*
 * Effects.
 */
static void
ban(Event *event, LpBanReason reason, LpChannel channel)
{
	LpBanOrder	order = {
		.reason = reason,
		.channel = channel,
		.client_id = event->to.client_id,
		.origin = "event",
		.expires_at = DT_NOEND
	};

	lp_bans_add(&order, &event->to.key, event->to.has_key ? 1 : 0, event->to.lead_id, NULL);
	event->word = reason == LP_BAN_BOUNCED ? "bounced" : "banned";
}

/* A bounce stops mail to that address, nothing else. */
static void
bounce(Event *event)
{
	if (event->to.has_key && event->to.key.kind == LP_KEY_EMAIL)
		ban(event, LP_BAN_BOUNCED, LP_CHANNEL_NONE);
	else
		event->word = "recorded";
}

/* Messages that came back softly since then; one reported twice counts once. */
static LpSql soft_bounces_sql = LP_SQL(
	"SELECT count(DISTINCT coalesce(touch_id, id)) FROM @s@.lead_events"
	" WHERE address_hash = $1 AND bounce_class = 'soft' AND occurred_at > $2"
	"  AND ($3 IS NULL OR touch_id IS DISTINCT FROM $3)",
	BYTEAOID, TIMESTAMPTZOID, UUIDOID);

static void
soft_bounce(Event *event)
{
	TimestampTz since = lp_clock_sub(event->now, lp_setting_soft_bounce_window());
	Datum		args[3];

	if (!event->to.has_key || event->to.key.kind != LP_KEY_EMAIL ||
		event->occurred_at <= since)
		return;
	args[0] = lp_bans_key_hash(&event->to.key);
	args[1] = TimestampTzGetDatum(since);
	args[2] = UUIDPGetDatum(event->to.touch_id);
	lp_sql_run(&soft_bounces_sql, args, event->to.touch_id == NULL ? "  n" : NULL);
	if (lp_col_int(0, 1, 0) + 1 >= lp_soft_bounce_limit)
		bounce(event);
}

/*
 * How bad a bounce was.  One that counts against the client or its sender
 * takes the client's lock, first in the lock order.
 */
static void
classify_bounce(Event *event)
{
	Effect		effect = event->kind->effect;

	if (effect != EFFECT_BOUNCE && effect != EFFECT_SOFT_BOUNCE)
		return;
	event->bounce = lp_bounce_class(event->detail,
									effect == EFFECT_BOUNCE ? LP_BOUNCE_HARD : LP_BOUNCE_SOFT);
	if (effect == EFFECT_SOFT_BOUNCE && event->bounce != LP_BOUNCE_POLICY)
		event->bounce = LP_BOUNCE_SOFT;
	if (event->to.channel != LP_CHANNEL_NONE && event->to.channel != LP_CHANNEL_EMAIL)
		event->bounce = LP_BOUNCE_NONE;
	if (event->to.client_id == NULL ||
		(event->bounce != LP_BOUNCE_HARD && event->bounce != LP_BOUNCE_POLICY))
		return;
	lp_client_lock(event->to.client_id, true);
	event->sender_match = lp_breaker_sender(event->to.touch_id, event->to.lead_id,
											event->to.client_id);
}

static void
judge_bounce(const Event *event)
{
	if (event->to.client_id != NULL &&
		(event->bounce == LP_BOUNCE_HARD || event->bounce == LP_BOUNCE_POLICY))
		lp_breaker_judge(event->to.client_id, event->sender_match, event->now);
}

static void
outcome(Event *event, bool stops)
{
	if (event->to.lead_id == NULL)
		return;
	lp_lead_take(event->to.lead_id, 1);
	lp_ownership_outcome(event->to.lead_id, event->to.client_id, event->kind->name,
						 event->occurred_at);
	if (stops)
		lp_touch_fence(event->to.lead_id, 1, NULL, LP_CHANNEL_NONE, event->now);
}

static void
report_send(Event *event)
{
	LpSend		send = {
		.lead_id = event->to.lead_id,
		.client_id = event->to.client_id,
		.channel = event->to.channel,
		.provider_message_id = event->external_id,
		.sent_at = event->occurred_at
	};
	pg_uuid_t	touch;

	if (event->to.touch_id != NULL)
	{
		/* the touch says what it was; the event's own id names no message */
		lp_touch_confirm_send(event->to.touch_id, NULL, event->occurred_at);
		event->word = "recorded";
		return;
	}
	if (event->to.lead_id == NULL)
	{
		event->word = "recorded";	/* nobody it could count for yet */
		return;
	}
	if (event->to.client_id == NULL || event->to.channel == LP_CHANNEL_NONE)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("event \"sent\" needs \"client_id\" and \"channel\""));
	touch = lp_touch_record_send(&send);
	event->to.touch_id = palloc(sizeof(pg_uuid_t));
	*event->to.touch_id = touch;
}

static void
take_effect(Event *event)
{
	event->word = event->kind->word;
	switch (event->kind->effect)
	{
		case EFFECT_RECORD:
			break;
		case EFFECT_OUTCOME:
		case EFFECT_STOP:
			outcome(event, event->kind->effect == EFFECT_STOP);
			break;
		case EFFECT_BOUNCE:
			event->word = "recorded";
			if (event->bounce == LP_BOUNCE_SOFT)
				soft_bounce(event);
			else if (event->bounce == LP_BOUNCE_HARD)
				bounce(event);
			break;
		case EFFECT_SOFT_BOUNCE:
			if (event->bounce == LP_BOUNCE_SOFT)
				soft_bounce(event);
			break;
		case EFFECT_BAN:
			ban(event, event->kind->reason,
				event->kind->reason == LP_BAN_CONSENT_REVOKED ?
				event->to.channel : LP_CHANNEL_NONE);
			break;
		case EFFECT_SEND:
			report_send(event);
			break;
	}
}

/*
 * The row.
 */
static LpSql lock_sql = LP_SQL(
	"SELECT pg_advisory_xact_lock($1, $2)", INT4OID, INT4OID);

static LpSql seen_sql = LP_SQL(
	"SELECT id, lead_id FROM @s@.lead_events WHERE event = $1 AND external_id = $2",
	TEXTOID, TEXTOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_events (id, event, lead_id, client_id, channel, touch_id,"
	" external_id, effect, occurred_at, recorded_at, detail, address_hash,"
	" bounce_class, sender_match)"
	" VALUES ($1, $2, $3, $4, $5::@s@.lp_channel, $6, $7, $8, $9, $10, $11, $12,"
	" $13, $14)",
	UUIDOID, TEXTOID, UUIDOID, UUIDOID, TEXTOID, UUIDOID, TEXTOID, TEXTOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, JSONBOID, BYTEAOID, TEXTOID, TEXTOID);

/* True, with the first event's row in SPI_tuptable, for a repeated report. */
static bool
is_repeat(const Event *event)
{
	char	   *both = psprintf("%s %s", event->kind->name, event->external_id);
	Datum		lock[] = {
		Int32GetDatum(EVENT_LOCK_CLASS),
		UInt32GetDatum(hash_bytes((unsigned char *) both, strlen(both)))
	};
	Datum		args[] = {
		CStringGetTextDatum(event->kind->name),
		CStringGetTextDatum(event->external_id)
	};

	lp_sql_run(&lock_sql, lock, NULL);
	return lp_sql_run(&seen_sql, args, NULL) > 0;
}

static pg_uuid_t *
insert_event(const Event *event)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	const char *channel = lp_channel_name(event->to.channel);
	const char *bounced = lp_bounce_class_name(event->bounce);
	char		nulls[] = "              ";
	Datum		args[14];

	lp_uuid_make(id);
	args[0] = UUIDPGetDatum(id);
	args[1] = CStringGetTextDatum(event->kind->name);
	args[2] = UUIDPGetDatum(event->to.lead_id);
	nulls[2] = event->to.lead_id == NULL ? 'n' : ' ';
	args[3] = UUIDPGetDatum(event->to.client_id);
	nulls[3] = event->to.client_id == NULL ? 'n' : ' ';
	args[4] = channel != NULL ? CStringGetTextDatum(channel) : 0;
	nulls[4] = channel == NULL ? 'n' : ' ';
	args[5] = UUIDPGetDatum(event->to.touch_id);
	nulls[5] = event->to.touch_id == NULL ? 'n' : ' ';
	args[6] = event->external_id != NULL ? CStringGetTextDatum(event->external_id) : 0;
	nulls[6] = event->external_id == NULL ? 'n' : ' ';
	args[7] = CStringGetTextDatum(event->word);
	args[8] = TimestampTzGetDatum(event->occurred_at);
	args[9] = TimestampTzGetDatum(event->now);
	args[10] = JsonbPGetDatum(event->detail);
	args[11] = event->to.has_key ? lp_bans_key_hash(&event->to.key) : 0;
	nulls[11] = event->to.has_key ? ' ' : 'n';
	args[12] = bounced != NULL ? CStringGetTextDatum(bounced) : 0;
	nulls[12] = bounced == NULL ? 'n' : ' ';
	args[13] = event->sender_match != NULL ? CStringGetTextDatum(event->sender_match) : 0;
	nulls[13] = event->sender_match == NULL ? 'n' : ' ';
	lp_sql_run(&insert_sql, args, nulls);
	return id;
}

static void
return_event(FunctionCallInfo fcinfo, const pg_uuid_t *id, const pg_uuid_t *lead_id,
			 const char *word)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);

	lp_rows_set_uuid(rows, "event_id", id);
	lp_rows_set_uuid(rows, "lead_id", lead_id);
	lp_rows_set_text(rows, "effect", word);
	lp_rows_emit(rows);
}

/* Of somebody who was erased only the fact is kept, not what was reported. */
static void
drop_detail_of_erased(Event *event)
{
	bool		erased = event->to.lead_id != NULL && !lp_lead_load(event->to.lead_id, 1)->known;
	ListCell   *cell;

	if (event->to.lead_id == NULL && event->to.has_key)
		foreach(cell, lp_bans_of_keys(&event->to.key, 1, event->now))
			erased |= ((LpBan *) lfirst(cell))->reason == LP_BAN_ERASURE;
	if (!erased && JB_ROOT_COUNT(event->detail) > 0)
		erased = lp_text_shows_erased(JsonbToCString(NULL, &event->detail->root,
													 VARSIZE(event->detail)), NULL, event->now);
	if (erased)
		event->detail = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

/* A provider's id that shows somebody who was erased is kept as a keyed hash. */
static void
hide_external_id(Event *event)
{
	uint8		hash[LP_HASH_BYTES];
	char		hex[LP_HASH_BYTES * 2 + 1];

	if (event->external_id == NULL ||
		!lp_text_shows_erased(psprintf("\"%s\"", event->external_id), NULL, event->now))
		return;
	lp_bans_hash(LP_KEY_APOLLO_ID, event->external_id, hash);
	hex[hex_encode((char *) hash, LP_HASH_BYTES, hex)] = '\0';
	event->external_id = psprintf("erased:%s", hex);
}

/* When it happened, as told: never later than now, and never "always". */
static TimestampTz
told_time(TimestampTz occurred_at, TimestampTz now)
{
	return TIMESTAMP_NOT_FINITE(occurred_at) ? now : Min(occurred_at, now);
}

Datum
lp_record_event(PG_FUNCTION_ARGS)
{
	Event		event = {.kind = find_kind(lp_arg_text(fcinfo, 0, "event"))};
	char	   *email = lp_arg_text_or_null(fcinfo, 4);
	char	   *phone = lp_arg_text_or_null(fcinfo, 5);
	pg_uuid_t  *given_client = lp_arg_uuid_or_null(fcinfo, 2);
	pg_uuid_t  *lead_arg = lp_arg_uuid_or_null(fcinfo, 1);

	event.to.channel = lp_arg_channel_or_none(fcinfo, 3);
	event.to.touch_id = lp_arg_uuid_or_null(fcinfo, 6);
	event.external_id = lp_arg_text_or_null(fcinfo, 8);
	if (event.external_id != NULL && strlen(event.external_id) > MAX_EXTERNAL_ID)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"external_id\" has more than %d bytes", MAX_EXTERNAL_ID),
				errhint("Pass the provider's id of the event, or a digest of it."));
	event.to.client_id = given_client;
	lp_arg_require(fcinfo, 9, "detail");
	event.detail = PG_GETARG_JSONB_P(9);
	if (!JB_ROOT_IS_OBJECT(event.detail))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_JSON_TEXT),
				errmsg("\"detail\" must be a JSON object"));
	if (lead_arg != NULL)
	{
		event.to.lead_id = palloc(sizeof(pg_uuid_t));
		*event.to.lead_id = *lead_arg;
	}

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_bans_require_key(true);
	event.now = lp_clock_now();
	event.occurred_at = told_time(lp_arg_time(fcinfo, 7, event.now), event.now);
	if (given_client != NULL)
	{
		LpClient   *client = lp_client_load(given_client);

		if (client == NULL || !client->known)
			lp_client_no_such(given_client);
	}

	hide_external_id(&event);
	if (event.external_id != NULL && is_repeat(&event))
	{
		return_event(fcinfo, lp_col_uuid(0, 1), lp_col_uuid(0, 2), "duplicate");
		lp_call_end();
		PG_RETURN_NULL();
	}
	lp_event_target_find(&event.to, email, phone);
	classify_bounce(&event);
	take_effect(&event);
	/* a merge under way is waited for: the event goes to the survivor */
	if (event.to.lead_id != NULL)
		lp_lead_take(event.to.lead_id, 1);
	drop_detail_of_erased(&event);
	return_event(fcinfo, insert_event(&event), event.to.lead_id, event.word);
	judge_bounce(&event);
	lp_call_end();
	PG_RETURN_NULL();
}

/*
 * Events that came before their lead.
 */
static LpSql adopt_sql = LP_SQL(
	"UPDATE @s@.lead_events e SET lead_id = i.lead_id"
	" FROM @s@.lead_identities i"
	" WHERE i.lead_id = ANY ($1) AND e.address_hash = i.key_hash AND e.lead_id IS NULL"
	"  AND (i.identifies OR NOT EXISTS (SELECT FROM @s@.lead_identities o"
	"   WHERE o.key_hash = i.key_hash AND o.lead_id <> i.lead_id))"
	" RETURNING e.event, e.lead_id, e.client_id, e.occurred_at",
	UUIDARRAYOID);

typedef struct Adopted
{
	const EventKind *kind;
	pg_uuid_t  *lead_id;
	pg_uuid_t  *client_id;
	TimestampTz at;
} Adopted;

int
lp_event_adopt(const pg_uuid_t *lead_ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(lead_ids, n)};
	uint64		rows = lp_sql_run(&adopt_sql, args, NULL);
	Adopted    *adopted = palloc(sizeof(Adopted) * Max(rows, 1));

	for (uint64 row = 0; row < rows; row++)
	{
		adopted[row].kind = find_kind(lp_col_text(row, 1));
		adopted[row].lead_id = lp_col_uuid(row, 2);
		adopted[row].client_id = lp_col_uuid(row, 3);
		adopted[row].at = lp_col_time(row, 4, DT_NOBEGIN);
	}
	for (uint64 row = 0; row < rows; row++)
		if (adopted[row].kind->effect == EFFECT_OUTCOME ||
			adopted[row].kind->effect == EFFECT_STOP)
			lp_ownership_outcome(adopted[row].lead_id, adopted[row].client_id,
								 adopted[row].kind->name, adopted[row].at);
	return rows;
}
