/*
 * capture.h
 *	  A body of a provider, captured: what lp_capture_apollo_raw does in SQL.
 */
#ifndef LP_CAPTURE_H
#define LP_CAPTURE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What is said of an element, in their order; lead_id NULL: it has no lead. */
typedef struct LpCaptured
{
	const pg_uuid_t *lead_id;
	const char *outcome;
	const char *detail;			/* NULL: none */
} LpCaptured;

/*
 * Captures a body in the call (lp_call_begin) that is under way.  json is what
 * the body says, or NULL: it is read here.
 */
extern LpCaptured *lp_capture_body(const char *source, char *body, Jsonb *json,
								   TimestampTz captured_at, int *n);

#endif							/* LP_CAPTURE_H */
