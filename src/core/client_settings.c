/*
 * client_settings.c
 *	  What lp_client_set may say: keys, types, what they mean for a client.
 *
 * lead_clients.settings holds only what differs from the defaults; status and
 * time_zone stand in columns of their own, and the columns decide.
 */
#include "postgres.h"

#include "core/client_settings.h"
#include "util/channel.h"
#include "util/domain.h"
#include "util/settings.h"
#include "util/zone.h"

const LpJsonKey lp_client_setting_keys[SETTINGS] = {
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

LpJsonArg *
lp_client_settings_read(Jsonb *settings)
{
	return lp_json_read("setting", settings, lp_client_setting_keys, SETTINGS);
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
period_or(LpJsonArg *arg, const Interval *platform)
{
	return arg->string != NULL ? arg->period : *platform;
}

void
lp_client_apply_settings(LpClient *client, LpJsonArg *args)
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
