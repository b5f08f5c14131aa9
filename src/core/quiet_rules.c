/*
 * quiet_rules.c
 *	  The rules for a place: which rows of lead_quiet_hours, lead_holidays and
 *	  lead_zones hold there, and the client's own hours.
 *
 * - Zones: the one told if it is real, else those of the state, else those of
 *	 the country.  Neither zone nor country: none, and then no hour is lawful.
 * - Rows of one country and state are alternatives.  A site's rows of the same
 *	 country and state replace those shipped; a state's rows replace its
 *	 country's, but for a site's country rows, which cannot widen the law that
 *	 ships for a state: then both hold.  '*' stands in for a country without rows.
 *
 * Rules are kept for the time of one call: they live in the memory context in
 * which the first was asked for, and end with it.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/quiet_rules.h"
#include "store/sql.h"
#include "util/country.h"
#include "util/text.h"
#include "util/zone.h"

/* The rows of a country for a channel. */
typedef struct Country
{
	char		key[16];
	Window	   *windows;
	int			nwindows;
	struct
	{
		char	   *state;
		bool		shipped;
		char	  **names;
		int			n;
	}		   *zones;
	int			nzones;
	struct
	{
		char	   *state;
		DateADT		date;
	}		   *holidays;
	int			nholidays;
} Country;

#define PLACE_KEY_BYTES (TZ_STRLEN_MAX + LP_STATE_MAX_BYTES + 24)

typedef struct Place
{
	char		key[PLACE_KEY_BYTES];
	List	   *rules;			/* of PlaceRules, by client hours */
} Place;

typedef struct PlaceRules
{
	Jsonb	   *client;
	LpQuiet    *quiet;
} PlaceRules;

/* What is kept for the time of one call. */
typedef struct Memo
{
	MemoryContext context;
	HTAB	   *countries;
	HTAB	   *places;
} Memo;

static Memo *memo = NULL;

static LpSql hours_sql = LP_SQL(
	"SELECT state, days, opens, closes, law || ', ' || version,"
	" country_code = '*', shipped FROM @s@.lead_quiet_hours"
	" WHERE country_code IN ($1, '*') AND channel::text = $2"
	" ORDER BY opens, days",
	TEXTOID, TEXTOID);

static LpSql zones_sql = LP_SQL(
	"SELECT state, zones, shipped FROM @s@.lead_zones WHERE country_code = $1",
	TEXTOID);

static LpSql holidays_sql = LP_SQL(
	"SELECT state, holiday FROM @s@.lead_holidays WHERE country_code = $1",
	TEXTOID);

static void
forget_memo(void *arg)
{
	if (memo == arg)
		memo = NULL;
}

