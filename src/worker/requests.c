/*
 * requests.c
 *	  Demand that the pool could not meet: searched for, enriched, and filled
 *	  in order.
 *
 * A request goes round: fill it with what is in the pool by now, ask for the
 * enrichment of as many found people as it still needs, search the next page
 * when all of those were asked for.  Nothing is bought ahead of the need, or
 * while the client has no room for more; and whoever fits is decided by the
 * same allocation as for any caller.
 *
 * It stops, and says why, when the day's money is used up (it goes on when
 * there is some again) or when the provider knows nobody else.  Leads that
 * arrive otherwise are handed out all the same.
 *
 * Lock order: client, leads, the request's row.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/allocate.h"
#include "core/client.h"
#include "core/criteria.h"
#include "providers/call.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"
#include "worker/enrich.h"
#include "worker/events.h"
#include "worker/found.h"
#include "worker/money.h"
#include "worker/requests.h"
#include "worker/worth.h"

#define FILL_A_STEP 200			/* leads of one request */
#define ASK_A_STEP 500

#define IS_WAITING \
	" (r.status IN ('open', 'searching') OR r.status = 'stopped'" \
	"  AND r.stop_reason IN ('budget', 'no_results')" \
	"  AND r.updated_at > $1 - interval '30 days')" \
	" AND r.wanted > r.filled"

/* The next in the order in which they are filled. */
static LpSql next_sql = LP_SQL(
	"SELECT r.id, r.client_id, r.created_at FROM @s@.lead_requests r"
	" JOIN @s@.lead_clients c ON c.id = r.client_id AND c.status = 'active'"
	" WHERE r.status IN ('open', 'searching', 'stopped') AND " IS_WAITING
	"  AND (r.created_at, r.id) > ($2, $3)"
	" ORDER BY r.created_at, r.id LIMIT 1",
	TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID);

/*
 * One, with what is under way for it: people who are being enriched, whoever
 * asked for that; and numbers that Apollo said it would send.
 */
static LpSql load_sql = LP_SQL(
	"SELECT r.campaign_id, r.criteria, r.wanted - r.filled, r.next_page, r.status <> 'stopped',"
	" (SELECT count(*) FROM @s@.lead_request_candidates n JOIN @s@.lead_jobs j"
	"   ON j.lead_id = n.lead_id AND j.kind = 'enrich' WHERE n.request_id = r.id"
	"   AND n.asked_at IS NOT NULL AND (j.finished_at IS NULL"
	"    OR j.found AND j.finished_at > $1 - interval '1 hour' AND j.parameters ? 'reveal_phone'"
	"     AND EXISTS (SELECT FROM @s@.lead_provider_calls p WHERE p.id = j.call_id AND p.reserved > 0))),"
	" EXISTS (SELECT FROM @s@.lead_jobs j WHERE j.request_id = r.id AND j.kind = 'search'"
	"   AND j.finished_at IS NULL), coalesce(r.per_company_max, -1), coalesce(r.asked_at, r.created_at)"
	" FROM @s@.lead_requests r JOIN @s@.lead_clients c ON c.id = r.client_id AND c.status = 'active'"
	" WHERE r.id = $2 AND " IS_WAITING,
	TIMESTAMPTZOID, UUIDOID);

/*
 * None beside an open one for the same, and of several only the newest: one
 * goes on at a time.
 */
static LpSql reopen_sql = LP_SQL(
	"UPDATE @s@.lead_requests r SET status = 'open', stop_reason = NULL, updated_at = $1"
	" FROM @s@.lead_clients c WHERE c.id = r.client_id AND c.status = 'active'"
	"  AND r.status = 'stopped' AND r.stop_reason = $2 AND ($3 IS NULL OR r.id = $3)"
	"  AND NOT EXISTS (SELECT FROM @s@.lead_requests o WHERE o.client_id = r.client_id"
	"   AND o.campaign_id IS NOT DISTINCT FROM r.campaign_id"
	"   AND o.criteria_hash = r.criteria_hash AND o.id <> r.id"
	"   AND (o.status IN ('open', 'searching') OR o.status = 'stopped'"
	"    AND o.stop_reason = $2 AND (o.created_at, o.id) > (r.created_at, r.id)))",
	TIMESTAMPTZOID, TEXTOID, UUIDOID);

