/*
 * quiet.c
 *	  When a call or message to a person is lawful.
 *
 * The law is rows (lead_quiet_hours, lead_holidays, lead_zones); this file
 * knows none of it.  What it decides:
 *
 * - Zones: the one told if it is real, else those of the state, else those of
 *	 the country; every one of them must allow.  Neither zone nor country: never.
 * - Rows of one country and state are alternatives.  A site's rows of the same
 *	 country and state replace those shipped; a state's rows replace its
 *	 country's, but for a site's country rows, which cannot widen the law that
 *	 ships for a state: then both hold.  '*' stands in for a country without rows.
 * - A window belongs to the local date on which it opens, and may close on the
 *	 next.  On a public holiday only windows with day 8 open, on their weekdays.
 * - A moment is lawful by what the local clock shows at it, so an hour that
 *	 comes twice is judged twice, and one that is skipped never is.
 *
 * Rules are kept for the time of one call: they live in the memory context in
 * which the first was asked for, and end with it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "core/quiet.h"
#include "store/sql.h"
#include "util/text.h"
#include "util/zone.h"

#define HORIZON_DAYS	370
#define HOLIDAY			8
#define MAX_STATE_BYTES 100
#define EPOCH_SHIFT		((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)
#define NEVER			PG_INT64_MAX

/* Hours of a day; times are microseconds. */
typedef struct Window
{
	uint32		days;			/* bit n: ISO weekday n; bit 8: holidays */
	TimeADT		opens;
	TimeADT		closes;			/* at or before opens: on the next day */
	char	   *state;			/* "" for the country */
	char	   *law;			/* with version */
	bool		fallback;		/* of country '*' */
	bool		shipped;
} Window;

/* Windows of which one must be open; none at all: always closed. */
typedef struct Hours
{
	Window	  **windows;
	int			n;
} Hours;

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

struct LpQuiet
{
	bool		always;			/* the channel has no hours */
	pg_tz	  **zones;
	int			nzones;
	Hours		all_of[3];		/* each must be open: law, site, client */
	int			n;
	DateADT    *holidays;
	int			nholidays;
	const char *why_never;		/* no zone is known */
	/* The answer given last: a batch asks for one moment again and again. */
	bool		answered;
	bool		allowed;
	TimestampTz at;
	TimestampTz next;
};

#define PLACE_KEY_BYTES (TZ_STRLEN_MAX + MAX_STATE_BYTES + 24)

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

