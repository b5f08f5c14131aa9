/*
 * module.c
 *	  leadpool_http: the HTTP engine with libcurl, a library of its own that a
 *	  worker loads.
 *
 * Other processes do without libcurl and the thirty libraries behind it, which
 * would cost each new connection some milliseconds.  It exports one function,
 * which leadpool finds by name; it has no SQL function of its own.
 */
#include "postgres.h"

#include "fmgr.h"

#include "http/http.h"

static const LpHttpModule module = {
	.version = LP_VERSION,
	.size = sizeof(LpHttpModule),
	.create = lp_http_create,
	.configure = lp_http_configure,
	.room = lp_http_room,
	.in_flight = lp_http_in_flight,
	.start = lp_http_start,
	.turn = lp_http_turn,
	.next = lp_http_next,
	.header = lp_http_header,
	.release = lp_http_release,
};

/* PostgreSQL 15 does not mark what a module exports; all else is hidden. */
#pragma GCC visibility push(default)

PG_MODULE_MAGIC;

extern PGDLLEXPORT const LpHttpModule *lp_http_module(void);

const LpHttpModule *
lp_http_module(void)
{
	return &module;
}

#pragma GCC visibility pop
