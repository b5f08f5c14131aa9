/*
 * holds.c
 *	  Companies that a client has to itself (setting company_exclusive).
 *
 * A hold exists exactly for the companies of the leads that such a client
 * owns; where two own someone the first keeps it, and the other inherits.  The
 * primary key of lead_company_holds is the promise, and its rows are the locks:
 * whoever gives or takes a lead, or changes where it works, first locks the
 * rows of the companies, in their order, by inserting them (a row that is there
 * is locked, one in flight waited for), and then looks.  A client without the
 * setting takes part for a moment: it inserts the rows and deletes them again,
 * so that of two transactions in flight one waits for the other.  Nobody pays
 * while no client has the setting.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/holds.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"

static LpSql anyone_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_clients WHERE settings ? 'company_exclusive' LIMIT 1");

static LpSql held_sql = LP_SQL(
	"SELECT k.n FROM unnest($1) WITH ORDINALITY k(company, n)"
	" JOIN @s@.lead_company_holds h ON h.company = k.company"
	" WHERE h.client_id <> $2",
	TEXTARRAYOID, UUIDOID);

/* Returns what is new; what was there is locked and stays as it is. */
static LpSql take_sql = LP_SQL(
	"INSERT INTO @s@.lead_company_holds AS h (company, client_id, held_at)"
	" SELECT DISTINCT k.company, $2, $3 FROM unnest($1) k(company)"
	" WHERE k.company IS NOT NULL ORDER BY k.company"
	" ON CONFLICT (company) DO UPDATE SET held_at = h.held_at WHERE false"
	" RETURNING company",
	TEXTARRAYOID, UUIDOID, TIMESTAMPTZOID);

/* Of what was just taken all that no lead given needs ($3). */
static LpSql give_back_sql = LP_SQL(
	"DELETE FROM @s@.lead_company_holds WHERE company = ANY ($1)"
	" AND client_id = $2 AND company <> ALL ($3)",
	TEXTARRAYOID, UUIDOID, TEXTARRAYOID);

/* Which of these clients have companies to themselves. */
static LpSql exclusive_sql = LP_SQL(
	"SELECT k.n FROM unnest($1) WITH ORDINALITY k(client, n)"
	" JOIN @s@.lead_clients c ON c.id = k.client"
	" WHERE (c.settings->>'company_exclusive')::boolean ORDER BY 1",
	UUIDARRAYOID);

/* Locks the rows of companies, each made for now for a client if need be. */
static LpSql lock_sql = LP_SQL(
	"INSERT INTO @s@.lead_company_holds AS h (company, client_id, held_at)"
	" SELECT DISTINCT ON (k.company) k.company, k.client, $3"
	" FROM unnest($1, $2) WITH ORDINALITY k(company, client, n) ORDER BY k.company, k.n"
	" ON CONFLICT (company) DO UPDATE SET held_at = h.held_at WHERE false",
	TEXTARRAYOID, UUIDARRAYOID, TIMESTAMPTZOID);

/* Owned leads of a company; both spellings have a prefix of seven bytes. */
#define OWNED_AT(company) \
	"(SELECT a.client_id, a.assigned_at, a.id FROM @s@.lead_state s" \
	"  JOIN @s@.lead_assignments a ON a.lead_id = s.lead_id AND a.status = 'active'" \
	"  WHERE left(" company ", 7) = 'domain:' AND s.company_domain = substr(" company ", 8)" \
	" UNION ALL SELECT a.client_id, a.assigned_at, a.id FROM @s@.lead_state s" \
	"  JOIN @s@.lead_assignments a ON a.lead_id = s.lead_id AND a.status = 'active'" \
	"  WHERE left(" company ", 7) = 'apollo:' AND s.company_org = substr(" company ", 8))"

/* A scalar, so that it is asked for each row and never of everyone at once. */
static LpSql gone_sql = LP_SQL(
	"DELETE FROM @s@.lead_company_holds h WHERE h.company = ANY ($1)"
	" AND (SELECT true FROM " OWNED_AT("h.company") " o"
	"  JOIN @s@.lead_clients c ON c.id = o.client_id"
	"  WHERE o.client_id = h.client_id AND (c.settings->>'company_exclusive')::boolean"
	"  LIMIT 1) IS NULL",
	TEXTARRAYOID);

