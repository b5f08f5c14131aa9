/*
 * keys.h
 *	  The providers' keys, as the worker keeps them.
 */
#ifndef LP_KEYS_H
#define LP_KEYS_H

#include "datatype/timestamp.h"

#include "util/worker_settings.h"

/* In a transaction: reads them, unless that was done a short while ago. */
extern void lp_keys_read(TimestampTz now);

/* The next lp_keys_read() reads them whatever the time. */
extern void lp_keys_forget_time(void);

/* NULL: none is set. */
extern const char *lp_key_of(LpProviderId provider);

/* In a transaction: tells the operator that there is none, once. */
extern void lp_key_tell_missing(LpProviderId provider);

#endif							/* LP_KEYS_H */
