/*
 * worker_settings.c
 *	  The settings leadpool.* of the worker and of the providers.
 */
#include "postgres.h"

#include <math.h>

#include "utils/guc.h"

#include "util/compat.h"
#include "util/worker_settings.h"

int			lp_http_timeout;
int			lp_connect_timeout;
int			lp_vendor_sla;
int			lp_http_max_body;
int			lp_max_connections;
int			lp_max_connections_per_host;
int			lp_job_lease;
int			lp_job_attempts;
int			lp_backoff_base;
int			lp_backoff_max;
int			lp_breaker_failures;
int			lp_breaker_pause;
int			lp_unknown_policy;
char	   *lp_secrets_dir;
char	   *lp_ca_file;
char	   *lp_webhook_url;
bool		lp_allow_loopback_http;

LpProviderSettings lp_providers[LP_PROVIDERS] = {
	[LP_PROVIDER_APOLLO] = {.name = "apollo", .secret = "leadpool_apollo_key"},
};

static const struct config_enum_entry unknown_policies[] = {
	{"hold", LP_UNKNOWN_HOLD, false},
	{"retry_once", LP_UNKNOWN_RETRY_ONCE, false},
	{NULL, 0, false}
};

const char *
lp_provider_name(LpProviderId id)
{
	return lp_providers[id].name;
}

/* A rate as it was set: "200/min", "50/s", "0". */
typedef struct Rate
{
	double		a_second;
	int			burst;
} Rate;

static bool
parse_rate(const char *text, Rate *rate)
{
	static const struct
	{
		const char *name;
		double		seconds;
	}			units[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"day", 86400}};
	char	   *end;
	double		calls = strtod(text, &end);

	if (end == text || !isfinite(calls) || calls < 0 || calls > 1e6)
		return false;
	rate->a_second = 0;
	rate->burst = 0;
	if (*end == '\0')
		return calls == 0;
	if (*end++ != '/')
		return false;
	for (int i = 0; i < lengthof(units); i++)
		if (strcmp(end, units[i].name) == 0)
		{
			/*
			 * so many at once, the rest evenly: no span of that length has
			 * more
			 */
			rate->burst = Max(1, (int) (calls / 20));
			rate->a_second = calls < 1 ? calls / units[i].seconds :
				(calls - rate->burst + 1) / units[i].seconds;
			return true;
		}
	return false;
}

static bool
check_rate(char **newval, void **extra, GucSource source)
{
	Rate	   *rate = guc_malloc(LOG, sizeof(Rate));

	if (rate == NULL)
		return false;
	if (!parse_rate(*newval, rate))
	{
		GUC_check_errdetail("\"%s\" is not a rate.", *newval);
		GUC_check_errhint("Write it like '200/min' or '50/s' (s, min, h, day), or 0 for what the provider's own headers allow.");
		guc_free(rate);
		return false;
	}
	*extra = rate;
	return true;
}

static void
assign_apollo_rate(const char *newval, void *extra)
{
	lp_providers[LP_PROVIDER_APOLLO].rate = ((Rate *) extra)->a_second;
	lp_providers[LP_PROVIDER_APOLLO].burst = ((Rate *) extra)->burst;
}

static void
define_int(const char *name, const char *description, int *variable,
		   int initial, int low, int high, int flags)
{
	DefineCustomIntVariable(name, description, NULL, variable, initial, low, high,
							PGC_SIGHUP, flags, NULL, NULL, NULL);
}

static void
define_text(const char *name, const char *description, char **variable,
			const char *initial, int flags)
{
	DefineCustomStringVariable(name, description, NULL, variable, initial,
							   PGC_SIGHUP, flags, NULL, NULL, NULL);
}

