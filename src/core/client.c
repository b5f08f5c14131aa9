/*
 * client.c
 *	  Clients and their settings.
 *
 * lead_clients.settings holds only what differs from the defaults; status and
 * time_zone stand in columns of their own, and the columns decide.  The
 * client's advisory lock is first in the lock order: claims take it shared, so
 * a pause waits for the claims in flight, and after its commit nobody gets a
 * yes.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "core/client.h"
#include "store/sql.h"
#include "util/channel.h"
#include "util/clock.h"
#include "util/domain.h"
#include "util/errors.h"
#include "util/jsonarg.h"
#include "util/settings.h"
#include "util/uuid.h"
#include "util/zone.h"

PG_FUNCTION_INFO_V1(lp_client_set);

/* Class of the client's advisory lock: 'lpcl'. */
#define CLIENT_LOCK_CLASS 0x6c70636c

enum
{
	SET_STATUS,
	SET_TIME_ZONE,
	SET_MAX_ACTIVE,
	SET_DAILY_ALLOCATION,
	SET_DAILY_LIMIT,
	SET_EXCLUDE_DOMAINS,
	SET_RELEASE_CONTACTED,
	SET_COMPANY_EXCLUSIVE,
	SET_QUIET_HOURS,
	SET_RECENT_CONTACT,
	SET_CHANNEL_COOLING,
	SET_NOT_INTERESTED,
	SET_ALLOW_CATCH_ALL,
	SET_BREAKER_RATE,
	SETTINGS
};

static const LpJsonKey setting_keys[SETTINGS] = {
	[SET_STATUS] = {"status", LP_JSON_TEXT},
	[SET_TIME_ZONE] = {"time_zone", LP_JSON_ZONE},
	[SET_MAX_ACTIVE] = {"max_active_leads", LP_JSON_INTEGER, 0, PG_INT32_MAX},
	[SET_DAILY_ALLOCATION] = {"daily_allocation", LP_JSON_INTEGER, 0, PG_INT32_MAX},
	[SET_DAILY_LIMIT] = {"daily_limit", LP_JSON_ANY},
	[SET_EXCLUDE_DOMAINS] = {"exclude_domains", LP_JSON_TEXTS},
	[SET_RELEASE_CONTACTED] = {"release_contacted", LP_JSON_PERIOD_OR_NEVER},
	[SET_COMPANY_EXCLUSIVE] = {"company_exclusive", LP_JSON_BOOL},
	[SET_QUIET_HOURS] = {"quiet_hours", LP_JSON_ANY},
	[SET_RECENT_CONTACT] = {"recent_contact", LP_JSON_PERIOD},
	[SET_CHANNEL_COOLING] = {"channel_cooling", LP_JSON_PERIOD},
	[SET_NOT_INTERESTED] = {"not_interested_cooling", LP_JSON_PERIOD},
	[SET_ALLOW_CATCH_ALL] = {"allow_catch_all", LP_JSON_BOOL},
	[SET_BREAKER_RATE] = {"bounce_breaker_rate", LP_JSON_NUMBER, 0, 100},
};

static LpSql load_sql = LP_SQL(
	"SELECT name, status, time_zone, paused_reason, settings"
	" FROM @s@.lead_clients WHERE id = $1",
	UUIDOID);

static LpSql store_sql = LP_SQL(
	"INSERT INTO @s@.lead_clients (id, name, status, time_zone, settings,"
	" paused_reason, created_at, updated_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $7)"
	" ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
	" status = excluded.status, time_zone = excluded.time_zone,"
	" settings = excluded.settings, paused_reason = excluded.paused_reason,"
	" cancelled_at = CASE WHEN excluded.status = 'cancelled'"
	"  THEN lead_clients.cancelled_at END,"
	" bounces_after = CASE WHEN excluded.status = 'active'"
	"  AND lead_clients.status <> 'active' THEN $8 ELSE lead_clients.bounces_after END,"
	" updated_at = excluded.updated_at"
	" RETURNING *",
	UUIDOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TIMESTAMPTZOID, UUIDOID);

