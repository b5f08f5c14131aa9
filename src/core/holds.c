/*
 * holds.c
 *	  Companies that a client has to itself (setting company_exclusive).
 *
 * The primary key of lead_company_holds is the promise.  A client without the
 * setting takes part for a moment: it inserts the rows and deletes them again,
 * so that of two transactions in flight one waits for the other.  Nobody pays
 * while no client has the setting.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/holds.h"
#include "store/sql.h"

static LpSql anyone_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_clients WHERE settings ? 'company_exclusive' LIMIT 1");

static LpSql held_sql = LP_SQL(
	"SELECT k.n FROM unnest($1) WITH ORDINALITY k(company, n)"
	" JOIN @s@.lead_company_holds h ON h.company = k.company"
	" WHERE h.client_id <> $2",
	TEXTARRAYOID, UUIDOID);

static LpSql take_sql = LP_SQL(
	"INSERT INTO @s@.lead_company_holds (company, client_id, held_at)"
	" SELECT DISTINCT k.company, $2, $3 FROM unnest($1) k(company)"
	" WHERE k.company IS NOT NULL ORDER BY k.company"
	" ON CONFLICT DO NOTHING RETURNING company",
	TEXTARRAYOID, UUIDOID, TIMESTAMPTZOID);

/* Of what was just taken all that no lead given needs ($3). */
static LpSql give_back_sql = LP_SQL(
	"DELETE FROM @s@.lead_company_holds WHERE company = ANY ($1)"
	" AND client_id = $2 AND company <> ALL ($3)",
	TEXTARRAYOID, UUIDOID, TEXTARRAYOID);

static LpSql let_go_sql = LP_SQL(
	"DELETE FROM @s@.lead_company_holds h WHERE h.company = ANY ($1)"
	" AND h.client_id = $2 AND NOT EXISTS (SELECT FROM @s@.lead_assignments a"
	"  JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	"  WHERE a.client_id = $2 AND a.status = 'active'"
	"   AND h.company IN ('domain:' || s.company_domain, 'apollo:' || s.company_org))",
	TEXTARRAYOID, UUIDOID);

static LpSql let_go_of_client_sql = LP_SQL(
	"WITH kept AS MATERIALIZED (SELECT s.company_domain, s.company_org"
	"  FROM @s@.lead_assignments a JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	"  WHERE a.client_id = $1 AND a.status = 'active')"
	" DELETE FROM @s@.lead_company_holds h WHERE h.client_id = $1"
	" AND NOT EXISTS (SELECT FROM kept k WHERE 'domain:' || k.company_domain = h.company)"
	" AND NOT EXISTS (SELECT FROM kept k WHERE 'apollo:' || k.company_org = h.company)",
	UUIDOID);

/* The two keys of a lead's company; NULL where it has none. */
static void
company_keys(const LpLead *lead, char **keys)
{
	keys[0] = lead->company_domain ? psprintf("domain:%s", lead->company_domain) : NULL;
	keys[1] = lead->company_org ? psprintf("apollo:%s", lead->company_org) : NULL;
}

static bool
anyone_has_companies(void)
{
	return lp_sql_run(&anyone_sql, NULL, NULL) > 0;
}

/* Marks in result (one entry a lead) those of which another holds a key. */
static void
mark_held(char **keys, int n, const pg_uuid_t *client_id, bool *result)
{
	Datum		values[] = {lp_array_of_texts(keys, 2 * n), UUIDPGetDatum(client_id)};
	uint64		found = lp_sql_run(&held_sql, values, NULL);

	for (uint64 row = 0; row < found; row++)
		result[(lp_col_int(row, 1, 0) - 1) / 2] = true;
}

bool *
lp_holds_of_others(const LpLead *leads, int n, const pg_uuid_t *client_id)
{
	bool	   *result = palloc0(sizeof(bool) * Max(n, 1));
	char	  **keys;

	if (!anyone_has_companies())
		return result;
	keys = palloc(sizeof(char *) * Max(2 * n, 1));
	for (int i = 0; i < n; i++)
		company_keys(&leads[i], keys + 2 * i);
	mark_held(keys, n, client_id, result);
	return result;
}

bool *
lp_holds_take(const LpClient *client, const LpLead **leads, int n, TimestampTz now)
{
	bool	   *refused = palloc0(sizeof(bool) * Max(n, 1));
	char	  **keys;
	char	  **kept;
	int			n_kept = 0;
	Datum		values[3];
	Datum	   *taken;
	uint64		n_taken;

	if (n == 0 || !anyone_has_companies())
		return refused;
	keys = palloc(sizeof(char *) * 2 * n);
	for (int i = 0; i < n; i++)
		company_keys(leads[i], keys + 2 * i);
	values[0] = lp_array_of_texts(keys, 2 * n);
	values[1] = UUIDPGetDatum(&client->id);
	values[2] = TimestampTzGetDatum(now);
	n_taken = lp_sql_run(&take_sql, values, NULL);
	taken = palloc(sizeof(Datum) * Max(n_taken, 1));
	for (uint64 row = 0; row < n_taken; row++)
		taken[row] = CStringGetTextDatum(lp_col_text(row, 1));
	mark_held(keys, n, &client->id, refused);

	kept = palloc(sizeof(char *) * 2 * n);
	for (int i = 0; client->company_exclusive && i < 2 * n; i++)
		if (keys[i] != NULL && !refused[i / 2])
			kept[n_kept++] = keys[i];
	values[0] = lp_array_of_datums(taken, n_taken, TEXTOID);
	values[2] = lp_array_of_texts(kept, n_kept);
	if (n_taken > 0)
		lp_sql_run(&give_back_sql, values, NULL);
	return refused;
}

void
lp_holds_let_go(const LpClient *client, const LpLead *lead)
{
	char	   *keys[2];
	Datum		values[2];

	if (!client->company_exclusive)
		return;
	company_keys(lead, keys);
	values[0] = lp_array_of_texts(keys, 2);
	values[1] = UUIDPGetDatum(&client->id);
	lp_sql_run(&let_go_sql, values, NULL);
}

void
lp_holds_let_go_of_client(const LpClient *client)
{
	Datum		values[] = {UUIDPGetDatum(&client->id)};

	if (client->company_exclusive)
		lp_sql_run(&let_go_of_client_sql, values, NULL);
}
