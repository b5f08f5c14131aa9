/*
 * search.c
 *	  lp_search_more: asking for people who are not in the pool.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "core/criteria.h"
#include "core/instance.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/jsonarg.h"
#include "util/uuid.h"
#include "util/worker_settings.h"
#include "worker/found.h"

#define MAX_WANTED 10000

PG_FUNCTION_INFO_V1(lp_search_more);

static LpSql request_sql = LP_SQL(
	"SELECT status, CASE WHEN criteria = $2 THEN greatest(next_page, 1) ELSE 1 END"
	" FROM @s@.lead_requests WHERE id = $1",
	UUIDOID, JSONBOID);

static int
read_wanted(FunctionCallInfo fcinfo)
{
	int			wanted;

	lp_arg_require(fcinfo, 1, "wanted");
	wanted = PG_GETARG_INT32(1);
	if (wanted < 1)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"wanted\" must be above 0: %d", wanted));
	if (wanted > MAX_WANTED)
		ereport(ERROR,
				errcode(ERRCODE_LP_TOO_LARGE),
				errmsg("argument \"wanted\" is too large: %d", wanted),
				errhint("Ask for at most %d people a call.", MAX_WANTED));
	return wanted;
}

/* The page on which a request that still wants people would go on. */
static int
page_of_request(const pg_uuid_t *id, Jsonb *criteria)
{
	Datum		values[] = {UUIDPGetDatum(id), JsonbPGetDatum(criteria)};
	char	   *status;

	if (lp_sql_run(&request_sql, values, NULL) == 0)
		ereport(ERROR,
				errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("there is no request \"%s\"", lp_uuid_text(id)),
				errhint("lead_requests lists them."));
	status = lp_col_text(0, 1);
	if (strcmp(status, "filled") == 0 || strcmp(status, "cancelled") == 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_STATE),
				errmsg("request \"%s\" wants nobody any more", lp_uuid_text(id)),
				errdetail("Its status is \"%s\".", status));
	return lp_col_int(0, 2, 1);
}

Datum
lp_search_more(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *request_id = lp_arg_uuid_or_null(fcinfo, 2);
	int			wanted = read_wanted(fcinfo);
	Jsonb	   *criteria;
	int			page = 1;
	int64		job_id;

	lp_arg_require(fcinfo, 0, "criteria");
	criteria = PG_GETARG_JSONB_P(0);
	lp_call_begin(fcinfo, LP_CALL_WRITES);
	(void) lp_criteria_read(criteria);
	if (lp_providers[LP_PROVIDER_APOLLO].daily_budget == 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_UNAVAILABLE),
				errmsg("nothing may be spent at provider \"apollo\""),
				errhint("Set leadpool.apollo_daily_credits."));
	if (request_id != NULL)
		page = page_of_request(request_id, criteria);
	lp_instance_adopt();
	job_id = lp_found_search(request_id, criteria, page, wanted,
							 GetUserNameFromId(GetOuterUserId(), false), lp_clock_now());
	lp_call_end();
	PG_RETURN_INT64(job_id);
}
