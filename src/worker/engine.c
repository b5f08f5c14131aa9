/*
 * engine.c
 *	  The HTTP engine, which is a module of its own.
 *
 * A server that preloads leadpool and has its files replaced goes on with the
 * old leadpool and would find the new module: that is refused.
 */
#include "postgres.h"

#include "fmgr.h"

#include "worker/engine.h"

const LpHttpModule *
lp_engine(void)
{
	static const LpHttpModule *engine = NULL;

	if (engine == NULL)
	{
		LpHttpModuleEntry entry = (LpHttpModuleEntry)
		load_external_function("$libdir/leadpool_http", LP_HTTP_MODULE_ENTRY, true, NULL);
		const LpHttpModule *found = entry();

		if (found->size != sizeof(LpHttpModule) || strcmp(found->version, LP_VERSION) != 0)
			ereport(ERROR,
					errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the modules leadpool and leadpool_http are of different versions"),
					errhint("Restart the server."));
		engine = found;
	}
	return engine;
}
