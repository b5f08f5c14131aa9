/*
 * merge_journal.c
 *	  What it takes to undo a merge: every row of both leads before and after.
 *
 * Rows are kept as jsonb, rendered in UTC and with all digits, so that reading
 * one back gives the same bytes.  Of captures and events only what a merge
 * changes is kept.  Rows that others lock (leads, states, assignments,
 * touches) are updated in place, never deleted and made again.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "core/assignment_state.h"
#include "core/merge.h"
#include "core/touch_state.h"
#include "store/sql.h"

/* $1 leads, $2 rows of bans, $3 companies. */
#define IMAGES \
	"SELECT 'lead_pool' AS relation, x.id::text AS key, to_jsonb(x) AS image" \
	" FROM @s@.lead_pool x WHERE x.id = ANY ($1)" \
	" UNION ALL SELECT 'lead_state', x.lead_id::text, to_jsonb(x)" \
	" FROM @s@.lead_state x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_identities'," \
	"  x.kind || ':' || md5(x.value) || ':' || x.lead_id, to_jsonb(x)" \
	" FROM @s@.lead_identities x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_captures', x.id::text, jsonb_build_object('id', x.id," \
	"  'lead_id', x.lead_id, 'captured_at', x.captured_at)" \
	" FROM @s@.lead_captures x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_assignments', x.id::text, to_jsonb(x)" \
	" FROM @s@.lead_assignments x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_touches', x.id::text, to_jsonb(x)" \
	" FROM @s@.lead_touches x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_events', x.id::text, jsonb_build_object('id', x.id," \
	"  'lead_id', x.lead_id, 'effect', x.effect)" \
	" FROM @s@.lead_events x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_pins', x.lead_id || ':' || x.column_name, to_jsonb(x)" \
	" FROM @s@.lead_pins x WHERE x.lead_id = ANY ($1)" \
	" UNION ALL SELECT 'lead_conflicts', x.id::text, to_jsonb(x)" \
	" FROM @s@.lead_conflicts x WHERE x.lead_id = ANY ($1)" \
	"  AND x.other_lead_id = ANY ($1) AND x.kind = 'identity'" \
	" UNION ALL SELECT 'lead_suppressions', x.id::text, to_jsonb(x)" \
	" FROM @s@.lead_suppressions x WHERE x.id = ANY ($2)" \
	" UNION ALL SELECT 'lead_company_holds', x.company, to_jsonb(x)" \
	" FROM @s@.lead_company_holds x WHERE x.company = ANY ($3)"

static LpSql before_sql = LP_SQL(
	"INSERT INTO @s@.lead_merge_rows (merge_id, relation, key, before)"
	" SELECT $4, i.relation, i.key, i.image FROM (" IMAGES ") i",
	UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, UUIDOID);

static LpSql after_sql = LP_SQL(
	"INSERT INTO @s@.lead_merge_rows AS r (merge_id, relation, key, after)"
	" SELECT $4, i.relation, i.key, i.image FROM (" IMAGES ") i"
	" ON CONFLICT (merge_id, relation, key) DO UPDATE SET after = excluded.after",
	UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, UUIDOID);

static LpSql changed_sql = LP_SQL(
	"SELECT 1 FROM (" IMAGES ") i FULL JOIN"
	" (SELECT r.relation, r.key, r.after FROM @s@.lead_merge_rows r"
	"  WHERE r.merge_id = $4 AND r.after IS NOT NULL"
	"   AND r.relation <> 'lead_company_holds') j"
	" ON i.relation = j.relation AND i.key = j.key"
	" WHERE i.image::text IS DISTINCT FROM j.after::text LIMIT 1",
	UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, UUIDOID);

static LpSql added_sql = LP_SQL(
	"SELECT coalesce(array_agg(r.key::uuid), '{}') FROM @s@.lead_merge_rows r"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_suppressions'",
	UUIDOID);

static LpSql columns_sql = LP_SQL(
	"SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)"
	" FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
	" WHERE c.relname = $1 AND c.relnamespace = $2 AND a.attnum > 0"
	"  AND NOT a.attisdropped",
	TEXTOID, OIDOID);

