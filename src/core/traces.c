/*
 * traces.c
 *	  What an erasure takes out of payloads, companies, events and notes.
 *
 * A payload that mentions the person is found by the keyed hashes of
 * lead_capture_keys; the other elements of the bodies in which the person
 * came, and the answers about the person's company, are read as well.  What
 * is cleaned stays JSON, and the leads that it told of are folded anew.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/bankey.h"
#include "core/erase.h"
#include "core/facts.h"
#include "core/lead.h"
#include "store/sql.h"
#include "util/email.h"
#include "util/uuid.h"

static LpSql envelopes_sql = LP_SQL(
	"SELECT DISTINCT envelope_id FROM @s@.lead_captures WHERE lead_id = ANY ($1)",
	UUIDARRAYOID);

static LpSql own_sql = LP_SQL(
	"SELECT id FROM @s@.lead_captures WHERE lead_id = ANY ($1)",
	UUIDARRAYOID);

static LpSql drop_sql = LP_SQL(
	"WITH k AS (DELETE FROM @s@.lead_capture_keys WHERE capture_id = ANY ($1)),"
	" u AS (DELETE FROM @s@.lead_unmapped WHERE capture_id = ANY ($1))"
	" DELETE FROM @s@.lead_captures WHERE id = ANY ($1)",
	UUIDARRAYOID);

static LpSql candidates_sql = LP_SQL(
	"SELECT id, lead_id, company_id, element, part, cuts, envelope_id IS NULL"
	" FROM @s@.lead_captures WHERE id = ANY (ARRAY(SELECT capture_id"
	"  FROM @s@.lead_capture_keys WHERE key_hash = ANY ($1)))"
	" OR envelope_id = ANY ($2) OR id = ANY ($2)"
	" OR company_id = ANY (ARRAY(SELECT c.id FROM @s@.lead_companies c"
	"  WHERE c.apollo_id = ANY ($3)))"
	" ORDER BY id",
	BYTEAARRAYOID, UUIDARRAYOID, TEXTARRAYOID);

static LpSql clean_sql = LP_SQL(
	"UPDATE @s@.lead_captures c SET part = u.part FROM unnest($1, $2) u(id, part)"
	" WHERE c.id = u.id",
	UUIDARRAYOID, TEXTARRAYOID);

static LpSql recut_sql = LP_SQL(
	"UPDATE @s@.lead_captures SET cuts = $2 WHERE id = $1",
	UUIDOID, INT4ARRAYOID);

static LpSql unkey_sql = LP_SQL(
	"DELETE FROM @s@.lead_capture_keys WHERE key_hash = ANY ($1)",
	BYTEAARRAYOID);

static LpSql paths_sql = LP_SQL(
	"SELECT capture_id, json_path FROM @s@.lead_unmapped WHERE capture_id = ANY ($1)",
	UUIDARRAYOID);

static LpSql unsample_sql = LP_SQL(
	"UPDATE @s@.lead_unmapped SET sample = NULL"
	" WHERE capture_id = ANY ($1) AND sample IS NOT NULL",
	UUIDARRAYOID);

static LpSql unpath_sql = LP_SQL(
	"DELETE FROM @s@.lead_unmapped l USING unnest($1, $2) u(id, path)"
	" WHERE l.capture_id = u.id AND l.json_path = u.path",
	UUIDARRAYOID, TEXTARRAYOID);

static LpSql companies_sql = LP_SQL(
	"SELECT id, apollo_id, facts::text FROM @s@.lead_companies"
	" WHERE id = ANY ($1) OR apollo_id = ANY ($2) ORDER BY id FOR UPDATE",
	UUIDARRAYOID, TEXTARRAYOID);

static LpSql company_sql = LP_SQL(
	"UPDATE @s@.lead_companies SET facts = $2::jsonb WHERE id = $1",
	UUIDOID, TEXTOID);

/* One payload that may mention the person. */
typedef struct Candidate
{
	pg_uuid_t	id;
	pg_uuid_t  *lead_id;
	pg_uuid_t  *company_id;
	char	   *element;
	char	   *part;
	Datum	   *cuts;
	bool	   *uncut;
	int			n_cuts;
	bool		is_envelope;
} Candidate;

