/*
 * leads.c
 *	  Rows of lead_pool, lead_state and lead_identities, in and out.
 *
 * A row of lead_pool is wide and grows with the providers, so it is handled
 * as an array of Datums by column of the relation; whole rows go to SQL as an
 * array of composites, one statement a batch.  Only the columns with a rule of
 * their own are named here.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "store/leads.h"
#include "store/sql.h"

static const char *const column_names[LP_POOL_COLUMNS] = {
	[LP_COL_ID] = "id",
	[LP_COL_STATE] = "state",
	[LP_COL_SCORE] = "score",
	[LP_COL_EMAIL] = "email",
	[LP_COL_EMAIL_MATCH] = "email_match",
	[LP_COL_EMAIL_STATUS] = "email_status",
	[LP_COL_EMAIL_LOCKED] = "email_locked",
	[LP_COL_EMAIL_ROLE] = "email_role",
	[LP_COL_EMAIL_BOUNCED_AT] = "email_bounced_at",
	[LP_COL_EMAIL_CATCH_ALL] = "email_domain_catchall",
	[LP_COL_PERSONAL_EMAILS] = "personal_emails",
	[LP_COL_FOUND_EMAILS] = "waterfall_emails",
	[LP_COL_PHONE] = "phone",
	[LP_COL_PHONE_TYPE] = "phone_type",
	[LP_COL_PHONE_STATUS] = "phone_status",
	[LP_COL_PHONE_NUMBERS] = "phone_numbers",
	[LP_COL_MOBILE_PHONE] = "mobile_phone",
	[LP_COL_SANITIZED_PHONE] = "sanitized_phone",
	[LP_COL_LINE_TYPE] = "line_type",
	[LP_COL_CARRIER] = "carrier",
	[LP_COL_LINKEDIN_URL] = "linkedin_url",
	[LP_COL_LINKEDIN_SLUG] = "linkedin_slug",
	[LP_COL_COUNTRY_CODE] = "country_code",
	[LP_COL_ZONE] = "zone",
	[LP_COL_TIME_ZONE] = "time_zone",
	[LP_COL_SOURCES] = "sources",
	[LP_COL_FIRST_SOURCE] = "first_source",
	[LP_COL_ENRICHED_AT] = "enriched_at",
	[LP_COL_CREATED_AT] = "created_at",
	[LP_COL_UPDATED_AT] = "updated_at",
	[LP_COL_APOLLO_ID] = "apollo_id",
	[LP_COL_TITLE] = "title",
	[LP_COL_SENIORITY] = "seniority",
	[LP_COL_SHOW_INTENT] = "show_intent",
	[LP_COL_LIKELY_TO_ENGAGE] = "is_likely_to_engage",
	[LP_COL_INTENT_STRENGTH] = "intent_strength",
	[LP_COL_STREET] = "street_address",
	[LP_COL_CITY] = "city",
	[LP_COL_PERSON_STATE] = "person_state",
	[LP_COL_COUNTRY] = "country",
	[LP_COL_POSTAL_CODE] = "postal_code",
	[LP_COL_PERSON_ORGANIZATION] = "person_organization_id",
	[LP_COL_ACCOUNT_ID] = "account_id",
	[LP_COL_CONTACT_ID] = "contact_id",
	[LP_COL_CONTACT] = "contact",
	[LP_COL_COMPANY_ID] = "company_apollo_id",
	[LP_COL_COMPANY_NAME] = "company_name",
	[LP_COL_COMPANY_DOMAIN] = "company_primary_domain",
	[LP_COL_COMPANY_WEBSITE] = "company_website_url",
	[LP_COL_COMPANY_STATE] = "company_state",
	[LP_COL_COMPANY_COUNTRY] = "company_country",
	[LP_COL_COMPANY_EMPLOYEES] = "company_estimated_num_employees",
	[LP_COL_COMPANY_PHONE] = "company_phone",
	[LP_COL_COMPANY_SANITIZED_PHONE] = "company_sanitized_phone",
	[LP_COL_COMPANY_PRIMARY_PHONE] = "company_primary_phone",
	[LP_COL_COMPANY_REVENUE] = "company_revenue",
	[LP_COL_COMPANY_ANNUAL_REVENUE] = "company_annual_revenue",
	[LP_COL_COMPANY_ORGANIZATION_REVENUE] = "company_organization_revenue",
};

/* Columns that an update leaves alone: others own them. */
static const char *const kept_columns[] = {
	"id", "state", "merged_into", "created_at", "email_bounced_at",
	"unsubscribed_at"
};

