/*
 * suppress.c
 *	  lp_suppress, lp_unsuppress and lp_is_suppressed: bans by hand.
 *
 * A value is taken as it was given: whatever looks like an address, a number
 * or a profile can be banned, also one that would identify nobody.
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/bans.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/domain.h"
#include "util/email.h"
#include "util/errors.h"
#include "util/phone.h"
#include "util/profile.h"
#include "util/settings.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_suppress);
PG_FUNCTION_INFO_V1(lp_unsuppress);
PG_FUNCTION_INFO_V1(lp_is_suppressed);

/* A number that cannot be parsed is still banned by its digits. */
#define MIN_DIGITS 5

static char *
normalized_phone(const char *text)
{
	LpPhone		phone;
	char	   *digits;

	if (lp_phone_parse(text, *lp_default_region != '\0' ? lp_default_region : NULL,
					   &phone))
		return pstrdup(phone.e164);
	for (const char *p = text; *p != '\0'; p++)
		if (isalpha((unsigned char) *p))
			return NULL;
	digits = lp_phone_digits(text);
	return strlen(digits) >= MIN_DIGITS ? digits : NULL;
}

/*
 * Normalises a value to be banned.  False if it is none of that kind; an
 * unknown kind is an error.
 */
static bool
parse_key(const char *kind, const char *value, LpKey *key)
{
	key->identifies = false;
	if (!lp_key_kind_from_name(kind, &key->kind))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown suppression kind \"%s\"", kind),
				errhint("The kinds are email, phone, domain, linkedin and apollo_id."));
	switch (key->kind)
	{
		case LP_KEY_EMAIL:
			key->value = lp_email_is_locked(value) ? NULL : lp_email_match(value);
			break;
		case LP_KEY_PHONE:
			key->value = normalized_phone(value);
			break;
		case LP_KEY_DOMAIN:
			key->value = lp_domain_normalize(value);
			break;
		case LP_KEY_LINKEDIN:
			key->value = lp_profile_slug(value);
			break;
		default:
			key->value = *value == '\0' ? NULL : pstrdup(value);
			break;
	}
	return key->value != NULL && strlen(key->value) <= LP_KEY_MAX_BYTES;
}

/*
 * A number is banned as E.164 and by the digits given: without a country, or
 * with another one, the same digits may reach the same person.
 */
static int
keys_to_ban(const char *value, LpKey *keys)
{
	char	   *digits;

	if (keys[0].kind != LP_KEY_PHONE || *keys[0].value != '+')
		return 1;
	digits = lp_phone_digits(value);
	if (strlen(digits) < MIN_DIGITS || strlen(digits) > LP_KEY_MAX_BYTES)
		return 1;
	keys[1] = keys[0];
	keys[1].value = digits;
	return 2;
}

static LpKey
require_key(const char *kind, const char *value)
{
	LpKey		key;

	if (!parse_key(kind, value, &key))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"%s\" is not a valid value of kind \"%s\"",
					   pnstrdup(value, Min(strlen(value), 100)), kind));
	return key;
}

static void
require_client(const pg_uuid_t *client_id)
{
	LpClient   *client = lp_client_load(client_id);

	if (client == NULL || !client->known)
		lp_client_no_such(client_id);
}

/*
 * The channels of a ban: those of consent_revoked follow from the kind, all
 * else covers what its reason covers.
 */
static int
channels_of(LpBanReason reason, LpKeyKind kind, LpChannel *channels)
{
	channels[0] = LP_CHANNEL_NONE;
	if (reason != LP_BAN_CONSENT_REVOKED)
		return 1;
	if (kind == LP_KEY_EMAIL)
		channels[0] = LP_CHANNEL_EMAIL;
	else if (kind == LP_KEY_PHONE)
	{
		channels[0] = LP_CHANNEL_VOICE;
		channels[1] = LP_CHANNEL_SMS;
		return 2;
	}
	return 1;
}

