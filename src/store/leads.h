/*
 * leads.h
 *	  Rows of lead_pool, lead_state and lead_identities, in and out.
 */
#ifndef LP_LEADS_H
#define LP_LEADS_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "util/key.h"

/* The columns of lead_pool that have a rule of their own. */
typedef enum LpPoolColumn
{
	LP_COL_ID,
	LP_COL_STATE,
	LP_COL_SCORE,
	LP_COL_EMAIL,
	LP_COL_EMAIL_MATCH,
	LP_COL_EMAIL_STATUS,
	LP_COL_EMAIL_LOCKED,
	LP_COL_EMAIL_ROLE,
	LP_COL_EMAIL_BOUNCED_AT,
	LP_COL_EMAIL_CATCH_ALL,
	LP_COL_PERSONAL_EMAILS,
	LP_COL_FOUND_EMAILS,
	LP_COL_PHONE,
	LP_COL_PHONE_TYPE,
	LP_COL_PHONE_STATUS,
	LP_COL_PHONE_NUMBERS,
	LP_COL_MOBILE_PHONE,
	LP_COL_SANITIZED_PHONE,
	LP_COL_LINE_TYPE,
	LP_COL_CARRIER,
	LP_COL_LINKEDIN_URL,
	LP_COL_LINKEDIN_SLUG,
	LP_COL_COUNTRY_CODE,
	LP_COL_ZONE,
	LP_COL_TIME_ZONE,
	LP_COL_SOURCES,
	LP_COL_FIRST_SOURCE,
	LP_COL_ENRICHED_AT,
	LP_COL_CREATED_AT,
	LP_COL_UPDATED_AT,
	LP_COL_APOLLO_ID,
	LP_COL_TITLE,
	LP_COL_SENIORITY,
	LP_COL_SHOW_INTENT,
	LP_COL_LIKELY_TO_ENGAGE,
	LP_COL_INTENT_STRENGTH,
	LP_COL_STREET,
	LP_COL_CITY,
	LP_COL_PERSON_STATE,
	LP_COL_COUNTRY,
	LP_COL_POSTAL_CODE,
	LP_COL_PERSON_ORGANIZATION,
	LP_COL_ACCOUNT_ID,
	LP_COL_CONTACT_ID,
	LP_COL_CONTACT,
	LP_COL_COMPANY_ID,
	LP_COL_COMPANY_NAME,
	LP_COL_COMPANY_DOMAIN,
	LP_COL_COMPANY_WEBSITE,
	LP_COL_COMPANY_STATE,
	LP_COL_COMPANY_COUNTRY,
	LP_COL_COMPANY_EMPLOYEES,
	LP_COL_COMPANY_PHONE,
	LP_COL_COMPANY_SANITIZED_PHONE,
	LP_COL_COMPANY_PRIMARY_PHONE,
	LP_COL_COMPANY_REVENUE,
	LP_COL_COMPANY_ANNUAL_REVENUE,
	LP_COL_COMPANY_ORGANIZATION_REVENUE,
	LP_POOL_COLUMNS
} LpPoolColumn;

/* lead_pool as it is in this database; valid during one call. */
typedef struct LpPool
{
	TupleDesc	desc;
	Oid			row_type;
	int		   *by_name;		/* columns, sorted by name */
	int			n_by_name;
	int			at[LP_POOL_COLUMNS];	/* index into values */
} LpPool;

typedef struct LpPoolRow
{
	Datum	   *values;			/* by column of lead_pool */
	bool	   *nulls;
} LpPoolRow;

extern LpPool *lp_pool_open(void);

/* Index of a column by name, -1 if there is none. */
extern int	lp_pool_column(const LpPool *pool, const char *name, int len);

/* A row without values; a copy of one. */
extern LpPoolRow *lp_pool_row_new(const LpPool *pool);
extern LpPoolRow *lp_pool_row_copy(const LpPool *pool, const LpPoolRow *row);

/* Values of a row, NULL or a default where null. */
extern char *lp_pool_text(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column);
extern bool lp_pool_true(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column);

/* Whether two values of a column are the same, to the byte. */
extern bool lp_pool_same(const LpPool *pool, int column, const LpPoolRow *a, const LpPoolRow *b);

/* Rows of leads, in the order asked; NULL where there is none. */
extern LpPoolRow **lp_pool_load(const LpPool *pool, const pg_uuid_t *ids, int n);
extern void lp_pool_insert(const LpPool *pool, LpPoolRow **rows, int n);
extern void lp_pool_update(const LpPool *pool, LpPoolRow **rows, int n);

/*
 * Rows as jsonb objects, nulls left out.  Call it where TimeZone is UTC (the
 * SQL functions that return jsonb set it).
 */
extern Jsonb **lp_pool_json(const LpPool *pool, LpPoolRow **rows, int n);

/* What lead_state takes from a lead; keys 0 and texts NULL are null. */
typedef struct LpStateRow
{
	pg_uuid_t	lead_id;
	int			flags;
	int64		email_key;
	int64		phone_key;
	int64		linkedin_key;
	char	   *country_code;
	char	   *region;
	char	   *zone;
	char	   *email_domain;
	char	   *company_domain;
	char	   *company_host;	/* NULL where it is company_domain */
	char	   *company_org;
} LpStateRow;

/* Inserts or updates; a row that would not change gets no new version. */
extern void lp_state_save(const LpStateRow *rows, int n);
extern void lp_state_set_banned(const pg_uuid_t *ids, int n);

/* Leads of companies, by Apollo organization id. */
extern pg_uuid_t *lp_state_of_companies(char **apollo_ids, int n, int *found);

/* A key that some lead has. */
typedef struct LpKnownKey
{
	LpKeyKind	kind;
	char	   *value;
	pg_uuid_t	lead_id;		/* as stored: may have been merged since */
	bool		identifies;
} LpKnownKey;

extern LpKnownKey *lp_identities_find(const LpKey *keys, int n, int *found);

/*
 * Gives keys, with their hashes (bytea), to leads; what is there stays.  The
 * caller sees to it that an identifying key names one lead.  Returns the leads
 * that got a key they did not have.
 */
extern pg_uuid_t *lp_identities_add(const LpKey *keys, Datum *hashes,
									const pg_uuid_t *lead_ids, char **sources,
									int n, TimestampTz at, int *changed);

#endif							/* LP_LEADS_H */