static LpSql load_sql = LP_SQL(
	"SELECT u.n, p FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_pool p ON p.id = u.id",
	UUIDARRAYOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_pool SELECT u.* FROM unnest($1) u",
	LP_TYPE_POOL_ROWS);

static LpSql json_sql = LP_SQL(
	"SELECT jsonb_strip_nulls(to_jsonb(u)) FROM unnest($1) u",
	LP_TYPE_POOL_ROWS);

/* Its text is written at the first use, from the columns that there are. */
static LpSql update_sql = LP_SQL(NULL, LP_TYPE_POOL_ROWS);

static LpSql state_sql = LP_SQL(
	"INSERT INTO @s@.lead_state AS s (lead_id, flags, email_key, phone_key,"
	" linkedin_key, country_code, region, zone, email_domain, company_domain,"
	" company_host, company_org)"
	" SELECT u.id, u.flags, nullif(u.e, 0), nullif(u.p, 0), nullif(u.l, 0),"
	" u.country, u.region, u.zone, u.domain, u.company, u.host, u.org"
	" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
	" u(id, flags, e, p, l, country, region, zone, domain, company, host, org)"
	" ON CONFLICT (lead_id) DO UPDATE SET"
	" flags = excluded.flags | (s.flags & 512), email_key = excluded.email_key,"
	" phone_key = excluded.phone_key, linkedin_key = excluded.linkedin_key,"
	" country_code = excluded.country_code, region = excluded.region,"
	" zone = excluded.zone, email_domain = excluded.email_domain,"
	" company_domain = excluded.company_domain,"
	" company_host = excluded.company_host,"
	" company_org = excluded.company_org"
	" WHERE (s.flags & ~512, s.email_key, s.phone_key, s.linkedin_key,"
	" s.country_code, s.region, s.zone, s.email_domain, s.company_domain,"
	" s.company_host, s.company_org) IS DISTINCT FROM (excluded.flags, excluded.email_key,"
	" excluded.phone_key, excluded.linkedin_key, excluded.country_code,"
	" excluded.region, excluded.zone, excluded.email_domain,"
	" excluded.company_domain, excluded.company_host, excluded.company_org)",
	UUIDARRAYOID, INT4ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, TEXTARRAYOID);

static LpSql banned_sql = LP_SQL(
	"UPDATE @s@.lead_state SET flags = flags | 512"
	" WHERE lead_id = ANY ($1) AND flags & 512 = 0",
	UUIDARRAYOID);

static LpSql of_companies_sql = LP_SQL(
	"SELECT lead_id FROM @s@.lead_state"
	" WHERE company_org = ANY ($1) AND state = 'active' ORDER BY lead_id",
	TEXTARRAYOID);

static LpSql find_sql = LP_SQL_BY_KEY(
	"SELECT DISTINCT i.kind, i.value, i.lead_id, i.identifies"
	" FROM unnest($1, $2) u(kind, value)"
	" JOIN @s@.lead_identities i ON i.kind = u.kind AND i.value = u.value",
	TEXTARRAYOID, TEXTARRAYOID);

