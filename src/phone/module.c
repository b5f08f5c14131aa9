/*
 * module.c
 *	  leadpool_phone: the library that reads phone numbers, loaded on demand.
 *
 * It exports one function, which leadpool finds by name; it has no SQL
 * function of its own.
 */
#include "postgres.h"

#include "fmgr.h"

#include "phone/shim.h"

/* PostgreSQL 15 does not mark what a module exports; all else is hidden. */
#pragma GCC visibility push(default)

PG_MODULE_MAGIC;

extern PGDLLEXPORT int lp_phone_shim_parse(const char *number,
										   const char *region,
										   LpShimPhone *result);

int
lp_phone_shim_parse(const char *number, const char *region, LpShimPhone *result)
{
	return lp_shim_parse(number, region, result);
}

#pragma GCC visibility pop
