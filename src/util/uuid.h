/*
 * uuid.h
 *	  Time-ordered ids.
 */
#ifndef LP_UUID_H
#define LP_UUID_H

#include "utils/uuid.h"

/* Writes a new version 7 UUID; ids made later in a process sort later. */
extern void lp_uuid_make(pg_uuid_t *result);

/* The same as a freshly allocated Datum. */
extern Datum lp_uuid_new(void);

extern bool lp_uuid_equal(const pg_uuid_t *a, const pg_uuid_t *b);
extern int	lp_uuid_compare(const void *a, const void *b);	/* for qsort */

/* Text form, for messages. */
extern char *lp_uuid_text(const pg_uuid_t *id);

#endif							/* LP_UUID_H */
