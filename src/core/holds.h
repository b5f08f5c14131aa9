/*
 * holds.h
 *	  Companies that a client has to itself (setting company_exclusive).
 */
#ifndef LP_HOLDS_H
#define LP_HOLDS_H

#include "core/lead.h"
#include "core/ownership.h"

/* For each lead whether another client holds its company now. */
extern bool *lp_holds_of_others(const LpLead *leads, int n,
								const pg_uuid_t *client_id);

/*
 * Before leads are given to a client: takes their companies if the client has
 * them to itself, and makes sure that no other client does, whoever commits
 * first.  Tells for each lead whether it is refused.  May wait for another
 * transaction.
 */
extern bool *lp_holds_take(const LpClient *client, const LpLead **leads, int n,
						   TimestampTz now);

/*
 * Before the rows of locked leads are written anew: the leads as they are, for
 * lp_holds_follow; NULL if no client has companies to itself.
 */
extern LpLead *lp_holds_before(const pg_uuid_t *ids, int n);

/*
 * After leads changed owner or company: their owners hold the companies where
 * they own someone now, and no others.  after may be of other ids; a company
 * that another client holds stays with it.
 */
extern void lp_holds_follow(const LpLead *before, const LpLead *after, int n,
							TimestampTz now);

/*
 * After an assignment ended: gives up companies where the client owns nobody,
 * to the next client that has companies to itself and owns someone there.
 */
extern void lp_holds_let_go(const LpClient *client, const LpLead *lead);

/* The same for all companies that the client has to itself. */
extern void lp_holds_let_go_of_client(const LpClient *client);

/* After the setting of a client, locked exclusively, was switched on or off. */
extern void lp_holds_set(const pg_uuid_t *client_id, TimestampTz now);

#endif							/* LP_HOLDS_H */
