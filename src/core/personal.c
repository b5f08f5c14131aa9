/*
 * personal.c
 *	  Walking the list of columns with personal data (view lead_personal_data).
 *
 * The list stands in SQL, where a test holds it against the catalogs.  A table
 * is walked if it says by which column the rows of a lead are found; what is
 * found otherwise (mentions in payloads, bans) is the business of erase.c.
 * Names in the list are the extension's own: they are pasted, quoted.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/personal.h"
#include "store/sql.h"

/* A table, by the column that finds the rows, and what to do with its rows. */
static LpSql list_sql = LP_SQL(
	"SELECT p.table_name, f.found_by, p.what = 'delete', array_to_string(array_agg("
	" quote_ident(p.column_name) || ' = DEFAULT' ORDER BY p.column_name), ', ')"
	" FROM @s@.lead_personal_data p, LATERAL string_to_table(p.found_by, ' ') f(found_by)"
	" WHERE p.what IN ('clear', 'delete')"
	" GROUP BY 1, 2, 3 ORDER BY 1, 2, 3");

typedef struct Step
{
	char	   *table;
	char	   *found_by;
	bool		deletes;
	char	   *columns;
} Step;

void
lp_personal_erase(const pg_uuid_t *lead_ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(lead_ids, n)};
	Oid			types[] = {UUIDARRAYOID};
	int			n_steps = lp_sql_run(&list_sql, NULL, NULL);
	Step	   *steps = palloc(sizeof(Step) * Max(n_steps, 1));

	for (int i = 0; i < n_steps; i++)
	{
		steps[i].table = lp_col_text(i, 1);
		steps[i].found_by = lp_col_text(i, 2);
		steps[i].deletes = lp_col_bool(i, 3);
		steps[i].columns = lp_col_text(i, 4);
	}
	for (int i = 0; i < n_steps; i++)
	{
		const char *table = quote_identifier(steps[i].table);
		const char *found_by = quote_identifier(steps[i].found_by);

		(void) lp_sql_run_once(steps[i].deletes ?
							   psprintf("DELETE FROM @s@.%s WHERE %s = ANY ($1)", table, found_by) :
							   psprintf("UPDATE @s@.%s SET %s WHERE %s = ANY ($1)", table,
										steps[i].columns, found_by),
							   1, types, args, NULL);
	}
}
