/*
 * worth.c
 *	  Who of the people that a search found is worth paying for.
 *
 * A search tells little: a title, and whether there is an address.  Who cannot
 * be handed out whatever the enrichment brings is not paid for: somebody else's
 * lead, one who is banned or has replied, one with another title.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "core/eligible.h"
#include "core/lead.h"
#include "store/available.h"
#include "store/sql.h"
#include "util/channel.h"
#include "util/terms.h"
#include "util/worker_settings.h"
#include "worker/worth.h"

#define EMAIL LP_CHANNEL_BIT(LP_CHANNEL_EMAIL)
#define PHONES (LP_CHANNEL_BIT(LP_CHANNEL_VOICE) | LP_CHANNEL_BIT(LP_CHANNEL_SMS))

/* $2: patterns of titles; $3: an address is needed. */
static LpSql choose_sql = LP_SQL(
	"SELECT u.id FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_pool p ON p.id = u.id AND p.state = 'active'"
	" WHERE NOT EXISTS (SELECT FROM @s@.lead_assignments a"
	"   WHERE a.lead_id = u.id AND a.status = 'active')"
	"  AND ($2 IS NULL OR p.title IS NULL OR " LP_TITLE_WORDS("p.title") " LIKE ANY ($2))"
	"  AND NOT ($3 AND p.has_email IS NOT DISTINCT FROM false)"
	" ORDER BY u.n",
	UUIDARRAYOID, TEXTARRAYOID, BOOLOID);

/*
 * A search tells the name of the company alone.  Counted are those whom the
 * request, and the call that it follows, were given and those under way.
 */
static LpSql companies_sql = LP_SQL(
	"WITH counted AS (SELECT lower(p.company_name) AS name, count(*) AS n FROM ("
	"   SELECT a.lead_id FROM @s@.lead_requests r JOIN @s@.lead_assignments a ON a.client_id = r.client_id"
	"    AND a.campaign_id IS NOT DISTINCT FROM r.campaign_id AND a.assigned_at >= coalesce(r.asked_at, r.created_at)"
	"    AND a.origin IN ('allocate', 'request') WHERE r.id = $2"
	"   UNION SELECT n.lead_id FROM @s@.lead_request_candidates n JOIN @s@.lead_jobs j"
	"    ON j.lead_id = n.lead_id AND j.kind = 'enrich' AND j.finished_at IS NULL"
	"    WHERE n.request_id = $2 AND n.asked_at IS NOT NULL) g"
	"  JOIN @s@.lead_pool p ON p.id = g.lead_id GROUP BY 1)"
	" SELECT u.id FROM (SELECT u.id, u.n, lower(p.company_name) AS name,"
	"   row_number() OVER (PARTITION BY lower(p.company_name) ORDER BY u.n) AS place"
	"  FROM unnest($1) WITH ORDINALITY u(id, n) JOIN @s@.lead_pool p ON p.id = u.id) u"
	" LEFT JOIN counted c ON c.name = u.name"
	" WHERE u.name IS NULL OR u.place + coalesce(c.n, 0) <= $3 ORDER BY u.n",
	UUIDARRAYOID, UUIDOID, INT4OID);

/* All words of an entry, as whole words, in order. */
static char *
title_pattern(const char *title)
{
	StringInfoData pattern;
	ListCell   *cell;

	initStringInfo(&pattern);
	appendStringInfoChar(&pattern, '%');
	foreach(cell, lp_term_words(title))
		appendStringInfo(&pattern, " %s %%", (char *) lfirst(cell));
	return pattern.data;
}

static int
choose(const LpCriteria *criteria, pg_uuid_t *ids, int n)
{
	const LpTexts *titles = &criteria->titles;
	char	  **patterns = palloc(sizeof(char *) * Max(titles->n, 1));
	Datum		values[3];

	for (int i = 0; i < titles->n; i++)
		patterns[i] = title_pattern(titles->values[i]);
	values[0] = lp_array_of_uuids(ids, n);
	values[1] = lp_array_of_texts(patterns, titles->n);
	values[2] = BoolGetDatum(criteria->channels == EMAIL);
	n = lp_sql_run_list(&choose_sql, n, values, titles->n == 0 ? " n " : NULL);
	for (int i = 0; i < n; i++)
		ids[i] = *lp_col_uuid(i, 1);
	return n;
}

int
lp_worth_choose(const LpClient *client, const LpCriteria *criteria,
				pg_uuid_t *ids, int n, TimestampTz now)
{
	LpEligible *list;
	int			kept = 0;

	if (n == 0)
		return 0;
	lp_lead_resolve(ids, n);
	n = choose(criteria, ids, n);
	if (client == NULL || n == 0)
		return n;
	list = lp_eligible_check(client, NULL, ids, n, now);
	for (int i = 0; i < n; i++)
		if (list[i].broken == 0)
			ids[kept++] = list[i].lead->id;
	return kept;
}

int
lp_worth_of_companies(const pg_uuid_t *request_id, int most, pg_uuid_t *ids, int n)
{
	Datum		values[] = {lp_array_of_uuids(ids, n), UUIDPGetDatum(request_id), Int32GetDatum(most)};

	if (n == 0)
		return 0;
	n = lp_sql_run_list(&companies_sql, n, values, NULL);
	for (int i = 0; i < n; i++)
		ids[i] = *lp_col_uuid(i, 1);
	return n;
}

bool
lp_worth_needs_phone(const LpCriteria *criteria)
{
	return criteria->has_phone == 1 || (criteria->channels & ~PHONES) == 0;
}

bool
lp_worth_searching(const LpCriteria *criteria)
{
	bool		from_apollo = criteria->sources.n == 0;

	for (int i = 0; i < criteria->sources.n; i++)
		from_apollo |= strcmp(criteria->sources.values[i], "apollo") == 0;
	return from_apollo && criteria->ingestion_id == NULL &&
		(*lp_webhook_url != '\0' || !lp_worth_needs_phone(criteria));
}