/* Switched on: the companies where the client owns someone become its own. */
static LpSql hold_sql = LP_SQL(
	"INSERT INTO @s@.lead_company_holds (company, client_id, held_at)"
	" SELECT DISTINCT k.company, $1, $2 FROM @s@.lead_assignments a"
	" JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" CROSS JOIN LATERAL (VALUES ('domain:' || s.company_domain),"
	"  ('apollo:' || s.company_org)) k(company)"
	" WHERE a.client_id = $1 AND a.status = 'active' AND k.company IS NOT NULL"
	" ORDER BY 1 ON CONFLICT DO NOTHING",
	UUIDOID, TIMESTAMPTZOID);

static LpSql unhold_sql = LP_SQL(
	"DELETE FROM @s@.lead_company_holds WHERE client_id = $1", UUIDOID);

void
lp_client_lock(const pg_uuid_t *client_id, bool exclusive)
{
	LOCKTAG		tag;
	uint32		hash = DatumGetUInt32(hash_any(client_id->data, UUID_LEN));

	/* the key space of pg_advisory_xact_lock(int, int) */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, CLIENT_LOCK_CLASS, hash, 2);
	(void) LockAcquire(&tag, exclusive ? ExclusiveLock : ShareLock, false, false);
}

void
lp_client_no_such(const pg_uuid_t *client_id)
{
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("client \"%s\" does not exist", lp_uuid_text(client_id)),
			errhint("Register it with lp_client_set."));
}

/* daily_limit: one number over all channels, or an object by channel. */
static void
daily_limit_of_channel(const char *name, JsonbValue *value, void *context)
{
	LpClient   *client = context;
	LpChannel	channel = lp_channel_from_name(name);

	if (channel == LP_CHANNEL_NONE)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown channel \"%s\" in setting \"daily_limit\"", name),
				errhint("Known are: email, linkedin, sms, voice, mail."));
	if (value->type != jbvNull &&
		!lp_json_integer(value, 0, PG_INT32_MAX, &client->daily_limit[channel]))
		lp_json_wrong("setting", "daily_limit",
					  "a whole number of zero or more, or an object of such numbers by channel");
}

static void
read_daily_limit(LpJsonArg *arg, LpClient *client)
{
	if (arg->raw.type == jbvBinary && JsonContainerIsObject(arg->raw.val.binary.data))
		lp_json_each(arg->raw.val.binary.data, daily_limit_of_channel, client);
	else if (!lp_json_integer(&arg->raw, 0, PG_INT32_MAX, &client->daily_limit_all))
		lp_json_wrong("setting", "daily_limit",
					  "a whole number of zero or more, or an object of such numbers by channel");
}

#define QUIET_EXPECTED \
	"{\"voice\": {\"from\": \"09:00\", \"to\": \"18:00\", \"days\": [1,2,3,4,5]}, \"sms\": {...}}"

static bool
is_time_of_day(const JsonbValue *value)
{
	char	   *string = lp_json_text(value);
	int			minutes;

	if (string == NULL || strlen(string) != 5 || string[2] != ':' ||
		strspn(string, "0123456789") != 2 || strspn(string + 3, "0123456789") != 2)
		return false;
	minutes = atoi(string) * 60 + atoi(string + 3);
	return atoi(string + 3) < 60 && minutes <= 24 * 60;
}

static bool
is_list_of_days(const JsonbValue *value)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	item;
	int64		day;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		return false;
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
		if (token == WJB_ELEM && !lp_json_integer(&item, 1, 7, &day))
			return false;
	return true;
}

static void
check_quiet_window(const char *name, JsonbValue *value, void *context)
{
	int		   *seen = context;
	bool		fine;

	if (strcmp(name, "from") == 0 || strcmp(name, "to") == 0)
	{
		fine = is_time_of_day(value);
		*seen |= name[0] == 'f' ? 1 : 2;
	}
	else
		fine = strcmp(name, "days") == 0 && is_list_of_days(value);
	if (!fine)
		lp_json_wrong("setting", "quiet_hours", QUIET_EXPECTED);
}

