/*
 * calls.c
 *	  From jobs to calls: what leaves, and what it may cost.
 *
 * Lock order: jobs, then the day's budget, last the ledger's new rows.  The
 * transaction commits before the first byte leaves: a call that was never made
 * may be in the ledger (as unknown), one that was made is never missing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/bans.h"
#include "core/lead.h"
#include "store/sql.h"
#include "util/jsonwalk.h"
#include "util/settings.h"
#include "util/uuid.h"
#include "worker/calls.h"
#include "worker/money.h"
#include "worker/webhooks.h"

#define PEOPLE_A_CALL 10		/* what Apollo takes at once */

/* Apollo insists on an address; without a relay the result is polled for. */
#define NO_RELAY "https://leadpool.invalid/"

/* In the order given; an address that was not bought is none. */
static LpSql subjects_sql = LP_SQL(
	"SELECT u.n::integer, p.apollo_id, CASE WHEN NOT p.email_role THEN p.email END, p.linkedin_url,"
	" p.first_name, p.last_name, p.company_primary_domain, p.company_name"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_pool p ON p.id = u.id AND p.state = 'active'",
	UUIDARRAYOID);

/* Jobs of merged leads (numbers in the order given) that another one makes needless. */
static LpSql twice_sql = LP_SQL(
	"SELECT u.n::integer FROM unnest($1, $2) WITH ORDINALITY u(job_id, survivor, n)"
	" JOIN @s@.lead_jobs j ON j.id = u.job_id"
	" WHERE EXISTS (SELECT FROM @s@.lead_jobs o WHERE o.kind = 'enrich' AND o.id <> j.id"
	"  AND o.lead_id IN (SELECT u.survivor UNION ALL"
	"   SELECT m.id FROM @s@.lead_pool m WHERE m.merged_into = u.survivor)"
	"  AND substr(o.subject, 37) = substr(j.subject, 37)"
	"  AND (o.state IN ('leased', 'started', 'unknown')"
	"   OR (o.state = 'queued' AND (o.lead_id = u.survivor OR o.id < j.id))"
	"   OR (o.state = 'done' AND o.finished_at >= j.created_at)))",
	INT8ARRAYOID, UUIDARRAYOID);

static LpSql ledger_sql = LP_SQL(
	"INSERT INTO @s@.lead_provider_calls (job_id, provider, endpoint, subjects,"
	" outcome, reserved, started_at)"
	" SELECT u.job_id, $1, $2, string_to_array(u.subjects, ','), 'unknown', u.reserved, $6"
	" FROM unnest($3, $4, $5) WITH ORDINALITY u(job_id, subjects, reserved, n) ORDER BY u.n"
	" RETURNING id",
	TEXTOID, TEXTOID, INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, TIMESTAMPTZOID);

/* Jobs that were taken, with whom they are about. */
typedef struct Taken
{
	LpJob	   *jobs;
	LpSubject  *subjects;		/* only of people */
	const char **drop;			/* why a job is not called for, or NULL */
	int			n;
} Taken;

static void
load_subjects(Taken *taken, const pg_uuid_t *ids)
{
	Datum		values[] = {lp_array_of_uuids(ids, taken->n)};
	uint64		found = lp_sql_run_list(&subjects_sql, taken->n, values, NULL);

	for (int i = 0; i < taken->n; i++)
		taken->drop[i] = "no_lead";
	for (uint64 row = 0; row < found; row++)
	{
		int			i = lp_col_int(row, 1, 1) - 1;
		LpSubject  *subject = &taken->subjects[i];

		taken->drop[i] = NULL;
		subject->apollo_id = lp_col_text(row, 2);
		subject->email = lp_col_text(row, 3);
		subject->linkedin_url = lp_col_text(row, 4);
		subject->first_name = lp_col_text(row, 5);
		subject->last_name = lp_col_text(row, 6);
		subject->domain = lp_col_text(row, 7);
		subject->company = lp_col_text(row, 8);
		if (subject->apollo_id == NULL && subject->email == NULL &&
			subject->linkedin_url == NULL &&
			(subject->last_name == NULL || (subject->domain == NULL && subject->company == NULL)))
			taken->drop[i] = "no_key";
	}
}

