/*
 * webhooks.h
 *	  Answers that come later: tokens for them, and polling where none comes.
 */
#ifndef LP_WEBHOOKS_H
#define LP_WEBHOOKS_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

/* A new secret token for the webhook address of a call. */
extern char *lp_webhook_token(void);

/* Its hash, with the call that it belongs to, in the transaction of the call. */
extern void lp_webhook_expect(int64 call_id, const char *token);

/* The immediate answer to the call: whether more will come later. */
extern bool lp_webhook_answered(int64 call_id, const JsonbContainer *body);

/* Whether the call's later answer is the first that comes; it is from now on. */
extern bool lp_webhook_use(int64 call_id, TimestampTz now);

/*
 * In a transaction: tokens whose time is over go, and with them the polls and
 * the money that was kept back for what never came.  True: more of them may be.
 */
extern bool lp_webhooks_expire(TimestampTz now);

#endif							/* LP_WEBHOOKS_H */
