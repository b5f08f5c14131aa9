/*
 * worker.c
 *	  The worker process of a database: how it lives.
 *
 * It holds no lock and no snapshot between two turns: DROP EXTENSION waits for
 * nothing longer than a turn, and a turn for it before it has locked a table.
 * Before a turn it looks whether the extension still is there and whether this
 * database may spend; it is paused otherwise, and looks again when woken, or
 * after a minute.
 *
 * Exit codes, for a worker that no launcher cares for: 0 not again, 1 start
 * again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/pmsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/instance.h"
#include "store/sql.h"
#include "util/wake.h"
#include "worker/connect.h"
#include "worker/events.h"
#include "worker/extension.h"
#include "worker/leave.h"
#include "worker/mailbox.h"
#include "worker/slots.h"
#include "worker/work.h"
#include "worker/worker.h"

#define LOOK_MS 60000			/* at least so often when idle */
#define BUSY_LOOK_MS 1000		/* and when busy */
#define PAUSE_MIN_MS 500		/* after an error, doubling */
#define PAUSE_MAX_MS 60000
#define LAST_LOCK_TIMEOUT "1s"	/* when the process is to end */
#define FINISH_SLICE_MS 5		/* between two looks at what is in flight */

static LpExtension extension;	/* as the last look found it */
static Oid	begun = InvalidOid; /* the extension for which work began */
static bool approved = false;	/* this database may spend */
static int	failures = 0;		/* turns in a row */
static TimestampTz last_look = 0;
static bool was_busy = false;
static bool saved = false;		/* what has come, before the end */
static MemoryContext turn_context;
static MemoryContext outside;	/* of the transaction */

/* Neither for somebody's lock nor for a standby, in this transaction. */
static void
wait_for_nothing(void)
{
	(void) set_config_option("lock_timeout", LAST_LOCK_TIMEOUT, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	(void) set_config_option("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

void
lp_worker_begin(const char *phase)
{
	outside = CurrentMemoryContext;
	pgstat_report_activity(STATE_RUNNING, phase);
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (lp_leave_is_urgent())
		wait_for_nothing();
	lp_extension_hold(&extension);
	PushActiveSnapshot(GetTransactionSnapshot());
	lp_call_begin_own(extension.schema);
}

void
lp_worker_commit(void)
{
	lp_call_end();
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(outside);
	(void) pgstat_report_stat(false);
}

void
lp_worker_commit_unwaited(void)
{
	(void) set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	lp_worker_commit();
}

void
lp_worker_abort(MemoryContext context)
{
	HOLD_INTERRUPTS();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(context);
	FlushErrorState();
	RESUME_INTERRUPTS();
}

static void
look(void)
{
	extension = lp_extension_look();
	last_look = GetCurrentTimestamp();
}

/* Calls on their way; none before work began. */
static int
in_flight(void)
{
	return OidIsValid(begun) ? lp_work_in_flight() : 0;
}

/* Why the worker must not work here; NULL if it may. */
static const char *
reason_to_pause(void)
{
	const char *reason;
	LpInstance	identity;

	reason = lp_extension_reason(&extension);
	if (reason != NULL)
		return reason;
	/* Made anew: nothing that was begun for the old one is of any use. */
	if (OidIsValid(begun) && begun != extension.oid)
		proc_exit(1);
	if (approved)
		return NULL;
	lp_worker_begin("comparing identity");
	identity = lp_instance_check();
	lp_worker_commit();
	approved = identity == LP_INSTANCE_OURS;
	if (identity == LP_INSTANCE_COPY)
		return "copy of another database: call lp_worker_start() to let it spend here";
	return NULL;
}

/* One turn; may throw. */
static void
take_turn(LpTurn *turn)
{
	int			look_ms = was_busy ? BUSY_LOOK_MS : 0;
	const char *reason = NULL;

	if (last_look > GetCurrentTimestamp() ||
		TimestampDifferenceExceeds(last_look, GetCurrentTimestamp(), look_ms))
	{
		look();
		reason = reason_to_pause();
	}
	if (reason != NULL)
	{
		/* without the extension there is no place for an answer */
		if (begun == extension.oid && in_flight() > 0)
		{
			lp_work_paused();
			turn->next_due = GetCurrentTimestamp() + FINISH_SLICE_MS * INT64CONST(1000);
		}
		lp_slot_publish(LP_WORKER_PAUSED, reason, in_flight());
		return;
	}
	/* Nothing was asked for yet: no turn, since a restore may bring work. */
	if (!approved && in_flight() == 0 && !lp_mailbox_has_letter())
	{
		lp_slot_publish(LP_WORKER_IDLE, NULL, in_flight());
		return;
	}
	if (!OidIsValid(begun))
	{
		lp_worker_events_trim();
		lp_work_begin();
		begun = extension.oid;
	}
	lp_slot_publish(LP_WORKER_WORKING, NULL, lp_work_in_flight());
	*turn = lp_work_turn();
	lp_slot_publish(turn->busy ? LP_WORKER_WORKING : LP_WORKER_IDLE, NULL,
					lp_work_in_flight());
}

/*
 * What failed, for the log and the table: the text of the message without the
 * values in it, which may be anybody's, and no detail or context.
 */
static char *
without_values(const ErrorData *edata)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, edata->message_id != NULL ? edata->message_id : "error");
	if (edata->constraint_name != NULL)
		appendStringInfo(&text, " (constraint \"%s\")", edata->constraint_name);
	else if (edata->table_name != NULL)
		appendStringInfo(&text, " (table \"%s\")", edata->table_name);
	return text.data;
}

/* The row of the table, if there is one to write to. */
static void
record_failure(const char *code, const char *message)
{
	PG_TRY();
	{
		look();
		if (OidIsValid(extension.oid) && OidIsValid(extension.owner))
			lp_worker_event("error", NULL, 0, code, message);
	}
	PG_CATCH();
	{
		lp_worker_abort(turn_context);
	}
	PG_END_TRY();
}

static void
after_failure(void)
{
	ErrorData  *edata;
	char	   *message;
	char		code[6];
	char		reason[LP_REASON_BYTES];

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(turn_context);
	edata = CopyErrorData();
	AbortCurrentTransaction();
	LWLockReleaseAll();
	MemoryContextSwitchTo(turn_context);
	FlushErrorState();
	message = without_values(edata);
	strlcpy(code, unpack_sql_state(edata->sqlerrcode), sizeof(code));
	ereport(LOG,
			errcode(edata->sqlerrcode),
			errmsg("leadpool worker could not finish a turn: %s: %s", code, message),
			edata->filename == NULL ? 0 :
			errdetail("Raised at %s:%d.", edata->filename, edata->lineno));
	RESUME_INTERRUPTS();
	record_failure(code, message);
	failures++;
	snprintf(reason, sizeof(reason), "the last turn failed (%s): see lead_worker_events", code);
	lp_slot_publish(LP_WORKER_PAUSED, reason, in_flight());
}

/* Ends the process if it was asked to, as soon as nothing is in flight. */
static void
leave_if_asked(LpTurn *turn)
{
	bool		can_save = begun == extension.oid && in_flight() > 0;
	TimestampTz by;

	if (!lp_leave_asked(&by))
		return;
	if (can_save && GetCurrentTimestamp() < by)
	{
		lp_slot_publish(LP_WORKER_WORKING, "leaves when its calls have ended",
						lp_work_in_flight());
		lp_work_paused();
		turn->next_due = GetCurrentTimestamp() + FINISH_SLICE_MS * INT64CONST(1000);
		return;
	}
	/* once: what cannot be stored must not keep it */
	if (can_save && !saved)
	{
		saved = true;
		lp_work_save();
	}
	lp_leave();
}

/* A turn, or its failure: never throws. */
static void
try_turn(LpTurn *turn)
{
	volatile bool failed = false;

	PG_TRY();
	{
		TimestampTz by;

		leave_if_asked(turn);
		if (!lp_leave_asked(&by))
			take_turn(turn);
		failures = 0;
	}
	PG_CATCH();
	{
		after_failure();
		failed = true;
	}
	PG_END_TRY();
	was_busy = !failed && turn->busy;
	MemoryContextReset(turn_context);
}

static void
reload(void)
{
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	approved = false;			/* leadpool.instance may be another one */
	last_look = 0;
	if (OidIsValid(begun) && begun == extension.oid)
		lp_work_reload();
}

static void
check_signals(void)
{
	if (MyLatch->is_set)
	{
		ResetLatch(MyLatch);
		/* what is new may be the extension, or a permission */
		last_look = 0;
		if (OidIsValid(begun))
			lp_work_wake();
	}
	/* between two turns there is nothing to cancel */
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
	if (!PostmasterIsAlive())
		proc_exit(1);
	if (ConfigReloadPending)
		reload();
}

static void
sleep_ms(long timeout)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 timeout, PG_WAIT_EXTENSION);
}

