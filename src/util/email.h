/*
 * email.h
 *	  Mail addresses as they are compared.  Mail goes to the address as given.
 */
#ifndef LP_EMAIL_H
#define LP_EMAIL_H

/*
 * The match-email of an address: trimmed, case-folded, the domain in A-labels,
 * and for gmail.com and googlemail.com without dots and +tag, as gmail.com.
 * NULL if the text is no mail address.  Result palloc'd.
 */
extern char *lp_email_match(const char *address);

/* The broader key of bans: match-email without +tag, at any domain. */
extern char *lp_email_ban(const char *match);

/* The domain of a match-email (points into it). */
extern const char *lp_email_domain(const char *match);

/* A mailbox of a function (info@, sales@ ...), which names no person. */
extern bool lp_email_is_role(const char *match);

/* The placeholder of an address that was not bought: no address at all. */
extern bool lp_email_is_locked(const char *address);

/* An invented value (test@test.com ...) that must never tie two people. */
extern bool lp_email_is_blocked(const char *match);

#endif							/* LP_EMAIL_H */