static LpSql add_sql = LP_SQL(
	"INSERT INTO @s@.lead_identities (kind, value, lead_id, identifies,"
	" key_hash, source, first_seen_at)"
	" SELECT DISTINCT ON (kind, value, lead_id) kind, value, lead_id,"
	" identifies, key_hash, source, $7"
	" FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY"
	" u(kind, value, lead_id, identifies, key_hash, source, n)"
	" ORDER BY kind, value, lead_id, n"
	" ON CONFLICT (kind, value, lead_id) DO NOTHING RETURNING lead_id",
	TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, BOOLARRAYOID, BYTEAARRAYOID,
	TEXTARRAYOID, TIMESTAMPTZOID);

int
lp_pool_column(const LpPool *pool, const char *name, int len)
{
	int			low = 0;
	int			high = pool->n_by_name - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		const char *column = NameStr(TupleDescAttr(pool->desc, pool->by_name[middle])->attname);
		int			order = strncmp(name, column, len);

		if (order == 0 && column[len] == '\0')
			return pool->by_name[middle];
		if (order <= 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

static int
compare_columns(const void *a, const void *b, void *desc)
{
	return strcmp(NameStr(TupleDescAttr((TupleDesc) desc, *(const int *) a)->attname),
				  NameStr(TupleDescAttr((TupleDesc) desc, *(const int *) b)->attname));
}

static LpPool *
make_pool(Oid row_type, TupleDesc desc)
{
	LpPool	   *pool = palloc0(sizeof(LpPool));

	pool->row_type = row_type;
	pool->desc = CreateTupleDescCopy(desc);
	pool->desc->tdtypeid = row_type;
	pool->by_name = palloc(sizeof(int) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
			pool->by_name[pool->n_by_name++] = i;
	qsort_arg(pool->by_name, pool->n_by_name, sizeof(int), compare_columns, pool->desc);
	for (int i = 0; i < LP_POOL_COLUMNS; i++)
	{
		pool->at[i] = lp_pool_column(pool, column_names[i], strlen(column_names[i]));
		if (pool->at[i] < 0)
			elog(ERROR, "lead_pool has no column \"%s\"", column_names[i]);
	}
	return pool;
}

/*
 * Kept until the table is another one.  The old one is not freed: a call
 * further out may read it still.
 */
LpPool *
lp_pool_open(void)
{
	static LpPool *kept = NULL;
	static uint64 kept_identifier = 0;
	Oid			row_type = get_rel_type_id(get_relname_relid("lead_pool", lp_schema()));
	uint64		identifier = assign_record_type_identifier(row_type, -1);

	if (kept == NULL || kept->row_type != row_type || kept_identifier != identifier)
	{
		TupleDesc	shared = lookup_rowtype_tupdesc(row_type, -1);
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		kept = make_pool(row_type, shared);
		kept_identifier = identifier;
		MemoryContextSwitchTo(old);
		ReleaseTupleDesc(shared);
	}
	return kept;
}

LpPoolRow *
lp_pool_row_new(const LpPool *pool)
{
	LpPoolRow  *row = palloc(sizeof(LpPoolRow));

	row->values = palloc0(sizeof(Datum) * pool->desc->natts);
	row->nulls = palloc(sizeof(bool) * pool->desc->natts);
	memset(row->nulls, true, sizeof(bool) * pool->desc->natts);
	return row;
}

LpPoolRow *
lp_pool_row_copy(const LpPool *pool, const LpPoolRow *row)
{
	LpPoolRow  *copy = lp_pool_row_new(pool);

	memcpy(copy->values, row->values, sizeof(Datum) * pool->desc->natts);
	memcpy(copy->nulls, row->nulls, sizeof(bool) * pool->desc->natts);
	return copy;
}

char *
lp_pool_text(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	int			i = pool->at[column];

	return row->nulls[i] ? NULL : TextDatumGetCString(row->values[i]);
}

bool
lp_pool_true(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	int			i = pool->at[column];

	return !row->nulls[i] && DatumGetBool(row->values[i]);
}

bool
lp_pool_same(const LpPool *pool, int column, const LpPoolRow *a, const LpPoolRow *b)
{
	Form_pg_attribute attribute = TupleDescAttr(pool->desc, column);

	if (a->nulls[column] || b->nulls[column])
		return a->nulls[column] == b->nulls[column];
	if (a->values[column] == b->values[column])
		return true;
	return datum_image_eq(a->values[column], b->values[column],
						  attribute->attbyval, attribute->attlen);
}

LpPoolRow **
lp_pool_load(const LpPool *pool, const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};
	LpPoolRow **rows = palloc0(sizeof(LpPoolRow *) * Max(n, 1));
	uint64		found = lp_sql_run(&load_sql, args, NULL);

	for (uint64 i = 0; i < found; i++)
	{
		HeapTupleHeader header = DatumGetHeapTupleHeaderCopy(lp_col(i, 2));
		HeapTupleData tuple = {0};
		LpPoolRow  *row = lp_pool_row_new(pool);

		tuple.t_len = HeapTupleHeaderGetDatumLength(header);
		tuple.t_data = header;
		heap_deform_tuple(&tuple, pool->desc, row->values, row->nulls);
		rows[lp_col_int(i, 1, 0) - 1] = row;
	}
	return rows;
}

static Datum
rows_as_array(const LpPool *pool, LpPoolRow **rows, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = heap_copy_tuple_as_datum(heap_form_tuple(pool->desc, rows[i]->values,
															 rows[i]->nulls),
											 pool->desc);
	return lp_array_of_datums(values, n, pool->row_type);
}

void
lp_pool_insert(const LpPool *pool, LpPoolRow **rows, int n)
{
	Datum		args[] = {rows_as_array(pool, rows, n)};

	if (n > 0)
		lp_sql_run(&insert_sql, args, NULL);
}

Jsonb **
lp_pool_json(const LpPool *pool, LpPoolRow **rows, int n)
{
	Datum		args[] = {rows_as_array(pool, rows, n)};
	Jsonb	  **json = palloc0(sizeof(Jsonb *) * Max(n, 1));
	uint64		found = n == 0 ? 0 : lp_sql_run(&json_sql, args, NULL);

	for (uint64 i = 0; i < found; i++)
		json[i] = DatumGetJsonbPCopy(lp_col(i, 1));
	return json;
}

static bool
is_kept(const char *column)
{
	for (int i = 0; i < lengthof(kept_columns); i++)
		if (strcmp(kept_columns[i], column) == 0)
			return true;
	return false;
}

static char *
update_text(const LpPool *pool)
{
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < pool->desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(pool->desc, i)->attname);

		if (TupleDescAttr(pool->desc, i)->attisdropped || is_kept(name))
			continue;
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 quote_identifier(name));
		appendStringInfo(&values, "%su.%s", values.len > 0 ? ", " : "",
						 quote_identifier(name));
	}
	return psprintf("UPDATE @s@.lead_pool p SET (%s) = ROW(%s)"
					" FROM unnest($1) u WHERE p.id = u.id",
					names.data, values.data);
}

