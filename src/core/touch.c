/*
 * touch.c
 *	  What is reported of claims and sends.
 *
 * A confirmation reports a fact and is never refused: what contradicts is kept
 * in flags.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/bans.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "core/sender.h"
#include "core/touch.h"
#include "core/touch_state.h"
#include "store/sql.h"
#include "store/touches.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_touch_confirm);
PG_FUNCTION_INFO_V1(lp_touch_fail);
PG_FUNCTION_INFO_V1(lp_touch_record);

LpTouchFacts *
lp_touch_find(const pg_uuid_t *touch_id)
{
	LpTouch    *touch = lp_touches_read(touch_id, false);
	LpTouchFacts *facts;

	if (touch == NULL)
		return NULL;
	facts = palloc(sizeof(LpTouchFacts));
	facts->id = touch->id;
	facts->lead_id = touch->lead_id;
	facts->client_id = touch->client_id;
	facts->channel = touch->channel;
	facts->address_key = touch->address_key;
	return facts;
}

int64
lp_touch_address_key(const LpLead *lead, LpChannel channel)
{
	switch (channel)
	{
		case LP_CHANNEL_EMAIL:
			return lead->email_key;
		case LP_CHANNEL_SMS:
		case LP_CHANNEL_VOICE:
			return lead->phone_key;
		case LP_CHANNEL_LINKEDIN:
			return lead->linkedin_key;
		default:
			return 0;
	}
}

/* When a message was sent, as told: never later than now. */
static TimestampTz
told_time(TimestampTz sent_at, TimestampTz now)
{
	return TIMESTAMP_NOT_FINITE(sent_at) ? now : Min(sent_at, now);
}

/* Names that are kept have a length at which they are refused plainly. */
void
lp_touch_check_length(const char *name, const char *value)
{
	if (value != NULL && strlen(value) > LP_KEY_MAX_BYTES)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"%s\" is longer than %d bytes", name,
					   LP_KEY_MAX_BYTES),
				errhint("Pass a short name or an id."));
}

pg_uuid_t
lp_touch_record_send(const LpSend *send)
{
	LpTouch		touch;
	LpLead	   *lead;
	LpClient   *client;
	TimestampTz now;

	lp_touch_check_length("step", send->step);
	lp_touch_check_length("sender", send->sender);
	memset(&touch, 0, sizeof(touch));
	touch.lead_id = *send->lead_id;
	lp_lead_take(&touch.lead_id, 1);
	lead = lp_lead_load(&touch.lead_id, 1);
	if (!lead->known)
		lp_lead_no_such(send->lead_id);
	client = lp_client_load(send->client_id);
	if (client == NULL || !client->known)
		lp_client_no_such(send->client_id);

	now = lp_clock_now();
	lp_uuid_make(&touch.id);
	touch.client_id = *send->client_id;
	if (lead->owner != NULL && lp_uuid_equal(lead->owner, send->client_id))
		touch.assignment_id = lead->assignment_id;
	touch.campaign_id = (pg_uuid_t *) send->campaign_id;
	touch.step = (char *) send->step;
	touch.channel = send->channel;
	touch.sender = (char *) send->sender;
	if (send->sender != NULL)
		touch.sender_match = lp_sender_match(send->channel, send->sender);
	touch.claimed_at = touch.expires_at = touch.dispatched_at = DT_NOBEGIN;
	touch.sent_at = told_time(send->sent_at, now);
	lp_touch_move(&touch, LP_TOUCH_SENT, now);
	touch.provider_message_id = (char *) send->provider_message_id;
	touch.address_key = lp_touch_address_key(lead, send->channel);
	lp_ownership_contacted(&touch.lead_id, &touch.client_id, touch.assignment_id,
						   touch.sent_at);
	lp_touches_insert(&touch, 1);
	lp_sender_used(touch.channel, touch.sender_match, touch.sent_at);
	return touch.id;
}

Datum
lp_touch_record(PG_FUNCTION_ARGS)
{
	LpSend		send;
	pg_uuid_t	id;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	send.lead_id = lp_arg_uuid(fcinfo, 0, "lead_id");
	send.client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	send.channel = lp_arg_channel(fcinfo, 2, "channel");
	send.sender = lp_arg_text_or_null(fcinfo, 3);
	send.campaign_id = lp_arg_uuid_or_null(fcinfo, 4);
	send.step = lp_arg_text_or_null(fcinfo, 5);
	send.provider_message_id = lp_arg_text_or_null(fcinfo, 6);
	send.sent_at = lp_arg_time(fcinfo, 7, DT_NOEND);
	id = lp_touch_record_send(&send);
	result = lp_touches_row(&id);
	lp_call_end();
	PG_RETURN_DATUM(result);
}

static LpTouch *
lock_known_touch(const pg_uuid_t *id, pg_uuid_t *lead_id, TimestampTz *now)
{
	LpTouch    *touch = lp_touch_lock(id, lead_id, now);

	if (touch == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("touch \"%s\" does not exist", lp_uuid_text(id)),
				errhint("Pass the touch_id that lp_jit_claim returned."));
	return touch;
}

static bool
is_banned(const pg_uuid_t *lead_id, const LpTouch *touch, TimestampTz at)
{
	List	   *bans = *lp_bans_of_leads(lead_id, 1, at);
	ListCell   *cell;

	foreach(cell, bans)
	{
		const LpBan *ban = lfirst(cell);

		if (lp_ban_stops(ban, &touch->client_id, touch->channel, at) !=
			LP_BAN_STOPS_NOTHING)
			return true;
	}
	return false;
}