static LpSql progress_sql = LP_SQL(
	"UPDATE @s@.lead_requests SET filled = filled + $2, updated_at = $3,"
	" status = CASE WHEN filled + $2 >= wanted THEN 'filled' ELSE status END,"
	" stop_reason = CASE WHEN filled + $2 < wanted THEN stop_reason END"
	" WHERE id = $1",
	UUIDOID, INT4OID, TIMESTAMPTZOID);

/* Whom nobody asked about is of no use any more. */
static LpSql forget_sql = LP_SQL(
	"DELETE FROM @s@.lead_request_candidates WHERE request_id = $1 AND asked_at IS NULL",
	UUIDOID);

/* What an operator has to look at is stopped whatever stopped it before. */
static LpSql state_sql = LP_SQL(
	"UPDATE @s@.lead_requests SET status = $2, stop_reason = $3, updated_at = $4"
	" WHERE id = $1 AND (status IN ('open', 'searching') OR status = 'stopped' AND $3 = 'operator')"
	"  AND (status, stop_reason) IS DISTINCT FROM ($2, $3)",
	UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID);

static LpSql candidates_sql = LP_SQL(
	"SELECT lead_id FROM @s@.lead_request_candidates"
	" WHERE request_id = $1 AND asked_at IS NULL ORDER BY found_at, lead_id LIMIT $2",
	UUIDOID, INT4OID);

static LpSql asked_sql = LP_SQL(
	"UPDATE @s@.lead_request_candidates SET asked_at = $3"
	" WHERE request_id = $1 AND lead_id = ANY ($2)",
	UUIDOID, UUIDARRAYOID, TIMESTAMPTZOID);

/*
 * Whom a call found share what was billed for it later.  The request of a job
 * that is not done yet is told when it is.
 */
static LpSql later_sql = LP_SQL(
	"WITH shares AS (UPDATE @s@.lead_jobs j SET credits = j.credits + u.share"
	"  FROM (SELECT j.id, $2::numeric / count(*) OVER () AS share"
	"   FROM @s@.lead_provider_calls c, unnest(c.subjects) s(subject)"
	"   JOIN @s@.lead_jobs j ON j.lead_id = left(s.subject, 36)::uuid AND j.kind = 'enrich'"
	"   WHERE c.id = $1 AND j.call_id = c.id AND j.found IS DISTINCT FROM false) u"
	"  WHERE j.id = u.id RETURNING j.request_id, j.state, u.share)"
	" UPDATE @s@.lead_requests r SET credits = trim_scale(round(r.credits + u.credits, 6)),"
	" updated_at = $3"
	" FROM (SELECT s.request_id AS id, sum(s.share) AS credits FROM shares s"
	"   WHERE s.state = 'done' GROUP BY 1) u"
	" WHERE r.id = u.id",
	INT8OID, FLOAT8OID, TIMESTAMPTZOID);

static LpSql enriched_sql = LP_SQL(
	"UPDATE @s@.lead_requests r SET enriched = r.enriched + u.n, credits = r.credits + u.credits,"
	" updated_at = $2"
	" FROM (SELECT j.request_id AS id, count(*) FILTER (WHERE j.found)::integer AS n,"
	"   trim_scale(round(sum(j.credits), 6)) AS credits FROM @s@.lead_jobs j WHERE j.id = ANY ($1) GROUP BY 1) u"
	" WHERE r.id = u.id",
	INT8ARRAYOID, TIMESTAMPTZOID);

typedef struct Request
{
	pg_uuid_t	id;
	pg_uuid_t	client_id;
	pg_uuid_t  *campaign_id;
	Jsonb	   *json;
	LpCriteria *criteria;
	int			needed;
	int			next_page;		/* 0: the provider has no more */
	bool		active;			/* not stopped: may ask for more */
	int			enriching;		/* people under way */
	bool		searching;
	int64		per_company_max;	/* -1: no matter */
	TimestampTz asked_at;
} Request;

void
lp_requests_reopen(const char *stop_reason, const pg_uuid_t *id, TimestampTz now)
{
	Datum		values[] = {TimestampTzGetDatum(now), CStringGetTextDatum(stop_reason),
	id == NULL ? (Datum) 0 : UUIDPGetDatum(id)};

	(void) lp_sql_run(&reopen_sql, values, id == NULL ? "  n" : NULL);
}

/* Of one person. */
static double
price_of(const LpCriteria *criteria)
{
	LpEnrichOrder one = {.n = 1, .reveal_phone = criteria != NULL && lp_worth_needs_phone(criteria)};

	return lp_apollo_worst(&one);
}

