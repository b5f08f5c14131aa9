/*
 * connect.c
 *	  How the worker connects to its database.
 *
 * It connects as the bootstrap superuser, since a role without LOGIN cannot be
 * named for a connection; it acts as leadpool_owner (extension.c).
 *
 * A worker whose database is gone must not be started for ever, nor fill the
 * log: what the server says then is caught on its way there.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/guc.h"

#include "worker/connect.h"

static emit_log_hook_type previous_emit_log = NULL;
static bool database_is_gone = false;

/*
 * Where the database is gone the server throws FATAL, which would end in a
 * line of the log and a new start, over and over.  The line is dropped here,
 * and the code of the exit changed below: an exit callback may call proc_exit.
 */
static void
drop_message(ErrorData *edata)
{
	if (edata->elevel == FATAL &&
		(edata->sqlerrcode == ERRCODE_UNDEFINED_DATABASE ||
		 edata->sqlerrcode == ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE))
	{
		edata->output_to_server = false;
		database_is_gone = true;
	}
	else if (previous_emit_log != NULL)
		previous_emit_log(edata);
}

static void
exit_for_good(int code, Datum arg)
{
	if (!database_is_gone)
		return;
	database_is_gone = false;
	ereport(LOG,
			errmsg("leadpool worker not started: database %u cannot be connected to",
				   DatumGetObjectId(arg)));
	proc_exit(0);
}

static void
connect_quietly(Oid database)
{
	on_proc_exit(exit_for_good, ObjectIdGetDatum(database));
	previous_emit_log = emit_log_hook;
	emit_log_hook = drop_message;
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	emit_log_hook = previous_emit_log;
}

/* Nothing that a site sets for its sessions may change what the worker does. */
static void
pin_settings(void)
{
	static const char *const pins[][2] = {
		{"search_path", "pg_catalog, pg_temp"},
		{"timezone", "UTC"},
		{"datestyle", "ISO, YMD"},
		{"intervalstyle", "postgres"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "off"},
		{"default_transaction_deferrable", "off"},
		/* plans are made while a queue is empty, and kept when it is long */
		{"plan_cache_mode", "force_generic_plan"},
		{"enable_seqscan", "off"},
		{"enable_bitmapscan", "off"},
		{"enable_hashjoin", "off"},
		{"enable_mergejoin", "off"},
#if PG_VERSION_NUM >= 170000
		{"transaction_timeout", "0"},
#endif
		{"application_name", "leadpool worker"},
	};

	for (int i = 0; i < lengthof(pins); i++)
		SetConfigOption(pins[i][0], pins[i][1], PGC_SUSET, PGC_S_OVERRIDE);
}

void
lp_worker_connect(Oid database)
{
	connect_quietly(database);
	pin_settings();
}
