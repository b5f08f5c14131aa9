/*
 * enrich.c
 *	  lp_enrich: asking for people to be enriched.
 *
 * Nobody is paid for twice because two callers asked: one open job a subject
 * (a unique index), and what was bought, or not found, within its time to live
 * is not asked for again.  Whether there is money is told here and decided
 * where a call leaves (calls.c), under the budget's lock.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "core/bans.h"
#include "core/instance.h"
#include "core/jit.h"
#include "core/lead.h"
#include "providers/call.h"
#include "store/jobs.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/jsonarg.h"
#include "util/settings.h"
#include "util/uuid.h"
#include "util/wake.h"
#include "worker/answers.h"
#include "worker/enrich.h"
#include "worker/money.h"
#include "worker/resume.h"

#define LOOK_TRIES 3			/* each after a job ended while we looked */

PG_FUNCTION_INFO_V1(lp_enrich);

enum
{
	OPTION_REVEAL_PHONE,
	OPTION_REVEAL_PERSONAL_EMAILS,
	OPTION_WATERFALL,
	OPTION_FORCE,
	OPTION_PRIORITY,
	OPTIONS
};

static const LpJsonKey option_keys[OPTIONS] = {
	[OPTION_REVEAL_PHONE] = {"reveal_phone", LP_JSON_BOOL},
	[OPTION_REVEAL_PERSONAL_EMAILS] = {"reveal_personal_emails", LP_JSON_BOOL},
	[OPTION_WATERFALL] = {"waterfall", LP_JSON_BOOL},
	[OPTION_FORCE] = {"force", LP_JSON_BOOL},
	[OPTION_PRIORITY] = {"priority", LP_JSON_INTEGER, -1000, 1000},
};

/*
 * Leads in the order given, with their open job and the last one that ended
 * with an answer, be it one that could not be captured and is kept, for what
 * is asked or for more ($2 to $5: suffixes of the subject, spelled out so that
 * each is looked up in the index); jobs of those merged into a lead are its own.
 * A job that was cancelled is as open while its call is under way: what that
 * brings is kept, and it is not to be paid for twice.  OFFSET 0 keeps a planner
 * who knows nothing of the table yet from walking through all of it for each
 * lead.
 */
#define JOBS_OF(more) \
	" FROM (SELECT u.id UNION ALL" \
	"   SELECT m.id FROM @s@.lead_pool m WHERE m.merged_into = u.id) f(id)," \
	"  LATERAL (SELECT j.id, j.found, j.finished_at, j.call_id, j.state = 'dead' AS dead FROM @s@.lead_jobs j" \
	"   WHERE j.kind = 'enrich' AND j.provider = 'apollo'" \
	"    AND j.subject = ANY (ARRAY[f.id || $2, f.id || $3, f.id || $4, f.id || $5])" \
	"    AND " more " OFFSET 0) j"

static LpSql look_sql = LP_SQL(
	"SELECT u.n::integer, p.enriched_at, coalesce(o.id, w.id), d.id, d.found, d.finished_at,"
	" d.call_id, d.deadly"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_pool p ON p.id = u.id AND p.state = 'active'"
	" LEFT JOIN LATERAL (SELECT j.id"
	JOBS_OF("j.state IN ('queued', 'leased', 'started', 'unknown')")
	"  ORDER BY j.id LIMIT 1) o ON true"
	" LEFT JOIN LATERAL (SELECT j.id, j.found, j.finished_at, k.call_id,"
	"   k.error = '" LP_ANSWER_DEADLY "' AS deadly"
	JOBS_OF("j.lead_id = f.id AND (j.state = 'done' OR j.state = 'cancelled' AND j.found IS NOT NULL"
			" OR j.state = 'dead' AND j.error_code = '" LP_JOB_NONSENSE "')")
	"  LEFT JOIN @s@.lead_provider_answers k ON j.dead AND k.call_id = j.call_id"
	"   AND NOT k.later AND k.error IS NOT NULL"
	"  WHERE NOT j.dead OR k.call_id IS NOT NULL"
	"  ORDER BY j.finished_at DESC LIMIT 1) d ON true"
	" LEFT JOIN LATERAL (SELECT j.id"
	JOBS_OF("j.lead_id = f.id AND j.state = 'cancelled'")
	"  JOIN @s@.lead_provider_calls c ON c.id = j.call_id AND c.finished_at IS NULL"
	"  LIMIT 1) w ON true",
	UUIDARRAYOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID);

