/*
 * decisions.h
 *	  Whose decisions are when two leads become one, and are parted again.
 */
#ifndef LP_DECISIONS_H
#define LP_DECISIONS_H

#include "utils/uuid.h"

/* What was decided about the duplicate is the survivor's from now on. */
extern void lp_decisions_move(const pg_uuid_t *survivor, const pg_uuid_t *duplicate);

/* The duplicate's again, and those of who had been merged into it before. */
extern void lp_decisions_give_back(const pg_uuid_t *survivor, const pg_uuid_t *duplicate);

#endif							/* LP_DECISIONS_H */
