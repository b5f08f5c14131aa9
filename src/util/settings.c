/*
 * settings.c
 *	  The settings leadpool.*.
 *
 * None is settable by an ordinary session: they decide whom a platform may
 * contact.  Check hooks parse without throwing, since they also run where no
 * transaction is open.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "util/compat.h"
#include "util/settings.h"
#include "util/worker_settings.h"

#define MAX_YEARS ((int64) 1000)	/* of a period */

bool		lp_allow_catch_all = true;
int			lp_soft_bounce_limit = 3;
double		lp_bounce_breaker_rate = 3.0;
int			lp_bounce_breaker_min_sends = 50;
char	   *lp_default_region;
char	   *lp_key_file;
char	   *lp_api_logins;
char	   *lp_instance;
char	   *lp_databases;

static char *now_text;
static char *merge_on;

/* The period settings: the text for SHOW and the parsed value. */
typedef struct PeriodSetting
{
	const char *name;
	const char *initial;
	const char *description;
	char	   *text;
	Interval	value;
	bool		never;			/* only release_contacted */
} PeriodSetting;

enum
{
	PERIOD_RECENT_CONTACT,
	PERIOD_CHANNEL_COOLING,
	PERIOD_NOT_INTERESTED,
	PERIOD_CONFIRM_TIMEOUT,
	PERIOD_CLAIM_TTL_MAX,
	PERIOD_SOFT_BOUNCE,
	PERIOD_BOUNCE_BREAKER,
	PERIOD_RELEASE_CONTACTED,
	PERIOD_ENRICH_TTL,
	PERIOD_NOT_FOUND_TTL,
	PERIOD_LOOKUP_TTL,
	PERIODS
};

static PeriodSetting periods[PERIODS] = {
	{"leadpool.recent_contact", "72 hours",
	"How long after any contact a person is left alone on every channel."},
	{"leadpool.channel_cooling", "7 days",
	"How long after a contact the same channel is not used again."},
	{"leadpool.not_interested_cooling", "12 months",
	"How long a person who said not interested is not contacted."},
	{"leadpool.confirm_timeout", "24 hours",
	"After how long a dispatched send without a confirmation is unknown."},
	{"leadpool.claim_ttl_max", "24 hours",
	"Longest time to live of a claim."},
	{"leadpool.soft_bounce_window", "30 days",
	"Window in which soft bounces add up to a bounce."},
	{"leadpool.bounce_breaker_window", "7 days",
	"Window over which the bounce rate of a sender or client is taken."},
	{"leadpool.release_contacted", "never",
	"After how long a contacted lead that was released may go to another client, or never."},
	{"leadpool.enrich_ttl", "90 days",
	"How long what was bought about a person is not bought again."},
	{"leadpool.not_found_ttl", "30 days",
	"How long a provider that did not know a person is not asked again."},
	{"leadpool.lookup_ttl", "30 days",
	"How long a number that was looked up is not looked up again."},
};

/*
 * As interval_in takes it: "90 minutes", or ISO 8601, "PT90M".  An infinite
 * one, which PostgreSQL 17 has, is no DTK_DELTA.
 */
static bool
decode_interval(const char *text, struct pg_itm_in *itm)
{
	char		work[MAXDATELEN + 64];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;

	memset(itm, 0, sizeof(*itm));
	if (ParseDateTime(text, work, sizeof(work), field, ftype,
					  MAXDATEFIELDS, &nf) == 0 &&
		DecodeInterval(field, ftype, nf, INTERVAL_FULL_RANGE, &dtype, itm) == 0)
		return dtype == DTK_DELTA;
	memset(itm, 0, sizeof(*itm));
	strlcpy(work, text, sizeof(work));
	return DecodeISO8601Interval(work, &dtype, itm) == 0 && dtype == DTK_DELTA;
}

