/*
 * stripes.c
 *	  Locks on keys that nobody may have yet: advisory, by hash of the key.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "core/stripes.h"
#include "store/sql.h"
#include "util/email.h"

#define STRIPE_CLASS 0x6C707374 /* "lpst" */

void
lp_stripes_add(LpStripes *stripes, char kind, const void *data, int len, LOCKMODE mode)
{
	uint64		hash = hash_bytes_extended(data, len, kind);
	LOCKMODE   *stripe = &stripes->modes[hash % LP_STRIPES];

	*stripe = Max(*stripe, mode);
}

void
lp_stripes_add_key(LpStripes *stripes, const LpKey *key, LOCKMODE mode)
{
	const char *form = key->kind == LP_KEY_EMAIL ? lp_email_ban(key->value) : key->value;

	lp_stripes_add(stripes, key->kind, form, strlen(form), mode);
}

static LpSql keys_sql = LP_SQL(
	"SELECT kind, value FROM @s@.lead_identities WHERE lead_id = ANY ($1)",
	UUIDARRAYOID);

void
lp_stripes_add_leads(LpStripes *stripes, const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	uint64		rows = n == 0 ? 0 : lp_sql_run(&keys_sql, args, NULL);

	for (uint64 row = 0; row < rows; row++)
	{
		LpKey		key = {.value = lp_col_text(row, 2)};

		if (!lp_key_kind_from_name(lp_col_text(row, 1), &key.kind))
			elog(ERROR, "unknown kind of identity");
		lp_stripes_add_key(stripes, &key, ExclusiveLock);
	}
}

void
lp_stripes_lock(const LpStripes *stripes)
{
	for (int i = 0; i < LP_STRIPES; i++)
	{
		LOCKTAG		tag;

		if (stripes->modes[i] == NoLock)
			continue;
		SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, STRIPE_CLASS, i, 2);
		(void) LockAcquire(&tag, stripes->modes[i], false, false);
	}
}