/*
 * Jobs that nobody has begun, for less ($2 to $4: suffixes) of the same people:
 * they ask for more now, whoever made them, and are not paid for beside it.
 */
static LpSql raise_sql = LP_SQL(
	"WITH less AS MATERIALIZED (SELECT j.id"
	"  FROM (SELECT u.id::text AS id FROM unnest($1) u(id) ORDER BY u.id) u,"
	"  LATERAL (SELECT j.id FROM @s@.lead_jobs j WHERE j.kind = 'enrich' AND j.provider = 'apollo'"
	"   AND j.subject = ANY (ARRAY[u.id || $2, u.id || $3, u.id || $4])"
	"   AND j.state = 'queued' AND j.call_id IS NULL ORDER BY j.id LIMIT 1 FOR UPDATE) j)"
	" UPDATE @s@.lead_jobs j SET subject = left(j.subject, 36) || $5,"
	"  parameters = j.parameters || $6, credits_reserved = greatest(j.credits_reserved, $7::numeric),"
	"  priority = greatest(j.priority, $8), request_id = coalesce(j.request_id, $9)"
	" FROM less WHERE j.id = less.id AND j.state = 'queued' AND j.call_id IS NULL",
	UUIDARRAYOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, FLOAT8OID, INT4OID, UUIDOID);

static LpSql queue_sql = LP_SQL(
	"INSERT INTO @s@.lead_jobs (kind, provider, priority, lead_id, request_id, subject,"
	" parameters, next_at, credits_reserved, reason, created_by, created_at)"
	" SELECT 'enrich', 'apollo', $3, u.id, $4, u.subject, $5, $6, $7::numeric, $8, $9, $6"

	/*
	 * all callers in one order: two that ask for the same leads do not
	 * deadlock
	 */
	" FROM unnest($1, $2) u(id, subject) ORDER BY u.subject"
	" ON CONFLICT (provider, kind, subject) WHERE state IN ('queued', 'leased', 'started', 'unknown')"
	" DO NOTHING",
	UUIDARRAYOID, TEXTARRAYOID, INT4OID, UUIDOID, JSONBOID, TIMESTAMPTZOID, FLOAT8OID,
	TEXTOID, TEXTOID);

static LpSql open_sql = LP_SQL(
	"SELECT u.n::integer, j.id FROM unnest($1) WITH ORDINALITY u(subject, n),"
	" LATERAL (SELECT j.id FROM @s@.lead_jobs j WHERE j.provider = 'apollo' AND j.kind = 'enrich'"
	"  AND j.subject = u.subject AND j.state IN ('queued', 'leased', 'started', 'unknown') OFFSET 0) j",
	TEXTARRAYOID);

/* What is wanted of everybody in a call; reads the options. */
static Jsonb *
parameters_of(const LpJsonArg *options)
{
	JsonbParseState *state = NULL;
	JsonbValue	yes = {.type = jbvBool};

	yes.val.boolean = true;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = OPTION_REVEAL_PHONE; i <= OPTION_WATERFALL; i++)
	{
		JsonbValue	key = {.type = jbvString};

		if (!options[i].flag)
			continue;
		key.val.string.val = unconstify(char *, option_keys[i].name);
		key.val.string.len = strlen(option_keys[i].name);
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &yes);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* What the provider is asked about: more of the same person is another thing. */
static char *
suffix_of(const LpAsk *ask)
{
	return psprintf("%s%s", ask->reveal_phone ? "+phone" : "", ask->waterfall ? "+waterfall" : "");
}

