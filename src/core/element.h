/*
 * element.h
 *	  One element of a payload: what it says about a person or a company.
 */
#ifndef LP_ELEMENT_H
#define LP_ELEMENT_H

#include "core/bans.h"
#include "providers/provider.h"
#include "store/leads.h"
#include "util/key.h"
#include "utils/jsonb.h"

typedef enum LpElementKind
{
	LP_ELEMENT_PERSON,
	LP_ELEMENT_CONTACT,			/* a customer's record, perhaps of another
								 * human */
	LP_ELEMENT_ORGANIZATION
} LpElementKind;

extern const char *lp_element_name(LpElementKind kind);
extern LpElementKind lp_element_kind(const char *name);

/* A phone number of an element. */
typedef struct LpNumber
{
	char	   *text;			/* as given */
	char	   *type;			/* NULL = unknown */
	int			rank;			/* 0 = best */
	bool		personal;		/* not a company's, not invalid */
	bool		stated;			/* given as the number to use: wins over any
								 * rank */
} LpNumber;

/* What became of the value that an element gives for a column. */
typedef enum LpHeard
{
	LP_HEARD_NOTHING,			/* absent, null, blank, or a placeholder */
	LP_HEARD_WHOLE,
	LP_HEARD_PARTLY,			/* entries of a list do not fit */
	LP_HEARD_UNFIT				/* it does not fit */
} LpHeard;

/*
 * What an element says, column by column.  The address and the numbers have
 * rules of their own (fold.c) and are kept apart from the columns.
 */
typedef struct LpFacts
{
	LpElementKind kind;
	const char *source;
	TimestampTz captured_at;
	LpPoolRow  *row;			/* null = not said */
	uint8	   *heard;			/* LpHeard by column */
	char	   *email;			/* a real address */
	char	   *email_status;
	bool		email_locked;	/* a placeholder stands for the address */
	const char *country_code;	/* for numbers without "+" */
	bool		country_stated; /* as a code of its own */
	LpNumber   *numbers;
	int			n_numbers;
} LpFacts;

/*
 * Reads an element of Apollo's (provider given), or a row whose keys are
 * columns (provider NULL).
 */
extern LpFacts *lp_facts_read(const LpPool *pool, const LpProvider *provider,
							  const char *source, LpElementKind kind,
							  Jsonb *json, TimestampTz captured_at);

/* Whether an Apollo element stands for a person at all. */
extern bool lp_facts_is_match(const LpPool *pool, const LpFacts *facts, Jsonb *json);

/* The keys of the person, strongest first, each once. */
extern LpKey *lp_facts_keys(const LpPool *pool, const LpFacts *facts, int *n);

/*
 * The same with those of a customer's record in it, who may be another human:
 * of somebody who was erased nothing may come back that way either.
 */
extern LpKey *lp_facts_mentions(const LpPool *pool, const LpFacts *facts, int *n);

/* Whether a source of rows may set a column. */
extern bool lp_facts_settable(const char *column, int len);

/* A mark in a payload that acts as a ban. */
typedef struct LpMark
{
	LpBanReason reason;
	LpKey		key;
	bool		is_person;		/* it means the person, not only the address */
} LpMark;

extern LpMark *lp_facts_marks(const LpPool *pool, const LpFacts *facts, int *n);

#endif							/* LP_ELEMENT_H */
