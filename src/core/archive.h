/*
 * archive.h
 *	  Payloads as they came: lead_captures, lead_capture_keys, lead_unmapped.
 */
#ifndef LP_ARCHIVE_H
#define LP_ARCHIVE_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "core/element.h"
#include "core/textkeys.h"
#include "providers/provider.h"

/* A body that is in the archive already. */
typedef struct LpEnvelope
{
	pg_uuid_t	id;
	TimestampTz captured_at;
} LpEnvelope;

/* A part of it. */
typedef struct LpArchived
{
	pg_uuid_t	id;
	int			ordinal;
	pg_uuid_t  *lead_id;		/* NULL = none, likewise below */
	pg_uuid_t  *company_id;
	char	   *source;
	LpElementKind kind;
	char	   *part;			/* NULL unless asked for */
	TimestampTz captured_at;
} LpArchived;

extern LpEnvelope *lp_archive_find(const char *source, const uint8 *hash);
extern LpArchived *lp_archive_parts(const pg_uuid_t *envelope_id, int *n);

/* All captures of leads (or companies) with their text, oldest first. */
extern LpArchived *lp_archive_of_leads(const pg_uuid_t *ids, int n, int *found);
extern LpArchived *lp_archive_of_companies(const pg_uuid_t *ids, int n, int *found);

/* The newest captured_at of each lead that has a capture; else DT_NOBEGIN. */
extern TimestampTz *lp_archive_newest(const pg_uuid_t *lead_ids, int n);

/* Raises the time of a body and of some of its parts. */
extern void lp_archive_raise(const pg_uuid_t *ids, int n, TimestampTz at);

/* A part to be stored. */
typedef struct LpPart
{
	pg_uuid_t	id;
	int			ordinal;
	pg_uuid_t  *lead_id;
	pg_uuid_t  *company_id;
	LpElementKind kind;
	char	   *text;
	Jsonb	   *json;
	const char *region;			/* country of its numbers, or NULL */
	const LpMentions *mentions; /* in text; NULL: not read yet */
} LpPart;

/* A body to be stored, cut into parts. */
typedef struct LpBody
{
	const char *source;
	const LpProvider *provider; /* NULL: rows whose keys are columns */
	const uint8 *hash;
	char	   *rest;			/* the body without what was cut out */
	Datum	   *cuts;			/* offset in rest by ordinal */
	bool	   *uncut;			/* the element stayed in rest */
	int			n_elements;
	Jsonb	   *json;			/* of the rest, or NULL */
	LpPart	   *parts;
	int			n_parts;
	TimestampTz captured_at;
	TimestampTz first_seen_at;
} LpBody;

extern void lp_archive_store(const LpPool *pool, const LpBody *body);

/*
 * findings.c: keeps whom a stored body mentions (lead_capture_keys), and what
 * in it nobody expected (lead_unmapped).
 */
extern void lp_findings_store(const LpPool *pool, const pg_uuid_t *envelope_id,
							  const LpBody *body);

#endif							/* LP_ARCHIVE_H */