bool
lp_interval_parse(const char *text, Interval *result)
{
	struct pg_itm_in itm;

	if (text == NULL || strlen(text) > MAXDATELEN ||
		!decode_interval(text, &itm) || itmin2interval(&itm, result) != 0)
		return false;
	return result->month >= 0 && result->month <= MAX_YEARS * MONTHS_PER_YEAR &&
		result->day >= 0 && result->day <= MAX_YEARS * 366 &&
		result->time >= 0 && result->time <= MAX_YEARS * 366 * USECS_PER_DAY;
}

static bool
check_period(char **newval, void **extra, GucSource source)
{
	PeriodSetting *parsed = guc_malloc(LOG, sizeof(PeriodSetting));

	if (parsed == NULL)
		return false;
	memset(parsed, 0, sizeof(PeriodSetting));
	parsed->never = pg_strcasecmp(*newval, "never") == 0;
	if (!parsed->never && !lp_interval_parse(*newval, &parsed->value))
	{
		GUC_check_errdetail("\"%s\" is not an interval from 0 to 1000 years.", *newval);
		GUC_check_errhint("Write it like '72 hours' or '12 months'.");
		guc_free(parsed);
		return false;
	}
	*extra = parsed;
	return true;
}

/* Only leadpool.release_contacted may be never. */
static bool
check_finite_period(char **newval, void **extra, GucSource source)
{
	if (!check_period(newval, extra, source))
		return false;
	if (((PeriodSetting *) *extra)->never)
	{
		GUC_check_errdetail("This period cannot be \"never\".");
		guc_free(*extra);
		*extra = NULL;
		return false;
	}
	return true;
}

#define ASSIGN_PERIOD(name, which) \
static void \
name(const char *newval, void *extra) \
{ \
	periods[which].value = ((PeriodSetting *) extra)->value; \
	periods[which].never = ((PeriodSetting *) extra)->never; \
}

ASSIGN_PERIOD(assign_recent_contact, PERIOD_RECENT_CONTACT)
ASSIGN_PERIOD(assign_channel_cooling, PERIOD_CHANNEL_COOLING)
ASSIGN_PERIOD(assign_not_interested, PERIOD_NOT_INTERESTED)
ASSIGN_PERIOD(assign_confirm_timeout, PERIOD_CONFIRM_TIMEOUT)
ASSIGN_PERIOD(assign_claim_ttl_max, PERIOD_CLAIM_TTL_MAX)
ASSIGN_PERIOD(assign_soft_bounce, PERIOD_SOFT_BOUNCE)
ASSIGN_PERIOD(assign_bounce_breaker, PERIOD_BOUNCE_BREAKER)
ASSIGN_PERIOD(assign_release_contacted, PERIOD_RELEASE_CONTACTED)
ASSIGN_PERIOD(assign_enrich_ttl, PERIOD_ENRICH_TTL)
ASSIGN_PERIOD(assign_not_found_ttl, PERIOD_NOT_FOUND_TTL)
ASSIGN_PERIOD(assign_lookup_ttl, PERIOD_LOOKUP_TTL)

static const GucStringAssignHook assign_period[PERIODS] = {
	assign_recent_contact, assign_channel_cooling, assign_not_interested,
	assign_confirm_timeout, assign_claim_ttl_max, assign_soft_bounce,
	assign_bounce_breaker, assign_release_contacted, assign_enrich_ttl,
	assign_not_found_ttl, assign_lookup_ttl
};

const Interval *
lp_setting_recent_contact(void)
{
	return &periods[PERIOD_RECENT_CONTACT].value;
}

const Interval *
lp_setting_channel_cooling(void)
{
	return &periods[PERIOD_CHANNEL_COOLING].value;
}

const Interval *
lp_setting_not_interested_cooling(void)
{
	return &periods[PERIOD_NOT_INTERESTED].value;
}

const Interval *
lp_setting_confirm_timeout(void)
{
	return &periods[PERIOD_CONFIRM_TIMEOUT].value;
}

const Interval *
lp_setting_claim_ttl_max(void)
{
	return &periods[PERIOD_CLAIM_TTL_MAX].value;
}