static void
wait_for_work(const LpTurn *turn)
{
	long		timeout = LOOK_MS;

	if (!TIMESTAMP_IS_NOEND(turn->next_due))
		timeout = Min(timeout, TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
															   turn->next_due));
	(void) pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	sleep_ms(Max(timeout, 1));
}

/* After failures a pause that wakes only for signals and a wish to leave. */
static void
wait_after_failure(void)
{
	TimestampTz until;
	long		left;
	long		pause = PAUSE_MIN_MS << Min(failures - 1, 7);

	pgstat_report_activity(STATE_IDLE, NULL);
	until = GetCurrentTimestamp() + Min(pause, PAUSE_MAX_MS) * INT64CONST(1000);
	/* a clock that was set back must not make it longer */
	while ((left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until)) > 0 && left <= pause)
	{
		TimestampTz by;

		sleep_ms(left);
		check_signals();
		if (lp_leave_asked(&by))
			break;
	}
}

static void
claim_or_exit(Oid database)
{
	switch (lp_slot_claim(database))
	{
		case LP_CLAIMED:
			lp_wake_worker_is_here(database);
			lp_mailbox_open(database);
			return;
		case LP_CLAIM_HELD:
			proc_exit(1);
		case LP_CLAIM_FULL:
			ereport(LOG,
					errmsg("leadpool worker not started: too many databases have one"));
			proc_exit(0);
		case LP_CLAIM_RUNNING:
		case LP_CLAIM_STOPPED:
			proc_exit(0);
	}
}

void
lp_worker_main(Datum main_arg)
{
	Oid			database = DatumGetObjectId(main_arg);

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	lp_leave_init();
	BackgroundWorkerUnblockSignals();
	claim_or_exit(database);
	lp_worker_connect(database);
	turn_context = AllocSetContextCreate(TopMemoryContext, "leadpool turn",
										 ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		LpTurn		turn = {false, DT_NOEND};

		check_signals();
		MemoryContextSwitchTo(turn_context);
		try_turn(&turn);
		if (failures > 0)
			wait_after_failure();
		else if (!turn.busy)
			wait_for_work(&turn);
	}
}

bool
lp_worker_register(Oid database, int restart, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker = {0};

	strlcpy(worker.bgw_name, "leadpool worker", sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, "leadpool worker", sizeof(worker.bgw_type));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = restart;
	strlcpy(worker.bgw_library_name, "leadpool", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "lp_worker_main", sizeof(worker.bgw_function_name));
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}