void
lp_pool_update(const LpPool *pool, LpPoolRow **rows, int n)
{
	Datum		args[1];

	if (n == 0)
		return;
	if (update_sql.text == NULL)
		update_sql.text = MemoryContextStrdup(TopMemoryContext, update_text(pool));
	args[0] = rows_as_array(pool, rows, n);
	lp_sql_run(&update_sql, args, NULL);
}

/* A column of the rows as an array. */
#define STATE_COLUMN(expression, type) \
	for (int i = 0; i < n; i++) \
		values[i] = (expression); \
	args[column++] = lp_array_of_datums(values, n, type)

#define STATE_TEXTS(member) \
	for (int i = 0; i < n; i++) \
		texts[i] = rows[i].member; \
	args[column++] = lp_array_of_texts(texts, n)

void
lp_state_save(const LpStateRow *rows, int n)
{
	Datum		args[12];
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));
	char	  **texts = palloc(sizeof(char *) * Max(n, 1));
	int			column = 0;

	if (n == 0)
		return;
	STATE_COLUMN(UUIDPGetDatum(&rows[i].lead_id), UUIDOID);
	STATE_COLUMN(Int32GetDatum(rows[i].flags), INT4OID);
	STATE_COLUMN(Int64GetDatum(rows[i].email_key), INT8OID);
	STATE_COLUMN(Int64GetDatum(rows[i].phone_key), INT8OID);
	STATE_COLUMN(Int64GetDatum(rows[i].linkedin_key), INT8OID);
	STATE_TEXTS(country_code);
	STATE_TEXTS(region);
	STATE_TEXTS(zone);
	STATE_TEXTS(email_domain);
	STATE_TEXTS(company_domain);
	STATE_TEXTS(company_host);
	STATE_TEXTS(company_org);
	lp_sql_run(&state_sql, args, NULL);
}

