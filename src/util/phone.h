/*
 * phone.h
 *	  Phone numbers in E.164.
 */
#ifndef LP_PHONE_H
#define LP_PHONE_H

typedef enum LpPhoneStatus
{
	LP_PHONE_INVALID,			/* no number, or none of that length */
	LP_PHONE_POSSIBLE,			/* right length, not in a known range */
	LP_PHONE_VALID
} LpPhoneStatus;

typedef struct LpPhone
{
	LpPhoneStatus status;
	char		e164[20];		/* "+..."; empty if invalid */
	char		country_code[3];	/* ISO 3166, or empty */
} LpPhone;

/*
 * Parses a number; region is the ISO 3166 country for numbers without "+", or
 * NULL.  Refuses letters and numbers mangled by a spreadsheet (4.9E+11).
 * True unless invalid.
 */
extern bool lp_phone_parse(const char *text, const char *region, LpPhone *result);

/* "valid", "possible" or "invalid". */
extern const char *lp_phone_status_name(LpPhoneStatus status);

/* An invented number (all zeroes, 1234567890 ...) that identifies nobody. */
extern bool lp_phone_is_blocked(const char *e164);

/* Only the digits of a text, for bans of numbers as they were given. */
extern char *lp_phone_digits(const char *text);

#endif							/* LP_PHONE_H */