static LpSql heirs_sql = LP_SQL(
	"INSERT INTO @s@.lead_company_holds (company, client_id, held_at)"
	" SELECT k.company, o.client_id, $2 FROM (SELECT DISTINCT company FROM unnest($1) u(company)) k,"
	" LATERAL (SELECT o.client_id FROM " OWNED_AT("k.company") " o"
	"  JOIN @s@.lead_clients c ON c.id = o.client_id"
	"  WHERE (c.settings->>'company_exclusive')::boolean"
	"  ORDER BY o.assigned_at, o.id LIMIT 1) o"
	" WHERE NOT EXISTS (SELECT FROM @s@.lead_company_holds h WHERE h.company = k.company)"
	" ORDER BY k.company ON CONFLICT DO NOTHING",
	TEXTARRAYOID, TIMESTAMPTZOID);

static LpSql lock_of_client_sql = LP_SQL(
	"SELECT company FROM @s@.lead_company_holds WHERE client_id = $1"
	" ORDER BY company FOR UPDATE",
	UUIDOID);

static LpSql let_go_of_client_sql = LP_SQL(
	"WITH kept AS MATERIALIZED (SELECT s.company_domain, s.company_org"
	"  FROM @s@.lead_assignments a JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	"  WHERE a.client_id = $1 AND a.status = 'active')"
	" DELETE FROM @s@.lead_company_holds h WHERE h.client_id = $1"
	" AND NOT EXISTS (SELECT FROM kept k WHERE 'domain:' || k.company_domain = h.company)"
	" AND NOT EXISTS (SELECT FROM kept k WHERE 'apollo:' || k.company_org = h.company)"
	" RETURNING company",
	UUIDOID);

/* Nobody changes where these leads work until we are done. */
static LpSql share_leads_sql = LP_SQL(
	"SELECT count(*) FROM (SELECT FROM @s@.lead_state WHERE lead_id IN"
	"  (SELECT lead_id FROM @s@.lead_assignments WHERE client_id = $1 AND status = 'active')"
	"  ORDER BY lead_id FOR SHARE) s",
	UUIDOID);

