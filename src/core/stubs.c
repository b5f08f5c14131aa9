/* stubs.c: weak stand-ins until each part lands; this file then goes. */
#include "postgres.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/datetime.h"
#include "core/available.h"
#include "core/bans.h"
#include "core/event.h"
#include "core/identity.h"
#include "core/lead.h"
#include "core/ownership.h"
#include "core/quiet.h"
#include "core/score.h"
#include "core/touch.h"
#include "util/clock.h"
#include "util/country.h"
#include "util/domain.h"
#include "util/email.h"
#include "util/phone.h"
#include "util/profile.h"
#include "util/settings.h"
#include "util/zone.h"
#define WEAK __attribute__((weak))
static char *
lower(const char *s)
{
	char	   *r = pstrdup(s);

	for (char *p = r; *p; p++)
		*p = pg_tolower((unsigned char) *p);
	return r;
}
WEAK char *lp_email_match(const char *a) { return strchr(a, '@') ? lower(a) : NULL; }
WEAK char *lp_email_ban(const char *m) { return pstrdup(m); }
WEAK const char *lp_email_domain(const char *m) { return strchr(m, '@') + 1; }
WEAK bool lp_email_is_role(const char *m) { return strncmp(m, "info@", 5) == 0; }
WEAK bool lp_email_is_locked(const char *a) { return strncmp(a, "email_not_unlocked@", 19) == 0; }
WEAK bool lp_email_is_blocked(const char *m) { return strcmp(m, "test@test.com") == 0; }
WEAK char *lp_domain_normalize(const char *t) { return strchr(t, '.') ? lower(t) : NULL; }
WEAK char *lp_domain_registrable(const char *h) { return pstrdup(h); }
WEAK bool lp_domain_is_free_mail(const char *d) { return strcmp(d, "gmail.com") == 0; }
WEAK bool lp_domain_covers(const char *d, const char *h) { return strcmp(d, h) == 0; }
WEAK bool
lp_phone_parse(const char *t, const char *region, LpPhone *r)
{
	int			n = 0;

	memset(r, 0, sizeof(*r));
	if (*t != '+')
		return false;
	r->e164[n++] = '+';
	for (; *t && n < 16; t++)
		if (*t >= '0' && *t <= '9')
			r->e164[n++] = *t;
	r->status = LP_PHONE_VALID;
	return true;
}
WEAK const char *lp_phone_status_name(LpPhoneStatus s) { return "valid"; }
WEAK bool lp_phone_is_blocked(const char *e) { return false; }
WEAK char *lp_phone_digits(const char *t) { return pstrdup(t); }
WEAK char *
lp_profile_slug(const char *u)
{
	const char *p = strstr(u, "/in/");

	return p ? lower(p + 4) : NULL;
}
WEAK const char *lp_country_code(const char *t) { return strcmp(t, "United States") == 0 ? "US" : NULL; }
WEAK pg_tz *lp_zone_find(const char *n) { return pg_tzset(n); }
WEAK TimestampTz lp_zone_day_start(pg_tz *z, TimestampTz at) { return at - at % USECS_PER_DAY; }
WEAK TimestampTz lp_zone_day_end(pg_tz *z, TimestampTz at) { return at - at % USECS_PER_DAY + USECS_PER_DAY; }
WEAK DateADT lp_zone_date(pg_tz *z, TimestampTz at) { return at / USECS_PER_DAY; }
WEAK TimestampTz lp_zone_instant(pg_tz *z, DateADT d, TimeADT t) { return d * USECS_PER_DAY + t; }
WEAK LpQuiet *lp_quiet_rules(const LpPlace *p, LpChannel c, const Jsonb *h) { return NULL; }
WEAK bool lp_quiet_allows(LpQuiet *r, TimestampTz at, TimestampTz *next) { return true; }
WEAK char *lp_quiet_describe(LpQuiet *r, TimestampTz at) { return pstrdup("stub"); }

WEAK void lp_bans_require_key(bool create) {}
WEAK void
lp_bans_hash(LpKeyKind kind, const char *value, uint8 *hash)
{
	pg_cryptohash_ctx *c = pg_cryptohash_create(PG_SHA256);

	pg_cryptohash_init(c);
	pg_cryptohash_update(c, (const uint8 *) &kind, sizeof(kind));
	pg_cryptohash_update(c, (const uint8 *) value, strlen(value));
	pg_cryptohash_final(c, hash, 32);
	pg_cryptohash_free(c);
}
WEAK int64
lp_bans_short_hash(LpKeyKind kind, const char *value)
{
	uint8		h[32];
	int64		r;

	lp_bans_hash(kind, value, h);
	memcpy(&r, h, 8);
	return r;
}
WEAK List **lp_bans_of_leads(const pg_uuid_t *ids, int n, TimestampTz at) { return palloc0(sizeof(List *) * Max(n, 1)); }
WEAK List *lp_bans_of_keys(const LpKey *keys, int n, TimestampTz at) { return NIL; }
WEAK LpBanCheck lp_ban_stops(const LpBan *b, const pg_uuid_t *c, LpChannel ch, TimestampTz at) { return LP_BAN_STOPS_NOTHING; }
WEAK const char *lp_ban_reason_name(LpBanReason r) { return "stub"; }
WEAK void lp_bans_add(const LpBanOrder *o, const LpKey *k, int n, const pg_uuid_t *lead, pg_uuid_t *row) {}
WEAK void lp_available_refresh(const pg_uuid_t *ids, int n) {}
WEAK int lp_score_compute(const LpScoreFacts *f, List **parts) { return 50; }
WEAK void lp_client_lock(const pg_uuid_t *c, bool exclusive) {}
WEAK LpClient *lp_client_load(const pg_uuid_t *c) { return NULL; }
WEAK void lp_client_no_such(const pg_uuid_t *c) { elog(ERROR, "no such client"); }
WEAK void lp_ownership_contacted(const pg_uuid_t *l, const pg_uuid_t *c, const pg_uuid_t *a, TimestampTz at) {}
WEAK void lp_ownership_outcome(const pg_uuid_t *l, const pg_uuid_t *c, const char *o, TimestampTz at) {}
WEAK int lp_touch_fence(const pg_uuid_t *l, int n, const pg_uuid_t *c, LpChannel ch, TimestampTz at) { return 0; }
WEAK LpTouchFacts *lp_touch_find(const pg_uuid_t *t) { return NULL; }
WEAK pg_uuid_t lp_touch_record_send(const LpSend *s) { pg_uuid_t r; memset(&r, 0, sizeof(r)); return r; }
WEAK void lp_event_adopt(const pg_uuid_t *l, int n) {}