static void
check_quiet_channel(const char *name, JsonbValue *value, void *context)
{
	int			seen = 0;

	if ((strcmp(name, "voice") != 0 && strcmp(name, "sms") != 0) ||
		value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		lp_json_wrong("setting", "quiet_hours", QUIET_EXPECTED);
	lp_json_each(value->val.binary.data, check_quiet_window, &seen);
	if (seen != 3)
		lp_json_wrong("setting", "quiet_hours", QUIET_EXPECTED);
}

static Jsonb *
read_quiet_hours(LpJsonArg *arg)
{
	JsonbContainer *object;

	if (arg->raw.type != jbvBinary || !JsonContainerIsObject(arg->raw.val.binary.data))
		lp_json_wrong("setting", "quiet_hours", QUIET_EXPECTED);
	object = arg->raw.val.binary.data;
	if (JsonContainerSize(object) == 0)
		return NULL;
	lp_json_each(object, check_quiet_channel, NULL);
	return JsonbValueToJsonb(&arg->raw);
}

/* The domains in the form that is compared, each once. */
static void
read_domains(LpJsonArg *arg, LpClient *client)
{
	client->exclude_domains = palloc(sizeof(char *) * Max(arg->n_texts, 1));
	for (int i = 0; i < arg->n_texts; i++)
	{
		char	   *domain = lp_domain_normalize(arg->texts[i]);
		int			j = 0;

		if (domain == NULL)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid domain \"%s\" in setting \"exclude_domains\"",
						   arg->texts[i]),
					errhint("Write domains such as \"example.com\"."));
		while (j < client->n_exclude_domains &&
			   strcmp(client->exclude_domains[j], domain) != 0)
			j++;
		if (j == client->n_exclude_domains)
			client->exclude_domains[client->n_exclude_domains++] = domain;
	}
}

/* The period of a setting, or the platform's. */
static Interval
period_or(const LpJsonArg *arg, const Interval *platform)
{
	return arg->string != NULL ? arg->period : *platform;
}

/* Settings into the struct: defaults, then what is stored. */
static void
apply_settings(LpClient *client, LpJsonArg *args)
{
	const Interval *platform;

	client->max_active_leads = client->daily_allocation = -1;
	client->daily_limit_all = -1;
	for (int i = 0; i < LP_CHANNELS; i++)
		client->daily_limit[i] = -1;
#define HAS(key) (args[key].given && !args[key].is_null)
	if (HAS(SET_MAX_ACTIVE))
		client->max_active_leads = args[SET_MAX_ACTIVE].integer;
	if (HAS(SET_DAILY_ALLOCATION))
		client->daily_allocation = args[SET_DAILY_ALLOCATION].integer;
	if (HAS(SET_DAILY_LIMIT))
		read_daily_limit(&args[SET_DAILY_LIMIT], client);
	if (HAS(SET_EXCLUDE_DOMAINS))
		read_domains(&args[SET_EXCLUDE_DOMAINS], client);
	if (HAS(SET_QUIET_HOURS))
		client->quiet_hours = read_quiet_hours(&args[SET_QUIET_HOURS]);
	client->company_exclusive = args[SET_COMPANY_EXCLUSIVE].flag;
	client->allow_catch_all = HAS(SET_ALLOW_CATCH_ALL) ?
		args[SET_ALLOW_CATCH_ALL].flag : lp_allow_catch_all;
	client->bounce_breaker_rate = HAS(SET_BREAKER_RATE) ?
		args[SET_BREAKER_RATE].number : -1;
	client->recent_contact = period_or(&args[SET_RECENT_CONTACT],
									   lp_setting_recent_contact());
	client->channel_cooling = period_or(&args[SET_CHANNEL_COOLING],
										lp_setting_channel_cooling());
	client->not_interested_cooling = period_or(&args[SET_NOT_INTERESTED],
											   lp_setting_not_interested_cooling());
	if (HAS(SET_RELEASE_CONTACTED))
	{
		client->release_contacted = !args[SET_RELEASE_CONTACTED].never;
		client->release_after = args[SET_RELEASE_CONTACTED].period;
	}
	else if ((client->release_contacted = lp_setting_release_contacted(&platform)))
		client->release_after = *platform;
#undef HAS
}

