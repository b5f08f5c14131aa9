/*
 * event_target.c
 *	  Whom an event means: touch, else lead, else email, else phone.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/bans.h"
#include "core/event_target.h"
#include "core/lead.h"
#include "core/stripes.h"
#include "core/touch.h"
#include "store/sql.h"
#include "util/email.h"
#include "util/errors.h"
#include "util/phone.h"
#include "util/settings.h"
#include "util/uuid.h"

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
target_touch(LpEventTarget *to)
{
	LpTouchFacts *touch = lp_touch_find(to->touch_id);
	LpKeyKind	kind;

	if (touch == NULL)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("touch \"%s\" does not exist", lp_uuid_text(to->touch_id)));
	to->lead_id = &touch->lead_id;
	lp_lead_resolve(to->lead_id, 1);
	to->client_id = &touch->client_id;
	to->channel = touch->channel;
	kind = touch->channel == LP_CHANNEL_EMAIL ? LP_KEY_EMAIL : LP_KEY_PHONE;
	to->has_key = touch->channel != LP_CHANNEL_LINKEDIN &&
		touch->channel != LP_CHANNEL_MAIL &&
		key_of_lead(to->lead_id, kind, touch->address_key, &to->key);
}

/* Whose address it is counts once no merge or unmerge is under way. */
static void
target_lead(LpEventTarget *to)
{
	const pg_uuid_t asked = *to->lead_id;
	pg_uuid_t	seen;
	Datum		args[1];
	LpKeyKind	kind = LP_KEY_EMAIL;

	if (to->channel == LP_CHANNEL_SMS || to->channel == LP_CHANNEL_VOICE)
		kind = LP_KEY_PHONE;
	lp_lead_resolve(to->lead_id, 1);
	do
	{
		LpStripes	stripes = {{NoLock}};

		seen = *to->lead_id;
		to->has_key = key_of_lead(&seen, kind, 0, &to->key);
		if (to->has_key)
			lp_stripes_add_key(&stripes, &to->key, ShareLock);
		lp_stripes_lock(&stripes);
		*to->lead_id = asked;
		lp_lead_resolve(to->lead_id, 1);
	} while (!lp_uuid_equal(to->lead_id, &seen));
	args[0] = UUIDPGetDatum(to->lead_id);
	if (lp_sql_run(&known_lead_sql, args, NULL) == 0)
		lp_lead_no_such(to->lead_id);
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
target_address(LpEventTarget *to, LpKeyKind kind, const char *value)
{
	LpStripes	stripes = {{NoLock}};
	LpPhone		phone;

	to->key.kind = kind;
	if (kind == LP_KEY_EMAIL)
		to->key.value = lp_email_is_locked(value) ? NULL : lp_email_match(value);
	else if (lp_phone_parse(value, *lp_default_region != '\0' ? lp_default_region : NULL,
							&phone))
		to->key.value = pstrdup(phone.e164);
	if (to->key.value == NULL || strlen(to->key.value) > LP_KEY_MAX_BYTES)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%s\" is not a valid %s", pnstrdup(value, Min(strlen(value), 100)),
					   kind == LP_KEY_EMAIL ? "email address" : "phone number"));
	to->has_key = true;
	lp_stripes_add_key(&stripes, &to->key, ShareLock);
	lp_stripes_lock(&stripes);
	to->lead_id = lead_of_key(&to->key);
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
answering_client(const LpEventTarget *to)
{
	const char *channel = lp_channel_name(to->channel);
	Datum		args[2];

	if (to->client_id != NULL || to->lead_id == NULL)
		return to->client_id;
	args[0] = UUIDPGetDatum(to->lead_id);
	args[1] = channel != NULL ? CStringGetTextDatum(channel) : 0;
	if (lp_sql_run(&last_sender_sql, args, channel == NULL ? " n" : NULL) == 0)
		return NULL;
	return lp_col_uuid(0, 1);
}

static void
find(LpEventTarget *to, const char *email, const char *phone)
{
	if (to->touch_id != NULL)
		target_touch(to);
	else if (to->lead_id != NULL)
		target_lead(to);
	else if (email != NULL)
		target_address(to, LP_KEY_EMAIL, email);
	else if (phone != NULL)
		target_address(to, LP_KEY_PHONE, phone);
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
prefer_given_address(LpEventTarget *to, const char *email, const char *phone)
{
	LpKey		key;

	if (to->touch_id != NULL || to->lead_id == NULL)
		return;
	if (email != NULL && lp_key_make(LP_KEY_EMAIL, email, NULL, &key))
		to->key = key;
	else if (phone != NULL && lp_key_make(LP_KEY_PHONE, phone, NULL, &key))
		to->key = key;
	else
		return;
	to->has_key = true;
}

void
lp_event_target_find(LpEventTarget *to, const char *email, const char *phone)
{
	find(to, email, phone);
	prefer_given_address(to, email, phone);
	to->client_id = answering_client(to);
}