static pg_uuid_t *
ids_of(uint64 rows)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(rows, 1));

	for (uint64 row = 0; row < rows; row++)
		ids[row] = *lp_col_uuid(row, 1);
	return ids;
}

static void
drop_captures(const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	if (n > 0)
		lp_sql_run(&drop_sql, args, NULL);
}

static Candidate *
find_candidates(const LpPerson *person, const pg_uuid_t *envelopes, int n_envelopes, int *n)
{
	Datum		args[] = {
		lp_array_of_datums(person->hashes, person->n_keys, BYTEAOID),
		lp_array_of_uuids(envelopes, n_envelopes),
		lp_array_of_texts(person->companies, person->n_companies)
	};
	Candidate  *found;

	*n = lp_sql_run(&candidates_sql, args, NULL);
	found = palloc0(sizeof(Candidate) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		found[i].id = *lp_col_uuid(i, 1);
		found[i].lead_id = lp_col_uuid(i, 2);
		found[i].company_id = lp_col_uuid(i, 3);
		found[i].element = lp_col_text(i, 4);
		found[i].part = lp_col_text(i, 5);
		if (!lp_col_is_null(i, 6))
			deconstruct_array(DatumGetArrayTypePCopy(lp_col(i, 6)), INT4OID, sizeof(int32),
							  true, TYPALIGN_INT, &found[i].cuts, &found[i].uncut,
							  &found[i].n_cuts);
		found[i].is_envelope = lp_col_bool(i, 7);
	}
	return found;
}

/* The text without the person, or NULL; cuts are moved in place. */
static char *
redact(const LpPerson *person, Candidate *candidate)
{
	int		   *cuts = palloc(sizeof(int) * Max(candidate->n_cuts, 1));
	bool		own_root = candidate->is_envelope ||
	lp_element_kind(candidate->element) != LP_ELEMENT_CONTACT;
	char	   *clean;

	for (int i = 0; i < candidate->n_cuts; i++)
		cuts[i] = candidate->uncut[i] ? 0 : DatumGetInt32(candidate->cuts[i]);
	clean = lp_redact_json(&person->needles, candidate->part, own_root, cuts,
						   candidate->n_cuts);
	for (int i = 0; i < candidate->n_cuts; i++)
		candidate->cuts[i] = Int32GetDatum(cuts[i]);
	return clean;
}

static void
save_cuts(const Candidate *candidate)
{
	int			dims[] = {candidate->n_cuts};
	int			lower[] = {1};
	Datum		args[] = {
		UUIDPGetDatum(&candidate->id),
		PointerGetDatum(construct_md_array(candidate->cuts, candidate->uncut, 1, dims, lower,
										   INT4OID, sizeof(int32), true, TYPALIGN_INT))
	};

	lp_sql_run(&recut_sql, args, NULL);
}

/* Examples of unexpected paths, and paths that are a person's themselves. */
static void
clean_paths(const LpPerson *person, const pg_uuid_t *captures, int n)
{
	Datum		args[2] = {lp_array_of_uuids(captures, n)};
	int			rows = lp_sql_run(&paths_sql, args, NULL);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(rows, 1));
	char	  **paths = palloc(sizeof(char *) * Max(rows, 1));
	int			count = 0;

	for (int i = 0; i < rows; i++)
	{
		ids[count] = *lp_col_uuid(i, 1);
		paths[count] = lp_col_text(i, 2);
		if (lp_needles_find(&person->needles, paths[count]))
			count++;
	}
	lp_sql_run(&unsample_sql, args, NULL);
	if (count == 0)
		return;
	args[0] = lp_array_of_uuids(ids, count);
	args[1] = lp_array_of_texts(paths, count);
	lp_sql_run(&unpath_sql, args, NULL);
}