static LpSql of_client_sql = LP_SQL(
	"SELECT DISTINCT k.company FROM @s@.lead_assignments a"
	" JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" CROSS JOIN LATERAL (VALUES ('domain:' || s.company_domain),"
	"  ('apollo:' || s.company_org)) k(company)"
	" WHERE a.client_id = $1 AND a.status = 'active' AND k.company IS NOT NULL"
	" UNION SELECT company FROM @s@.lead_company_holds WHERE client_id = $1",
	UUIDOID);

/* Companies of leads, and the clients that own or owned those. */
typedef struct Claims
{
	char	  **companies;
	pg_uuid_t  *clients;
	int			n;
} Claims;

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

/* The companies of rows just returned, as an array. */
static Datum
returned_companies(uint64 n)
{
	Datum	   *companies = palloc(sizeof(Datum) * Max(n, 1));

	for (uint64 row = 0; row < n; row++)
		companies[row] = CStringGetTextDatum(lp_col_text(row, 1));
	return lp_array_of_datums(companies, n, TEXTOID);
}

bool *
lp_holds_take(const LpClient *client, const LpLead **leads, int n, TimestampTz now)
{
	bool	   *refused = palloc0(sizeof(bool) * Max(n, 1));
	char	  **keys;
	char	  **kept;
	int			n_kept = 0;
	Datum		values[3];
	Datum		taken;
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
	taken = returned_companies(n_taken);
	mark_held(keys, n, &client->id, refused);

	kept = palloc(sizeof(char *) * 2 * n);
	for (int i = 0; client->company_exclusive && i < 2 * n; i++)
		if (keys[i] != NULL && !refused[i / 2])
			kept[n_kept++] = keys[i];
	values[0] = taken;
	values[2] = lp_array_of_texts(kept, n_kept);
	if (n_taken > 0)
		lp_sql_run(&give_back_sql, values, NULL);
	return refused;
}

/* Holds of locked companies as they should be. */
static void
settle(Datum companies, TimestampTz now)
{
	Datum		values[] = {companies, TimestampTzGetDatum(now)};

	lp_sql_run(&gone_sql, values, NULL);
	lp_sql_run(&heirs_sql, values, NULL);
}

static void
lock_and_settle(const Claims *claims, TimestampTz now)
{
	Datum		values[] = {lp_array_of_texts(claims->companies, claims->n),
	lp_array_of_uuids(claims->clients, claims->n), TimestampTzGetDatum(now)};

	lp_sql_run(&lock_sql, values, NULL);
	settle(values[0], now);
}

static Claims
new_claims(int room)
{
	Claims		claims = {0};

	claims.companies = palloc(sizeof(char *) * Max(room, 1));
	claims.clients = palloc(sizeof(pg_uuid_t) * Max(room, 1));
	return claims;
}

static void
add_claims(Claims *claims, const LpLead *lead, const pg_uuid_t *client_id)
{
	char	   *keys[2];

	company_keys(lead, keys);
	for (int i = 0; i < 2; i++)
		if (keys[i] != NULL)
		{
			claims->companies[claims->n] = keys[i];
			claims->clients[claims->n++] = *client_id;
		}
}

/* Leaves the claims of clients that have companies to themselves. */
static void
leave_exclusive(Claims *claims)
{
	Datum		values[] = {lp_array_of_uuids(claims->clients, claims->n)};
	uint64		found = lp_sql_run(&exclusive_sql, values, NULL);

	for (uint64 row = 0; row < found; row++)
	{
		int			i = lp_col_int(row, 1, 0) - 1;

		claims->companies[row] = claims->companies[i];
		claims->clients[row] = claims->clients[i];
	}
	claims->n = found;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_owner_and_company(const LpLead *a, const LpLead *b)
{
	if (a->owner == NULL || b->owner == NULL)
		return a->owner == b->owner;
	return lp_uuid_equal(a->owner, b->owner) &&
		same_text(a->company_domain, b->company_domain) &&
		same_text(a->company_org, b->company_org);
}

LpLead *
lp_holds_before(const pg_uuid_t *ids, int n)
{
	return n > 0 && anyone_has_companies() ? lp_lead_load(ids, n) : NULL;
}

void
lp_holds_follow(const LpLead *before, const LpLead *after, int n, TimestampTz now)
{
	Claims		claims = new_claims(4 * n);

	for (int i = 0; i < n; i++)
	{
		if (same_owner_and_company(&before[i], &after[i]))
			continue;
		if (after[i].owner != NULL)
			add_claims(&claims, &after[i], after[i].owner);
		if (before[i].owner != NULL)
			add_claims(&claims, &before[i], before[i].owner);
	}
	if (claims.n > 0)
		leave_exclusive(&claims);
	if (claims.n > 0)
		lock_and_settle(&claims, now);
}

void
lp_holds_let_go(const LpClient *client, const LpLead *lead)
{
	Claims		claims = new_claims(2);

	if (!client->company_exclusive)
		return;
	add_claims(&claims, lead, &client->id);
	if (claims.n > 0)
		lock_and_settle(&claims, lp_clock_now());
}

void
lp_holds_let_go_of_client(const LpClient *client)
{
	Datum		values[] = {UUIDPGetDatum(&client->id)};
	Datum		companies[] = {0, TimestampTzGetDatum(lp_clock_now())};
	uint64		n;

	if (!client->company_exclusive)
		return;
	lp_sql_run(&lock_of_client_sql, values, NULL);
	n = lp_sql_run(&let_go_of_client_sql, values, NULL);
	companies[0] = returned_companies(n);
	if (n > 0)
		lp_sql_run(&heirs_sql, companies, NULL);
}

void
lp_holds_set(const pg_uuid_t *client_id, TimestampTz now)
{
	Datum		values[] = {UUIDPGetDatum(client_id)};
	Claims		claims;
	uint64		n;

	lp_sql_run(&share_leads_sql, values, NULL);
	n = lp_sql_run(&of_client_sql, values, NULL);
	claims = new_claims(n);
	for (uint64 row = 0; row < n; row++)
	{
		claims.companies[claims.n] = lp_col_text(row, 1);
		claims.clients[claims.n++] = *client_id;
	}
	if (claims.n > 0)
		lock_and_settle(&claims, now);
}
