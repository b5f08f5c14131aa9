/*
 * probe.h
 *	  The free call of lp_provider_check.
 */
#ifndef LP_PROBE_H
#define LP_PROBE_H

#include "worker/calls.h"

/* NULL: no such provider here. */
extern LpCall *lp_probe_make(const char *provider, uint64 ticket, MemoryContext parent);

/* Tells who waits for it how it ended, and frees it. */
extern void lp_probe_end(LpCall *call, const LpHttpAnswer *answer);

#endif							/* LP_PROBE_H */