Datum
lp_suppress(PG_FUNCTION_ARGS)
{
	char	   *kind = lp_arg_text(fcinfo, 0, "kind");
	char	   *value = lp_arg_text(fcinfo, 1, "value");
	char	   *reason = lp_arg_text(fcinfo, 2, "reason");
	LpBanOrder	order = {.origin = "operator", .channel = LP_CHANNEL_NONE};
	LpChannel	channels[2];
	int			nchannels;
	LpKey		keys[2];
	int			nkeys;
	pg_uuid_t	ban_id;
	pg_uuid_t  *result = palloc(sizeof(pg_uuid_t));

	order.client_id = lp_arg_uuid_or_null(fcinfo, 3);
	order.expires_at = lp_arg_time(fcinfo, 4, DT_NOEND);
	lp_call_begin(fcinfo, LP_CALL_WRITES);

	keys[0] = require_key(kind, value);
	nkeys = keys_to_ban(value, keys);
	if (!lp_ban_reason_from_name(reason, &order.reason))
	{
		order.reason = LP_BAN_OPERATOR;
		order.note = reason;
	}
	if (order.reason == LP_BAN_EXCLUDED && order.client_id == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"client_id\" must not be null for reason \"excluded\""),
				errhint("An exclusion belongs to one client; name it."));
	if (order.expires_at <= lp_clock_now())
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("\"expires_at\" must lie in the future"));
	if (order.client_id != NULL)
		require_client(order.client_id);

	nchannels = channels_of(order.reason, keys[0].kind, channels);
	for (int i = 0; i < nchannels; i++)
	{
		order.channel = channels[i];
		ban_id = lp_bans_add(&order, keys, nkeys, NULL, i == 0 ? result : NULL);
		order.ban_id = &ban_id;
	}
	lp_call_end();
	PG_RETURN_UUID_P(result);
}

static LpSql ban_sql = LP_SQL(
	"SELECT ban_id, reason, lifted_at IS NOT NULL FROM @s@.lead_suppressions"
	" WHERE id = $1 FOR UPDATE",
	UUIDOID);

Datum
lp_unsuppress(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = lp_arg_uuid(fcinfo, 0, "suppression_id");
	char	   *why = lp_arg_text(fcinfo, 1, "reason");
	Datum		args[] = {UUIDPGetDatum(id)};
	bool		lifted = false;

	lp_caller_require_operator("lp_unsuppress");
	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_bans_require_key(false);
	if (lp_sql_run(&ban_sql, args, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("suppression \"%s\" does not exist", lp_uuid_text(id)));
	if (!lp_col_bool(0, 3))
	{
		char	   *reason = lp_col_text(0, 2);

		if (strcmp(reason, "erasure") == 0 || strcmp(reason, "complained") == 0)
			ereport(ERROR,
					errcode(ERRCODE_LP_STATE),
					errmsg("a suppression for reason \"%s\" cannot be lifted", reason),
					errdetail("From: in force. To: lifted."));
		lifted = lp_bans_lift(lp_col_uuid(0, 1), why);
	}
	lp_call_end();
	PG_RETURN_BOOL(lifted);
}

static bool
any_stops(List *bans, const pg_uuid_t *client_id, bool person_only, TimestampTz now)
{
	ListCell   *cell;

	foreach(cell, bans)
	{
		LpBan	   *ban = lfirst(cell);

		for (LpChannel channel = LP_CHANNEL_NONE; channel < LP_CHANNELS; channel++)
		{
			if (lp_ban_stops(ban, client_id, channel, now) != LP_BAN_STOPS_NOTHING)
				return true;
			if (person_only)
				break;
		}
	}
	return false;
}

/* The client's own list of domains. */
static bool
is_excluded_domain(const LpKey *key, const pg_uuid_t *client_id)
{
	LpClient   *client = lp_client_load(client_id);
	const char *host = NULL;

	if (key->kind == LP_KEY_EMAIL)
		host = lp_email_domain(key->value);
	else if (key->kind == LP_KEY_DOMAIN)
		host = key->value;
	if (client == NULL || !client->known)
		lp_client_no_such(client_id);
	return lp_client_excludes(client, host);
}

/* A ban on another key of someone who is known by this one. */
static bool
is_person_banned(const LpKey *key, const pg_uuid_t *client_id, TimestampTz now)
{
	int			n;
	pg_uuid_t  *leads = lp_bans_leads_of_keys(key, 1, &n);
	List	  **bans = lp_bans_of_leads(leads, n, now);

	for (int i = 0; i < n; i++)
		if (any_stops(bans[i], client_id, true, now))
			return true;
	return false;
}

Datum
lp_is_suppressed(PG_FUNCTION_ARGS)
{
	char	   *kind = lp_arg_text(fcinfo, 0, "kind");
	char	   *value = lp_arg_text(fcinfo, 1, "value");
	pg_uuid_t  *client_id = lp_arg_uuid_or_null(fcinfo, 2);
	TimestampTz now = lp_clock_now();
	bool		result;
	LpKey		key;

	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	key = require_key(kind, value);
	result = any_stops(lp_bans_of_keys(&key, 1, now), client_id, false, now);
	if (!result && client_id != NULL)
		result = is_excluded_domain(&key, client_id);
	if (!result && key.kind != LP_KEY_DOMAIN)
		result = is_person_banned(&key, client_id, now);
	lp_call_end();
	PG_RETURN_BOOL(result);
}