const Interval *
lp_setting_soft_bounce_window(void)
{
	return &periods[PERIOD_SOFT_BOUNCE].value;
}

const Interval *
lp_setting_bounce_breaker_window(void)
{
	return &periods[PERIOD_BOUNCE_BREAKER].value;
}

const Interval *
lp_setting_enrich_ttl(void)
{
	return &periods[PERIOD_ENRICH_TTL].value;
}

const Interval *
lp_setting_not_found_ttl(void)
{
	return &periods[PERIOD_NOT_FOUND_TTL].value;
}

bool
lp_setting_release_contacted(const Interval **period)
{
	*period = &periods[PERIOD_RELEASE_CONTACTED].value;
	return !periods[PERIOD_RELEASE_CONTACTED].never;
}

/* The test clock: parsed once when set; a text without a zone is UTC. */
static TimestampTz now_value = DT_NOBEGIN;

static bool
check_now(char **newval, void **extra, GucSource source)
{
	char		work[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;
	int			tz = 0;
	fsec_t		fsec;
	struct pg_tm tm;
	TimestampTz *value = guc_malloc(LOG, sizeof(TimestampTz));
	pg_tz	   *callers = session_timezone;
	int			failed;
#if PG_VERSION_NUM >= 160000
	DateTimeErrorExtra detail;
#endif

	if (value == NULL)
		return false;
	*value = DT_NOBEGIN;
	*extra = value;
	if (**newval == '\0')
		return true;

	failed = ParseDateTime(*newval, work, sizeof(work), field, ftype,
						   MAXDATEFIELDS, &nf);
	/* a time without a zone is read in that of the session: it is to be UTC */
	session_timezone = pg_tzset("UTC");
#if PG_VERSION_NUM >= 160000
	failed = failed || DecodeDateTime(field, ftype, nf, &dtype, &tm, &fsec,
									  &tz, &detail);
#else
	failed = failed || DecodeDateTime(field, ftype, nf, &dtype, &tm, &fsec,
									  &tz);
#endif
	session_timezone = callers;
	if (failed || dtype != DTK_DATE ||
		tm2timestamp(&tm, fsec, &tz, value) != 0)
	{
		GUC_check_errdetail("\"%s\" is not a time.", *newval);
		GUC_check_errhint("Write it like '2026-03-01 12:00:00+00'.");
		*extra = NULL;
		guc_free(value);
		return false;
	}
	return true;
}

static void
assign_now(const char *newval, void *extra)
{
	now_value = *(TimestampTz *) extra;
}

TimestampTz
lp_setting_now(void)
{
	return now_value;
}

/* The next word of a list, trimmed; false at its end. */
static bool
next_word(const char **list, const char **word, int *len)
{
	const char *p = *list;

	if (p == NULL)
		return false;
	*word = p + strspn(p, " ");
	*len = strcspn(*word, ",");
	*list = (*word)[*len] == ',' ? *word + *len + 1 : NULL;
	while (*len > 0 && (*word)[*len - 1] == ' ')
		(*len)--;
	return true;
}

static bool
is_word(const char *word, int len, const char *of)
{
	return strlen(of) == len && strncmp(word, of, len) == 0;
}

/* None at all: nobody is merged but by hand.  A phone merges nobody. */
static bool
check_merge_on(char **newval, void **extra, GucSource source)
{
	const char *list = *newval;
	const char *word;
	int			len;

	if (list[strspn(list, " ")] == '\0')
		return true;
	while (next_word(&list, &word, &len))
		if (!is_word(word, len, "apollo_id") && !is_word(word, len, "email") &&
			!is_word(word, len, "linkedin"))
		{
			GUC_check_errdetail("\"%.*s\" is no kind of identity that may merge.", len, word);
			GUC_check_errhint("The kinds are apollo_id, email and linkedin, separated by commas.");
			return false;
		}
	return true;
}

bool
lp_setting_merges_on(const char *kind)
{
	const char *list = merge_on;
	const char *word;
	int			len;

	while (next_word(&list, &word, &len))
		if (is_word(word, len, kind))
			return true;
	return false;
}

static bool
check_region(char **newval, void **extra, GucSource source)
{
	const char *region = *newval;

	if (*region == '\0' ||
		(strlen(region) == 2 && region[0] >= 'A' && region[0] <= 'Z' &&
		 region[1] >= 'A' && region[1] <= 'Z'))
		return true;
	GUC_check_errdetail("\"%s\" is not an ISO 3166 country code such as AU.", region);
	return false;
}

/* As lead_worker_identity takes it. */
static bool
check_instance(char **newval, void **extra, GucSource source)
{
	if (strlen(*newval) <= 200)
		return true;
	GUC_check_errdetail("It is longer than 200 bytes.");
	return false;
}

static bool
check_databases(char **newval, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*newval);
	List	   *names;
	bool		valid = SplitGUCList(copy, ',', &names);

	if (!valid)
		GUC_check_errdetail("\"%s\" is not a list of names.", *newval);
	pfree(copy);
	return valid;
}

