/*
 * available.c
 *	  Statements over lead_available and lead_terms.
 *
 * $1 is the list of leads, or null for all; $2 the platform's cooling after
 * "not interested".  A row is written only where it differs: a refresh that
 * changes nothing leaves no dead row.
 */
#include "postgres.h"

#include "store/available.h"
#include "store/lead_flags.h"
#include "store/sql.h"
#include "util/channel.h"
#include "util/settings.h"

StaticAssertDecl(LP_CHANNEL_EMAIL == 0 && LP_CHANNEL_LINKEDIN == 1 && LP_CHANNEL_SMS == 2 &&
				 LP_CHANNEL_VOICE == 3 && LP_CHANNEL_MAIL == 4,
				 "the bits below are 1 << LpChannel");
StaticAssertDecl(LP_LEAD_EMAIL == 1 && LP_LEAD_PHONE == 16 && LP_LEAD_LANDLINE == 32 &&
				 LP_LEAD_LINKEDIN == 64 && LP_LEAD_MAIL == 128 && LP_LEAD_BANNED == 512,
				 "the bits below are those of LpLeadFlag");

#define REACH \
	" CROSS JOIN LATERAL (SELECT" \
	" CASE WHEN s.flags & 1 <> 0 AND p.email_bounced_at IS NULL THEN 1 ELSE 0 END" \
	" | CASE WHEN s.flags & 64 <> 0 THEN 2 ELSE 0 END" \
	" | CASE WHEN s.flags & 48 = 16 THEN 4 ELSE 0 END" \
	" | CASE WHEN s.flags & 16 <> 0 THEN 8 ELSE 0 END" \
	" | CASE WHEN s.flags & 128 <> 0 THEN 16 ELSE 0 END AS channels) r"

/* May be handed out, now or once from_at has come. */
#define GATE \
	" p.state = 'active' AND s.state = 'active' AND s.flags & 512 = 0" \
	" AND r.channels <> 0 AND s.replied_at IS NULL AND s.converted_at IS NULL" \
	" AND (s.kept_until IS NULL OR s.kept_until < 'infinity')" \
	" AND NOT EXISTS (SELECT FROM @s@.lead_assignments o" \
	"  WHERE o.lead_id = p.id AND o.status = 'active')"

/*
 * What a btree holds is bounded: a value of more than 250 bytes names no
 * country, industry or domain, and nothing is found by it.
 */
#define SHORT(value, result) \
	"CASE WHEN octet_length(" value ") <= 250 THEN " result " END"
#define FOLD(value) SHORT(value, "@s@.lp_fold(" value ")")
#define FOLD_COUNTRY(value) SHORT(value, "@s@.lp_fold_country(" value ")")

#define COLUMNS \
	"lead_id, score, channels, has_phone," \
	" has_linkedin, more_industries, employees, revenue, created_at, from_at," \
	" country_code, industry, email_status, seniority, region, city, domain," \
	" company_domain, company_org"

/* What a row says; the platform's cooling is a parameter. */
#define ROW(cooling) \
	" SELECT p.id, p.score, r.channels, s.flags & 16 <> 0, s.flags & 64 <> 0," \
	" EXISTS (SELECT FROM unnest(p.company_industries) v" \
	"  WHERE @s@.lp_fold(v) IS DISTINCT FROM @s@.lp_fold(p.company_industry))," \
	" p.company_estimated_num_employees, p.company_revenue, p.created_at," \
	" greatest(s.kept_until," \
	"  (s.not_interested_at AT TIME ZONE 'UTC' + " cooling ") AT TIME ZONE 'UTC')," \
	" coalesce(" FOLD_COUNTRY("p.country_code") "," \
	"  " FOLD_COUNTRY("p.country") ", " FOLD_COUNTRY("p.company_country") ")," \
	" " FOLD("p.company_industry") "," \
	" CASE WHEN r.channels & 1 <> 0 THEN @s@.lp_fold(p.email_status) END," \
	" @s@.lp_fold(p.seniority)," \
	" coalesce(@s@.lp_fold(p.person_state), @s@.lp_fold(p.company_state))," \
	" coalesce(@s@.lp_fold(p.city), @s@.lp_fold(p.company_city))," \
	" coalesce(" FOLD("p.company_primary_domain") ", s.email_domain)," \
	" s.company_domain, s.company_org" \
	" FROM @s@.lead_pool p JOIN @s@.lead_state s ON s.lead_id = p.id" REACH

#define STORE(which, order) \
	"INSERT INTO @s@.lead_available AS a (" COLUMNS ")" \
	ROW("$2") \
	" WHERE " which " AND" GATE order \
	" ON CONFLICT (lead_id) DO UPDATE SET" \
	" score = excluded.score, channels = excluded.channels," \
	" has_phone = excluded.has_phone, has_linkedin = excluded.has_linkedin," \
	" more_industries = excluded.more_industries, employees = excluded.employees," \
	" revenue = excluded.revenue, created_at = excluded.created_at," \
	" from_at = excluded.from_at, country_code = excluded.country_code," \
	" industry = excluded.industry, email_status = excluded.email_status," \
	" seniority = excluded.seniority, region = excluded.region," \
	" city = excluded.city, domain = excluded.domain," \
	" company_domain = excluded.company_domain, company_org = excluded.company_org" \
	" WHERE a IS DISTINCT FROM excluded"