void
lp_state_set_banned(const pg_uuid_t *ids, int n)
{
	Datum		args[] = {lp_array_of_uuids(ids, n)};

	if (n > 0)
		lp_sql_run(&banned_sql, args, NULL);
}

pg_uuid_t *
lp_state_of_companies(char **apollo_ids, int n, int *found)
{
	Datum		args[] = {lp_array_of_texts(apollo_ids, n)};
	pg_uuid_t  *ids;

	*found = n == 0 ? 0 : lp_sql_run(&of_companies_sql, args, NULL);
	ids = palloc(sizeof(pg_uuid_t) * Max(*found, 1));
	for (int i = 0; i < *found; i++)
		ids[i] = *lp_col_uuid(i, 1);
	return ids;
}

/* The kinds and the values of keys, as two text arrays. */
static void
keys_as_arrays(const LpKey *keys, int n, Datum *args)
{
	char	  **kinds = palloc(sizeof(char *) * Max(n, 1));
	char	  **values = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		kinds[i] = unconstify(char *, lp_key_kind_name(keys[i].kind));
		values[i] = keys[i].value;
	}
	args[0] = lp_array_of_texts(kinds, n);
	args[1] = lp_array_of_texts(values, n);
}

LpKnownKey *
lp_identities_find(const LpKey *keys, int n, int *found)
{
	Datum		args[2];
	LpKnownKey *known;

	keys_as_arrays(keys, n, args);
	*found = n == 0 ? 0 : lp_sql_run(&find_sql, args, NULL);
	known = palloc(sizeof(LpKnownKey) * Max(*found, 1));
	for (int i = 0; i < *found; i++)
	{
		if (!lp_key_kind_from_name(lp_col_text(i, 1), &known[i].kind))
			elog(ERROR, "unknown kind of identity");
		known[i].value = lp_col_text(i, 2);
		known[i].lead_id = *lp_col_uuid(i, 3);
		known[i].identifies = lp_col_bool(i, 4);
	}
	return known;
}

pg_uuid_t *
lp_identities_add(const LpKey *keys, Datum *hashes, const pg_uuid_t *lead_ids,
				  char **sources, int n, TimestampTz at, int *changed)
{
	Datum		args[7];
	Datum	   *flags = palloc(sizeof(Datum) * Max(n, 1));
	pg_uuid_t  *ids;

	*changed = 0;
	if (n == 0)
		return NULL;
	for (int i = 0; i < n; i++)
		flags[i] = BoolGetDatum(keys[i].identifies);
	keys_as_arrays(keys, n, args);
	args[2] = lp_array_of_uuids(lead_ids, n);
	args[3] = lp_array_of_datums(flags, n, BOOLOID);
	args[4] = lp_array_of_datums(hashes, n, BYTEAOID);
	args[5] = lp_array_of_texts(sources, n);
	args[6] = TimestampTzGetDatum(at);
	*changed = lp_sql_run(&add_sql, args, NULL);
	ids = palloc(sizeof(pg_uuid_t) * Max(*changed, 1));
	for (int i = 0; i < *changed; i++)
		ids[i] = *lp_col_uuid(i, 1);
	return ids;
}