static void
define_apollo(LpProviderSettings *apollo)
{
	define_text("leadpool.apollo_base_url", "Where Apollo's API answers.",
				&apollo->base_url, "https://api.apollo.io/api/v1", GUC_SUPERUSER_ONLY);
	define_int("leadpool.apollo_timeout",
			   "Hard limit of a call to Apollo; a paid call that is cut is paid and lost.",
			   &apollo->timeout, 30000, 100, 600000, GUC_UNIT_MS);
	define_int("leadpool.apollo_daily_credits",
			   "Credits that may be spent at Apollo in a UTC day; 0 spends nothing, -1 sets no limit.",
			   &apollo->daily_budget, 0, -1, PG_INT32_MAX, 0);
	DefineCustomStringVariable("leadpool.apollo_rate",
							   "Calls to an endpoint of Apollo in a time.", NULL,
							   &apollo->rate_text, "200/min", PGC_SIGHUP, 0,
							   check_rate, assign_apollo_rate, NULL);
}

int
lp_longest_call(void)
{
	int			longest = lp_http_timeout;

	for (int provider = 0; provider < LP_PROVIDERS; provider++)
		longest = Max(longest, lp_providers[provider].timeout);
	return longest;
}

void
lp_worker_settings_init(void)
{
	define_int("leadpool.http_timeout", "Hard limit of a call to a provider.",
			   &lp_http_timeout, 5000, 100, 600000, GUC_UNIT_MS);
	define_int("leadpool.connect_timeout", "Hard limit of connecting to a provider.",
			   &lp_connect_timeout, 2000, 100, 600000, GUC_UNIT_MS);
	define_int("leadpool.vendor_sla",
			   "An answer that takes longer is kept and counted as slow.",
			   &lp_vendor_sla, 5000, 1, 600000, GUC_UNIT_MS);
	define_int("leadpool.http_max_body", "Largest answer that is taken.",
			   &lp_http_max_body, 8 * 1024 * 1024, 1024, 8 * 1024 * 1024, GUC_UNIT_BYTE);
	define_int("leadpool.max_connections", "Connections to all providers together.",
			   &lp_max_connections, 200, 1, 10000, 0);
	define_int("leadpool.max_connections_per_host", "Connections to one provider.",
			   &lp_max_connections_per_host, 50, 1, 10000, 0);
	define_int("leadpool.job_lease", "How long a job that was taken is left to its call.",
			   &lp_job_lease, 60, 1, 86400, GUC_UNIT_S);
	define_int("leadpool.job_attempts", "Calls after which a job that fails is dead.",
			   &lp_job_attempts, 5, 1, 1000, 0);
	define_int("leadpool.backoff_base", "Pause after the first failure of a job; it doubles, by chance half as long or half as long again.",
			   &lp_backoff_base, 500, 1, 3600000, GUC_UNIT_MS);
	define_int("leadpool.backoff_max", "Longest pause between two attempts of a job.",
			   &lp_backoff_max, 300000, 1, 86400000, GUC_UNIT_MS);
	define_int("leadpool.breaker_failures",
			   "Failures in a row after which a provider is left alone.",
			   &lp_breaker_failures, 5, 1, 1000, 0);
	define_int("leadpool.breaker_pause", "How long it is left alone before one call probes it.",
			   &lp_breaker_pause, 60, 1, 86400, GUC_UNIT_S);
	DefineCustomEnumVariable("leadpool.unknown_policy",
							 "What happens to a paid call whose outcome nobody knows.", NULL,
							 &lp_unknown_policy, LP_UNKNOWN_HOLD, unknown_policies,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	define_text("leadpool.secrets_dir", "Directory with one file a secret, where Vault is absent.",
				&lp_secrets_dir, "", GUC_SUPERUSER_ONLY);
	define_text("leadpool.ca_file", "Certificates that are trusted instead of the system's.",
				&lp_ca_file, "", GUC_SUPERUSER_ONLY);
	define_text("leadpool.webhook_url",
				"Public address of the relay that hands webhooks to lp_receive_webhook; a token is appended.",
				&lp_webhook_url, "", GUC_SUPERUSER_ONLY);
	DefineCustomBoolVariable("leadpool.allow_loopback_http",
							 "Whether http without TLS may be spoken to 127.0.0.1 (tests).", NULL,
							 &lp_allow_loopback_http, false, PGC_SIGHUP, 0, NULL, NULL, NULL);
	define_apollo(&lp_providers[LP_PROVIDER_APOLLO]);
}
