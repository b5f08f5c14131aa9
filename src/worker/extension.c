/*
 * extension.c
 *	  Whether the extension is there for the worker to work with.
 *
 * The catalog is read as the superuser that connected.  After a look the worker
 * is leadpool_owner: the user is switched outside of transactions, so that an
 * abort returns to it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "worker/extension.h"
#include "worker/launcher.h"
#include "worker/leave.h"
#include "worker/slots.h"

static bool matched = false;	/* library and extension were of one version */

LpExtension
lp_extension_look(void)
{
	MemoryContext old = CurrentMemoryContext;
	LpExtension extension = {0};
	Relation	relation;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	relation = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("leadpool"));
	scan = systable_beginscan(relation, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_extension form = (Form_pg_extension) GETSTRUCT(tuple);
		bool		isnull;
		Datum		version = heap_getattr(tuple, Anum_pg_extension_extversion,
										   RelationGetDescr(relation), &isnull);

		extension.oid = form->oid;
		extension.schema = form->extnamespace;
		strlcpy(extension.version, TextDatumGetCString(version), NAMEDATALEN);
		extension.owner = get_role_oid("leadpool_owner", true);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	if (OidIsValid(extension.owner))
		SetUserIdAndSecContext(extension.owner, 0);
	return extension;
}

static const char *
version_reason(const LpExtension *extension)
{
	static char reason[LP_REASON_BYTES];

	if (strcmp(extension->version, LP_VERSION) == 0)
	{
		matched = true;
		return NULL;
	}
	/* A new process loads the new library, unless the server has the old one. */
	if (matched && !lp_launcher_is_preloaded())
	{
		ereport(LOG,
				errmsg("leadpool worker starts again: the extension was updated to version %s",
					   extension->version));
		matched = false;
		lp_leave_for_update();
	}
	snprintf(reason, sizeof(reason),
			 "extension has version %s, the library of the worker %s: %s",
			 extension->version, LP_VERSION,
			 "ALTER EXTENSION leadpool UPDATE, or restart the server");
	return reason;
}

/* DROP EXTENSION takes this lock first, in the other mode. */
void
lp_extension_hold(const LpExtension *extension)
{
	LockDatabaseObject(ExtensionRelationId, extension->oid, 0, AccessShareLock);
	if (!OidIsValid(get_relname_relid("lead_pool", extension->schema)))
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("extension leadpool was dropped"));
}

const char *
lp_extension_reason(const LpExtension *extension)
{
	if (!OidIsValid(extension->oid))
		return "extension leadpool is not installed in this database";
	if (!OidIsValid(extension->owner))
		return "role leadpool_owner does not exist";
	return version_reason(extension);
}
