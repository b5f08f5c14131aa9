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
#include "core/identity.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "core/stripes.h"
#include "core/touch.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/email.h"
#include "util/errors.h"
#include "util/phone.h"
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
	pg_uuid_t  *touch_id;
	pg_uuid_t  *lead_id;		/* NULL while nobody is known by the address */
	pg_uuid_t  *client_id;
	LpChannel	channel;
	char	   *external_id;
	Jsonb	   *detail;
	TimestampTz occurred_at;
	TimestampTz now;
	LpKey		key;			/* the address or number meant */
	bool		has_key;
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
 * The target: touch, else lead, else email, else phone.
 */
static LpSql known_lead_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_state WHERE lead_id = $1 AND state = 'active'",
	UUIDOID);

static LpSql identity_sql = LP_SQL(
	"SELECT i.kind, i.value, s.email_key, s.phone_key"
	" FROM @s@.lead_identities i JOIN @s@.lead_state s USING (lead_id)"
	" WHERE i.lead_id = $1 AND i.kind IN ('email', 'phone') ORDER BY i.value",
	UUIDOID);

/*
 * The key of a lead that a short hash stands for; 0 means its current address
 * of that kind.
 */
static bool
key_of_lead(const pg_uuid_t *lead_id, LpKeyKind kind, int64 address_key, LpKey *key)
{
	Datum		args[] = {UUIDPGetDatum(lead_id)};
	uint64		rows = lp_sql_run(&identity_sql, args, NULL);

	for (uint64 row = 0; row < rows; row++)
	{
		char	   *value = lp_col_text(row, 2);
		int64		wanted = address_key;

		if (wanted == 0)
			wanted = lp_col_int(row, kind == LP_KEY_EMAIL ? 3 : 4, 0);
		if (strcmp(lp_col_text(row, 1), lp_key_kind_name(kind)) != 0 ||
			lp_bans_short_hash(kind, value) != wanted)
			continue;
		key->kind = kind;
		key->value = value;
		return true;
	}
	return false;
}

static void
target_touch(Event *event)
{
	LpTouchFacts *touch = lp_touch_find(event->touch_id);
	LpKeyKind	kind;

	if (touch == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("touch \"%s\" does not exist", lp_uuid_text(event->touch_id)));
	event->lead_id = &touch->lead_id;
	lp_lead_resolve(event->lead_id, 1);
	event->client_id = &touch->client_id;
	event->channel = touch->channel;
	kind = touch->channel == LP_CHANNEL_EMAIL ? LP_KEY_EMAIL : LP_KEY_PHONE;
	event->has_key = touch->channel != LP_CHANNEL_LINKEDIN &&
		touch->channel != LP_CHANNEL_MAIL &&
		key_of_lead(event->lead_id, kind, touch->address_key, &event->key);
}

static void
target_lead(Event *event)
{
	Datum		args[1];
	LpKeyKind	kind = LP_KEY_EMAIL;

	if (event->channel == LP_CHANNEL_SMS || event->channel == LP_CHANNEL_VOICE)
		kind = LP_KEY_PHONE;
	lp_lead_resolve(event->lead_id, 1);
	args[0] = UUIDPGetDatum(event->lead_id);
	if (lp_sql_run(&known_lead_sql, args, NULL) == 0)
		lp_lead_no_such(event->lead_id);
	event->has_key = key_of_lead(event->lead_id, kind, 0, &event->key);
}

static LpSql by_value_sql = LP_SQL(
	"SELECT lead_id, identifies FROM @s@.lead_identities"
	" WHERE kind = $1 AND value = $2 ORDER BY identifies DESC, lead_id LIMIT 2",
	TEXTOID, TEXTOID);

/* The lead that an address or number names, if it names exactly one. */
static pg_uuid_t *
lead_of_key(const LpKey *key)
{
	Datum		args[] = {
		CStringGetTextDatum(lp_key_kind_name(key->kind)),
		CStringGetTextDatum(key->value)
	};
	uint64		rows = lp_sql_run(&by_value_sql, args, NULL);
	pg_uuid_t  *leads;
	int			n;

	if (rows == 1 || (rows == 2 && lp_col_bool(0, 2)))
		return lp_col_uuid(0, 1);
	if (rows > 1)
		return NULL;
	/* Another spelling of the same mailbox (+tag). */
	leads = lp_bans_leads_of_keys(key, 1, &n);
	return n == 1 ? leads : NULL;
}

/* A capture that adds the address at this moment is waited for. */
static void
target_address(Event *event, LpKeyKind kind, const char *value)
{
	LpStripes	stripes = {{NoLock}};
	LpPhone		phone;

	event->key.kind = kind;
	if (kind == LP_KEY_EMAIL)
		event->key.value = lp_email_is_locked(value) ? NULL : lp_email_match(value);
	else if (lp_phone_parse(value, *lp_default_region != '\0' ? lp_default_region : NULL,
							&phone))
		event->key.value = pstrdup(phone.e164);
	if (event->key.value == NULL || strlen(event->key.value) > LP_KEY_MAX_BYTES)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%s\" is not a valid %s", pnstrdup(value, Min(strlen(value), 100)),
					   kind == LP_KEY_EMAIL ? "email address" : "phone number"));
	event->has_key = true;
	lp_stripes_add_key(&stripes, &event->key, ShareLock);
	lp_stripes_lock(&stripes);
	event->lead_id = lead_of_key(&event->key);
}

