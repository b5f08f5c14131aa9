/*
 * export.c
 *	  lp_subject_export: everything that is stored about a person.
 *
 * For the person who asks, so what is said is in the clear, with the ids of
 * clients and no name of any.  The SQL function sets TimeZone to UTC.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/bans.h"
#include "core/facts.h"
#include "core/lead.h"
#include "store/leads.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/email.h"
#include "util/errors.h"

PG_FUNCTION_INFO_V1(lp_subject_export);

static LpSql find_sql = LP_SQL(
	"SELECT lead_id FROM @s@.lead_identities WHERE kind = 'email' AND value = $1"
	" ORDER BY identifies DESC, lead_id LIMIT 1",
	TEXTOID);

/* The lead and those that were merged into it. */
static LpSql ids_sql = LP_SQL(
	"WITH RECURSIVE m (id) AS (SELECT $1 UNION SELECT p.id FROM @s@.lead_pool p"
	"  JOIN m ON p.merged_into = m.id) SELECT id FROM m",
	UUIDOID);

#define ROWS(columns, source, sorted) \
	"coalesce((SELECT jsonb_agg(to_jsonb(r) ORDER BY " sorted ") FROM (SELECT " columns \
	" FROM " source ") r), '[]')"

#define KEYS "ARRAY(SELECT i.key_hash FROM @s@.lead_identities i WHERE i.lead_id = ANY ($1))"

/* $1 leads, $2 bans in force, $3 to $7 provenance, $8 the lead that is shown. */
static LpSql export_sql = LP_SQL(
	"SELECT jsonb_build_object("
	"'lead', (SELECT to_jsonb(p) FROM @s@.lead_pool p WHERE p.id = $8),"
	"'identities', " ROWS("DISTINCT ON (kind, value) kind, value, identifies, source, first_seen_at",
						  "@s@.lead_identities WHERE lead_id = ANY ($1)"
						  " ORDER BY kind, value, identifies DESC", "kind, value") ","
	"'captures', " ROWS("id, source, element, part, captured_at, first_seen_at",
						"@s@.lead_captures WHERE lead_id = ANY ($1)", "captured_at, id") ","
	"'assignments', " ROWS("*", "@s@.lead_assignments WHERE lead_id = ANY ($1)",
						   "assigned_at, id") ","
	"'touches', " ROWS("id, lead_id, client_id, assignment_id, campaign_id, step, channel,"
					   " sender, state, claimed_at, expires_at, dispatched_at, sent_at, ended_at,"
					   " provider_message_id, error, flags",
					   "@s@.lead_touches WHERE lead_id = ANY ($1)", "id") ","
	"'events', " ROWS("id, event, lead_id, client_id, channel, touch_id, external_id, effect,"
					  " occurred_at, recorded_at, bounce_class, detail",
					  "@s@.lead_events WHERE lead_id = ANY ($1)"
					  " OR (lead_id IS NULL AND address_hash = ANY (" KEYS "))",
					  "occurred_at, id") ","
	"'consents', '[]'::jsonb,"
	"'suppressions', " ROWS("id, ban_id, kind, channel, reason, note, client_id, origin,"
							" created_at, expires_at, lifted_at, lift_reason",
							"@s@.lead_suppressions WHERE id = ANY ($2)"
							" OR (domain IS NULL AND key_hash = ANY (" KEYS "))",
							"created_at, id") ","
	"'provenance', coalesce((SELECT jsonb_agg(jsonb_build_object('column_name', u.c,"
	" 'value', u.v, 'source', u.s, 'captured_at', u.t, 'shown', u.w) ORDER BY u.n)"
	" FROM unnest($3, $4, $5, $6, $7) WITH ORDINALITY u(c, v, s, t, w, n)), '[]'))",
	UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	BOOLARRAYOID, UUIDOID);