/* Nothing is bought about people who may not be contacted. */
static void
drop_banned(Taken *taken, const pg_uuid_t *ids, TimestampTz now)
{
	List	  **bans = lp_bans_of_leads(ids, taken->n, now);

	for (int i = 0; i < taken->n; i++)
		if (taken->drop[i] == NULL && lp_bans_forbid_buying(bans[i], now))
			taken->drop[i] = "suppressed";
}

/*
 * Jobs of leads that were merged since: the survivor is asked about, unless a
 * job of its own does that or did.
 */
static void
drop_merged(Taken *taken, const pg_uuid_t *ids)
{
	Datum	   *job_ids = palloc(sizeof(Datum) * taken->n);
	pg_uuid_t  *survivors = palloc(sizeof(pg_uuid_t) * taken->n);
	int		   *which = palloc(sizeof(int) * taken->n);
	int			n = 0;

	for (int i = 0; i < taken->n; i++)
		if (taken->drop[i] == NULL && taken->jobs[i].lead_id != NULL &&
			!lp_uuid_equal(taken->jobs[i].lead_id, &ids[i]))
		{
			job_ids[n] = Int64GetDatum(taken->jobs[i].id);
			survivors[n] = ids[i];
			which[n++] = i;
		}
	if (n > 0)
	{
		Datum		values[] = {lp_array_of_datums(job_ids, n, INT8OID), lp_array_of_uuids(survivors, n)};
		uint64		found = lp_sql_run_list(&twice_sql, n, values, NULL);

		for (uint64 row = 0; row < found; row++)
			taken->drop[which[lp_col_int(row, 1, 1) - 1]] = "merged";
	}
}

static void
look_up_people(Taken *taken, TimestampTz now)
{
	pg_uuid_t  *ids = palloc0(sizeof(pg_uuid_t) * taken->n);

	for (int i = 0; i < taken->n; i++)
		if (taken->jobs[i].lead_id != NULL)
			ids[i] = *taken->jobs[i].lead_id;
	lp_lead_resolve(ids, taken->n);
	load_subjects(taken, ids);
	drop_banned(taken, ids, now);
	drop_merged(taken, ids);
}

static const char *
drop_text(const char *code)
{
	if (strcmp(code, "suppressed") == 0)
		return "the person may not be contacted";
	if (strcmp(code, "no_key") == 0)
		return "nothing is known of the lead by which it could be found";
	return strcmp(code, "merged") == 0 ? "another job asks about the same person" : "there is no such lead";
}

/* Ends the jobs that nobody is to be asked about. */
static void
end_dropped(const Taken *taken, TimestampTz now)
{
	LpJobMove  *moves = palloc0(sizeof(LpJobMove) * taken->n);
	int			n = 0;

	for (int i = 0; i < taken->n; i++)
		if (taken->drop[i] != NULL)
			moves[n++] = (LpJobMove)
		{
			.id = taken->jobs[i].id, .attempts = taken->jobs[i].attempts,
				.to = LP_JOB_CANCELLED, .next_at = DT_NOEND, .found = -1, .code = taken->drop[i],
				.error = drop_text(taken->drop[i])
		};
	(void) lp_jobs_move(moves, n, now);
}

static bool
flag(const LpJob *job, const char *name)
{
	return lp_json_get_true(&job->parameters->root, name);
}

static bool
may_share_a_call(const LpJob *a, const LpJob *b)
{
	return !flag(a, "solo") && !flag(b, "solo") &&
		flag(a, "reveal_phone") == flag(b, "reveal_phone") &&
		flag(a, "reveal_personal_emails") == flag(b, "reveal_personal_emails") &&
		flag(a, "waterfall") == flag(b, "waterfall");
}

static LpJob *
copy_jobs(const LpJob *jobs, int n)
{
	LpJob	   *copies = palloc(sizeof(LpJob) * n);

	for (int i = 0; i < n; i++)
	{
		copies[i] = jobs[i];
		copies[i].attempts++;
		copies[i].subject = jobs[i].subject == NULL ? NULL : pstrdup(jobs[i].subject);
		copies[i].lead_id = NULL;
		copies[i].request_id = NULL;
		copies[i].parameters = NULL;
	}
	return copies;
}