typedef struct Journaled
{
	const char *name;
	const char *match;			/* the rows t and b are one */
	const char *columns;		/* that are put back; NULL = all */
	const char *row;			/* a row made again; NULL = b.* */
} Journaled;

static const Journaled relations[] = {
	{"lead_conflicts", "t.id = b.id", NULL, NULL},
	{"lead_identities", "t.kind = b.kind AND t.value = b.value AND t.lead_id = b.lead_id",
	NULL, NULL},
	{"lead_captures", "t.id = b.id", "lead_id, captured_at", NULL},
	{"lead_pins", "t.lead_id = b.lead_id AND t.column_name = b.column_name", NULL, LP_PIN_AGAIN},
	{"lead_assignments", "t.id = b.id", "lead_id", NULL},	/* nobody has two owners */
	{"lead_assignments", "t.id = b.id", NULL, NULL},
	{"lead_touches", "t.id = b.id", NULL, NULL},
	{"lead_events", "t.id = b.id", "lead_id, effect", NULL},
	{"lead_suppressions", "t.id = b.id", NULL, NULL},
	{"lead_pool", "t.id = b.id", NULL, NULL},
	{"lead_state", "t.lead_id = b.lead_id", NULL, NULL},
};

/*
 * Companies held: what the merge brought goes unless the client needs it still,
 * or somebody had it before; what it took comes back to a client that has its
 * companies to itself still, unless another one has it by now.
 */
static LpSql holds_gone_sql = LP_SQL(
	"DELETE FROM @s@.lead_company_holds h USING @s@.lead_merge_rows r"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_company_holds' AND r.key = h.company"
	" AND r.after::text = to_jsonb(h)::text AND r.before::text IS DISTINCT FROM r.after::text"
	" AND (r.before IS NOT NULL OR NOT EXISTS (SELECT FROM @s@.lead_assignments a"
	"  JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	"  WHERE a.client_id = h.client_id AND a.status = 'active'"
	"   AND h.company IN ('domain:' || s.company_domain, 'apollo:' || s.company_org)))",
	UUIDOID);

static LpSql holds_back_sql = LP_SQL(
	"INSERT INTO @s@.lead_company_holds SELECT b.* FROM @s@.lead_merge_rows r"
	" JOIN @s@.lead_clients c ON c.id = (r.before->>'client_id')::uuid"
	"  AND (c.settings->>'company_exclusive')::boolean,"
	" LATERAL jsonb_populate_record(NULL::@s@.lead_company_holds, r.before) b"
	" WHERE r.merge_id = $1 AND r.relation = 'lead_company_holds'"
	" AND r.before::text IS DISTINCT FROM r.after::text ON CONFLICT DO NOTHING",
	UUIDOID);

