/*
 * archive.c
 *	  Payloads as they came: lead_captures, lead_capture_keys, lead_unmapped.
 *
 * A body is stored once, by content: its text with the elements cut out, and
 * each element as a row of its own, so that one person can be erased and the
 * others stay.  Every address, number and profile in an element is kept as a
 * keyed hash, by which an erasure finds who is mentioned where.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"

#include "core/archive.h"
#include "store/sql.h"
#include "util/hash.h"
#include "util/uuid.h"

static LpSql find_sql = LP_SQL(
	"SELECT id, captured_at FROM @s@.lead_captures"
	" WHERE envelope_id IS NULL AND source = $1 AND content_hash = $2",
	TEXTOID, BYTEAOID);

#define PART_COLUMNS "id, ordinal, lead_id, company_id, source, element, captured_at"

static LpSql parts_sql = LP_SQL(
	"SELECT " PART_COLUMNS ", null FROM @s@.lead_captures"
	" WHERE envelope_id = $1 ORDER BY ordinal",
	UUIDOID);

static LpSql of_leads_sql = LP_SQL(
	"SELECT " PART_COLUMNS ", part FROM @s@.lead_captures"
	" WHERE lead_id = ANY ($1) ORDER BY captured_at, first_seen_at, id",
	UUIDARRAYOID);

static LpSql of_companies_sql = LP_SQL(
	"SELECT " PART_COLUMNS ", part FROM @s@.lead_captures"
	" WHERE company_id = ANY ($1) ORDER BY captured_at, first_seen_at, id",
	UUIDARRAYOID);

static LpSql newest_sql = LP_SQL(
	"SELECT u.n, (SELECT c.captured_at FROM @s@.lead_captures c"
	"  WHERE c.lead_id = u.id ORDER BY c.captured_at DESC LIMIT 1)"
	" FROM unnest($1) WITH ORDINALITY u(id, n)",
	UUIDARRAYOID);

static LpSql raise_sql = LP_SQL(
	"UPDATE @s@.lead_captures SET captured_at = $2"
	" WHERE id = ANY ($1) AND captured_at < $2",
	UUIDARRAYOID, TIMESTAMPTZOID);

static LpSql envelope_sql = LP_SQL(
	"INSERT INTO @s@.lead_captures (id, source, part, cuts, content_hash,"
	" captured_at, first_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
	UUIDOID, TEXTOID, TEXTOID, INT4ARRAYOID, BYTEAOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID);

static LpSql store_sql = LP_SQL(
	"INSERT INTO @s@.lead_captures (id, source, envelope_id, ordinal, lead_id,"
	" company_id, element, part, content_hash, captured_at, first_seen_at)"
	" SELECT u.id, $1, $2, u.ordinal,"
	" nullif(u.lead, '00000000-0000-0000-0000-000000000000'),"
	" nullif(u.company, '00000000-0000-0000-0000-000000000000'),"
	" u.element, u.part, sha256(convert_to(u.part, 'UTF8')), $3, $4"
	" FROM unnest($5, $6, $7, $8, $9, $10)"
	" u(id, ordinal, lead, company, element, part)",
	TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDARRAYOID, INT4ARRAYOID,
	UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID);

LpEnvelope *
lp_archive_find(const char *source, const uint8 *hash)
{
	Datum		args[] = {CStringGetTextDatum(source), lp_bytea(hash, LP_SHA256_BYTES)};
	LpEnvelope *envelope;

	if (lp_sql_run(&find_sql, args, NULL) == 0)
		return NULL;
	envelope = palloc(sizeof(LpEnvelope));
	envelope->id = *lp_col_uuid(0, 1);
	envelope->captured_at = lp_col_time(0, 2, DT_NOBEGIN);
	return envelope;
}

/* The rows of a query for parts. */
static LpArchived *
read_parts(int n)
{
	LpArchived *parts = palloc0(sizeof(LpArchived) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		parts[i].id = *lp_col_uuid(i, 1);
		parts[i].ordinal = lp_col_int(i, 2, 0);
		parts[i].lead_id = lp_col_uuid(i, 3);
		parts[i].company_id = lp_col_uuid(i, 4);
		parts[i].source = lp_col_text(i, 5);
		parts[i].kind = lp_element_kind(lp_col_text(i, 6));
		parts[i].captured_at = lp_col_time(i, 7, DT_NOBEGIN);
		parts[i].part = lp_col_text(i, 8);
	}
	return parts;
}

