/*
 * secrets.c
 *	  Keys of providers: from Vault, else from a file.
 *
 * Vault is read only if schema and view belong to the extension supabase_vault
 * or to a superuser: any role that may create a schema could put a view of that
 * name into one.  It is read as the view's owner then, so that nobody has to
 * grant a thing.  A file in leadpool.secrets_dir must belong to the server's
 * user and be closed to others.  A secret is never part of a message.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/resowner.h"

#include "store/sql.h"
#include "util/worker_settings.h"
#include "worker/secrets.h"

#define MAX_SECRET 4096

/* Its owner, and whether we may read it as we are. */
static LpSql vault_sql = LP_SQL(
	"SELECT c.relowner, pg_catalog.has_schema_privilege(n.oid, 'USAGE')"
	"  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"
	" FROM pg_catalog.pg_class c"
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
	" JOIN pg_catalog.pg_roles o ON o.oid = c.relowner"
	" JOIN pg_catalog.pg_roles s ON s.oid = n.nspowner"
	" WHERE n.nspname = 'vault' AND c.relname = 'decrypted_secrets'"
	"  AND (o.rolsuper AND s.rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_depend d"
	"   JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'supabase_vault'"
	"   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid"
	"    AND d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass))");

/* The newest; a view without updated_at has but one of a name. */
#define SECRET_SQL \
	"SELECT v.secret FROM (SELECT NULL::timestamptz AS updated_at) d, LATERAL" \
	" (SELECT decrypted_secret::text AS secret, updated_at AS at" \
	"  FROM vault.decrypted_secrets WHERE name = $1) v ORDER BY v.at DESC NULLS LAST LIMIT 1"

static char *
read_vault(const char *name)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(name)};
	Oid			user;
	int			security;
	char	   *secret = NULL;

	if (lp_sql_run(&vault_sql, NULL, NULL) == 0)
		return NULL;
	/* an abort of the subtransaction gives the user back, too */
	GetUserIdAndSecContext(&user, &security);
	if (!lp_col_bool(0, 2))
		SetUserIdAndSecContext(DatumGetObjectId(lp_col(0, 1)),
							   security | SECURITY_LOCAL_USERID_CHANGE);
	if (lp_sql_run_once(SECRET_SQL, 1, types, values, NULL) > 0)
		secret = lp_col_text(0, 1);
	SetUserIdAndSecContext(user, security);
	return secret;
}

/* A Vault that fails keeps one provider from being called, and nothing else. */
static char *
from_vault(const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile secret = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		secret = read_vault(name);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(WARNING,
				errmsg("secret \"%s\" could not be read from Vault: SQLSTATE %s",
					   name, unpack_sql_state(code)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return secret;
}

/* Open only to the server's user, as for the key of a certificate. */
static bool
is_private(int file, const char *name)
{
	struct stat about;

	if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) &&
		about.st_uid == geteuid() && (about.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return true;
	ereport(WARNING,
			errmsg("secret \"%s\" is not used: its file is open to others", name),
			errhint("Make it belong to the server's user, with mode 0600."));
	return false;
}

static char *
from_file(const char *name)
{
	char		path[MAXPGPATH];
	char	   *secret;
	int			length = 0;
	int			file;

	if (*lp_secrets_dir == '\0')
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", lp_secrets_dir, name);
	/* a pipe in its place must not stop the worker */
	file = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (file < 0)
		return NULL;
	secret = palloc0(MAX_SECRET + 1);
	if (is_private(file, name))
		length = read(file, secret, MAX_SECRET);
	CloseTransientFile(file);
	if (length <= 0)
	{
		pfree(secret);
		return NULL;
	}
	return secret;
}

/* Without blanks around it; NULL if it cannot be part of a header. */
static char *
trim(const char *name, char *secret)
{
	int			length = strlen(secret);

	while (length > 0 && strchr(" \t\r\n", secret[length - 1]) != NULL)
		secret[--length] = '\0';
	for (const char *c = secret; *c != '\0'; c++)
		if ((unsigned char) *c <= ' ' || (unsigned char) *c >= 0x7f)
		{
			ereport(WARNING,
					errmsg("secret \"%s\" is not used: it has characters that no key has", name));
			lp_secret_wipe(secret);
			return NULL;
		}
	return secret;
}

char *
lp_secret_read(const char *name)
{
	char	   *secret = from_vault(name);

	if (secret == NULL || *secret == '\0')
		secret = from_file(name);
	return secret == NULL ? NULL : trim(name, secret);
}

void
lp_secret_wipe(char *secret)
{
	explicit_bzero(secret, strlen(secret));
	pfree(secret);
}