/* The row as it is, without its settings taken apart. */
static LpClient *
load_row(const pg_uuid_t *client_id, Jsonb **settings)
{
	Datum		values[] = {UUIDPGetDatum(client_id)};
	LpClient   *client = palloc0(sizeof(LpClient));

	client->id = *client_id;
	*settings = NULL;
	if (lp_sql_run(&load_sql, values, NULL) == 0)
		return client;
	client->known = true;
	client->name = lp_col_text(0, 1);
	client->status = lp_col_text(0, 2);
	client->time_zone = lp_col_text(0, 3);
	client->paused_reason = lp_col_text(0, 4);
	*settings = DatumGetJsonbPCopy(lp_col(0, 5));
	return client;
}

LpClient *
lp_client_load(const pg_uuid_t *client_id)
{
	Jsonb	   *settings;
	LpClient   *client = load_row(client_id, &settings);

	apply_settings(client, lp_json_read("setting", settings, setting_keys, SETTINGS));
	return client;
}

LpClient *
lp_client_load_active(const pg_uuid_t *client_id)
{
	LpClient   *client = lp_client_load(client_id);

	if (!client->known)
		lp_client_no_such(client_id);
	if (strcmp(client->status, "active") != 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_INACTIVE),
				errmsg("client \"%s\" is %s", lp_uuid_text(client_id), client->status),
				errhint("Set it active with lp_client_set(..., settings => '{\"status\": \"active\"}')."));
	return client;
}

TimestampTz
lp_client_keeps_until(const LpClient *client, TimestampTz now)
{
	return client->release_contacted ? lp_clock_add(now, &client->release_after) : DT_NOEND;
}

bool
lp_client_excludes(const LpClient *client, const char *host)
{
	for (int i = 0; host != NULL && i < client->n_exclude_domains; i++)
		if (lp_domain_covers(client->exclude_domains[i], host))
			return true;
	return false;
}

static void
push_pair(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, value);
}

