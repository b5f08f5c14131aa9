/*
 * erase.h
 *	  Erasing a person: who that is, and the traces in payloads.
 */
#ifndef LP_ERASE_H
#define LP_ERASE_H

#include "core/redact.h"

/* A person, with everything by which traces are found. */
typedef struct LpPerson
{
	const LpPool *pool;
	pg_uuid_t  *ids;			/* leads, merged ones too; sorted */
	int			n;
	LpKey	   *keys;			/* the person's own: to be banned */
	int			n_keys;
	Datum	   *hashes;			/* of keys, as stored beside payloads and
								 * events */
	pg_uuid_t  *others;			/* somebody else, known by one of the keys
								 * too; sorted */
	int			n_others;
	char	  **companies;		/* Apollo ids of the companies of the leads */
	int			n_companies;
	LpNeedles	needles;
} LpPerson;

/*
 * person.c: finds whom an erasure is of and locks all that it touches: clients
 * that own the leads, stripes of the keys, leads, others who have the keys.
 */
extern LpPerson *lp_person_lock(const pg_uuid_t *lead_id, const char *email, const char *phone);

/* What took place, for the certificate. */
typedef struct LpErased
{
	int			captures;
	int			identities;
	int			events;
	int			claims;
	int			jobs;
} LpErased;

/*
 * traces.c: removes the payloads of the person, takes mentions out of those of
 * others, and works out anew what the others show.  Before the person's rows
 * are cleared.
 */
extern int	lp_traces_of_captures(const LpPerson *person);

/* Answers of providers that wait to be captured, or could not be. */
extern void lp_traces_of_answers(const LpPerson *person);

/* Events, and notes on bans; returns the number of events. */
extern int	lp_traces_of_events(const LpPerson *person);
extern void lp_traces_of_bans(const LpPerson *person);

/*
 * notes.c: takes the person out of free text about others; after the person's
 * own rows are cleared.  Returns how many reports it cleaned.
 */
extern int	lp_notes_clean(const LpPerson *person);

#endif							/* LP_ERASE_H */