/*
 * The client whose message is answered: the one named, else the last that sent
 * to the lead, else its owner.
 */
static LpSql last_sender_sql = LP_SQL(
	"(SELECT client_id, counted_at AS at FROM @s@.lead_touches"
	"  WHERE lead_id = $1 AND state IN ('dispatched', 'unknown', 'sent')"
	"  AND ($2 IS NULL OR channel = $2::@s@.lp_channel)"
	"  ORDER BY counted_at DESC, id DESC LIMIT 1)"
	" UNION ALL"
	" SELECT client_id, '-infinity' FROM @s@.lead_assignments"
	"  WHERE lead_id = $1 AND status = 'active'"
	" ORDER BY at DESC LIMIT 1",
	UUIDOID, TEXTOID);

static pg_uuid_t *
answering_client(const Event *event)
{
	const char *channel = lp_channel_name(event->channel);
	Datum		args[2];

	if (event->client_id != NULL || event->lead_id == NULL)
		return event->client_id;
	args[0] = UUIDPGetDatum(event->lead_id);
	args[1] = channel != NULL ? CStringGetTextDatum(channel) : 0;
	if (lp_sql_run(&last_sender_sql, args, channel == NULL ? " n" : NULL) == 0)
		return NULL;
	return lp_col_uuid(0, 1);
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
		.client_id = event->client_id,
		.origin = "event",
		.expires_at = DT_NOEND
	};

	lp_bans_add(&order, &event->key, event->has_key ? 1 : 0, event->lead_id, NULL);
	event->word = reason == LP_BAN_BOUNCED ? "bounced" : "banned";
}

/* A bounce stops mail to that address, nothing else. */
static void
bounce(Event *event)
{
	if (event->has_key && event->key.kind == LP_KEY_EMAIL)
		ban(event, LP_BAN_BOUNCED, LP_CHANNEL_NONE);
	else
		event->word = "recorded";
}

static LpSql soft_bounces_sql = LP_SQL(
	"SELECT count(*) FROM @s@.lead_events WHERE address_hash = $1"
	" AND event = 'soft_bounced' AND occurred_at > $2",
	BYTEAOID, TIMESTAMPTZOID);

static void
soft_bounce(Event *event)
{
	Datum		args[2];

	if (!event->has_key || event->key.kind != LP_KEY_EMAIL)
		return;
	args[0] = lp_bans_key_hash(&event->key);
	args[1] = TimestampTzGetDatum(lp_clock_sub(event->now, lp_setting_soft_bounce_window()));
	lp_sql_run(&soft_bounces_sql, args, NULL);
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
	if (event->channel != LP_CHANNEL_NONE && event->channel != LP_CHANNEL_EMAIL)
		event->bounce = LP_BOUNCE_NONE;
	if (event->client_id == NULL ||
		(event->bounce != LP_BOUNCE_HARD && event->bounce != LP_BOUNCE_POLICY))
		return;
	lp_client_lock(event->client_id, true);
	event->sender_match = lp_breaker_sender(event->touch_id, event->lead_id,
											event->client_id);
}

static void
judge_bounce(const Event *event)
{
	if (event->client_id != NULL &&
		(event->bounce == LP_BOUNCE_HARD || event->bounce == LP_BOUNCE_POLICY))
		lp_breaker_judge(event->client_id, event->sender_match, event->now);
}

static void
outcome(Event *event, bool stops)
{
	if (event->lead_id == NULL)
		return;
	lp_lead_take(event->lead_id, 1);
	lp_ownership_outcome(event->lead_id, event->client_id, event->kind->name,
						 event->occurred_at);
	if (stops)
		lp_touch_fence(event->lead_id, 1, NULL, LP_CHANNEL_NONE, event->now);
}

