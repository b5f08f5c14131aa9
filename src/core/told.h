/*
 * told.h
 *	  What captures told about leads, read from the archive.
 *
 * The one walk over the archive that captures, merges, provenance and proofs
 * share: how a capture reads is element.c's business, what follows from all of
 * them fold.c's.
 */
#ifndef LP_TOLD_H
#define LP_TOLD_H

#include "core/element.h"
#include "core/organization.h"

/* What one capture told about one lead or company. */
typedef struct LpTelling
{
	pg_uuid_t	capture_id;
	pg_uuid_t	about;			/* the lead or company */
	const char *source;
	TimestampTz at;
	LpElementKind kind;
	Jsonb	   *json;
	LpFacts    *facts;
} LpTelling;

/* All tellings of leads (of companies), oldest first. */
extern LpTelling *lp_told_of_leads(const LpPool *pool, const pg_uuid_t *ids, int n, int *found);
extern LpTelling *lp_told_of_companies(const LpPool *pool, const pg_uuid_t *ids, int n,
									   int *found);

/* Lays tellings over the rows of the leads that they are about. */
extern void lp_told_lay(const LpPool *pool, const LpTelling *tellings, int count,
						const pg_uuid_t *ids, LpPoolRow **rows, int n);

/* The companies of the leads in rows, as far as answers told of them. */
extern LpOrganization *lp_told_companies(const LpPool *pool, LpPoolRow **rows, int n,
										 int *found);

/* Fills the rows with what is known of their companies. */
extern void lp_told_fill(const LpPool *pool, const LpOrganization *companies, int n_companies,
						 LpPoolRow **rows, int n);

/*
 * What one telling gives a row that is empty but for the country by which the
 * lead that is shown reads its numbers.
 */
extern LpPoolRow *lp_told_alone(const LpPool *pool, const LpFacts *facts,
								const LpPoolRow *shown);

#endif							/* LP_TOLD_H */