/*
 * Whether a ban has come since the dispatch (there was none then).  A missing
 * ban key must not refuse a fact, so its error ends in a subtransaction.
 */
static bool
is_in_flight(const pg_uuid_t *lead_id, const LpTouch *touch, TimestampTz at)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool banned = false;

	if (TIMESTAMP_IS_NOBEGIN(touch->dispatched_at))
		return false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		banned = is_banned(lead_id, touch, at);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_LP_BAN_KEY)
			ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return banned;
}

/*
 * A claim that had ended was sent after all: a newer claim of the same step
 * must not be.
 */
static void
fence_successors(const LpTouch *touch, TimestampTz now)
{
	int			n;
	LpTouchOfStep *others;

	if (touch->campaign_id == NULL || touch->step == NULL)
		return;
	others = lp_touches_of_step(&touch->lead_id, 1, touch->campaign_id,
								touch->step, &n);
	for (int i = 0; i < n; i++)
	{
		LpTouch    *other;

		if (!others[i].open || lp_uuid_equal(&others[i].id, &touch->id))
			continue;
		other = lp_touches_read(&others[i].id, true);
		if (other->state != LP_TOUCH_CLAIMED)
			continue;
		lp_touch_move(other, LP_TOUCH_FENCED, now);
		lp_touches_write(other);
	}
}

static void
confirm_again(LpTouch *touch, const char *message_id)
{
	touch->flags |= LP_TOUCH_REPEATED;
	if (message_id == NULL)
		return;
	if (touch->provider_message_id == NULL)
		touch->provider_message_id = pstrdup(message_id);
	else if (strcmp(touch->provider_message_id, message_id) != 0)
		touch->flags |= LP_TOUCH_OTHER_MESSAGE_ID;
}

static void
confirm_first(LpTouch *touch, const pg_uuid_t *lead_id, const char *message_id,
			  TimestampTz sent_at, TimestampTz now)
{
	if (TIMESTAMP_IS_NOBEGIN(touch->dispatched_at))
		touch->flags |= LP_TOUCH_UNDISPATCHED;
	else if (is_in_flight(lead_id, touch, now))
		touch->flags |= LP_TOUCH_IN_FLIGHT;
	if (touch->state == LP_TOUCH_EXPIRED || touch->state == LP_TOUCH_FAILED)
		touch->flags |= LP_TOUCH_LATE;
	if (touch->state == LP_TOUCH_FENCED)
		touch->flags |= LP_TOUCH_AFTER_FENCE;
	if (touch->flags & (LP_TOUCH_LATE | LP_TOUCH_AFTER_FENCE))
		fence_successors(touch, now);

	touch->sent_at = told_time(sent_at, now);
	if (message_id != NULL)
		touch->provider_message_id = pstrdup(message_id);
	lp_touch_move(touch, LP_TOUCH_SENT, now);
	lp_ownership_contacted(lead_id, &touch->client_id, touch->assignment_id,
						   touch->sent_at);
	lp_sender_used(touch->channel, touch->sender_match, touch->sent_at);
}

/* Of somebody who was erased the fact is kept, no word of a provider. */
static bool
was_erased(const pg_uuid_t *lead_id)
{
	return !lp_lead_load(lead_id, 1)->known;
}

void
lp_touch_confirm_send(const pg_uuid_t *id, const char *message_id, TimestampTz sent_at)
{
	pg_uuid_t	lead_id;
	TimestampTz now;
	LpTouch    *touch = lock_known_touch(id, &lead_id, &now);

	if (was_erased(&lead_id))
		message_id = NULL;
	if (touch->state == LP_TOUCH_SENT)
		confirm_again(touch, message_id);
	else
		confirm_first(touch, &lead_id, message_id, sent_at, now);
	lp_touches_write(touch);
}

Datum
lp_touch_confirm(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = lp_arg_uuid(fcinfo, 0, "touch_id");
	char	   *message_id = lp_arg_text_or_null(fcinfo, 1);
	TimestampTz sent_at = lp_arg_time(fcinfo, 2, DT_NOEND);
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_touch_confirm_send(id, message_id, sent_at);
	result = lp_touches_row(id);
	lp_call_end();
	PG_RETURN_DATUM(result);
}

Datum
lp_touch_fail(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = lp_arg_uuid(fcinfo, 0, "touch_id");
	char	   *error = lp_arg_text_or_null(fcinfo, 1);
	pg_uuid_t	lead_id;
	TimestampTz now;
	LpTouch    *touch;
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	touch = lock_known_touch(id, &lead_id, &now);
	if (was_erased(&lead_id))
		error = NULL;
	switch (touch->state)
	{
		case LP_TOUCH_SENT:
			touch->flags |= LP_TOUCH_FAIL_AFTER_SENT;
			break;
		case LP_TOUCH_FAILED:
			touch->flags |= LP_TOUCH_REPEATED;
			break;
		case LP_TOUCH_EXPIRED:
			touch->flags |= LP_TOUCH_LATE;
			break;
		case LP_TOUCH_FENCED:
			touch->flags |= LP_TOUCH_AFTER_FENCE;
			break;
		default:
			lp_touch_move(touch, LP_TOUCH_FAILED, now);
			break;
	}
	if (touch->error == NULL)
		touch->error = error;
	lp_touches_write(touch);
	result = lp_touches_row(id);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
