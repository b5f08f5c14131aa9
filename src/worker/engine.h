/*
 * engine.h
 *	  The HTTP engine, which is a module of its own.
 */
#ifndef LP_ENGINE_H
#define LP_ENGINE_H

#include "http/http.h"

/* Loads it at the first call; throws if it is not there or another version's. */
extern const LpHttpModule *lp_engine(void);

#endif							/* LP_ENGINE_H */
