/*
 * client.c
 *	  Clients: the row, and the lock.
 *
 * The client's advisory lock is first in the lock order: claims take it
 * shared, so a pause waits for the claims in flight, and after its commit
 * nobody gets a yes.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "core/client.h"
#include "core/client_settings.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/domain.h"
#include "util/errors.h"
#include "util/uuid.h"

/* Class of the client's advisory lock: 'lpcl'. */
#define CLIENT_LOCK_CLASS 0x6c70636c

static LpSql load_sql = LP_SQL(
	"SELECT name, status, time_zone, paused_reason, settings"
	" FROM @s@.lead_clients WHERE id = $1",
	UUIDOID);

void
lp_client_lock(const pg_uuid_t *client_id, bool exclusive)
{
	LOCKTAG		tag;
	uint32		hash = DatumGetUInt32(hash_any(client_id->data, UUID_LEN));

	/* the key space of pg_advisory_xact_lock(int, int) */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, CLIENT_LOCK_CLASS, hash, 2);
	(void) LockAcquire(&tag, exclusive ? ExclusiveLock : ShareLock, false, false);
}

void
lp_client_no_such(const pg_uuid_t *client_id)
{
	ereport(ERROR,
			errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("client \"%s\" does not exist", lp_uuid_text(client_id)),
			errhint("Register it with lp_client_set."));
}

LpClient *
lp_client_load_row(const pg_uuid_t *client_id, Jsonb **settings)
{
	Datum		values[] = {UUIDPGetDatum(client_id)};
	LpClient   *client = palloc0(sizeof(LpClient));

	client->id = *client_id;
	*settings = NULL;
	if (lp_sql_run(&load_sql, values, NULL) == 0)
		return client;
	client->known = true;
	client->name = lp_col_text(0, 1);
	client->status = lp_col_text(0, 2);
	client->time_zone = lp_col_text(0, 3);
	client->paused_reason = lp_col_text(0, 4);
	*settings = DatumGetJsonbPCopy(lp_col(0, 5));
	return client;
}

LpClient *
lp_client_load(const pg_uuid_t *client_id)
{
	Jsonb	   *settings;
	LpClient   *client = lp_client_load_row(client_id, &settings);

	lp_client_apply_settings(client, lp_client_settings_read(settings));
	return client;
}

LpClient *
lp_client_load_active(const pg_uuid_t *client_id)
{
	LpClient   *client = lp_client_load(client_id);

	if (!client->known)
		lp_client_no_such(client_id);
	if (strcmp(client->status, "active") != 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_INACTIVE),
				errmsg("client \"%s\" is %s", lp_uuid_text(client_id), client->status),
				errhint("Set it active with lp_client_set(..., settings => '{\"status\": \"active\"}')."));
	return client;
}

TimestampTz
lp_client_keeps_until(const LpClient *client, TimestampTz now)
{
	return client->release_contacted ? lp_clock_add(now, &client->release_after) : DT_NOEND;
}

bool
lp_client_excludes(const LpClient *client, const char *host)
{
	for (int i = 0; host != NULL && i < client->n_exclude_domains; i++)
		if (lp_domain_covers(client->exclude_domains[i], host))
			return true;
	return false;
}
