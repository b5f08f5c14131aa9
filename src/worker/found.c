/*
 * found.c
 *	  Searches for people, for a request or for the pool, and what they found.
 *
 * A page is captured like any other answer.  For a request its people become
 * candidates, of whom as many are paid for as it needs (requests.c); for the
 * pool as many are asked for at once as were wanted.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/capture.h"
#include "core/criteria.h"
#include "providers/call.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/jsonwalk.h"
#include "util/uuid.h"
#include "util/wake.h"
#include "util/worker_settings.h"
#include "worker/enrich.h"
#include "worker/found.h"
#include "worker/requests.h"
#include "worker/worth.h"

/* Asked for again while it waits: for the larger number. */
static LpSql search_sql = LP_SQL(
	"INSERT INTO @s@.lead_jobs (kind, provider, request_id, subject, parameters, next_at,"
	" created_by, created_at)"
	" VALUES ('search', 'apollo', $1, $2, $3, $4, $5, $4)"
	" ON CONFLICT (provider, kind, subject) WHERE state IN ('queued', 'leased', 'started', 'unknown')"
	" DO UPDATE SET parameters = CASE WHEN lead_jobs.state = 'queued'"
	"   AND (lead_jobs.parameters ->> 'wanted')::integer < (excluded.parameters ->> 'wanted')::integer"
	"  THEN excluded.parameters ELSE lead_jobs.parameters END"
	" RETURNING id",
	UUIDOID, TEXTOID, JSONBOID, TIMESTAMPTZOID, TEXTOID);

/* Whether the provider failed, and whether that was a pause ago. */
static LpSql dead_sql = LP_SQL(
	"SELECT coalesce(c.outcome = 'failed', false),"
	" j.finished_at <= $3 - $4 * interval '1 millisecond'"
	" FROM @s@.lead_jobs j LEFT JOIN @s@.lead_provider_calls c ON c.id = j.call_id"
	" WHERE j.request_id = $1 AND j.kind = 'search' AND j.subject = $2"
	"  AND j.state = 'dead' AND j.finished_at > $3 - interval '1 hour'"
	" ORDER BY j.id DESC LIMIT 1",
	UUIDOID, TEXTOID, TIMESTAMPTZOID, INT4OID);

/* Found people who belong to nobody; the others are nobody's business. */
static LpSql found_sql = LP_SQL(
	"INSERT INTO @s@.lead_request_candidates (request_id, lead_id, found_at)"
	" SELECT DISTINCT $1, s.lead_id, $3 FROM unnest($2) u(id)"
	" JOIN @s@.lead_state s ON s.lead_id = u.id AND s.state = 'active'"
	" WHERE NOT EXISTS (SELECT FROM @s@.lead_assignments a WHERE a.lead_id = s.lead_id AND a.status = 'active')"
	" ON CONFLICT DO NOTHING",
	UUIDOID, UUIDARRAYOID, TIMESTAMPTZOID);

/* A search by other criteria, as lp_search_more allows, is on other pages. */
static LpSql page_sql = LP_SQL(
	"UPDATE @s@.lead_requests SET searched = searched + $2, updated_at = $4,"
	" next_page = CASE WHEN criteria = $5 THEN $3 ELSE next_page END WHERE id = $1",
	UUIDOID, INT4OID, INT4OID, TIMESTAMPTZOID, JSONBOID);

/* What one search is told apart by: whose, for what, which page. */
static char *
subject_of(const pg_uuid_t *request_id, Jsonb *criteria, int page)
{
	uint64		hash = DatumGetUInt64(DirectFunctionCall2(jsonb_hash_extended,
														  JsonbPGetDatum(criteria), Int64GetDatum(0)));

	return psprintf("%s%s" UINT64_FORMAT ":%d", request_id == NULL ? "" : lp_uuid_text(request_id),
					request_id == NULL ? "" : ":", hash, page);
}

/* A JSON object {"criteria": ..., "page": n, "wanted": n}. */
static Jsonb *
search_parameters(Jsonb *criteria, int page, int wanted)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(
																		psprintf("{\"criteria\": %s, \"page\": %d, \"wanted\": %d}",
																				 JsonbToCString(NULL, &criteria->root, VARSIZE(criteria)), page, wanted))));
}

int64
lp_found_search(const pg_uuid_t *request_id, Jsonb *criteria, int page, int wanted,
				const char *who, TimestampTz now)
{
	Datum		values[] = {
		request_id == NULL ? (Datum) 0 : UUIDPGetDatum(request_id),
		CStringGetTextDatum(subject_of(request_id, criteria, page)),
		JsonbPGetDatum(search_parameters(criteria, page, wanted)),
		TimestampTzGetDatum(now), CStringGetTextDatum(who)
	};

	(void) lp_sql_run(&search_sql, values, request_id == NULL ? "n    " : NULL);
	lp_wake_at_commit();
	return lp_col_int(0, 1, 0);
}

