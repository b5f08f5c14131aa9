/*
 * mailbox.h
 *	  What lp_provider_check asks a worker, and the answer.
 */
#ifndef LP_MAILBOX_H
#define LP_MAILBOX_H

#include "datatype/timestamp.h"

#define LP_DETAIL_BYTES 200

typedef struct LpProviderAnswer
{
	bool		ok;
	int			status;			/* 0: no answer came */
	char		detail[LP_DETAIL_BYTES];
} LpProviderAnswer;

/* _PG_init. */
extern void lp_mailbox_init(void);

/*
 * Asks the worker of this database to call a provider, and waits for its
 * answer; false: too late.
 */
extern bool lp_mailbox_ask(const char *provider, TimestampTz until, LpProviderAnswer *answer);

/* The worker's side.  It has a mailbox from here until it exits. */
extern void lp_mailbox_open(Oid database);

extern bool lp_mailbox_has_letter(void);

/* The letter: its provider (NAMEDATALEN bytes) and the ticket of the answer. */
extern bool lp_mailbox_take(char *provider, uint64 *ticket);

/* Dropped if nobody waits for it any more. */
extern void lp_mailbox_answer(uint64 ticket, bool ok, int status, const char *detail);

#endif							/* LP_MAILBOX_H */
