/*
 * leadpool.c
 *	  Entry of the library: calls each part's initialisation, nothing else.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/jit.h"
#include "util/settings.h"
#include "util/wake.h"
#include "worker/databases.h"
#include "worker/launcher.h"
#include "worker/mailbox.h"
#include "worker/slots.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	lp_settings_init();
	lp_claim_init();
	lp_wake_init();
	lp_slots_init();
	lp_mailbox_init();
	lp_launcher_init();
	lp_databases_init();
}