/* What is kept besides; a function takes no more arguments at once. */
static LpSql more_sql = LP_SQL(
	"SELECT $1 || jsonb_build_object("
	"'state', (SELECT to_jsonb(s) - '{flags,email_key,phone_key,linkedin_key}'::text[]"
	"  FROM @s@.lead_state s WHERE s.lead_id = $3),"
	"'merged', " ROWS("*", "@s@.lead_pool WHERE id = ANY ($2) AND id <> $3", "id") ","
	"'merges', " ROWS("*", "@s@.lead_merges WHERE survivor = ANY ($2) OR duplicate = ANY ($2)",
					  "turn, id") ","
	"'merge_rows', " ROWS("j.*", "@s@.lead_merge_rows j JOIN @s@.lead_merges m"
						  " ON m.id = j.merge_id WHERE m.survivor = ANY ($2)"
						  " OR m.duplicate = ANY ($2)", "merge_id, relation, key") ","
	"'pins', " ROWS("column_name, value, pinned_by, pinned_at",
					"@s@.lead_pins WHERE lead_id = ANY ($2)", "column_name") ","
	"'conflicts', " ROWS("*", "@s@.lead_conflicts WHERE lead_id = ANY ($2)"
						 " OR other_lead_id = ANY ($2)", "created_at, id") ","
	"'decisions', " ROWS("*", "@s@.lead_decisions WHERE lead_id = ANY ($2)",
						 "decided_at, id") ")",
	JSONBOID, UUIDARRAYOID, UUIDOID);

static pg_uuid_t
lead_of_email(const char *email)
{
	char	   *match = lp_email_match(email);
	Datum		args[1];

	if (match == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"email\" is not a valid email address"));
	args[0] = CStringGetTextDatum(match);
	if (lp_sql_run(&find_sql, args, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_NO_LEAD),
				errmsg("nobody is known by this address"));
	return *lp_col_uuid(0, 1);
}

/* The bans in force, as ids of their rows. */
static Datum
bans_of(const pg_uuid_t *id)
{
	List	   *bans = lp_bans_of_leads(id, 1, lp_clock_now())[0];
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(list_length(bans), 1));
	ListCell   *cell;
	int			n = 0;

	foreach(cell, bans)
		ids[n++] = ((LpBan *) lfirst(cell))->id;
	return lp_array_of_uuids(ids, n);
}

static Datum
ids_of(const pg_uuid_t *id)
{
	Datum		args[] = {UUIDPGetDatum(id)};
	int			n = lp_sql_run(&ids_sql, args, NULL);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);

	for (int i = 0; i < n; i++)
		ids[i] = *lp_col_uuid(i, 1);
	return lp_array_of_uuids(ids, n);
}

static void
add_origins(const pg_uuid_t *id, Datum *args)
{
	int			n;
	LpOrigin   *origins = lp_facts_origins(id, NULL, &n);
	char	  **columns = palloc(sizeof(char *) * Max(n, 1));
	char	  **sources = palloc(sizeof(char *) * Max(n, 1));
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *times = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *shown = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		columns[i] = unconstify(char *, origins[i].column);
		values[i] = JsonbPGetDatum(origins[i].value);
		sources[i] = unconstify(char *, origins[i].source);
		times[i] = TimestampTzGetDatum(origins[i].captured_at);
		shown[i] = BoolGetDatum(origins[i].shown);
	}
	args[0] = lp_array_of_texts(columns, n);
	args[1] = lp_array_of_datums(values, n, JSONBOID);
	args[2] = lp_array_of_texts(sources, n);
	args[3] = lp_array_of_datums(times, n, TIMESTAMPTZOID);
	args[4] = lp_array_of_datums(shown, n, BOOLOID);
}

Datum
lp_subject_export(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *lead_id = lp_arg_uuid_or_null(fcinfo, 0);
	char	   *email = lp_arg_text_or_null(fcinfo, 1);
	pg_uuid_t	id;
	Datum		args[8];
	Datum		more[3];
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_READS);
	if (lead_id == NULL && email == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("nobody is named"),
				errhint("Give lead_id or email."));
	id = lead_id != NULL ? *lead_id : lead_of_email(email);
	lp_lead_resolve(&id, 1);
	add_origins(&id, &args[2]);
	args[1] = bans_of(&id);
	args[7] = UUIDPGetDatum(&id);
	args[0] = ids_of(&id);
	lp_sql_run(&export_sql, args, NULL);
	more[0] = JsonbPGetDatum(DatumGetJsonbPCopy(lp_col(0, 1)));
	more[1] = args[0];
	more[2] = args[7];
	lp_sql_run(&more_sql, more, NULL);
	result = SPI_datumTransfer(lp_col(0, 1), false, -1);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