/* Facts of companies; returns the Apollo ids of those that changed. */
static char **
clean_companies(const LpPerson *person, const pg_uuid_t *ids, int n, int *n_changed)
{
	Datum		args[] = {
		lp_array_of_uuids(ids, n), lp_array_of_texts(person->companies, person->n_companies)
	};
	int			rows = lp_sql_run(&companies_sql, args, NULL);
	pg_uuid_t  *found = ids_of(rows);
	char	  **apollo_ids = palloc(sizeof(char *) * Max(rows, 1));
	char	  **facts = palloc(sizeof(char *) * Max(rows, 1));
	char	  **changed = palloc(sizeof(char *) * Max(rows, 1));

	for (int i = 0; i < rows; i++)
	{
		apollo_ids[i] = lp_col_text(i, 2);
		facts[i] = lp_col_text(i, 3);
	}
	*n_changed = 0;
	for (int i = 0; i < rows; i++)
	{
		char	   *clean = lp_redact_json(&person->needles, facts[i], true, NULL, 0);

		if (clean == NULL)
			continue;
		args[0] = UUIDPGetDatum(&found[i]);
		args[1] = CStringGetTextDatum(clean);
		lp_sql_run(&company_sql, args, NULL);
		if (apollo_ids[i] != NULL)
			changed[(*n_changed)++] = apollo_ids[i];
	}
	return changed;
}

static bool
is_of_person(const LpPerson *person, const pg_uuid_t *id)
{
	for (int i = 0; i < person->n; i++)
		if (lp_uuid_equal(&person->ids[i], id))
			return true;
	return false;
}

/* Folds others anew whose sources were cleaned, each once. */
static void
refold(const LpPerson *person, pg_uuid_t *leads, int n)
{
	int			count = 0;

	lp_lead_resolve(leads, n);
	qsort(leads, n, sizeof(pg_uuid_t), lp_uuid_compare);
	for (int i = 0; i < n; i++)
		if (!is_of_person(person, &leads[i]) &&
			(count == 0 || !lp_uuid_equal(&leads[count - 1], &leads[i])))
			leads[count++] = leads[i];
	lp_facts_refold(leads, count);
}

int
lp_traces_of_captures(const LpPerson *person)
{
	Datum		args[2] = {lp_array_of_uuids(person->ids, person->n)};
	int			n_envelopes = lp_sql_run(&envelopes_sql, args, NULL);
	pg_uuid_t  *envelopes = ids_of(n_envelopes);
	int			n_own = lp_sql_run(&own_sql, args, NULL);
	pg_uuid_t  *own = ids_of(n_own);
	int			n;
	Candidate  *candidates;
	pg_uuid_t  *dropped;
	pg_uuid_t  *cleaned;
	pg_uuid_t  *companies;
	pg_uuid_t  *leads;
	pg_uuid_t  *colleagues;
	char	  **texts;
	char	  **changed;
	int			n_dropped = 0;
	int			n_cleaned = 0;
	int			n_companies = 0;
	int			n_leads = 0;
	int			n_changed;
	int			n_colleagues;

	drop_captures(own, n_own);
	candidates = find_candidates(person, envelopes, n_envelopes, &n);
	dropped = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	cleaned = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	companies = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	leads = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	texts = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		Candidate  *candidate = &candidates[i];
		char	   *clean = redact(person, candidate);

		/* An answer that was of nobody: it is the person's. */
		if (clean != NULL && !candidate->is_envelope && candidate->lead_id == NULL &&
			lp_element_kind(candidate->element) != LP_ELEMENT_ORGANIZATION)
			dropped[n_dropped++] = candidate->id;
		else if (clean != NULL)
		{
			cleaned[n_cleaned] = candidate->id;
			texts[n_cleaned++] = clean;
			if (candidate->n_cuts > 0)
				save_cuts(candidate);
			if (candidate->company_id != NULL)
				companies[n_companies++] = *candidate->company_id;
			if (candidate->lead_id != NULL)
				leads[n_leads++] = *candidate->lead_id;
		}
	}
	drop_captures(dropped, n_dropped);
	if (n_cleaned > 0)
	{
		args[0] = lp_array_of_uuids(cleaned, n_cleaned);
		args[1] = lp_array_of_texts(texts, n_cleaned);
		lp_sql_run(&clean_sql, args, NULL);
		clean_paths(person, cleaned, n_cleaned);
	}
	args[0] = lp_array_of_datums(person->hashes, person->n_keys, BYTEAOID);
	lp_sql_run(&unkey_sql, args, NULL);
	changed = clean_companies(person, companies, n_companies, &n_changed);
	colleagues = lp_state_of_companies(changed, n_changed, &n_colleagues);
	refold(person, leads, n_leads);
	refold(person, colleagues, n_colleagues);
	return n_own + n_dropped + n_cleaned;
}