#define COVERING 4

/* The suffixes of what brings that, and maybe more; some of them twice. */
static void
covering(const LpAsk *ask, Datum *suffixes)
{
	for (int more = 0; more < COVERING; more++)
	{
		LpAsk		other = {.reveal_phone = ask->reveal_phone || (more & 1) != 0,
		.waterfall = ask->waterfall || (more & 2) != 0};

		suffixes[more] = CStringGetTextDatum(suffix_of(&other));
	}
}

#define LESS 3

/* The suffixes of what that brings too; some of them twice. */
static void
covered(const LpAsk *ask, Datum *suffixes)
{
	LpAsk		less[LESS] = {{0}, {.reveal_phone = ask->reveal_phone && ask->waterfall},
	{.waterfall = ask->reveal_phone && ask->waterfall}};

	for (int i = 0; i < LESS; i++)
		suffixes[i] = CStringGetTextDatum(suffix_of(&less[i]));
}

static bool
is_fresh(TimestampTz at, const Interval *period, TimestampTz now)
{
	return !TIMESTAMP_IS_NOBEGIN(at) && lp_clock_add(at, period) > now;
}

/* Whether an earlier answer still stands. */
static bool
is_cached(const LpAsk *ask, int row, TimestampTz now)
{
	TimestampTz enriched_at = lp_col_time(row, 2, DT_NOBEGIN);
	TimestampTz asked_at = lp_col_time(row, 6, DT_NOBEGIN);

	if (ask->force)
		return false;
	if (!ask->reveal_phone && !ask->waterfall &&
		is_fresh(enriched_at, lp_setting_enrich_ttl(), now))
		return true;
	if (!lp_col_is_null(row, 7))
		return false;			/* there was no answer yet */
	return is_fresh(asked_at, lp_col_bool(row, 5) ? lp_setting_enrich_ttl() :
					lp_setting_not_found_ttl(), now);
}

/*
 * What is known of a lead that has no open job: an answer that was bought and
 * could not be captured is captured again, but for one that workers died of.
 */
static void
look_at_ended(const LpAsk *ask, int row, LpAsked *one, int64 *call_id, TimestampTz now)
{
	int64		kept = lp_col_int(row, 7, 0);

	if (kept != 0 && !ask->force &&
		is_fresh(lp_col_time(row, 6, DT_NOBEGIN), lp_setting_enrich_ttl(), now))
	{
		one->outcome = lp_col_bool(row, 8) ? "cached" : "queued";
		*call_id = lp_col_bool(row, 8) ? 0 : kept;
	}
	else if (is_cached(ask, row, now))
		one->outcome = "cached";
	if (one->outcome != NULL)
		one->job_id = lp_col_int(row, 4, 0);
}

static void
look(const LpAsk *ask, const pg_uuid_t *ids, LpAsked *asked, int n, TimestampTz now)
{
	List	  **bans = lp_bans_of_leads(ids, n, now);
	Datum		values[1 + COVERING] = {lp_array_of_uuids(ids, n)};
	int64	   *kept = palloc0(sizeof(int64) * Max(n, 1));
	uint64		found;

	covering(ask, &values[1]);
	for (int i = 0; i < n; i++)
		asked[i].outcome = "unknown_lead";
	found = lp_sql_run_list(&look_sql, n, values, NULL);
	for (uint64 row = 0; row < found; row++)
	{
		int			i = lp_col_int(row, 1, 1) - 1;
		LpAsked    *one = &asked[i];

		if (lp_bans_forbid_buying(bans[i], now))
		{
			one->outcome = "suppressed";
			continue;
		}
		one->outcome = NULL;
		one->job_id = lp_col_int(row, 3, 0);
		if (one->job_id != 0)
			one->outcome = "queued";
		else
			look_at_ended(ask, row, one, &kept[row], now);
	}
	if (lp_resume(kept, found, now) > 0)
		lp_wake_at_commit();
}

