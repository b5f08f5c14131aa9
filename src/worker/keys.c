/*
 * keys.c
 *	  The providers' keys, as the worker keeps them.
 *
 * They are read again now and then, so that a new one is noticed; with a new
 * one the holds end that only a human can end.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/events.h"
#include "worker/keys.h"
#include "worker/rates.h"
#include "worker/secrets.h"
#include "worker/worker.h"

static char *keys[LP_PROVIDERS];
static bool missing_told[LP_PROVIDERS];
static TimestampTz read_at = 0;

void
lp_keys_read(TimestampTz now)
{
	if (read_at <= now && read_at + LP_LOOK_EVERY > now)
		return;
	for (int provider = 0; provider < LP_PROVIDERS; provider++)
	{
		char	   *fresh = lp_secret_read(lp_providers[provider].secret);
		char	   *kept = keys[provider];

		if (fresh != NULL && (kept == NULL || strcmp(kept, fresh) != 0))
			lp_rates_forgive();
		keys[provider] = NULL;
		if (kept != NULL)
			lp_secret_wipe(kept);
		if (fresh != NULL)
		{
			keys[provider] = MemoryContextStrdup(TopMemoryContext, fresh);
			lp_secret_wipe(fresh);
			missing_told[provider] = false;
		}
	}
	read_at = now;
}

void
lp_keys_forget_time(void)
{
	read_at = 0;
}

const char *
lp_key_of(LpProviderId provider)
{
	return keys[provider];
}

void
lp_key_tell_missing(LpProviderId provider)
{
	if (missing_told[provider])
		return;
	lp_worker_event("error", lp_provider_name(provider), 0, "no_secret",
					"no secret is set for this provider; its jobs wait");
	missing_told[provider] = true;
}