static void
push_domains(JsonbParseState **state, const LpClient *client)
{
	JsonbValue	item;

	item.type = jbvString;
	item.val.string.val = "exclude_domains";
	item.val.string.len = strlen("exclude_domains");
	pushJsonbValue(state, WJB_KEY, &item);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < client->n_exclude_domains; i++)
	{
		item.val.string.val = client->exclude_domains[i];
		item.val.string.len = strlen(client->exclude_domains[i]);
		pushJsonbValue(state, WJB_ELEM, &item);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Whether a value is the key's default, which is not stored. */
static bool
is_default(int key, const LpJsonArg *arg)
{
	if (!arg->given || arg->is_null)
		return true;
	switch (key)
	{
		case SET_TIME_ZONE:
			return strcmp(arg->string, "UTC") == 0;
		case SET_EXCLUDE_DOMAINS:
			return arg->n_texts == 0;
		case SET_COMPANY_EXCLUSIVE:
			return !arg->flag;
		case SET_QUIET_HOURS:
			return JsonContainerSize(arg->raw.val.binary.data) == 0;
		default:
			return false;
	}
}

/* What is stored: all that differs from the defaults. */
static Jsonb *
stored_settings(const LpClient *client, const LpJsonArg *args)
{
	JsonbParseState *state = NULL;
	JsonbValue *result;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < SETTINGS; i++)
	{
		JsonbValue	value = args[i].raw;

		if (i == SET_STATUS)
		{
			/* as an operator set it; other pauses are no setting */
			if (client->paused_reason == NULL ||
				strcmp(client->paused_reason, "operator") != 0)
				continue;
			value.type = jbvString;
			value.val.string.val = client->status;
			value.val.string.len = strlen(client->status);
		}
		else if (is_default(i, &args[i]))
			continue;
		if (i == SET_EXCLUDE_DOMAINS)
			push_domains(&state, client);
		else
			push_pair(&state, setting_keys[i].name, &value);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

/* Status and its reason as the settings given want them. */
static void
apply_status(LpClient *client, const LpJsonArg *arg)
{
	const char *wanted = arg->string;

	if (!arg->given)
	{
		if (client->status == NULL)
			client->status = "active";
		return;
	}
	if (arg->is_null)
		wanted = "active";
	else if (strcmp(wanted, "active") != 0 && strcmp(wanted, "paused") != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid value for setting \"status\": \"%s\"", wanted),
				errhint("Expected \"active\" or \"paused\"; lp_client_cancel cancels a client."));
	if (client->status != NULL && strcmp(client->status, "cancelled") == 0 &&
		(arg->is_null || strcmp(wanted, "paused") == 0))
		ereport(ERROR,
				errcode(ERRCODE_LP_STATE),
				errmsg("client \"%s\" is cancelled", lp_uuid_text(&client->id)),
				errdetail("from: cancelled, to: %s", wanted),
				errhint("Only {\"status\": \"active\"} brings a cancelled client back."));
	client->status = pstrdup(wanted);
	client->paused_reason = strcmp(wanted, "paused") == 0 ? "operator" : NULL;
}

/* The settings given over those stored: a key left out keeps its value. */
static LpJsonArg *
merge_settings(Jsonb *stored, Jsonb *given)
{
	LpJsonArg  *old = lp_json_read("setting", stored, setting_keys, SETTINGS);
	LpJsonArg  *new = lp_json_read("setting", given, setting_keys, SETTINGS);

	for (int i = 0; i < SETTINGS; i++)
		if (!new[i].given && i != SET_STATUS)
			new[i] = old[i];
	return new;
}

static void
store_holds(const LpClient *client, bool before, TimestampTz now)
{
	Datum		values[] = {UUIDPGetDatum(&client->id), TimestampTzGetDatum(now)};

	if (client->company_exclusive && !before)
		lp_sql_run(&hold_sql, values, NULL);
	if (!client->company_exclusive && before)
		lp_sql_run(&unhold_sql, values, NULL);
}

Datum
lp_client_set(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = lp_arg_uuid(fcinfo, 0, "client_id");
	char	   *name = lp_arg_text_or_null(fcinfo, 1);
	Jsonb	   *given = LP_ARG_JSONB(2);
	Jsonb	   *stored;
	LpClient   *client;
	LpJsonArg  *args;
	TimestampTz now = lp_clock_now();
	bool		was_exclusive;
	Datum		values[8];
	char		nulls[] = "        ";
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_client_lock(id, true);
	client = load_row(id, &stored);
	if (name != NULL && name[strspn(name, " \t\r\n")] == '\0')
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the name of a client must not be empty"));
	if (!client->known && name == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("a new client needs a name"),
				errdetail("Client \"%s\" is not registered.", lp_uuid_text(id)));
	args = lp_json_read("setting", stored, setting_keys, SETTINGS);
	was_exclusive = args[SET_COMPANY_EXCLUSIVE].flag;
	args = merge_settings(stored, given);
	apply_status(client, &args[SET_STATUS]);
	apply_settings(client, args);
	if (args[SET_TIME_ZONE].given)
		client->time_zone = args[SET_TIME_ZONE].string;

	values[0] = UUIDPGetDatum(id);
	values[1] = CStringGetTextDatum(name != NULL ? name : client->name);
	values[2] = CStringGetTextDatum(client->status);
	values[3] = CStringGetTextDatum(client->time_zone != NULL ? client->time_zone : "UTC");
	values[4] = JsonbPGetDatum(stored_settings(client, args));
	values[5] = client->paused_reason ? CStringGetTextDatum(client->paused_reason) : (Datum) 0;
	nulls[5] = client->paused_reason ? ' ' : 'n';
	values[6] = TimestampTzGetDatum(now);
	values[7] = lp_uuid_new();
	store_holds(client, was_exclusive, now);
	lp_sql_run(&store_sql, values, nulls);
	result = lp_call_return_row(0);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