static void
unclaimed_send(Event *event)
{
	LpSend		send = {
		.lead_id = event->lead_id,
		.client_id = event->client_id,
		.channel = event->channel,
		.provider_message_id = event->external_id,
		.sent_at = event->occurred_at
	};
	pg_uuid_t	touch;

	if (event->lead_id == NULL)
	{
		event->word = "recorded";	/* nobody it could count for yet */
		return;
	}
	if (event->client_id == NULL || event->channel == LP_CHANNEL_NONE)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("event \"sent\" needs \"client_id\" and \"channel\""));
	touch = lp_touch_record_send(&send);
	event->touch_id = palloc(sizeof(pg_uuid_t));
	*event->touch_id = touch;
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
				event->channel : LP_CHANNEL_NONE);
			break;
		case EFFECT_SEND:
			unclaimed_send(event);
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
	const char *channel = lp_channel_name(event->channel);
	const char *bounced = lp_bounce_class_name(event->bounce);
	char		nulls[] = "              ";
	Datum		args[14];

	lp_uuid_make(id);
	args[0] = UUIDPGetDatum(id);
	args[1] = CStringGetTextDatum(event->kind->name);
	args[2] = UUIDPGetDatum(event->lead_id);
	nulls[2] = event->lead_id == NULL ? 'n' : ' ';
	args[3] = UUIDPGetDatum(event->client_id);
	nulls[3] = event->client_id == NULL ? 'n' : ' ';
	args[4] = channel != NULL ? CStringGetTextDatum(channel) : 0;
	nulls[4] = channel == NULL ? 'n' : ' ';
	args[5] = UUIDPGetDatum(event->touch_id);
	nulls[5] = event->touch_id == NULL ? 'n' : ' ';
	args[6] = event->external_id != NULL ? CStringGetTextDatum(event->external_id) : 0;
	nulls[6] = event->external_id == NULL ? 'n' : ' ';
	args[7] = CStringGetTextDatum(event->word);
	args[8] = TimestampTzGetDatum(event->occurred_at);
	args[9] = TimestampTzGetDatum(event->now);
	args[10] = JsonbPGetDatum(event->detail);
	args[11] = event->has_key ? lp_bans_key_hash(&event->key) : 0;
	nulls[11] = event->has_key ? ' ' : 'n';
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

static void
find_target(Event *event, const char *email, const char *phone)
{
	if (event->touch_id != NULL)
		target_touch(event);
	else if (event->lead_id != NULL)
		target_lead(event);
	else if (email != NULL)
		target_address(event, LP_KEY_EMAIL, email);
	else if (phone != NULL)
		target_address(event, LP_KEY_PHONE, phone);
	else
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("the event names nobody"),
				errhint("Give touch_id, lead_id, email or phone."));
}

/*
 * An address given beside a lead or touch is more exact than the lead's
 * current one, except that with a touch the address that we mailed is meant.
 */
static void
prefer_given_address(Event *event, const char *email, const char *phone)
{
	LpKey		key;

	if (event->touch_id != NULL || event->lead_id == NULL)
		return;
	if (email != NULL && lp_key_make(LP_KEY_EMAIL, email, NULL, &key))
		event->key = key;
	else if (phone != NULL && lp_key_make(LP_KEY_PHONE, phone, NULL, &key))
		event->key = key;
	else
		return;
	event->has_key = true;
}

/* Of somebody who was erased only the fact is kept, not what was reported. */
static void
drop_detail_of_erased(Event *event)
{
	bool		erased = event->lead_id != NULL && !lp_lead_load(event->lead_id, 1)->known;
	ListCell   *cell;

	if (event->lead_id == NULL && event->has_key)
		foreach(cell, lp_bans_of_keys(&event->key, 1, event->now))
			erased |= ((LpBan *) lfirst(cell))->reason == LP_BAN_ERASURE;
	if (erased)
		event->detail = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

Datum
lp_record_event(PG_FUNCTION_ARGS)
{
	Event		event = {.kind = find_kind(lp_arg_text(fcinfo, 0, "event"))};
	char	   *email = lp_arg_text_or_null(fcinfo, 4);
	char	   *phone = lp_arg_text_or_null(fcinfo, 5);
	pg_uuid_t  *given_client = lp_arg_uuid_or_null(fcinfo, 2);
	pg_uuid_t  *lead_arg = lp_arg_uuid_or_null(fcinfo, 1);

	event.channel = lp_arg_channel_or_none(fcinfo, 3);
	event.touch_id = lp_arg_uuid_or_null(fcinfo, 6);
	event.external_id = lp_arg_text_or_null(fcinfo, 8);
	if (event.external_id != NULL && strlen(event.external_id) > MAX_EXTERNAL_ID)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"external_id\" has more than %d bytes", MAX_EXTERNAL_ID),
				errhint("Pass the provider's id of the event, or a digest of it."));
	event.client_id = given_client;
	lp_arg_require(fcinfo, 9, "detail");
	event.detail = PG_GETARG_JSONB_P(9);
	if (!JB_ROOT_IS_OBJECT(event.detail))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_JSON_TEXT),
				errmsg("\"detail\" must be a JSON object"));
	if (lead_arg != NULL)
	{
		event.lead_id = palloc(sizeof(pg_uuid_t));
		*event.lead_id = *lead_arg;
	}

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_bans_require_key(true);
	event.now = lp_clock_now();
	event.occurred_at = Min(lp_arg_time(fcinfo, 7, event.now), event.now);
	if (given_client != NULL)
	{
		LpClient   *client = lp_client_load(given_client);

		if (client == NULL || !client->known)
			lp_client_no_such(given_client);
	}

	if (event.external_id != NULL && is_repeat(&event))
	{
		return_event(fcinfo, lp_col_uuid(0, 1), lp_col_uuid(0, 2), "duplicate");
		lp_call_end();
		PG_RETURN_NULL();
	}
	find_target(&event, email, phone);
	prefer_given_address(&event, email, phone);
	event.client_id = answering_client(&event);
	classify_bounce(&event);
	take_effect(&event);
	drop_detail_of_erased(&event);
	return_event(fcinfo, insert_event(&event), event.lead_id, event.word);
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

void
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
}