/* Abbreviations and spellings of states whose rows bear the English name. */
static const struct
{
	const char *country;
	const char *given;
	const char *name;
}			state_names[] = {
	{"US", "al", "alabama"}, {"US", "ak", "alaska"}, {"US", "az", "arizona"},
	{"US", "ar", "arkansas"}, {"US", "ca", "california"},
	{"US", "co", "colorado"}, {"US", "ct", "connecticut"},
	{"US", "de", "delaware"}, {"US", "dc", "district of columbia"},
	{"US", "d.c.", "district of columbia"},
	{"US", "washington dc", "district of columbia"},
	{"US", "washington d.c.", "district of columbia"},
	{"US", "washington, d.c.", "district of columbia"},
	{"US", "fl", "florida"}, {"US", "ga", "georgia"}, {"US", "hi", "hawaii"},
	{"US", "id", "idaho"}, {"US", "il", "illinois"}, {"US", "in", "indiana"},
	{"US", "ia", "iowa"}, {"US", "ks", "kansas"}, {"US", "ky", "kentucky"},
	{"US", "la", "louisiana"}, {"US", "me", "maine"},
	{"US", "md", "maryland"}, {"US", "ma", "massachusetts"},
	{"US", "mi", "michigan"}, {"US", "mn", "minnesota"},
	{"US", "ms", "mississippi"}, {"US", "mo", "missouri"},
	{"US", "mt", "montana"}, {"US", "ne", "nebraska"}, {"US", "nv", "nevada"},
	{"US", "nh", "new hampshire"}, {"US", "nj", "new jersey"},
	{"US", "nm", "new mexico"}, {"US", "ny", "new york"},
	{"US", "nc", "north carolina"}, {"US", "nd", "north dakota"},
	{"US", "oh", "ohio"}, {"US", "ok", "oklahoma"}, {"US", "or", "oregon"},
	{"US", "pa", "pennsylvania"}, {"US", "ri", "rhode island"},
	{"US", "sc", "south carolina"}, {"US", "sd", "south dakota"},
	{"US", "tn", "tennessee"}, {"US", "tx", "texas"}, {"US", "ut", "utah"},
	{"US", "vt", "vermont"}, {"US", "va", "virginia"},
	{"US", "wa", "washington"}, {"US", "washington state", "washington"},
	{"US", "wv", "west virginia"}, {"US", "wi", "wisconsin"},
	{"US", "wy", "wyoming"},
	{"CA", "ab", "alberta"}, {"CA", "bc", "british columbia"},
	{"CA", "mb", "manitoba"}, {"CA", "nb", "new brunswick"},
	{"CA", "nl", "newfoundland and labrador"},
	{"CA", "newfoundland", "newfoundland and labrador"},
	{"CA", "ns", "nova scotia"}, {"CA", "nt", "northwest territories"},
	{"CA", "nu", "nunavut"}, {"CA", "on", "ontario"},
	{"CA", "pe", "prince edward island"}, {"CA", "qc", "quebec"},
	{"CA", "sk", "saskatchewan"},
	{"CA", "yt", "yukon"}, {"CA", "yukon territory", "yukon"},
	{"AU", "act", "australian capital territory"},
	{"AU", "nsw", "new south wales"}, {"AU", "nt", "northern territory"},
	{"AU", "qld", "queensland"}, {"AU", "sa", "south australia"},
	{"AU", "tas", "tasmania"}, {"AU", "vic", "victoria"},
	{"AU", "wa", "western australia"},
};

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

		if (day >= 1 && day <= HOLIDAY)
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
	*days = 1 << HOLIDAY;
	for (uint32 i = 0; i < JsonContainerSize(list); i++)
	{
		JsonbValue *day = getIthJsonbValueFromContainer(list, i);
		char	   *text;

		if (day->type != jbvNumeric)
			return false;
		/* As text: any number may stand here, and none may throw. */
		text = numeric_normalize(day->val.numeric);
		if (strlen(text) != 1 || *text < '1' || *text > '0' + HOLIDAY)
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

/* The state as the rows spell it; "" if there is none. */
static char *
state_of(const char *code, const char *given)
{
	char	   *state;

	if (given == NULL || strlen(given) > MAX_STATE_BYTES)
		return "";
	state = lp_text_plain(given);
	if (strcmp(code, "BR") == 0 && strncmp(state, "state of ", 9) == 0)
		state += 9;
	for (int i = 0; i < lengthof(state_names); i++)
		if (strcmp(state_names[i].country, code) == 0 &&
			strcmp(state_names[i].given, state) == 0)
			return pstrdup(state_names[i].name);
	return strlen(state) > MAX_STATE_BYTES ? "" : state;
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
	state = *code == '\0' ? "" : state_of(code, place->state);
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

static bool
is_holiday(const LpQuiet *quiet, DateADT date)
{
	for (int i = 0; i < quiet->nholidays; i++)
		if (quiet->holidays[i] == date)
			return true;
	return false;
}

/* Whether a window opens on a local date. */
static bool
opens_on(const LpQuiet *quiet, const Window *window, DateADT date)
{
	int			weekday = j2day(date + POSTGRES_EPOCH_JDATE);

	if (weekday == 0)
		weekday = 7;
	if ((window->days & (1 << weekday)) == 0)
		return false;
	return (window->days & (1 << HOLIDAY)) != 0 || !is_holiday(quiet, date);
}

static DateADT
date_of(int64 local)
{
	return local >= 0 ? local / USECS_PER_DAY : -((-local + USECS_PER_DAY - 1) / USECS_PER_DAY);
}

/* The first local time from the one given at which one window is open. */
static int64
first_open(const LpQuiet *quiet, const Hours *hours, int64 local)
{
	DateADT		today = date_of(local);

	for (DateADT date = today - 1; date <= today + HORIZON_DAYS; date++)
	{
		int64		best = NEVER;

		for (int i = 0; i < hours->n; i++)
		{
			const Window *window = hours->windows[i];
			int64		opens = date * USECS_PER_DAY + window->opens;
			int64		closes = date * USECS_PER_DAY + window->closes;

			if (window->closes <= window->opens)
				closes += USECS_PER_DAY;
			if (local < closes && opens_on(quiet, window, date))
				best = Min(best, Max(local, opens));
		}
		/* Yesterday's windows can only be open now, not open later. */
		if (best != NEVER)
			return best;
	}
	return NEVER;
}

/* The first local time from the one given that all hours allow. */
static int64
first_lawful(const LpQuiet *quiet, int64 local, int64 limit)
{
	while (local <= limit)
	{
		int64		start = local;

		for (int i = 0; i < quiet->n; i++)
		{
			local = first_open(quiet, &quiet->all_of[i], local);
			if (local == NEVER)
				return NEVER;
		}
		if (local == start)
			return local;
	}
	return NEVER;
}

/* The same for a moment, by the clock of one zone. */
static TimestampTz
next_in_zone(const LpQuiet *quiet, pg_tz *zone, TimestampTz at, TimestampTz limit)
{
	while (at <= limit)
	{
		pg_time_t	second = at / USECS_PER_SEC - (at % USECS_PER_SEC < 0) + EPOCH_SHIFT;
		pg_time_t	boundary;
		long		offset;
		long		after;
		int			isdst;
		int			found;
		int64		local;
		TimestampTz change;

		found = pg_next_dst_boundary(&second, &offset, &isdst, &boundary,
									 &after, &isdst, zone);
		if (found < 0)
			return DT_NOEND;
		change = found == 0 ? DT_NOEND : (boundary - EPOCH_SHIFT) * USECS_PER_SEC;
		local = first_lawful(quiet, at + offset * USECS_PER_SEC,
							 limit + offset * USECS_PER_SEC);
		if (local != NEVER && local - offset * USECS_PER_SEC < change)
			return local - offset * USECS_PER_SEC;
		if (found == 0)
			return DT_NOEND;
		at = change;
	}
	return DT_NOEND;
}

/* The first moment from the one given that every zone allows. */
static TimestampTz
next_everywhere(const LpQuiet *quiet, TimestampTz at)
{
	TimestampTz limit = at + HORIZON_DAYS * USECS_PER_DAY;

	for (;;)
	{
		TimestampTz start = at;

		for (int i = 0; i < quiet->nzones; i++)
		{
			at = next_in_zone(quiet, quiet->zones[i], at, limit);
			if (TIMESTAMP_IS_NOEND(at) || at > limit)
				return DT_NOEND;
		}
		if (at == start)
			return at;
	}
}

bool
lp_quiet_allows(LpQuiet *rules, TimestampTz at, TimestampTz *next)
{
	if (next != NULL)
		*next = at;
	if (rules->always)
		return true;
	if (!rules->answered || rules->at != at)
	{
		rules->at = at;
		rules->next = TIMESTAMP_NOT_FINITE(at) || rules->nzones == 0 ?
			DT_NOEND : next_everywhere(rules, at);
		rules->allowed = !TIMESTAMP_NOT_FINITE(at) && rules->next == at;
		rules->answered = true;
	}
	if (next != NULL)
		*next = rules->next;
	return rules->allowed;
}

static void
describe_days(StringInfo out, uint32 days)
{
	static const char *const names[] = {
		NULL, "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"
	};
	const char *separator = "";

	for (int first = 1; first <= 7; first++)
	{
		int			last = first;

		if ((days & (1 << first)) == 0)
			continue;
		while (last < 7 && (days & (1 << (last + 1))) != 0)
			last++;
		appendStringInfo(out, "%s%s", separator, names[first]);
		if (last > first)
			appendStringInfo(out, "%s%s", last > first + 1 ? "-" : ",", names[last]);
		separator = ",";
		first = last;
	}
	if (*separator == '\0')
		appendStringInfoString(out, "no day");
	else if ((days & (1 << HOLIDAY)) == 0)
		appendStringInfoString(out, " but holidays");
}

static void
describe_hours(StringInfo out, const Hours *hours)
{
	const char *law = NULL;

	if (hours->n == 0)
		appendStringInfoString(out, "never");
	for (int i = 0; i < hours->n; i++)
	{
		const Window *window = hours->windows[i];
		int			opens = window->opens / USECS_PER_MINUTE;
		int			closes = window->closes / USECS_PER_MINUTE;

		appendStringInfoString(out, i == 0 ? "" : ", ");
		describe_days(out, window->days);
		appendStringInfo(out, " %02d:%02d-%02d:%02d", opens / 60, opens % 60,
						 closes / 60, closes % 60);
		law = window->law;
	}
	if (law != NULL)
		appendStringInfo(out, " (%s)", law);
}

/* The zones, three by name. */
static void
describe_zones(StringInfo out, const LpQuiet *quiet)
{
	for (int i = 0; i < Min(quiet->nzones, 3); i++)
		appendStringInfo(out, "%s%s", i == 0 ? "" : ", ",
						 pg_get_timezone_name(quiet->zones[i]));
	if (quiet->nzones > 3)
		appendStringInfo(out, " and %d more zones", quiet->nzones - 3);
}

/* The zone whose clock forbids the moment, else the first. */
static pg_tz *
deciding_zone(const LpQuiet *quiet, TimestampTz at)
{
	for (int i = 0; i < quiet->nzones; i++)
		if (next_in_zone(quiet, quiet->zones[i], at, at) != at)
			return quiet->zones[i];
	return quiet->zones[0];
}

char *
lp_quiet_describe(LpQuiet *rules, TimestampTz at)
{
	StringInfoData out;
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (rules->always)
		return pstrdup("no legal hours for this channel");
	if (rules->nzones == 0)
		return psprintf("never: %s", rules->why_never);
	initStringInfo(&out);
	describe_zones(&out, rules);
	appendStringInfoString(&out, ": ");
	for (int i = 0; i < rules->n; i++)
	{
		appendStringInfoString(&out, i == 0 ? "" : "; ");
		describe_hours(&out, &rules->all_of[i]);
	}
	if (!TIMESTAMP_NOT_FINITE(at))
	{
		pg_tz	   *zone = deciding_zone(rules, at);

		if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) == 0)
			appendStringInfo(&out, "; local time %04d-%02d-%02d %02d:%02d in %s",
							 tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour,
							 tm.tm_min, pg_get_timezone_name(zone));
	}
	return out.data;
}