static void
insert_jobs(const LpAsk *ask, const pg_uuid_t *ids, char **subjects, int n, double price,
			TimestampTz now)
{
	Datum		values[] = {lp_array_of_uuids(ids, n), lp_array_of_texts(subjects, n),
		Int32GetDatum(ask->priority),
		ask->request_id == NULL ? (Datum) 0 : UUIDPGetDatum(ask->request_id),
		JsonbPGetDatum(ask->parameters), TimestampTzGetDatum(now), Float8GetDatum(price),
		ask->reason == NULL ? (Datum) 0 : CStringGetTextDatum(ask->reason),
	CStringGetTextDatum(GetUserNameFromId(GetOuterUserId(), false))};
	char		nulls[] = "         ";

	nulls[3] = ask->request_id == NULL ? 'n' : ' ';
	nulls[7] = ask->reason == NULL ? 'n' : ' ';
	(void) lp_sql_run_list(&queue_sql, n, values, nulls);
	lp_wake_at_commit();
}

/*
 * Has jobs for less ask for more.  Where another caller, whose job for more was
 * not to be seen yet, was first, the index refuses: a lost race.
 */
static void
raise_jobs(const LpAsk *ask, const pg_uuid_t *ids, int n, double price)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		values[9] = {lp_array_of_uuids(ids, n)};
	char		nulls[] = "         ";

	covered(ask, &values[1]);
	values[4] = CStringGetTextDatum(suffix_of(ask));
	values[5] = JsonbPGetDatum(ask->parameters);
	values[6] = Float8GetDatum(price);
	values[7] = Int32GetDatum(ask->priority);
	values[8] = ask->request_id == NULL ? (Datum) 0 : UUIDPGetDatum(ask->request_id);
	nulls[8] = ask->request_id == NULL ? 'n' : ' ';
	PG_TRY();
	{
		(void) lp_sql_run_list(&raise_sql, n, values, nulls);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("another call has just asked for the same leads"),
				errhint("Try again."));
	}
	PG_END_TRY();
}

/* Queues those that nothing speaks against, as far as the money goes. */
static void
queue(const LpAsk *ask, const pg_uuid_t *ids, char **subjects, LpAsked *asked, int n,
	  TimestampTz now)
{
	LpEnrichOrder one = {.n = 1, .reveal_phone = ask->reveal_phone, .waterfall = ask->waterfall};
	double		price = lp_apollo_worst(&one);
	double		left = lp_money_left(LP_PROVIDER_APOLLO, now);
	pg_uuid_t  *new_ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	char	  **new_subjects = palloc(sizeof(char *) * Max(n, 1));
	int			n_new = 0;

	for (int i = 0; i < n; i++)
	{
		if (asked[i].outcome != NULL)
			continue;
		if (left < price)
		{
			asked[i].outcome = "over_budget";
			continue;
		}
		left -= price;
		asked[i].outcome = "queued";
		new_ids[n_new] = ids[i];
		new_subjects[n_new++] = subjects[i];
	}
	if (n_new > 0 && (ask->reveal_phone || ask->waterfall))
		raise_jobs(ask, new_ids, n_new, price);
	if (n_new > 0)
		insert_jobs(ask, new_ids, new_subjects, n_new, price, now);
}

/*
 * The jobs of those that are queued, ours or another caller's; false if one
 * has ended since it was seen.
 */
static bool
name_jobs(char **subjects, LpAsked *asked, int n)
{
	Datum		values[] = {lp_array_of_texts(subjects, n)};
	uint64		found = lp_sql_run_list(&open_sql, n, values, NULL);
	bool		all = true;

	for (uint64 row = 0; row < found; row++)
	{
		LpAsked    *one = &asked[lp_col_int(row, 1, 1) - 1];

		if (strcmp(one->outcome, "queued") == 0)
			one->job_id = lp_col_int(row, 2, 0);
	}
	for (int i = 0; i < n; i++)
		all = all && (strcmp(asked[i].outcome, "queued") != 0 || asked[i].job_id != 0);
	return all;
}

