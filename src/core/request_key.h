/*
 * request_key.h
 *	  Calls of lp_allocate that are repeated under their request_key.
 */
#ifndef LP_REQUEST_KEY_H
#define LP_REQUEST_KEY_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "store/sql.h"
#include "util/hash.h"

typedef struct LpRequestKey
{
	const char *key;
	const pg_uuid_t *client_id;
	TimestampTz now;
	uint8		arguments[LP_SHA256_BYTES];
} LpRequestKey;

/* What a repeated call must have in common; jsonb as it was given. */
extern void lp_request_key_hash(LpRequestKey *request, const pg_uuid_t *campaign_id,
								int64 wanted, Jsonb *criteria, Jsonb *options);

/*
 * Emits the assignments of the first call, as they are now; false if there was
 * none.  22023 if its arguments were others.
 */
extern bool lp_request_key_answer(const LpRequestKey *request, LpRows *rows);

/* Keeps the answer, n assignments, for calls that come later. */
extern void lp_request_key_keep(const LpRequestKey *request, const pg_uuid_t *ids, int n);

#endif							/* LP_REQUEST_KEY_H */