void
lp_settings_init(void)
{
	for (int i = 0; i < PERIODS; i++)
		DefineCustomStringVariable(periods[i].name, periods[i].description, NULL,
								   &periods[i].text, periods[i].initial,
								   PGC_SUSET, 0,
								   i == PERIOD_RELEASE_CONTACTED ?
								   check_period : check_finite_period,
								   assign_period[i], NULL);

	DefineCustomBoolVariable("leadpool.allow_catch_all",
							 "Whether a verified address of a catch-all domain may be mailed.",
							 NULL, &lp_allow_catch_all, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomIntVariable("leadpool.soft_bounce_limit",
							"How many soft bounces within the window are a bounce.",
							NULL, &lp_soft_bounce_limit, 3, 1, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("leadpool.bounce_breaker_rate",
							 "Bounce rate, in percent, beyond which a sender or client is paused.",
							 NULL, &lp_bounce_breaker_rate, 3.0, 0.0, 100.0,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("leadpool.bounce_breaker_min_sends",
							"Sends within the window below which nobody is paused for bounces.",
							NULL, &lp_bounce_breaker_min_sends, 50, 1, PG_INT32_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("leadpool.merge_on",
							   "Identity kinds that merge two known leads which they tie.",
							   NULL, &merge_on, "apollo_id,email,linkedin",
							   PGC_SUSET, 0, check_merge_on, NULL, NULL);
	DefineCustomStringVariable("leadpool.default_region",
							   "ISO country of phone numbers without a + where the record names none.",
							   NULL, &lp_default_region, "",
							   PGC_SUSET, 0, check_region, NULL, NULL);
	DefineCustomStringVariable("leadpool.key_file",
							   "File of the key under which bans are hashed, relative to the data directory.",
							   NULL, &lp_key_file, "leadpool.key",
							   PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	DefineCustomStringVariable("leadpool.api_logins",
							   "Logins whose JWT claims are believed.",
							   NULL, &lp_api_logins, "authenticator",
							   PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("leadpool.instance",
							   "Part of the identity that a copy of the database does not share.",
							   NULL, &lp_instance, "",
							   PGC_SIGHUP, 0, check_instance, NULL, NULL);
	/* The server takes a setting of its start no later. */
	if (process_shared_preload_libraries_in_progress)
		DefineCustomStringVariable("leadpool.databases",
								   "Databases that have a worker from the start of the server on.",
								   NULL, &lp_databases, "",
								   PGC_POSTMASTER, GUC_LIST_INPUT,
								   check_databases, NULL, NULL);
	DefineCustomStringVariable("leadpool.now",
							   "Replaces the clock (tests and demos only).",
							   NULL, &now_text, "",
							   PGC_SUSET, 0, check_now, assign_now, NULL);

	lp_worker_settings_init();
	MarkGUCPrefixReserved("leadpool");
}
