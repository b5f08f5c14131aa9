/*
 * notes.c
 *	  Free text about others that shows an erased person: reasons, notes,
 *	  errors, reports, pins, journals of merges.
 *
 * Such text has no index of whom it mentions, so the columns that the list
 * (lead_personal_data.searched) names are read through: a coarse pattern in
 * SQL finds what may show a key of the person, needles.c decides.  A name
 * counts only where a key stands beside it: others may have it too.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/erase.h"
#include "core/facts.h"
#include "core/lead.h"
#include "store/sql.h"
#include "util/uuid.h"

#define TAIL_DIGITS 7			/* of a number, looked for in the pattern */

/* In the order in which rows are locked (doc/architecture.md). */
static LpSql list_sql = LP_SQL(
	"SELECT p.table_name, p.column_name, a.atttypid = 'jsonb'::pg_catalog.regtype,"
	" a.attnotnull FROM @s@.lead_personal_data p"
	" JOIN pg_catalog.pg_class c ON c.relname = p.table_name AND c.relnamespace = $1"
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = p.column_name"
	" WHERE p.searched ORDER BY 1, 2",
	OIDOID);

typedef struct Note				/* a column that is read through */
{
	char	   *table;
	char	   *column;
	bool		is_json;
	bool		needed;			/* it takes no null */
} Note;

typedef struct Rows				/* those of it that show the person */
{
	char	  **places;			/* ctid; the rows are locked */
	char	  **texts;			/* without the person */
	pg_uuid_t  *ids;			/* of the lead of a pin, of a report */
	int			n;
} Rows;

/* The pattern of a text: what is not plain ASCII, or a wildcard, may be anything. */
static char *
pattern_of(const char *text, int len)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	appendStringInfoChar(&pattern, '%');
	for (int i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(text[i]) || strchr("\\\"%_", text[i]) != NULL)
			appendStringInfoChar(&pattern, '%');
		else
			appendStringInfoChar(&pattern, text[i]);
	appendStringInfoChar(&pattern, '%');
	return pattern.data;
}

/* An address is found by its domain, which may be written in another alphabet. */
static List *
add_email(List *patterns, const char *email)
{
	const char *at = strchr(email, '@');

	if (at == NULL || strstr(at, "xn--") != NULL)
		return lappend(lappend(patterns, "%@%"), "%\\%40%");
	if (strcmp(at, "@gmail.com") == 0)
		return lappend(patterns, "%g%mail.com%");
	return lappend(patterns, psprintf("%s%s", pattern_of(email, at - email),
									  pattern_of(at + 1, strlen(at + 1)) + 1));
}

static List *
add_number(List *patterns, const char *digits)
{
	StringInfoData pattern;

	initStringInfo(&pattern);
	appendStringInfoChar(&pattern, '%');
	for (const char *p = digits + Max((int) strlen(digits) - TAIL_DIGITS, 0); *p != '\0'; p++)
		appendStringInfo(&pattern, "%c%%", *p);
	return lappend(patterns, pattern.data);
}

/* Patterns of which a text with a key of the person has at least one. */
static Datum
patterns_of(const LpNeedles *needles)
{
	List	   *patterns = NIL;
	char	  **texts;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, needles->emails)
		patterns = add_email(patterns, lfirst(cell));
	foreach(cell, needles->digits)
		patterns = add_number(patterns, lfirst(cell));
	foreach(cell, needles->slugs)
		patterns = lappend(patterns, pattern_of(lfirst(cell), strlen(lfirst(cell))));
	foreach(cell, needles->words)
		patterns = lappend(patterns, pattern_of(lfirst(cell), strlen(lfirst(cell))));
	texts = palloc(sizeof(char *) * Max(list_length(patterns), 1));
	foreach(cell, patterns)
		texts[n++] = lfirst(cell);
	return lp_array_of_texts(texts, n);
}

/*
 * The text without the person; NULL if it shows no key.  *gone tells that
 * nothing is left.
 */
static char *
clean(const LpNeedles *needles, const Note *note, char *text, bool *gone)
{
	LpNeedles	keys = *needles;
	bool		own_root = strcmp(note->table, "lead_merge_rows") == 0;
	char	   *result;

	keys.names = keys.parts = NIL;
	if (!note->is_json)
	{
		*gone = true;
		return lp_needles_in_id(&keys, text) ? "" : NULL;
	}
	if (lp_redact_json(&keys, text, own_root, NULL, 0) == NULL)
		return NULL;
	result = lp_redact_json(needles, text, own_root, NULL, 0);
	*gone = strcmp(result, "null") == 0;
	return result;
}

