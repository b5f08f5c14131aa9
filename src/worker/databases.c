/*
 * databases.c
 *	  Statements that need a database for themselves.
 *
 * DROP DATABASE, ALTER DATABASE ... RENAME or SET TABLESPACE, and CREATE
 * DATABASE with a template refuse while somebody is connected: the worker is
 * asked to leave, and kept away until the transaction has ended.  Only for those
 * who may run the statement, and where the transaction allows it, so that nobody
 * can disturb the worker for nothing.
 *
 * The hook is set only where the library is preloaded: in every other session
 * it would be there or not, depending on what was called before.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/timestamp.h"

#include "util/wake.h"
#include "worker/databases.h"
#include "worker/slots.h"

#define FINISH_MS 4000			/* for calls that are under way */
#define GONE_MS 5000			/* and until the process has gone */

static ProcessUtility_hook_type previous_utility = NULL;

static const char *
text_option(List *options, const char *name)
{
	ListCell   *cell;

	foreach(cell, options)
	{
		DefElem    *option = lfirst(cell);

		if (strcmp(option->defname, name) == 0 && option->arg != NULL)
			return defGetString(option);
	}
	return NULL;
}

/* The database that a statement needs for itself, or NULL. */
static const char *
needed_alone(Node *statement)
{
	const char *template;

	switch (nodeTag(statement))
	{
		case T_DropdbStmt:
			return ((DropdbStmt *) statement)->dbname;
		case T_CreatedbStmt:
			template = text_option(((CreatedbStmt *) statement)->options, "template");
			return template != NULL ? template : "template1";
		case T_AlterDatabaseStmt:
			if (text_option(((AlterDatabaseStmt *) statement)->options, "tablespace") != NULL)
				return ((AlterDatabaseStmt *) statement)->dbname;
			return NULL;
		case T_RenameStmt:
			if (((RenameStmt *) statement)->renameType == OBJECT_DATABASE)
				return ((RenameStmt *) statement)->subname;
			return NULL;
		default:
			return NULL;
	}
}

static bool
owns(Oid database)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, database, GetUserId());
#else
	return pg_database_ownercheck(database, GetUserId());
#endif
}

/* All but ALTER DATABASE ... RENAME are refused in a transaction block. */
static bool
may_run_here(Node *statement, ProcessUtilityContext context)
{
	return IsA(statement, RenameStmt) ||
		!IsInTransactionBlock(context == PROCESS_UTILITY_TOPLEVEL);
}

/* Has the worker of the database that a statement needs leave. */
static void
clear_database(Node *statement)
{
	const char *name = needed_alone(statement);
	Oid			database = name == NULL ? InvalidOid : get_database_oid(name, true);
	TimestampTz now = GetCurrentTimestamp();

	if (!OidIsValid(database) || database == MyDatabaseId || !owns(database))
		return;
	if (lp_slot_ask_to_leave(database, false, true, now + FINISH_MS * INT64CONST(1000)) &&
		!lp_slot_wait(database, false, now + GONE_MS * INT64CONST(1000)))
		ereport(DEBUG1, errmsg("the leadpool worker of database \"%s\" has not left", name));
}

/* CREATE, ALTER or DROP EXTENSION leadpool: the worker looks at once. */
static bool
is_about_extension(Node *statement)
{
	ListCell   *cell;

	if (IsA(statement, CreateExtensionStmt))
		return strcmp(((CreateExtensionStmt *) statement)->extname, "leadpool") == 0;
	if (IsA(statement, AlterExtensionStmt))
		return strcmp(((AlterExtensionStmt *) statement)->extname, "leadpool") == 0;
	if (!IsA(statement, DropStmt) || ((DropStmt *) statement)->removeType != OBJECT_EXTENSION)
		return false;
	foreach(cell, ((DropStmt *) statement)->objects)
	{
		if (strcmp(strVal(lfirst(cell)), "leadpool") == 0)
			return true;
	}
	return false;
}

static void
run(PlannedStmt *planned, const char *query, bool read_only_tree,
	ProcessUtilityContext context, ParamListInfo params,
	QueryEnvironment *environment, DestReceiver *destination,
	QueryCompletion *completion)
{
	if (previous_utility != NULL)
		previous_utility(planned, query, read_only_tree, context, params,
						 environment, destination, completion);
	else
		standard_ProcessUtility(planned, query, read_only_tree, context, params,
								environment, destination, completion);
}

static void
utility(PlannedStmt *planned, const char *query, bool read_only_tree,
		ProcessUtilityContext context, ParamListInfo params,
		QueryEnvironment *environment, DestReceiver *destination,
		QueryCompletion *completion)
{
	Node	   *statement = planned->utilityStmt;
	bool		about_extension = is_about_extension(statement);

	if (nodeTag(statement) == T_AlterDatabaseStmt || needed_alone(statement) != NULL)
	{
		if (may_run_here(statement, context))
			clear_database(statement);
		lp_wake_launcher_at_end();
	}
	run(planned, query, read_only_tree, context, params, environment,
		destination, completion);
	if (about_extension)
		lp_wake_at_commit();
}

void
lp_databases_init(void)
{
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	previous_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
}