LpFoundBefore
lp_found_before(const pg_uuid_t *request_id, Jsonb *criteria, int page, TimestampTz now)
{
	Datum		values[] = {UUIDPGetDatum(request_id),
		CStringGetTextDatum(subject_of(request_id, criteria, page)),
	TimestampTzGetDatum(now), Int32GetDatum(lp_backoff_max)};

	if (lp_sql_run(&dead_sql, values, NULL) == 0)
		return LP_FOUND_NOTHING_WRONG;
	if (!lp_col_bool(0, 1))
		return LP_FOUND_REFUSED;
	return lp_col_bool(0, 2) ? LP_FOUND_NOTHING_WRONG : LP_FOUND_FAILED;
}

/* Whom a page of a search found, captured. */
static pg_uuid_t *
capture_page(char *body, Jsonb *json, TimestampTz received_at, int *n)
{
	int			n_elements;
	LpCaptured *elements = lp_capture_body("apollo", body, json, received_at, &n_elements);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n_elements, 1));

	*n = 0;
	for (int i = 0; i < n_elements; i++)
		if (elements[i].lead_id != NULL && strcmp(elements[i].outcome, "rejected") != 0 &&
			strcmp(elements[i].outcome, "suppressed") != 0)
			ids[(*n)++] = *elements[i].lead_id;
	return ids;
}

static bool
is_empty(const JsonbContainer *json)
{
	JsonbValue	people;

	return !lp_json_get(json, "people", &people) || !lp_json_is_list(&people) ||
		JsonContainerSize(people.val.binary.data) == 0;
}

/*
 * The page after this one; 0 if there is none.  A page may be short in
 * mid-stream, so the total tells; where there is none, an empty page.
 */
static int
page_after(int page, const JsonbContainer *json)
{
	char	   *total = lp_json_get_text(json, "total_entries");
	JsonbValue	pages;

	if (total == NULL && lp_json_get(json, "pagination", &pages) && lp_json_is_object(&pages))
		total = lp_json_get_text(pages.val.binary.data, "total_entries");
	if (is_empty(json) || page >= LP_SEARCH_PAGES)
		return 0;
	if (total != NULL && strtoll(total, NULL, 10) <= (int64) page * LP_SEARCH_PAGE)
		return 0;
	return page + 1;
}

/*
 * A search for the pool: as many as were wanted are asked for, then it goes on.
 * The number of those asked for, or -1 if the money is used up.
 */
static int
ask_for(pg_uuid_t *ids, int n, int wanted, TimestampTz now)
{
	LpAsk		ask = {.reason = "search"};
	int			queued = 0;

	ask.parameters = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	for (int next = 0; next < n && queued < wanted;)
	{
		int			size = Min(n - next, wanted - queued);
		LpAsked    *asked = lp_enrich_ask(&ask, &ids[next], size, now);

		for (int i = 0; i < size; i++)
		{
			if (strcmp(asked[i].outcome, "over_budget") == 0)
				return -1;
			queued += strcmp(asked[i].outcome, "queued") == 0;
		}
		next += size;
	}
	return queued;
}

static void
go_on_alone(const LpJob *job, Jsonb *criteria, pg_uuid_t *ids, int n, int next_page,
			TimestampTz now)
{
	char	   *text = lp_json_get_text(&job->parameters->root, "wanted");
	int			wanted = text == NULL ? 0 : atoi(text);
	int			queued;

	n = lp_worth_choose(NULL, lp_criteria_read(criteria), ids, n, now);
	queued = ask_for(ids, n, wanted, now);
	if (queued >= 0 && queued < wanted && next_page > 0)
		(void) lp_found_search(NULL, criteria, next_page, wanted - queued, "leadpool", now);
}

static void
keep_candidates(const LpJob *job, Jsonb *criteria, const pg_uuid_t *ids, int n, int next_page,
				TimestampTz now)
{
	Datum		found[] = {UUIDPGetDatum(job->request_id), lp_array_of_uuids(ids, n),
	TimestampTzGetDatum(now)};
	Datum		values[] = {UUIDPGetDatum(job->request_id), Int32GetDatum(n),
	Int32GetDatum(next_page), TimestampTzGetDatum(now), JsonbPGetDatum(criteria)};
	uint64		fresh = lp_sql_run_list(&found_sql, n, found, NULL);

	(void) lp_sql_run(&page_sql, values, NULL);
	if (fresh > 0)
		lp_requests_reopen("no_results", job->request_id, now);
}

void
lp_found_settle(const LpJob *job, Jsonb *json, char *body, TimestampTz received_at)
{
	TimestampTz now = lp_clock_now();
	char	   *page = lp_json_get_text(&job->parameters->root, "page");
	int			next_page = page_after(page == NULL ? 1 : atoi(page), &json->root);
	LpJobMove	done = {.id = job->id, .attempts = job->attempts, .to = LP_JOB_DONE, .next_at = DT_NOEND};
	JsonbValue	value;
	int			n;
	pg_uuid_t  *ids = capture_page(body, json, received_at, &n);

	done.found = n > 0;
	(void) lp_jobs_move(&done, 1, now);
	if (!lp_json_get(&job->parameters->root, "criteria", &value) || !lp_json_is_object(&value))
		return;
	if (job->request_id == NULL)
		go_on_alone(job, JsonbValueToJsonb(&value), ids, n, next_page, now);
	else
		keep_candidates(job, JsonbValueToJsonb(&value), ids, n, next_page, now);
}