static bool
is_of(const Note *note, const char *table)
{
	return strcmp(note->table, table) == 0;
}

static Rows
find_rows(const LpNeedles *needles, Datum patterns, const Note *note)
{
	Oid			types[] = {TEXTARRAYOID};
	Datum		args[] = {patterns};
	const char *column = quote_identifier(note->column);
	const char *id = is_of(note, "lead_pins") ? "t.lead_id" :
	is_of(note, "lead_events") ? "t.id" : "NULL::uuid";
	int			found;
	Rows		rows = {NULL};

	found = lp_sql_run_once(psprintf("SELECT t.ctid::text, t.%s::text, %s FROM @s@.%s t"
									 " WHERE lower(t.%s::text COLLATE \"C\") LIKE ANY ($1)"
									 " FOR UPDATE", column, id,
									 quote_identifier(note->table), column),
							1, types, args, NULL);
	rows.places = palloc(sizeof(char *) * Max(found, 1));
	rows.texts = palloc(sizeof(char *) * Max(found, 1));
	rows.ids = palloc(sizeof(pg_uuid_t) * Max(found, 1));
	for (int i = 0; i < found; i++)
	{
		bool		gone = false;
		char	   *text = clean(needles, note, lp_col_text(i, 2), &gone);

		if (text == NULL)
			continue;
		if (!lp_col_is_null(i, 3))
			rows.ids[rows.n] = *lp_col_uuid(i, 3);
		rows.places[rows.n] = lp_col_text(i, 1);
		rows.texts[rows.n++] = gone ? NULL : text;
	}
	return rows;
}

/* Where a text is needed, a word that says nothing takes its place. */
static void
save_rows(const Note *note, const Rows *rows)
{
	Oid			types[] = {TEXTARRAYOID, TEXTARRAYOID};
	Datum		args[] = {
		lp_array_of_texts(rows->places, rows->n), lp_array_of_texts(rows->texts, rows->n)
	};
	const char *table = quote_identifier(note->table);
	const char *value = note->is_json ? "u.v::jsonb" :
	note->needed ? "coalesce(u.v, 'erased:' || gen_random_uuid())" : "u.v";

	if (is_of(note, "lead_pins"))
		(void) lp_sql_run_once(psprintf("DELETE FROM @s@.%s t USING unnest($1, $2) u(k, v)"
										" WHERE t.ctid = u.k::tid AND u.v IS NULL", table),
							   2, types, args, NULL);
	(void) lp_sql_run_once(psprintf("UPDATE @s@.%s t SET %s = %s FROM unnest($1, $2) u(k, v)"
									" WHERE t.ctid = u.k::tid", table,
									quote_identifier(note->column), value),
						   2, types, args, NULL);
}

/* Sorts ids, each once; returns how many are left. */
static int
distinct(pg_uuid_t *ids, int n)
{
	int			count = 0;

	qsort(ids, n, sizeof(pg_uuid_t), lp_uuid_compare);
	for (int i = 0; i < n; i++)
		if (count == 0 || !lp_uuid_equal(&ids[count - 1], &ids[i]))
			ids[count++] = ids[i];
	return count;
}

int
lp_notes_clean(const LpPerson *person)
{
	Datum		args[] = {ObjectIdGetDatum(lp_schema())};
	Datum		patterns = patterns_of(&person->needles);
	int			n = lp_sql_run(&list_sql, args, NULL);
	Note	   *notes = palloc(sizeof(Note) * Max(n, 1));
	pg_uuid_t  *events = NULL;
	int			n_events = 0;

	for (int i = 0; i < n; i++)
	{
		notes[i].table = lp_col_text(i, 1);
		notes[i].column = lp_col_text(i, 2);
		notes[i].is_json = lp_col_bool(i, 3);
		notes[i].needed = lp_col_bool(i, 4);
	}
	for (int i = 0; i < n; i++)
	{
		Rows		rows = find_rows(&person->needles, patterns, &notes[i]);

		if (rows.n == 0)
			continue;
		save_rows(&notes[i], &rows);
		if (is_of(&notes[i], "lead_pins"))
		{
			lp_lead_resolve(rows.ids, rows.n);
			lp_facts_refold(rows.ids, distinct(rows.ids, rows.n));
		}
		if (!is_of(&notes[i], "lead_events"))
			continue;
		events = events == NULL ? rows.ids :
			repalloc(events, sizeof(pg_uuid_t) * (n_events + rows.n));
		if (events != rows.ids)
			memcpy(events + n_events, rows.ids, sizeof(pg_uuid_t) * rows.n);
		n_events += rows.n;
	}
	return distinct(events, n_events);
}
