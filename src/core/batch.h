/*
 * batch.h
 *	  One call of capture: its elements, the leads and companies they touch.
 *
 * capture.c reads the body and decides who is who (capture_who.c), apply.c
 * folds and writes, settle.c does what follows.
 */
#ifndef LP_BATCH_H
#define LP_BATCH_H

#include "core/archive.h"
#include "core/element.h"
#include "core/organization.h"
#include "core/pins.h"
#include "core/redact.h"
#include "core/textkeys.h"
#include "util/hash.h"
#include "util/jsonsplit.h"

/* A lead that an element of the batch, or its company's answer, touches. */
typedef struct LpTouched
{
	pg_uuid_t	id;
	bool		is_new;
	bool		made;			/* its id is of this call: nobody knows it */
	bool		replay;			/* fold all captures again */
	bool		changed;		/* the row differs from what was there */
	bool		extended;		/* it got a key it did not have */
	bool		banned;
	bool		gone;			/* merged into another one, or found to be */
	TimestampTz newest;			/* of its captures before this call */
	LpPoolRow  *old;			/* NULL for a new lead */
	LpPoolRow  *row;
	LpPins	   *pins;			/* NULL: none */
	char	   *told;			/* outcome that its first element gets from a
								 * replay */
} LpTouched;

typedef struct LpElement
{
	int			ordinal;
	LpSpan		span;
	LpElementKind kind;
	char	   *part;			/* verbatim */
	Jsonb	   *json;			/* NULL: null or no object */
	LpFacts    *facts;
	LpKey	   *keys;
	int			n_keys;
	LpMentions *mentions;		/* in part; NULL: not read yet */
	int			lead;			/* index of its lead, -1 = none */
	int			company;		/* index of its company, -1 = none */
	pg_uuid_t	capture_id;
	bool		stored;			/* its part is new in the archive */
	bool		erased;
	bool		merged;			/* it tied leads that were merged */
	bool		conflict;
	const char *outcome;
	const char *detail;
} LpElement;

/* Two leads (indices) that one element ties together. */
typedef struct LpTie
{
	LpElement  *element;
	int			lead;
	int			other;
	LpKeyKind	kind;
} LpTie;

/* An entry of LpBatch.keys. */
typedef struct LpKeyEntry
{
	char		name[LP_KEY_MAX_BYTES + 4];
	int			lead;
} LpKeyEntry;

typedef struct LpBatch
{
	LpPool	   *pool;
	const char *source;
	const LpProvider *provider; /* NULL: rows whose keys are columns */
	char	   *body;
	Jsonb	   *json;			/* of the body, or NULL: not known */
	char	   *clean;
	int			len;
	uint8		hash[LP_SHA256_BYTES];
	TimestampTz captured_at;
	TimestampTz now;
	LpElement  *elements;
	int			n;
	LpTouched  *leads;
	int			n_leads;
	int			lead_room;
	LpOrganization *companies;
	int			n_companies;
	LpTie	   *ties;
	int			n_ties;
	LpNeedles  *erased;			/* who of the body was erased; NULL: nobody */
	LpEnvelope *known;			/* the body was stored before */
	bool		refold;			/* no body: leads are folded anew */
	struct HTAB *keys;			/* identifying keys -> index of a lead */
} LpBatch;

/* The index of a lead in the batch, added if need be. */
extern int	lp_batch_lead(LpBatch *batch, const pg_uuid_t *id, bool is_new);

/* Whether another lead than this one is identified by the key. */
extern bool lp_batch_key_taken(LpBatch *batch, const LpKey *key, int lead);

/* Reads the JSON of a verbatim part; NULL if it is no object. */
extern Jsonb *lp_batch_json(const char *part, int len);

/* Finds, or makes, the lead of each element of a person. */
extern void lp_batch_identify(LpBatch *batch);

/*
 * An element of a person who was erased is dropped: nothing of it is stored.
 * One question for the batch; only if somebody in it was erased, who.
 */
extern void lp_batch_drop_erased(LpBatch *batch);

/* Archives, folds and writes a batch whose elements know their leads. */
extern void lp_batch_apply(LpBatch *batch);

/* Stores the body and its elements. */
extern void lp_batch_archive(LpBatch *batch);

/* Finds the companies of the batch, and the leads that work there. */
extern void lp_batch_load_companies(LpBatch *batch);

/* Lays what is told of companies in the order of time, and writes it. */
extern void lp_batch_lay_companies(LpBatch *batch);

/* The last step of it: keys, ties, bans, news for other parts. */
extern void lp_batch_settle(LpBatch *batch);

/* Folds the leads of a batch without a body anew and writes what differs. */
extern void lp_batch_refold(LpBatch *batch);

extern const LpProvider *lp_provider_of(const char *source);

#endif							/* LP_BATCH_H */