/*
 * A tail of OFFSET 0 asks once a row, by index: for some leads of many, where
 * an anti-join was once planned as all pairs of them.
 */
#define DROP(which, tail) \
	"DELETE FROM @s@.lead_available a WHERE " which " AND NOT EXISTS (SELECT" \
	" FROM @s@.lead_pool p JOIN @s@.lead_state s ON s.lead_id = p.id" REACH \
	" WHERE p.id = a.lead_id AND" GATE tail ")"

#define TERMS \
	" CROSS JOIN LATERAL (SELECT @s@.lp_lead_terms(p.title, p.company_industry," \
	"  p.company_industries, p.departments, p.subdepartments," \
	"  p.company_technologies, p.company_current_technologies," \
	"  p.company_keywords, p.sources) AS terms) t"

#define STORE_TERMS(which) \
	"INSERT INTO @s@.lead_terms AS l (lead_id, terms)" \
	" SELECT p.id, t.terms FROM @s@.lead_pool p" TERMS \
	" WHERE " which " AND p.state = 'active'" \
	" ON CONFLICT (lead_id) DO UPDATE SET terms = excluded.terms" \
	" WHERE l.terms IS DISTINCT FROM excluded.terms"

#define DROP_TERMS(which) \
	"DELETE FROM @s@.lead_terms l WHERE " which " AND NOT EXISTS (SELECT" \
	" FROM @s@.lead_pool p WHERE p.id = l.lead_id AND p.state = 'active')"

/* Places in the two lists. */
#define STORES_ROWS		0
#define STORES_TERMS	2

static LpSql some_sql[] = {
	LP_SQL_BY_KEY(STORE("p.id = ANY ($1)", ""), UUIDARRAYOID, INTERVALOID),
	LP_SQL_BY_KEY(DROP("a.lead_id = ANY ($1)", " OFFSET 0"), UUIDARRAYOID, INTERVALOID),
	LP_SQL_BY_KEY(STORE_TERMS("p.id = ANY ($1)"), UUIDARRAYOID, INTERVALOID),
	LP_SQL_BY_KEY(DROP_TERMS("l.lead_id = ANY ($1)"), UUIDARRAYOID, INTERVALOID),
};

static LpSql all_sql[] = {
	LP_SQL(STORE("$1 IS NULL", ""), UUIDARRAYOID, INTERVALOID),
	LP_SQL(DROP("$1 IS NULL", ""), UUIDARRAYOID, INTERVALOID),
	LP_SQL(STORE_TERMS("$1 IS NULL"), UUIDARRAYOID, INTERVALOID),
	LP_SQL(DROP_TERMS("$1 IS NULL"), UUIDARRAYOID, INTERVALOID),
};

/* Many come in the order of the indexes, whose pages are then near. */
static LpSql add_sql = LP_SQL(
	STORE("p.id = ANY ($1)", " ORDER BY 11, 12, 2 DESC, 1"), UUIDARRAYOID, INTERVALOID);

const char *
lp_available_row(int lead_param, int cooling_param)
{
	return psprintf("(SELECT * FROM (" ROW("$%d") " WHERE p.id = $%d) r(" COLUMNS "))",
					cooling_param, lead_param);
}

const char *
lp_available_rows(int cooling_param)
{
	return psprintf("(SELECT * FROM (" ROW("$%d") " WHERE" GATE ") r(" COLUMNS "))",
					cooling_param);
}

const char *
lp_available_terms(void)
{
	return "(SELECT p.id AS lead_id, t.terms FROM @s@.lead_pool p" TERMS
		" WHERE p.state = 'active')";
}

static LpSql is_built_sql = LP_SQL("SELECT 1 FROM @s@.lead_available_built");

bool
lp_available_is_built(void)
{
	return lp_sql_run(&is_built_sql, NULL, NULL) > 0;
}

void
lp_available_store(const pg_uuid_t *ids, int n)
{
	Datum		values[2] = {ids != NULL ? lp_array_of_uuids(ids, n) : (Datum) 0,
	IntervalPGetDatum(lp_setting_not_interested_cooling())};

	for (int i = 0; i < lengthof(some_sql); i++)
		if (ids != NULL)
			lp_sql_run_list(&some_sql[i], n, values, NULL);
		else
			lp_sql_run_once(all_sql[i].text, lengthof(values), all_sql[i].types, values, "n ");
}

void
lp_available_store_new(const pg_uuid_t *ids, int n)
{
	Datum		values[2] = {lp_array_of_uuids(ids, n),
	IntervalPGetDatum(lp_setting_not_interested_cooling())};

	lp_sql_run_list(&some_sql[STORES_ROWS], n, values, NULL);
	lp_sql_run_list(&some_sql[STORES_TERMS], n, values, NULL);
}

void
lp_available_add(const pg_uuid_t *ids, int n)
{
	Datum		values[2] = {lp_array_of_uuids(ids, n),
	IntervalPGetDatum(lp_setting_not_interested_cooling())};

	lp_sql_run_list(&add_sql, n, values, NULL);
}