static HTAB *
make_table(const char *name, Size key, Size entry)
{
	HASHCTL		control = {0};

	control.keysize = key;
	control.entrysize = entry;
	control.hcxt = CurrentMemoryContext;
	return hash_create(name, 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* The memo of the current context; that of another one is not ours to use. */
static void
ensure_memo(void)
{
	MemoryContextCallback *callback;

	if (memo != NULL && memo->context == CurrentMemoryContext)
		return;
	memo = palloc(sizeof(Memo));
	memo->context = CurrentMemoryContext;
	memo->countries = make_table("leadpool countries", sizeof(((Country *) 0)->key),
								 sizeof(Country));
	memo->places = make_table("leadpool places", PLACE_KEY_BYTES, sizeof(Place));
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = forget_memo;
	callback->arg = memo;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static uint32
days_of(Datum array)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	uint32		days = 0;

	deconstruct_array(DatumGetArrayTypeP(array), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		int32		day = nulls[i] ? 0 : DatumGetInt32(values[i]);

		if (day >= 1 && day <= LP_QUIET_HOLIDAY)
			days |= 1 << day;
	}
	return days;
}

static void
load_zones(Country *country, Datum *code)
{
	country->nzones = lp_sql_run(&zones_sql, code, NULL);
	country->zones = palloc0(sizeof(*country->zones) * Max(country->nzones, 1));
	for (int i = 0; i < country->nzones; i++)
	{
		Datum	   *values;
		bool	   *nulls;
		int			n;

		country->zones[i].state = lp_text_plain(lp_col_text(i, 1));
		country->zones[i].shipped = lp_col_bool(i, 3);
		deconstruct_array(DatumGetArrayTypePCopy(lp_col(i, 2)), TEXTOID, -1, false,
						  TYPALIGN_INT, &values, &nulls, &n);
		country->zones[i].names = palloc(sizeof(char *) * Max(n, 1));
		for (int j = 0; j < n; j++)
			if (!nulls[j])
				country->zones[i].names[country->zones[i].n++] =
					TextDatumGetCString(values[j]);
	}
}

static void
load_country(Country *country, const char *code, LpChannel channel)
{
	Datum		args[] = {CStringGetTextDatum(code),
	CStringGetTextDatum(lp_channel_name(channel))};

	country->nwindows = lp_sql_run(&hours_sql, args, NULL);
	country->windows = palloc(sizeof(Window) * Max(country->nwindows, 1));
	for (int i = 0; i < country->nwindows; i++)
	{
		Window	   *window = &country->windows[i];

		window->state = lp_text_plain(lp_col_text(i, 1));
		window->days = days_of(lp_col(i, 2));
		window->opens = DatumGetTimeADT(lp_col(i, 3));
		window->closes = DatumGetTimeADT(lp_col(i, 4));
		window->law = lp_col_text(i, 5);
		window->fallback = lp_col_bool(i, 6);
		window->shipped = lp_col_bool(i, 7);
	}
	load_zones(country, args);
	country->nholidays = lp_sql_run(&holidays_sql, args, NULL);
	country->holidays = palloc(sizeof(*country->holidays) * Max(country->nholidays, 1));
	for (int i = 0; i < country->nholidays; i++)
	{
		country->holidays[i].state = lp_text_plain(lp_col_text(i, 1));
		country->holidays[i].date = DatumGetDateADT(lp_col(i, 2));
	}
}

static Country *
country_of(const char *code, LpChannel channel)
{
	char		key[sizeof(((Country *) 0)->key)];
	Country    *country;
	bool		found;

	snprintf(key, sizeof(key), "%s/%s", code, lp_channel_name(channel));
	country = hash_search(memo->countries, key, HASH_FIND, NULL);
	if (country != NULL)
		return country;
	{
		Country		loaded = {0};

		/* Entered when complete: loading may throw. */
		load_country(&loaded, code, channel);
		country = hash_search(memo->countries, key, HASH_ENTER, &found);
		strlcpy(loaded.key, key, sizeof(loaded.key));
		*country = loaded;
	}
	return country;
}

/* The rows of a country ("" state) or state; *shipped tells whose they are. */
static Hours
hours_of(Country *country, const char *state, bool fallback, bool *shipped)
{
	Hours		hours = {palloc(sizeof(Window *) * Max(country->nwindows, 1)), 0};

	*shipped = true;
	for (int pass = 0; pass < 2 && hours.n == 0; pass++)
	{
		*shipped = pass == 1;
		for (int i = 0; i < country->nwindows; i++)
		{
			Window	   *window = &country->windows[i];

			if (window->fallback == fallback && window->shipped == *shipped &&
				strcmp(window->state, state) == 0)
				hours.windows[hours.n++] = window;
		}
	}
	return hours;
}

/* The law of a place: see the head of this file. */
static void
choose_law(LpQuiet *quiet, Country *country, const char *state)
{
	bool		state_shipped;
	bool		country_shipped;
	Hours		of_country = hours_of(country, "", false, &country_shipped);
	Hours		of_state = {NULL, 0};

	if (*state != '\0')
		of_state = hours_of(country, state, false, &state_shipped);
	if (of_state.n > 0)
	{
		quiet->all_of[quiet->n++] = of_state;
		if (state_shipped && of_country.n > 0 && !country_shipped)
			quiet->all_of[quiet->n++] = of_country;
		return;
	}
	if (of_country.n == 0)
		of_country = hours_of(country, "", true, &country_shipped);
	quiet->all_of[quiet->n++] = of_country;
}

/* Adds the zones of a state ("" for the country); a site's row wins. */
static void
add_zones(LpQuiet *quiet, Country *country, const char *state)
{
	for (int pass = 0; pass < 2 && quiet->nzones == 0; pass++)
		for (int i = 0; i < country->nzones; i++)
		{
			if (country->zones[i].shipped != (pass == 1) ||
				strcmp(country->zones[i].state, state) != 0)
				continue;
			quiet->zones = palloc(sizeof(pg_tz *) * Max(country->zones[i].n, 1));
			for (int j = 0; j < country->zones[i].n; j++)
			{
				pg_tz	   *zone = lp_zone_find(country->zones[i].names[j]);

				if (zone != NULL)
					quiet->zones[quiet->nzones++] = zone;
			}
		}
}

static void
add_holidays(LpQuiet *quiet, Country *country, const char *state)
{
	quiet->holidays = palloc(sizeof(DateADT) * Max(country->nholidays, 1));
	for (int i = 0; i < country->nholidays; i++)
		if (*country->holidays[i].state == '\0' ||
			strcmp(country->holidays[i].state, state) == 0)
			quiet->holidays[quiet->nholidays++] = country->holidays[i].date;
}

/* "HH:MM" or "HH:MM:SS", 24:00 allowed; false if it is none. */
static bool
parse_time(const char *text, int len, TimeADT *time)
{
	int			part[3] = {0, 0, 0};
	int			n = 0;
	int			digits = 0;

	for (int i = 0; i < len; i++)
	{
		if (text[i] >= '0' && text[i] <= '9' && digits++ < 2)
			part[n] = part[n] * 10 + text[i] - '0';
		else if (text[i] == ':' && digits > 0 && n < 2)
		{
			n++;
			digits = 0;
		}
		else
			return false;
	}
	if (n == 0 || digits == 0 || part[1] > 59 || part[2] > 59 ||
		part[0] > 24 || (part[0] == 24 && part[1] + part[2] > 0))
		return false;
	*time = (((int64) part[0] * 60 + part[1]) * 60 + part[2]) * USECS_PER_SEC;
	return true;
}

/* A time of the client's window; absent leaves it as it is. */
static bool
client_time(JsonbContainer *object, const char *key, TimeADT *time)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(object, key, strlen(key), &value) == NULL ||
		value.type == jbvNull)
		return true;
	return value.type == jbvString &&
		parse_time(value.val.string.val, value.val.string.len, time);
}

