/*
 * worker_settings.h
 *	  The settings leadpool.* of the worker and of the providers.
 *
 * A reload changes them (PGC_SIGHUP).  None holds a secret: SHOW and the log
 * of a reload would tell it.
 */
#ifndef LP_WORKER_SETTINGS_H
#define LP_WORKER_SETTINGS_H

/* In the order of the words in lead_jobs.provider. */
typedef enum LpProviderId
{
	LP_PROVIDER_APOLLO,
	LP_PROVIDERS
} LpProviderId;

extern int	lp_http_timeout;	/* ms, likewise all times below */
extern int	lp_connect_timeout;
extern int	lp_vendor_sla;
extern int	lp_http_max_body;	/* bytes */
extern int	lp_max_connections;
extern int	lp_max_connections_per_host;
extern int	lp_job_lease;
extern int	lp_job_attempts;
extern int	lp_backoff_base;
extern int	lp_backoff_max;
extern int	lp_breaker_failures;
extern int	lp_breaker_pause;
extern char *lp_secrets_dir;
extern char *lp_ca_file;
extern char *lp_webhook_url;
extern bool lp_allow_loopback_http;

/* What happens to a paid call whose outcome nobody knows. */
typedef enum LpUnknownPolicy
{
	LP_UNKNOWN_HOLD,
	LP_UNKNOWN_RETRY_ONCE
} LpUnknownPolicy;

extern int	lp_unknown_policy;

/* What is set for one provider. */
typedef struct LpProviderSettings
{
	const char *name;			/* as in lead_jobs.provider */
	const char *secret;			/* name in Vault, and of the file */
	char	   *base_url;
	char	   *rate_text;
	double		rate;			/* calls a second; 0: only what headers say */
	int			burst;			/* calls at once after a pause */
	int			timeout;		/* ms */
	int			daily_budget;	/* -1: no limit */
} LpProviderSettings;

extern LpProviderSettings lp_providers[LP_PROVIDERS];

extern const char *lp_provider_name(LpProviderId id);

/* The longest that a call to any of them may take, ms. */
extern int	lp_longest_call(void);

extern void lp_worker_settings_init(void);

#endif							/* LP_WORKER_SETTINGS_H */