/* Leads, each once. */
static void
ask_once(const LpAsk *ask, const pg_uuid_t *leads, LpAsked *asked, int n, TimestampTz now)
{
	char	  **subjects = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
		subjects[i] = psprintf("%s%s", lp_uuid_text(&leads[i]), suffix_of(ask));
	for (int try = 0; try < LOOK_TRIES; try++)
	{
		memset(asked, 0, sizeof(LpAsked) * n);
		look(ask, leads, asked, n, now);
		queue(ask, leads, subjects, asked, n, now);
		if (name_jobs(subjects, asked, n))
			return;
	}
}

typedef struct Place
{
	pg_uuid_t	id;				/* first: it is what is compared */
	int			at;
} Place;

/* Makes leads unique, in their order; of each the place it has then. */
static int *
unite(pg_uuid_t *leads, int *n)
{
	Place	   *places = palloc(sizeof(Place) * Max(*n, 1));
	int		   *first = palloc(sizeof(int) * Max(*n, 1));
	int			kept = 0;

	for (int i = 0; i < *n; i++)
		places[i] = (Place)
	{
		.id = leads[i], .at = i
	};
	qsort(places, *n, sizeof(Place), lp_uuid_compare);
	for (int i = 0, end; i < *n; i = end)
	{
		int			least = places[i].at;

		for (end = i; end < *n && lp_uuid_equal(&places[end].id, &places[i].id); end++)
			least = Min(least, places[end].at);
		for (int k = i; k < end; k++)
			first[places[k].at] = least;
	}
	for (int i = 0; i < *n; i++)
	{
		bool		is_first = first[i] == i;

		first[i] = is_first ? kept : first[first[i]];
		if (is_first)
			leads[kept++] = leads[i];
	}
	*n = kept;
	return first;
}

LpAsked *
lp_enrich_ask(const LpAsk *ask, const pg_uuid_t *ids, int n, TimestampTz now)
{
	LpAsked    *asked = palloc0(sizeof(LpAsked) * Max(n, 1));
	LpAsked    *all = palloc0(sizeof(LpAsked) * Max(n, 1));
	pg_uuid_t  *leads = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	int			n_leads = n;
	int		   *same;

	memcpy(leads, ids, sizeof(pg_uuid_t) * n);
	lp_lead_resolve(leads, n);
	same = unite(leads, &n_leads);
	ask_once(ask, leads, asked, n_leads, now);
	for (int i = 0; i < n; i++)
		all[i] = asked[same[i]];
	return all;
}

Datum
lp_enrich(PG_FUNCTION_ARGS)
{
	LpJsonArg  *options = lp_json_read("option", LP_ARG_JSONB(2), option_keys, OPTIONS);
	int			n;
	pg_uuid_t  *ids = lp_jit_arg_batch(fcinfo, 0, &n);
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpAsk		ask = {
		.reveal_phone = options[OPTION_REVEAL_PHONE].flag,
		.waterfall = options[OPTION_WATERFALL].flag,
		.force = options[OPTION_FORCE].flag,
		.priority = options[OPTION_PRIORITY].integer,
		.parameters = parameters_of(options),
		.reason = lp_arg_text_or_null(fcinfo, 1)
	};
	LpAsked    *asked;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_bans_require_key(false);
	lp_instance_adopt();
	asked = lp_enrich_ask(&ask, ids, n, lp_clock_now());
	for (int i = 0; i < n; i++)
	{
		lp_rows_set_uuid(rows, "lead_id", &ids[i]);
		if (asked[i].job_id != 0)
			lp_rows_set(rows, "job_id", Int64GetDatum(asked[i].job_id));
		lp_rows_set_text(rows, "outcome", asked[i].outcome);
		lp_rows_emit(rows);
	}
	lp_call_end();
	return (Datum) 0;
}
