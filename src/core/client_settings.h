/*
 * client_settings.h
 *	  The settings of a client, for the files that read and store them.
 */
#ifndef LP_CLIENT_SETTINGS_H
#define LP_CLIENT_SETTINGS_H

#include "core/ownership.h"
#include "util/jsonarg.h"

/* Their keys, as indices. */
enum
{
	SET_STATUS,
	SET_TIME_ZONE,
	SET_MAX_ACTIVE,
	SET_DAILY_ALLOCATION,
	SET_DAILY_LIMIT,
	SET_EXCLUDE_DOMAINS,
	SET_RELEASE_CONTACTED,
	SET_COMPANY_EXCLUSIVE,
	SET_QUIET_HOURS,
	SET_RECENT_CONTACT,
	SET_CHANNEL_COOLING,
	SET_NOT_INTERESTED,
	SET_ALLOW_CATCH_ALL,
	SET_BREAKER_RATE,
	SETTINGS
};

extern const LpJsonKey lp_client_setting_keys[SETTINGS];

/* Throws 22023 for an unknown key or a wrong type. */
extern LpJsonArg *lp_client_settings_read(Jsonb *settings);

/* Settings into the struct: defaults, then what is given. */
extern void lp_client_apply_settings(LpClient *client, LpJsonArg *args);

/* The row as it is, without its settings taken apart. */
extern LpClient *lp_client_load_row(const pg_uuid_t *client_id, Jsonb **settings);

#endif							/* LP_CLIENT_SETTINGS_H */
