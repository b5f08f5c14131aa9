/*
 * organization.c
 *	  lead_companies: what answers about companies told.
 *
 * One row a company, by Apollo organization id; facts are the organization
 * object with the newest value of each key that was not null.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/organization.h"
#include "store/sql.h"
#include "util/jsonwalk.h"

static LpSql find_sql = LP_SQL_BY_KEY(
	"SELECT id, apollo_id, primary_domain, facts, captured_at"
	" FROM @s@.lead_companies WHERE apollo_id = ANY ($1)"
	" UNION ALL"
	" SELECT id, apollo_id, primary_domain, facts, captured_at"
	" FROM @s@.lead_companies WHERE apollo_id IS NULL AND primary_domain = ANY ($2)",
	TEXTARRAYOID, TEXTARRAYOID);

static LpSql save_sql = LP_SQL(
	"INSERT INTO @s@.lead_companies (id, apollo_id, primary_domain, facts, captured_at)"
	" SELECT * FROM unnest($1, $2, $3, $4, $5)"
	" ON CONFLICT (id) DO UPDATE SET apollo_id = excluded.apollo_id,"
	" primary_domain = excluded.primary_domain, facts = excluded.facts,"
	" captured_at = excluded.captured_at",
	UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, TIMESTAMPTZARRAYOID);

LpOrganization *
lp_organization_find(char **apollo_ids, int n_ids, char **domains, int n_domains, int *found)
{
	Datum		args[] = {
		lp_array_of_texts(apollo_ids, n_ids), lp_array_of_texts(domains, n_domains)
	};
	LpOrganization *companies;

	*found = n_ids + n_domains == 0 ? 0 : lp_sql_run(&find_sql, args, NULL);
	companies = palloc0(sizeof(LpOrganization) * Max(*found, 1));
	for (int i = 0; i < *found; i++)
	{
		companies[i].id = *lp_col_uuid(i, 1);
		companies[i].apollo_id = lp_col_text(i, 2);
		companies[i].domain = lp_col_text(i, 3);
		companies[i].facts = DatumGetJsonbPCopy(lp_col(i, 4));
		companies[i].captured_at = lp_col_time(i, 5, DT_NOBEGIN);
	}
	return companies;
}

void
lp_organization_save(const LpOrganization *companies, int n)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	char	  **apollo_ids = palloc(sizeof(char *) * Max(n, 1));
	char	  **domains = palloc(sizeof(char *) * Max(n, 1));
	Datum	   *facts = palloc(sizeof(Datum) * Max(n, 1));
	Datum	   *times = palloc(sizeof(Datum) * Max(n, 1));
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		if (!companies[i].changed)
			continue;
		ids[count] = companies[i].id;
		apollo_ids[count] = companies[i].apollo_id;
		domains[count] = companies[i].domain;
		facts[count] = JsonbPGetDatum(companies[i].facts);
		times[count++] = TimestampTzGetDatum(companies[i].captured_at);
	}
	if (count > 0)
	{
		Datum		args[] = {
			lp_array_of_uuids(ids, count), lp_array_of_texts(apollo_ids, count),
			lp_array_of_texts(domains, count), lp_array_of_datums(facts, count, JSONBOID),
			lp_array_of_datums(times, count, TIMESTAMPTZOID)
		};

		lp_sql_run(&save_sql, args, NULL);
	}
}

/* The object without its null members. */
static Jsonb *
without_nulls(Jsonb *json)
{
	JsonbParseState *state = NULL;
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	lp_walk_begin(&each, &json->root);
	while (lp_walk_next(&each, &key, &value))
		if (value.type != jbvNull)
		{
			pushJsonbValue(&state, WJB_KEY, &key);
			pushJsonbValue(&state, WJB_VALUE, &value);
		}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

Jsonb *
lp_organization_lay(Jsonb *older, Jsonb *newer)
{
	Jsonb	   *told = without_nulls(newer);

	if (older == NULL)
		return told;
	return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(older),
											  JsonbPGetDatum(told)));
}

LpFacts *
lp_organization_facts(const LpPool *pool, const LpOrganization *company)
{
	return lp_facts_read(pool, &lp_apollo, "apollo", LP_ELEMENT_ORGANIZATION,
						 company->facts, company->captured_at);
}
