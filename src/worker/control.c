/*
 * control.c
 *	  Starting, stopping and asking the worker of this database, from SQL.
 *
 * What start and stop do to the process happens at once, whatever becomes of
 * the transaction; that this database may spend is a row, and so binds when
 * the transaction commits.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/instance.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/errors.h"
#include "util/wake.h"
#include "worker/launcher.h"
#include "worker/leave.h"
#include "worker/mailbox.h"
#include "worker/slots.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(lp_worker_start);
PG_FUNCTION_INFO_V1(lp_worker_stop);
PG_FUNCTION_INFO_V1(lp_worker_status);
PG_FUNCTION_INFO_V1(lp_provider_check);

#define START_MS 5000			/* a call over RPC is cut after 8 seconds */
#define STOP_MS 5000
#define CHECK_MS 6000

static TimestampTz
from_now(int ms)
{
	return GetCurrentTimestamp() + ms * INT64CONST(1000);
}

static void
refuse_binary_upgrade(void)
{
	if (IsBinaryUpgrade)
		ereport(ERROR,
				errcode(ERRCODE_LP_UNAVAILABLE),
				errmsg("cannot start a worker during a binary upgrade"));
}

/* Starts a process, and waits until one has the slot; 0 if none came. */
static pid_t
start_process(int restart, TimestampTz until)
{
	BackgroundWorkerHandle *handle;
	pid_t		pid;

	if (!lp_worker_register(MyDatabaseId, restart, &handle))
		ereport(ERROR,
				errcode(ERRCODE_LP_UNAVAILABLE),
				errmsg("no slot for another background worker"),
				errhint("Raise max_worker_processes."));
	if (WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_POSTMASTER_DIED)
		ereport(FATAL,
				errcode(ERRCODE_ADMIN_SHUTDOWN),
				errmsg("the server is shutting down"));
	(void) lp_slot_wait(MyDatabaseId, true, until);
	return lp_slot_view(MyDatabaseId).pid;
}

Datum
lp_worker_start(PG_FUNCTION_ARGS)
{
	TimestampTz until = from_now(START_MS);
	pid_t		pid;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_worker_start");
	refuse_binary_upgrade();
	lp_instance_approve();
	lp_wake_at_commit();
	if (!lp_slot_start(MyDatabaseId, until, &pid))
		ereport(ERROR,
				errcode(ERRCODE_LP_UNAVAILABLE),
				errmsg("the worker that was stopped has not left yet"),
				errhint("Call lp_worker_start() again."));
	if (pid == 0)
		pid = start_process(lp_launcher_lists(get_database_name(MyDatabaseId)) ?
							BGW_NEVER_RESTART : LP_WORKER_RESTART, until);
	if (pid == 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_UNAVAILABLE),
				errmsg("the worker did not start"),
				errhint("The server's log says why."));
	lp_call_end();
	PG_RETURN_INT32(pid);
}

Datum
lp_worker_stop(PG_FUNCTION_ARGS)
{
	bool		ran;

	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	lp_caller_require_operator("lp_worker_stop");
	ran = lp_slot_ask_to_leave(MyDatabaseId, true, false, from_now(lp_leave_finish_ms()));
	if (ran)
		(void) lp_slot_wait(MyDatabaseId, false, from_now(STOP_MS));
	lp_call_end();
	PG_RETURN_BOOL(ran);
}

static const char *
reason_for_none(const LpSlotView *view)
{
	if (RecoveryInProgress())
		return "this server is a standby";
	if (view->stopped)
		return "stopped by lp_worker_stop()";
	if (view->held)
		return "a statement needs the database for itself";
	if (lp_launcher_lists(get_database_name(MyDatabaseId)))
		return "about to be started";
	return "not started: call lp_worker_start(), or list the database in leadpool.databases";
}

static void
set_queue(LpRows *rows)
{
	if (!OidIsValid(get_relname_relid("lead_jobs", lp_schema())))
	{
		lp_rows_set(rows, "queued", Int64GetDatum(0));
		return;
	}
	lp_sql_run_once("SELECT count(*), min(created_at) FROM @s@.lead_jobs WHERE state = 'queued'",
					0, NULL, NULL, NULL);
	lp_rows_set(rows, "queued", Int64GetDatum(lp_col_int(0, 1, 0)));
	lp_rows_set_time(rows, "oldest_queued_at", lp_col_time(0, 2, DT_NOEND));
}

/* 0 is null. */
static void
set_time(LpRows *rows, const char *column, TimestampTz at)
{
	lp_rows_set_time(rows, column, at == 0 ? DT_NOEND : at);
}

Datum
lp_worker_status(PG_FUNCTION_ARGS)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpSlotView	view;

	lp_call_begin(fcinfo, LP_CALL_READS);
	view = lp_slot_view(MyDatabaseId);
	set_queue(rows);
	lp_rows_set_text(rows, "database", get_database_name(MyDatabaseId));
	lp_rows_set_text(rows, "state", lp_worker_state_name(view.state));
	if (view.pid != 0)
		lp_rows_set(rows, "pid", Int32GetDatum(view.pid));
	if (view.pid == 0)
		lp_rows_set_text(rows, "reason", reason_for_none(&view));
	else if (view.reason[0] != '\0')
		lp_rows_set_text(rows, "reason", view.reason);
	set_time(rows, "started_at", view.started_at);
	set_time(rows, "last_turn_at", view.last_turn_at);
	lp_rows_set(rows, "in_flight", Int32GetDatum(view.in_flight));
	lp_rows_emit(rows);
	lp_call_end();
	return (Datum) 0;
}

static void
require_provider(const char *provider)
{
	static const char *const providers[] = {"apollo", "lookup", "dnc", "segment", "segment_public", "storage"};

	for (int i = 0; i < lengthof(providers); i++)
		if (strcmp(providers[i], provider) == 0)
			return;
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown provider \"%s\"", provider),
			errhint("Known are: apollo, lookup, dnc, segment, segment_public, storage."));
}

static void
require_worker(void)
{
	LpSlotView	view = lp_slot_view(MyDatabaseId);

	if (view.pid != 0 && view.state != LP_WORKER_PAUSED)
		return;
	ereport(ERROR,
			errcode(ERRCODE_LP_UNAVAILABLE),
			view.pid == 0 ? errmsg("no worker runs for this database") :
			errmsg("the worker of this database is paused"),
			errdetail("Reason: %s.", view.pid == 0 ? reason_for_none(&view) : view.reason),
			errhint("See lead_worker_status."));
}

Datum
lp_provider_check(PG_FUNCTION_ARGS)
{
	char	   *provider = lp_arg_text(fcinfo, 0, "provider");
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpProviderAnswer answer;

	require_provider(provider);
	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	require_worker();
	if (!lp_mailbox_ask(provider, from_now(CHECK_MS), &answer))
		ereport(ERROR,
				errcode(ERRCODE_LP_UNAVAILABLE),
				errmsg("the worker did not answer in time"),
				errhint("See lead_worker_status."));
	lp_rows_set(rows, "ok", BoolGetDatum(answer.ok));
	if (answer.status != 0)
		lp_rows_set(rows, "http_status", Int32GetDatum(answer.status));
	lp_rows_set_text(rows, "detail", answer.detail);
	lp_rows_set_time(rows, "checked_at", GetCurrentTimestamp());
	lp_rows_emit(rows);
	lp_call_end();
	return (Datum) 0;
}