/* The request that n jobs from the first on make together. */
static void
write_request(LpCall *call, const LpJob *jobs, const LpSubject *subjects)
{
	const JsonbContainer *parameters = &jobs[0].parameters->root;
	LpEnrichOrder order;

	switch (call->kind)
	{
		case LP_JOB_ENRICH:
			order = (LpEnrichOrder)
			{
				.subjects = subjects, .n = call->n,
					.reveal_phone = flag(jobs, "reveal_phone"),
					.reveal_personal_emails = flag(jobs, "reveal_personal_emails"),
					.waterfall = flag(jobs, "waterfall")
			};
			if (order.reveal_phone || order.waterfall)
			{
				call->token = lp_webhook_token();
				order.webhook_url = psprintf("%s%s", *lp_webhook_url != '\0' ? lp_webhook_url : NO_RELAY,
											 call->token);
			}
			call->text = lp_apollo_enrich(&order);
			call->reserved = lp_apollo_worst(&order);
			break;
		case LP_JOB_ENRICH_COMPANY:
			call->text = lp_apollo_enrich_company(jobs[0].subject);
			call->reserved = 1;
			break;
		case LP_JOB_SEARCH:
			call->text = lp_apollo_search(parameters);
			break;
		case LP_JOB_PHONE_POLL:
			call->text = lp_apollo_poll(lp_json_get_text(parameters, "request_id"));
			break;
		case LP_JOB_KINDS:
			pg_unreachable();
	}
}

static LpCall *
make_call(LpProviderId provider, LpJobKind kind, const LpJob *jobs,
		  const LpSubject *subjects, int n, TimestampTz now, MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "leadpool call", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	LpCall	   *call = palloc0(sizeof(LpCall));

	call->context = context;
	call->provider = provider;
	call->kind = kind;
	call->started_at = now;
	call->n = n;
	call->jobs = copy_jobs(jobs, n);
	write_request(call, jobs, subjects);
	MemoryContextSwitchTo(old);
	return call;
}

/* The most that a job can cost by itself. */
static double
price_of(LpJobKind kind, const LpJob *job)
{
	LpEnrichOrder order = {.n = 1};

	if (!lp_job_kind_is_paid(kind))
		return 0;
	if (kind != LP_JOB_ENRICH)
		return 1;
	order.reveal_phone = flag(job, "reveal_phone");
	order.waterfall = flag(job, "waterfall");
	return lp_apollo_worst(&order);
}

/*
 * Groups what is left of the jobs into calls, in their order, as far as the
 * money goes.
 */
static List *
group(const Taken *taken, LpProviderId provider, LpJobKind kind, int most, double money,
	  TimestampTz now, MemoryContext parent, LpShortOf *short_of)
{
	LpJob	   *jobs = palloc(sizeof(LpJob) * Max(taken->n, 1));
	LpSubject  *subjects = palloc0(sizeof(LpSubject) * Max(taken->n, 1));
	List	   *calls = NIL;
	int			n = 0;

	for (int i = 0; i < taken->n; i++)
		if (taken->drop[i] == NULL)
		{
			subjects[n] = taken->subjects[i];
			jobs[n++] = taken->jobs[i];
		}
	for (int i = 0; i < n && list_length(calls) < most;)
	{
		double		price = price_of(kind, &jobs[i]);
		int			size = 1;

		if (price > money)
		{
			*short_of = LP_SHORT_OF_MONEY;
			break;
		}
		while (kind == LP_JOB_ENRICH && i + size < n && size < PEOPLE_A_CALL &&
			   price * (size + 1) <= money && may_share_a_call(&jobs[i], &jobs[i + size]))
			size++;
		money -= price * size;
		calls = lappend(calls, make_call(provider, kind, &jobs[i], &subjects[i], size, now, parent));
		i += size;
	}
	return calls;
}

