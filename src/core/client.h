/*
 * client.h
 *	  Clients: what lp_client_set may say.  What others need of a client is in
 *	  ownership.h.
 */
#ifndef LP_CLIENT_H
#define LP_CLIENT_H

#include "core/ownership.h"

/* Throws 22004 / 42704 / LP006 unless the client exists and is active. */
extern LpClient *lp_client_load_active(const pg_uuid_t *client_id);

/* Until when a contacted lead that ends now is kept for the client. */
extern TimestampTz lp_client_keeps_until(const LpClient *client, TimestampTz now);

#endif							/* LP_CLIENT_H */
