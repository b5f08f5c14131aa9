/*
 * brief.c
 *	  Transactions of the worker that wait for nobody's locks for long.
 *
 * Calls may be under way, and nobody looks at them while the worker waits:
 * somebody's long transaction on one lead must not let them run out of time.
 * What could not be had is tried again later.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "worker/brief.h"
#include "worker/worker.h"

#define LOCK_TIMEOUT "50ms"

void
lp_brief_begin(const char *phase)
{
	lp_worker_begin(phase);
	(void) set_config_option("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

bool
lp_brief_is_passing(int code)
{
	return code == ERRCODE_LOCK_NOT_AVAILABLE ||
		ERRCODE_TO_CATEGORY(code) == ERRCODE_TO_CATEGORY(ERRCODE_T_R_DEADLOCK_DETECTED);
}