/* One spelling of every value, whatever the session says. */
static int
plain_settings(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("timezone", "UTC", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "1", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("bytea_output", "hex", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static uint64
run_images(LpSql *sql, const LpMergeScope *scope, Datum companies)
{
	Datum		args[] = {lp_array_of_uuids(scope->ids, 2), scope->bans, companies,
	UUIDPGetDatum(&scope->merge_id)};
	int			level = plain_settings();
	uint64		rows = lp_sql_run(sql, args, NULL);

	AtEOXact_GUC(true, level);
	return rows;
}

void
lp_merge_journal_before(const LpMergeScope *scope)
{
	run_images(&before_sql, scope, scope->companies);
}

void
lp_merge_journal_after(const LpMergeScope *scope)
{
	run_images(&after_sql, scope, scope->companies);
}

bool
lp_merge_journal_is_clean(const LpMergeScope *scope)
{
	LpMergeScope current = *scope;
	Datum		args[] = {UUIDPGetDatum(&scope->merge_id)};

	lp_sql_run(&added_sql, args, NULL);
	current.bans = PointerGetDatum(DatumGetArrayTypePCopy(lp_col(0, 1)));
	return run_images(&changed_sql, &current, lp_array_of_texts(NULL, 0)) == 0;
}

static const char *
columns_of(const Journaled *relation)
{
	Datum		args[] = {CStringGetTextDatum(relation->name), ObjectIdGetDatum(lp_schema())};

	if (relation->columns != NULL)
		return relation->columns;
	lp_sql_run(&columns_sql, args, NULL);
	return lp_col_text(0, 1);
}

/* b.column for every column of a list. */
static char *
prefixed(const char *columns)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "b.");
	for (const char *p = columns; *p != '\0'; p++)
	{
		appendStringInfoChar(&text, *p);
		if (*p == ' ')
			appendStringInfoString(&text, "b.");
	}
	return text.data;
}

static void
restore(const Journaled *relation, const Datum *args, bool unchanged_too)
{
	static const Oid types[] = {UUIDOID};
	const char *columns = columns_of(relation);
	char	   *rows = psprintf(
								" FROM @s@.lead_merge_rows r, LATERAL jsonb_populate_record(NULL::@s@.%s,"
								" %%s) b WHERE r.merge_id = $1 AND r.relation = '%s'",
								relation->name, relation->name);
	char	   *before = psprintf(rows, "r.before");
	char	   *after = psprintf(rows, "r.after");

	if (relation->columns == NULL)
		lp_sql_run_once(psprintf("DELETE FROM @s@.%s t USING %s AND %s"
								 " AND r.before IS NULL", relation->name,
								 strstr(after, "@s@.lead_merge_rows"), relation->match),
						1, types, args, NULL);
	lp_sql_run_once(psprintf("UPDATE @s@.%s t SET (%s) = ROW(%s)%s AND %s"
							 " AND %s", relation->name, columns, prefixed(columns),
							 before, relation->match,
							 unchanged_too ? "r.after IS NOT NULL" :
							 "r.before::text <> r.after::text"),
					1, types, args, NULL);
	if (relation->columns == NULL)
		lp_sql_run_once(psprintf("INSERT INTO @s@.%s SELECT %s%s AND r.after IS NULL"
								 " ON CONFLICT DO NOTHING", relation->name,
								 relation->row ? relation->row : "b.*", before),
						1, types, args, NULL);
}

static LpSql moves_sql = LP_SQL(
	"SELECT DISTINCT r.relation, m.was, m.becomes FROM @s@.lead_merge_rows r,"
	" LATERAL (SELECT coalesce(r.after->>'state', r.after->>'status') AS was,"
	"  coalesce(r.before->>'state', r.before->>'status') AS becomes) m"
	" WHERE r.merge_id = $1 AND r.relation IN ('lead_touches', 'lead_assignments')"
	"  AND m.was <> m.becomes",
	UUIDOID);

/* Of what has states only what the merge itself moved is put back. */
static void
require_moves(const Datum *args)
{
	uint64		rows = lp_sql_run(&moves_sql, args, NULL);

	for (uint64 row = 0; row < rows; row++)
	{
		const char *was = lp_col_text(row, 2);
		const char *becomes = lp_col_text(row, 3);

		if (strcmp(lp_col_text(row, 1), "lead_touches") == 0)
			lp_touch_move_back(lp_touch_state_from_name(was),
							   lp_touch_state_from_name(becomes));
		else
			lp_assignment_move_back(lp_assignment_state_from_name(was),
									lp_assignment_state_from_name(becomes));
	}
}

void
lp_merge_journal_restore(const LpMergeScope *scope, const char *relation)
{
	Datum		args[] = {UUIDPGetDatum(&scope->merge_id)};
	int			level;

	if (relation == NULL)
		require_moves(args);
	level = plain_settings();
	for (int i = 0; i < lengthof(relations); i++)
		if (relation == NULL || strcmp(relation, relations[i].name) == 0)
			restore(&relations[i], args, relation != NULL);
	if (relation == NULL)
	{
		lp_sql_run(&holds_gone_sql, args, NULL);
		lp_sql_run(&holds_back_sql, args, NULL);
	}
	AtEOXact_GUC(true, level);
}