/* Weekdays of the client's window; absent leaves all.  Holidays are the law's. */
static bool
client_days(JsonbContainer *object, uint32 *days)
{
	JsonbValue	value;
	JsonbContainer *list;

	if (getKeyJsonValueFromContainer(object, "days", 4, &value) == NULL ||
		value.type == jbvNull)
		return true;
	if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
		return false;
	list = value.val.binary.data;
	*days = 1 << LP_QUIET_HOLIDAY;
	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		JsonbValue *day = getIthJsonbValueFromContainer(list, i);
		char	   *text;

		if (day->type != jbvNumeric)
			return false;
		/* As text: any number may stand here, and none may throw. */
		text = numeric_normalize(day->val.numeric);
		if (strlen(text) != 1 || *text < '1' || *text > '0' + LP_QUIET_HOLIDAY)
			return false;
		*days |= 1 << (*text - '0');
	}
	return true;
}

/* The client's own window narrows; one that cannot be read is never open. */
static void
add_client(LpQuiet *quiet, LpChannel channel, const Jsonb *hours)
{
	const char *name = lp_channel_name(channel);
	JsonbValue	value;
	Window	   *window;
	Hours	   *client;

	if (hours == NULL || !JB_ROOT_IS_OBJECT(hours) ||
		getKeyJsonValueFromContainer((JsonbContainer *) &hours->root, name,
									 strlen(name), &value) == NULL ||
		value.type == jbvNull)
		return;
	client = &quiet->all_of[quiet->n++];
	client->windows = palloc(sizeof(Window *));
	client->n = 0;
	window = palloc0(sizeof(Window));
	window->days = 0x1FE;
	window->closes = USECS_PER_DAY;
	window->law = "the client's own hours";
	if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) &&
		client_time(value.val.binary.data, "from", &window->opens) &&
		client_time(value.val.binary.data, "to", &window->closes) &&
		client_days(value.val.binary.data, &window->days))
		client->windows[client->n++] = window;
}

static LpQuiet *
make_rules(pg_tz *zone, const char *code, const char *state,
		   LpChannel channel, const Jsonb *client_hours)
{
	LpQuiet    *quiet = palloc0(sizeof(LpQuiet));
	Country    *country = country_of(*code == '\0' ? "*" : code, channel);

	if (zone != NULL)
	{
		quiet->zones = palloc(sizeof(pg_tz *));
		quiet->zones[quiet->nzones++] = zone;
	}
	else if (*code == '\0')
		quiet->why_never = "country and time zone are not known";
	else
	{
		if (*state != '\0')
			add_zones(quiet, country, state);
		if (quiet->nzones == 0)
			add_zones(quiet, country, "");
		if (quiet->nzones == 0)
			quiet->why_never = "no time zone of the country is known";
	}
	choose_law(quiet, country, state);
	add_holidays(quiet, country, state);
	add_client(quiet, channel, client_hours);
	return quiet;
}

static bool
same_hours(const Jsonb *a, const Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

LpQuiet *
lp_quiet_rules(const LpPlace *place, LpChannel channel, const Jsonb *client_hours)
{
	pg_tz	   *zone = lp_zone_find(place->zone);
	const char *code = place->country_code == NULL ? "" : place->country_code;
	const char *state;
	char		key[PLACE_KEY_BYTES];
	Place	   *kept;
	PlaceRules *rules;
	ListCell   *cell;
	bool		found;

	if (channel != LP_CHANNEL_VOICE && channel != LP_CHANNEL_SMS)
	{
		LpQuiet    *quiet = palloc0(sizeof(LpQuiet));

		quiet->always = true;
		return quiet;
	}
	if (strlen(code) != 2)
		code = "";
	state = *code == '\0' ? "" : lp_state_name(code, place->state);
	ensure_memo();
	snprintf(key, sizeof(key), "%s|%s|%s|%s", lp_channel_name(channel), code,
			 zone == NULL ? "" : pg_get_timezone_name(zone), state);
	kept = hash_search(memo->places, key, HASH_ENTER, &found);
	if (!found)
		kept->rules = NIL;
	foreach(cell, kept->rules)
	{
		rules = lfirst(cell);
		if (same_hours(rules->client, client_hours))
			return rules->quiet;
	}
	rules = palloc0(sizeof(PlaceRules));
	rules->quiet = make_rules(zone, code, state, channel, client_hours);
	if (client_hours != NULL)
	{
		rules->client = palloc(VARSIZE(client_hours));
		memcpy(rules->client, client_hours, VARSIZE(client_hours));
	}
	kept->rules = lappend(kept->rules, rules);
	return rules->quiet;
}