LpArchived *
lp_archive_parts(const pg_uuid_t *envelope_id, int *n)
{
	Datum		args[] = {UUIDPGetDatum(envelope_id)};

	*n = lp_sql_run(&parts_sql, args, NULL);
	return read_parts(*n);
}

LpArchived *
lp_archive_of_leads(const pg_uuid_t *ids, int n, int *found)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	*found = lp_sql_run(&of_leads_sql, args, NULL);
	return read_parts(*found);
}

LpArchived *
lp_archive_of_companies(const pg_uuid_t *ids, int n, int *found)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	*found = lp_sql_run(&of_companies_sql, args, NULL);
	return read_parts(*found);
}

TimestampTz *
lp_archive_newest(const pg_uuid_t *lead_ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(lead_ids, n)};
	TimestampTz *newest = palloc(sizeof(TimestampTz) * Max(n, 1));
	uint64		found = lp_sql_run(&newest_sql, args, NULL);

	for (uint64 i = 0; i < found; i++)
		newest[lp_col_int(i, 1, 0) - 1] = lp_col_time(i, 2, DT_NOBEGIN);
	return newest;
}

void
lp_archive_raise(const pg_uuid_t *ids, int n, TimestampTz at)
{
	Datum		args[] = {lp_array_of_uuids(ids, n), TimestampTzGetDatum(at)};

	if (n > 0)
		lp_sql_run(&raise_sql, args, NULL);
}

static Datum
cuts_array(const LpBody *body)
{
	int			dims[] = {body->n_elements};
	int			lower[] = {1};

	if (body->n_elements == 0)
		return PointerGetDatum(construct_empty_array(INT4OID));
	return PointerGetDatum(construct_md_array(body->cuts, body->uncut, 1, dims, lower,
											  INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

static void
store_parts(const pg_uuid_t *envelope_id, const LpBody *body)
{
	int			n = body->n_parts;
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	pg_uuid_t  *leads = palloc0(sizeof(pg_uuid_t) * n);
	pg_uuid_t  *companies = palloc0(sizeof(pg_uuid_t) * n);
	Datum	   *ordinals = palloc(sizeof(Datum) * n);
	char	  **elements = palloc(sizeof(char *) * n);
	char	  **texts = palloc(sizeof(char *) * n);

	for (int i = 0; i < n; i++)
	{
		const LpPart *part = &body->parts[i];

		ids[i] = part->id;
		if (part->lead_id != NULL)
			leads[i] = *part->lead_id;
		if (part->company_id != NULL)
			companies[i] = *part->company_id;
		ordinals[i] = Int32GetDatum(part->ordinal);
		elements[i] = unconstify(char *, lp_element_name(part->kind));
		texts[i] = part->text;
	}
	{
		Datum		args[] = {
			CStringGetTextDatum(body->source), UUIDPGetDatum(envelope_id),
			TimestampTzGetDatum(body->captured_at),
			TimestampTzGetDatum(body->first_seen_at), lp_array_of_uuids(ids, n),
			lp_array_of_datums(ordinals, n, INT4OID), lp_array_of_uuids(leads, n),
			lp_array_of_uuids(companies, n), lp_array_of_texts(elements, n),
			lp_array_of_texts(texts, n)
		};

		lp_sql_run(&store_sql, args, NULL);
	}
}

void
lp_archive_store(const LpPool *pool, const LpBody *body)
{
	pg_uuid_t	envelope_id;

	lp_uuid_make(&envelope_id);
	{
		Datum		args[] = {
			UUIDPGetDatum(&envelope_id), CStringGetTextDatum(body->source),
			CStringGetTextDatum(body->rest), cuts_array(body),
			lp_bytea(body->hash, LP_SHA256_BYTES),
			TimestampTzGetDatum(body->captured_at),
			TimestampTzGetDatum(body->first_seen_at)
		};

		lp_sql_run(&envelope_sql, args, NULL);
	}
	if (body->n_parts > 0)
		store_parts(&envelope_id, body);
	lp_findings_store(pool, &envelope_id, body);
}
