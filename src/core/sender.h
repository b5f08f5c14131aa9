/*
 * sender.h
 *	  Senders: how they are compared.
 */
#ifndef LP_SENDER_H
#define LP_SENDER_H

#include "datatype/timestamp.h"
#include "util/channel.h"

/*
 * The sender as it is compared: match-email, E.164, or trimmed and in lower
 * case (a sender name, a profile).  NULL if it cannot be a sender of that
 * channel (no address, empty, too long).
 */
extern char *lp_sender_match(LpChannel channel, const char *sender);

/* Records that a sender (as it is compared; NULL: none) was used at a moment. */
extern void lp_sender_used(LpChannel channel, const char *sender_match, TimestampTz at);

#endif							/* LP_SENDER_H */