bool
lp_requests_may_be_paid(TimestampTz now)
{
	return lp_money_left(LP_PROVIDER_APOLLO, now) >= price_of(NULL);
}

bool
lp_requests_next(LpRequestPlace *place)
{
	Datum		values[] = {TimestampTzGetDatum(lp_clock_now()),
	TimestampTzGetDatum(place->created_at), UUIDPGetDatum(&place->id)};

	if (lp_sql_run(&next_sql, values, NULL) == 0)
		return false;
	place->id = *lp_col_uuid(0, 1);
	place->client_id = *lp_col_uuid(0, 2);
	place->created_at = lp_col_time(0, 3, DT_NOBEGIN);
	return true;
}

/* Under the client's lock; NULL if it does not wait any more. */
static Request *
load(const pg_uuid_t *id, const pg_uuid_t *client_id, TimestampTz now)
{
	Datum		values[] = {TimestampTzGetDatum(now), UUIDPGetDatum(id)};
	Request    *request;

	if (lp_sql_run(&load_sql, values, NULL) == 0)
		return NULL;
	request = palloc(sizeof(Request));
	request->id = *id;
	request->client_id = *client_id;
	request->campaign_id = lp_col_uuid(0, 1);
	request->json = DatumGetJsonbPCopy(lp_col(0, 2));
	request->needed = lp_col_int(0, 3, 0);
	request->next_page = lp_col_int(0, 4, 0);
	request->active = lp_col_bool(0, 5);
	request->enriching = lp_col_int(0, 6, 0);
	request->searching = lp_col_bool(0, 7);
	request->per_company_max = lp_col_int(0, 8, -1);
	request->asked_at = lp_col_time(0, 9, DT_NOBEGIN);
	request->criteria = lp_criteria_read(request->json);
	return request;
}

static void
set_status(const pg_uuid_t *id, const char *status, const char *stop_reason, TimestampTz now)
{
	Datum		values[] = {UUIDPGetDatum(id), CStringGetTextDatum(status),
		stop_reason == NULL ? (Datum) 0 : CStringGetTextDatum(stop_reason),
	TimestampTzGetDatum(now)};

	(void) lp_sql_run(&state_sql, values, stop_reason == NULL ? "  n " : NULL);
}

void
lp_requests_stop(const pg_uuid_t *id, const char *stop_reason, TimestampTz now)
{
	set_status(id, "stopped", stop_reason, now);
}

static LpFill
fill(Request *request, TimestampTz now)
{
	LpFill		result = lp_allocate_fill(&request->client_id, request->campaign_id, request->json,
										  Min(request->needed, FILL_A_STEP),
										  request->per_company_max, request->asked_at);
	Datum		values[] = {UUIDPGetDatum(&request->id), Int32GetDatum(result.given),
	TimestampTzGetDatum(now)};

	request->needed -= result.given;
	if (result.given > 0)
		(void) lp_sql_run(&progress_sql, values, NULL);
	if (request->needed == 0)
		(void) lp_sql_run(&forget_sql, values, NULL);
	return result;
}

/*
 * Asks about people; marks those who need not be asked about again, which are
 * all but those for whom there was no money.  The number that is under way.
 */
static int
ask_about(const Request *request, const pg_uuid_t *ids, int n, pg_uuid_t *settled,
		  int *n_settled, TimestampTz now)
{
	bool		phone = lp_worth_needs_phone(request->criteria);
	LpAsk		ask = {.request_id = &request->id, .reason = "request", .reveal_phone = phone};
	char	   *wish = phone ? "{\"reveal_phone\": true}" : "{}";
	LpAsked    *asked;
	int			queued = 0;

	ask.parameters = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(wish)));
	asked = lp_enrich_ask(&ask, ids, n, now);
	for (int i = 0; i < n; i++)
	{
		queued += strcmp(asked[i].outcome, "queued") == 0;
		if (strcmp(asked[i].outcome, "over_budget") != 0)
			settled[(*n_settled)++] = ids[i];
	}
	return queued;
}

/*
 * Looks at so many candidates that nobody looked at yet, and asks about those
 * who are worth it.  *looked: how many need not be looked at again.
 */
