/*
 * lead_flags.h
 *	  What lead_state.flags says of a lead.
 */
#ifndef LP_LEAD_FLAGS_H
#define LP_LEAD_FLAGS_H

/* The numbers are stored, so they never change meaning. */
typedef enum LpLeadFlag
{
	LP_LEAD_EMAIL = 1,			/* an address that can be mailed */
	LP_LEAD_EMAIL_VERIFIED = 2, /* email_status is "verified" */
	LP_LEAD_EMAIL_CATCH_ALL = 4,
	LP_LEAD_EMAIL_ROLE = 8,
	LP_LEAD_PHONE = 16,
	LP_LEAD_LANDLINE = 32,		/* the phone is known to be one: no SMS */
	LP_LEAD_LINKEDIN = 64,
	LP_LEAD_MAIL = 128,			/* street, city and postal code or country */
	LP_LEAD_EMAIL_LOCKED = 256, /* there is an address that was not bought */
	LP_LEAD_BANNED = 512		/* a ban covers the whole person (a hint:
								 * bans.c decides) */
} LpLeadFlag;

#endif							/* LP_LEAD_FLAGS_H */
