/*
 * personal.h
 *	  Walking the list of columns with personal data (view lead_personal_data).
 */
#ifndef LP_PERSONAL_H
#define LP_PERSONAL_H

#include "utils/uuid.h"

/*
 * Clears or deletes, as the list says, what the tables hold of these leads
 * (ids as stored); rows of lead_identities are among what is deleted.
 */
extern void lp_personal_erase(const pg_uuid_t *lead_ids, int n);

#endif							/* LP_PERSONAL_H */