static int
buy(const Request *request, int most, int *looked, TimestampTz now)
{
	Datum		values[] = {UUIDPGetDatum(&request->id), Int32GetDatum(most), 0};
	int			n = lp_sql_run(&candidates_sql, values, NULL);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	pg_uuid_t  *worth = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	pg_uuid_t  *settled = palloc(sizeof(pg_uuid_t) * Max(2 * n, 1));
	int			n_worth;
	int			queued;

	*looked = 0;
	if (n == 0)
		return 0;
	for (int i = 0; i < n; i++)
		worth[i] = ids[i] = *lp_col_uuid(i, 1);
	n_worth = lp_worth_choose(lp_client_load_active(&request->client_id), request->criteria,
							  worth, n, now);
	if (request->per_company_max >= 0)
		n_worth = lp_worth_of_companies(&request->id, request->per_company_max, worth, n_worth);
	for (int i = 0; i < n; i++)
	{
		bool		chosen = false;

		for (int j = 0; j < n_worth && !chosen; j++)
			chosen = lp_uuid_equal(&ids[i], &worth[j]);
		if (!chosen)
			settled[(*looked)++] = ids[i];
	}
	queued = ask_about(request, worth, n_worth, settled, looked, now);
	values[1] = lp_array_of_uuids(settled, *looked);
	values[2] = TimestampTzGetDatum(now);
	(void) lp_sql_run(&asked_sql, values, NULL);
	return queued;
}

/* The provider has no more, or will not say. */
static void
end_search(const Request *request, bool refused, TimestampTz now)
{
	set_status(&request->id, "stopped", "no_results", now);
	if (refused)
		lp_worker_event("warning", "apollo", 0, "search_refused",
						"the provider refused the search of a request: see its search job in lead_jobs");
}

/*
 * The next page.  A provider that is away is asked again after a pause: that
 * is no reason to stop for good.
 */
static void
search(const Request *request, TimestampTz now)
{
	LpFoundBefore before = LP_FOUND_NOTHING_WRONG;
	bool		more = request->next_page > 0;

	if (!request->searching && more)
		before = lp_found_before(&request->id, request->json, request->next_page, now);
	if (!request->searching && more && before == LP_FOUND_NOTHING_WRONG)
		(void) lp_found_search(&request->id, request->json, request->next_page,
							   request->needed, "leadpool", now);
	if (request->searching || (more && before != LP_FOUND_REFUSED))
		set_status(&request->id, "searching", NULL, now);
	else if (request->enriching == 0)
		end_search(request, more, now);
}

/* What a request needs beyond what is in the pool; true: go on at once. */
static bool
ask(const Request *request, const LpFill *filled, TimestampTz now)
{
	int64		needed = Min(request->needed, filled->room) - filled->missed;
	int			most = (int) Min(needed - request->enriching, ASK_A_STEP);
	int			looked = 0;
	int			queued = 0;
	bool		money;

	if (most <= 0)
		return false;
	if (!lp_worth_searching(request->criteria))
	{
		end_search(request, false, now);
		return false;
	}
	money = lp_money_left(LP_PROVIDER_APOLLO, now) >= price_of(request->criteria);
	if (money)
		queued = buy(request, most, &looked, now);
	if (queued > 0)
		set_status(&request->id, "searching", NULL, now);
	else if (!money && request->enriching == 0)
		set_status(&request->id, "stopped", "budget", now);
	else if (money && looked == 0)
		search(request, now);
	return looked > 0;
}

bool
lp_requests_go_on(const LpRequestPlace *place, bool *held)
{
	TimestampTz now;
	Request    *request;
	LpFill		filled;

	lp_client_lock(&place->client_id, true);
	now = lp_clock_now();
	request = load(&place->id, &place->client_id, now);
	if (request == NULL)
		return false;
	filled = fill(request, now);
	*held |= filled.missed > 0;
	if (request->needed == 0)
		return false;
	if (filled.given == FILL_A_STEP)
		return true;
	return request->active && ask(request, &filled, now);
}

void
lp_requests_paid_later(int64 call_id, double credits)
{
	Datum		values[] = {Int64GetDatum(call_id), Float8GetDatum(credits),
	TimestampTzGetDatum(lp_clock_now())};

	if (credits > 0)
		(void) lp_sql_run(&later_sql, values, NULL);
}

void
lp_requests_enriched(const LpJob *jobs, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));
	Datum		values[2];
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (jobs[i].request_id != NULL)
			ids[kept++] = Int64GetDatum(jobs[i].id);
	if (kept == 0)
		return;
	values[0] = lp_array_of_datums(ids, kept, INT8OID);
	values[1] = TimestampTzGetDatum(lp_clock_now());
	(void) lp_sql_run(&enriched_sql, values, NULL);
}
