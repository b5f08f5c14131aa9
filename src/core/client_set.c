/*
 * client_set.c
 *	  lp_client_set: a client is registered, paused, or set up otherwise.
 *
 * A key given replaces, null restores the default, a key left out keeps its
 * value.  All under the client's exclusive lock.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/client.h"
#include "core/client_settings.h"
#include "core/holds.h"
#include "core/instance.h"
#include "core/requests.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"
#include "util/wake.h"

PG_FUNCTION_INFO_V1(lp_client_set);

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
			push_pair(&state, lp_client_setting_keys[i].name, &value);
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
	LpJsonArg  *old = lp_client_settings_read(stored);
	LpJsonArg  *new = lp_client_settings_read(given);

	for (int i = 0; i < SETTINGS; i++)
		if (!new[i].given && i != SET_STATUS)
			new[i] = old[i];
	return new;
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
	client = lp_client_load_row(id, &stored);
	if (name != NULL && name[strspn(name, " \t\r\n")] == '\0')
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the name of a client must not be empty"));
	if (!client->known && name == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("a new client needs a name"),
				errdetail("Client \"%s\" is not registered.", lp_uuid_text(id)));
	args = lp_client_settings_read(stored);
	was_exclusive = args[SET_COMPANY_EXCLUSIVE].flag;
	args = merge_settings(stored, given);
	apply_status(client, &args[SET_STATUS]);
	lp_client_apply_settings(client, args);
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
	lp_sql_run(&store_sql, values, nulls);
	result = lp_call_return_row(0);
	if (client->company_exclusive != was_exclusive)
		lp_holds_set(id, now);
	lp_requests_follow(id, strcmp(client->status, "active") == 0, now);
	lp_instance_adopt();
	/* requests that waited for the client, or for its capacity, may go on */
	lp_wake_at_commit();
	lp_call_end();
	PG_RETURN_DATUM(result);
}