/* Under the lock of lp_money_lock. */
static void
reserve(const List *calls, LpProviderId provider, TimestampTz now)
{
	double		sum = 0;
	ListCell   *cell;

	foreach(cell, calls)
		sum += ((LpCall *) lfirst(cell))->reserved;
	if (sum > 0)
		lp_money_reserve(provider, now, sum);
}

static char *
subjects_of(const LpCall *call)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < call->n; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "" : ",",
						 call->jobs[i].subject == NULL ? "" : call->jobs[i].subject);
	return text.data;
}

/* The ledger's rows, before the calls leave; fills in their ids. */
static void
enter_ledger(List *calls, TimestampTz now)
{
	int			n = list_length(calls);
	const LpCall *first = linitial(calls);
	Datum	   *job_ids = palloc(sizeof(Datum) * n);
	Datum	   *reserved = palloc(sizeof(Datum) * n);
	char	  **subjects = palloc(sizeof(char *) * n);
	Datum		values[6];

	for (int i = 0; i < n; i++)
	{
		LpCall	   *call = list_nth(calls, i);

		job_ids[i] = Int64GetDatum(call->jobs[0].id);
		reserved[i] = lp_numeric(call->reserved);
		subjects[i] = subjects_of(call);
	}
	values[0] = CStringGetTextDatum(lp_provider_name(first->provider));
	values[1] = CStringGetTextDatum(first->text.endpoint);
	values[2] = lp_array_of_datums(job_ids, n, INT8OID);
	values[3] = lp_array_of_texts(subjects, n);
	values[4] = lp_array_of_datums(reserved, n, NUMERICOID);
	values[5] = TimestampTzGetDatum(now);
	if (lp_sql_run(&ledger_sql, values, NULL) != n)
		elog(ERROR, "the ledger took another number of calls");
	for (int i = 0; i < n; i++)
		((LpCall *) list_nth(calls, i))->id = lp_col_int(i, 1, 0);
	for (int i = 0; i < n; i++)
	{
		LpCall	   *call = list_nth(calls, i);

		if (call->token != NULL)
			lp_webhook_expect(call->id, call->token);
	}
}

static void
start_jobs(List *calls, TimestampTz now)
{
	int			n = 0;
	LpJob	   *jobs;
	int64	   *call_ids;
	double	   *reserved;
	ListCell   *cell;

	foreach(cell, calls)
		n += ((LpCall *) lfirst(cell))->n;
	jobs = palloc(sizeof(LpJob) * n);
	call_ids = palloc(sizeof(int64) * n);
	reserved = palloc(sizeof(double) * n);
	n = 0;
	foreach(cell, calls)
	{
		const LpCall *call = lfirst(cell);

		for (int i = 0; i < call->n; i++)
		{
			jobs[n] = call->jobs[i];
			call_ids[n] = call->id;
			reserved[n++] = call->reserved / call->n;
		}
	}
	lp_jobs_start(jobs, call_ids, reserved, n, now);
}

List *
lp_calls_prepare(LpProviderId provider, LpJobKind kind, int most, TimestampTz now,
				 MemoryContext parent, LpShortOf *short_of)
{
	Taken		taken;
	int			most_jobs = kind == LP_JOB_ENRICH ? most * PEOPLE_A_CALL : most;
	List	   *calls;

	taken.jobs = lp_jobs_take(provider, kind, most_jobs, now, &taken.n);
	*short_of = taken.n < most_jobs ? LP_SHORT_OF_JOBS : LP_SHORT_OF_NOTHING;
	if (taken.n == 0)
		return NIL;
	taken.subjects = palloc0(sizeof(LpSubject) * taken.n);
	taken.drop = palloc0(sizeof(char *) * taken.n);
	if (kind == LP_JOB_ENRICH)
	{
		look_up_people(&taken, now);
		end_dropped(&taken, now);
	}
	calls = group(&taken, provider, kind, most,
				  lp_job_kind_is_paid(kind) ? lp_money_lock(provider, now) : 0,
				  now, parent, short_of);
	if (calls == NIL)
		return NIL;
	reserve(calls, provider, now);
	enter_ledger(calls, now);
	start_jobs(calls, now);
	/* whatever synchronous_commit says: a crash must not forget what left */
	ForceSyncCommit();
	return calls;
}
