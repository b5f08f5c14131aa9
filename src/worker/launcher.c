/*
 * launcher.c
 *	  Workers for the databases of leadpool.databases.
 *
 * One process a cluster, only where the library is preloaded.  It is connected
 * to no database, so it sees the shared catalogs only, and knows which workers
 * run from their slots: one that lp_worker_start() started is as good as one of
 * its own.  Workers are registered never to be restarted by the server, since
 * after a crash the launcher, new as well, starts them at once; a worker that
 * ends comes back after a pause that doubles while it lives shortly.
 *
 * Nothing is started that lp_worker_stop() stopped, or while a statement needs
 * the database for itself (databases.c).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "util/settings.h"
#include "util/wake.h"
#include "worker/launcher.h"
#include "worker/leave.h"
#include "worker/slots.h"
#include "worker/worker.h"

#define LOOK_MS 60000
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS 60000
#define RESTART 5				/* seconds, of the launcher itself */

/* A database that the launcher cares for. */
typedef struct Listed
{
	Oid			database;
	BackgroundWorkerHandle *handle; /* of the last worker started, or NULL */
	TimestampTz started;		/* when that was */
	TimestampTz next;			/* not before */
	int			failures;		/* short lives in a row */
	bool		is_listed;		/* scratch of a look */
} Listed;

static bool preloaded = false;
static List *cared_for = NIL;	/* of Listed */

bool
lp_launcher_is_preloaded(void)
{
	return preloaded;
}

static List *
listed_names(void)
{
	List	   *names = NIL;

	if (preloaded && lp_databases != NULL)
		(void) SplitGUCList(pstrdup(lp_databases), ',', &names);
	return names;
}

static bool
has_name(List *names, const char *name)
{
	ListCell   *cell;

	foreach(cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

bool
lp_launcher_lists(const char *database)
{
	return has_name(listed_names(), database);
}

static Listed *
care_for(Oid database)
{
	MemoryContext old;
	Listed	   *listed;
	ListCell   *cell;

	foreach(cell, cared_for)
	{
		listed = lfirst(cell);
		if (listed->database == database)
			return listed;
	}
	old = MemoryContextSwitchTo(TopMemoryContext);
	listed = palloc0(sizeof(Listed));
	listed->database = database;
	cared_for = lappend(cared_for, listed);
	MemoryContextSwitchTo(old);
	return listed;
}

/*
 * Marks the listed databases that exist and take connections.  Of one that was
 * dropped nothing is kept: its slot is for another.
 */
static void
look_at_databases(void)
{
	List	   *names;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	names = listed_names();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		/* a limit of -2: a DROP DATABASE that was cut short */
		if (form->datallowconn && form->datconnlimit != -2 &&
			has_name(names, NameStr(form->datname)))
			care_for(form->oid)->is_listed = true;
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	lp_slots_forget_dropped();
	CommitTransactionCommand();
}

/* The worker has ended: when may the next one start? */
static void
note_end(Listed *listed, TimestampTz now)
{
	long		pause;

	pfree(listed->handle);
	listed->handle = NULL;
	if (TimestampDifferenceExceeds(listed->started, now, PAUSE_MAX_MS))
		listed->failures = 0;
	pause = Min(PAUSE_MIN_MS << Min(listed->failures, 6), PAUSE_MAX_MS);
	listed->failures++;
	listed->next = now + pause * INT64CONST(1000);
}

static void
start(Listed *listed, TimestampTz now)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	listed->started = now;
	if (!lp_worker_register(listed->database, BGW_NEVER_RESTART, &listed->handle))
	{
		listed->handle = NULL;
		listed->next = now + PAUSE_MAX_MS * INT64CONST(1000);
		ereport(LOG,
				errmsg("leadpool worker not started: no slot for another background worker"),
				errhint("Raise max_worker_processes."));
	}
	MemoryContextSwitchTo(old);
}

/* One database; returns when to look at it again. */
static TimestampTz
look_after(Listed *listed)
{
	TimestampTz now = GetCurrentTimestamp();
	LpSlotView	view;
	pid_t		pid;

	if (listed->handle != NULL &&
		GetBackgroundWorkerPid(listed->handle, &pid) == BGWH_STOPPED)
		note_end(listed, now);
	view = lp_slot_view(listed->database);
	if (!listed->is_listed)
	{
		if (listed->handle == NULL)
			return DT_NOEND;
		if (view.pid != 0)
			lp_slot_ask_to_leave(listed->database, false, false,
								 now + lp_leave_finish_ms() * INT64CONST(1000));
		/* one that has not come yet does not say when it has */
		return view.pid != 0 ? DT_NOEND : now + PAUSE_MIN_MS * INT64CONST(1000);
	}
	if (view.held || view.stopped)
	{
		listed->failures = 0;
		listed->next = 0;
		return DT_NOEND;
	}
	if (view.pid != 0 || listed->handle != NULL)
		return DT_NOEND;
	if (listed->next > now)
		return listed->next;
	start(listed, now);
	return listed->next > now ? listed->next : DT_NOEND;
}

/* All of them; returns when one of them may be started. */
static TimestampTz
look_after_all(void)
{
	TimestampTz next = DT_NOEND;
	ListCell   *cell;

	foreach(cell, cared_for)
		((Listed *) lfirst(cell))->is_listed = false;
	look_at_databases();
	foreach(cell, cared_for)
	{
		TimestampTz at = look_after(lfirst(cell));

		next = Min(next, at);
	}
	/* one that left the list is forgotten when its worker has ended */
	foreach(cell, cared_for)
	{
		Listed	   *listed = lfirst(cell);

		if (!listed->is_listed && listed->handle == NULL)
		{
			cared_for = foreach_delete_current(cared_for, cell);
			pfree(listed);
		}
	}
	return next;
}

static void
wait_until(TimestampTz next)
{
	long		timeout = LOOK_MS;

	if (!TIMESTAMP_IS_NOEND(next))
		timeout = Min(timeout, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next));
	pgstat_report_activity(STATE_IDLE, NULL);
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Max(timeout, 1), PG_WAIT_EXTENSION);
}

void
lp_launcher_main(Datum main_arg)
{
	MemoryContext context;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	lp_wake_launcher_is_here();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	SetConfigOption("application_name", "leadpool launcher", PGC_SUSET, PGC_S_OVERRIDE);
	context = AllocSetContextCreate(TopMemoryContext, "leadpool launcher",
									ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		ResetLatch(MyLatch);
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(context);
		wait_until(look_after_all());
		MemoryContextReset(context);
	}
}

/* A cluster that is being upgraded has no workers. */
void
lp_launcher_init(void)
{
	BackgroundWorker worker = {0};

	preloaded = process_shared_preload_libraries_in_progress;
	if (!preloaded || IsBinaryUpgrade)
		return;
	strlcpy(worker.bgw_name, "leadpool launcher", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "leadpool launcher", sizeof(worker.bgw_type));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = RESTART;
	strlcpy(worker.bgw_library_name, "leadpool", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "lp_launcher_main", sizeof(worker.bgw_function_name));
	RegisterBackgroundWorker(&worker);
}