/*
 * Events and bans.
 */
static LpSql events_sql = LP_SQL(
	"SELECT id, external_id FROM @s@.lead_events"
	" WHERE lead_id = ANY ($1) OR address_hash = ANY ($2)",
	UUIDARRAYOID, BYTEAARRAYOID);

static LpSql clear_events_sql = LP_SQL(
	"UPDATE @s@.lead_events SET detail = DEFAULT, address_hash = NULL,"
	" external_id = CASE WHEN id = ANY ($2) THEN NULL ELSE external_id END"
	" WHERE id = ANY ($1)",
	UUIDARRAYOID, UUIDARRAYOID);

static LpSql clear_bans_sql = LP_SQL(
	"UPDATE @s@.lead_suppressions SET note = NULL, lift_reason = NULL"
	" WHERE value_hash = ANY ($1) AND (note IS NOT NULL OR lift_reason IS NOT NULL)",
	BYTEAARRAYOID);

int
lp_traces_of_events(const LpPerson *person)
{
	Datum		args[] = {
		lp_array_of_uuids(person->ids, person->n),
		lp_array_of_datums(person->hashes, person->n_keys, BYTEAOID)
	};
	int			n = lp_sql_run(&events_sql, args, NULL);
	pg_uuid_t  *ids = ids_of(n);
	pg_uuid_t  *telling = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	int			n_telling = 0;

	/* The provider's id makes a report idempotent: it stays unless it tells. */
	for (int i = 0; i < n; i++)
	{
		char	   *external_id = lp_col_text(i, 2);

		if (external_id != NULL && lp_needles_find(&person->needles, external_id))
			telling[n_telling++] = ids[i];
	}
	if (n == 0)
		return 0;
	args[0] = lp_array_of_uuids(ids, n);
	args[1] = lp_array_of_uuids(telling, n_telling);
	lp_sql_run(&clear_events_sql, args, NULL);
	return n;
}

static Datum
hash_under(const LpBanKey *key, LpKeyKind kind, const char *value)
{
	uint8		hash[LP_HASH_BYTES];

	lp_bankey_hash(key, lp_key_kind_name(kind), value, hash);
	return lp_bytea(hash, LP_HASH_BYTES);
}

void
lp_traces_of_bans(const LpPerson *person)
{
	LpBanKey   *ring;
	int			n_ring = lp_bankey_ring(&ring);
	Datum	   *hashes = palloc(sizeof(Datum) * Max(n_ring * person->n_keys * 2, 1));
	int			n = 0;
	Datum		args[1];

	for (int i = 0; i < n_ring; i++)
		for (int k = 0; k < person->n_keys; k++)
		{
			const LpKey *key = &person->keys[k];

			hashes[n++] = hash_under(&ring[i], key->kind, key->kind == LP_KEY_EMAIL ?
									 lp_email_ban(key->value) : key->value);
			if (key->kind == LP_KEY_PHONE && *key->value == '+')
				hashes[n++] = hash_under(&ring[i], key->kind, key->value + 1);
		}
	args[0] = lp_array_of_datums(hashes, n, BYTEAOID);
	lp_sql_run(&clear_bans_sql, args, NULL);
}
