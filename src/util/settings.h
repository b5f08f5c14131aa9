/*
 * settings.h
 *	  The settings leadpool.*, defined in settings.c.
 *
 * Interval settings are kept as parsed Interval values; a negative one or one
 * that does not parse is refused when it is set.
 */
#ifndef LP_SETTINGS_H
#define LP_SETTINGS_H

#include "datatype/timestamp.h"

extern bool lp_allow_catch_all;
extern int	lp_soft_bounce_limit;
extern double lp_bounce_breaker_rate;	/* percent */
extern int	lp_bounce_breaker_min_sends;
extern char *lp_default_region;
extern char *lp_key_file;
extern char *lp_api_logins;
extern char *lp_instance;
extern char *lp_databases;		/* NULL where the library is not preloaded */

/* Periods.  Each returns a pointer to static storage. */
extern const Interval *lp_setting_recent_contact(void);
extern const Interval *lp_setting_channel_cooling(void);
extern const Interval *lp_setting_not_interested_cooling(void);
extern const Interval *lp_setting_confirm_timeout(void);
extern const Interval *lp_setting_claim_ttl_max(void);
extern const Interval *lp_setting_soft_bounce_window(void);
extern const Interval *lp_setting_bounce_breaker_window(void);
extern const Interval *lp_setting_enrich_ttl(void);
extern const Interval *lp_setting_not_found_ttl(void);

/* Whether leadpool.merge_on names this kind of identity. */
extern bool lp_setting_merges_on(const char *kind);

/* leadpool.release_contacted; false means never. */
extern bool lp_setting_release_contacted(const Interval **period);

/*
 * Parses an interval such as '72 hours' or '12 months' without ever throwing.
 * False if it does not parse, is negative, or is so long (above 1000 years) that
 * counting back from a time of today leaves the calendar.
 */
extern bool lp_interval_parse(const char *text, Interval *result);

/* leadpool.now, or DT_NOBEGIN when the real clock holds. */
extern TimestampTz lp_setting_now(void);

extern void lp_settings_init(void);

#endif							/* LP_SETTINGS_H */
