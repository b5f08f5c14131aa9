/*
 * allocate.c
 *	  lp_allocate: the best leads that may be handed out to a client.
 *
 * The first pass takes what no other transaction has locked, and waits for
 * nobody: it looks without locks and then locks what it found, as far as it is
 * free, so that nothing is locked that it does not take.  If that is not enough
 * and others hold some of what it found, everything the pass had locked is let
 * go (a subtransaction) and a second pass locks the leads in the order of their
 * ids and waits; one second pass runs at a time.  So nobody who waits for a
 * lead holds one that another second pass wants.
 *
 * Locks: client, (second pass), leads by id, lead_available, companies,
 * assignments; the first pass waits for none of the leads.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/allocate.h"
#include "core/available.h"
#include "core/bans.h"
#include "core/client.h"
#include "core/eligible.h"
#include "core/holds.h"
#include "core/request_key.h"
#include "core/room.h"
#include "core/shortage.h"
#include "store/candidates.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/hash.h"
#include "util/jsonarg.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_allocate);

#define MAX_WANTED 100000
#define MAX_BATCH 5000

/* Class of the second pass's advisory lock: 'lp2p'. */
#define SECOND_PASS_CLASS 0x6c703270

static LpSql lock_free_sql = LP_SQL(
	"SELECT a.lead_id FROM @s@.lead_available a"
	" JOIN @s@.lead_state s ON s.lead_id = a.lead_id"
	" WHERE a.lead_id = ANY ($1) FOR UPDATE OF s, a SKIP LOCKED",
	UUIDARRAYOID);

/* Under the locks of the leads. */
static LpSql lock_sql = LP_SQL(
	"SELECT lead_id FROM @s@.lead_available WHERE lead_id = ANY ($1)"
	" ORDER BY lead_id FOR UPDATE",
	UUIDARRAYOID);

/* Given for the same demand as a request. */
static LpSql given_sql = LP_SQL(
	"SELECT lead_id FROM @s@.lead_assignments"
	" WHERE client_id = $1 AND campaign_id IS NOT DISTINCT FROM $2 AND assigned_at >= $3"
	" AND origin IN ('allocate', 'request')",
	UUIDOID, UUIDOID, TIMESTAMPTZOID);

static LpSql insert_sql = LP_SQL(
	"INSERT INTO @s@.lead_assignments (id, lead_id, client_id, campaign_id,"
	" origin, request_key, assigned_at)"
	" SELECT u.id, u.lead_id, $3, $4, $7, $5, greatest($6,"
	"  (SELECT max(e.ended_at) FROM @s@.lead_assignments e WHERE e.lead_id = u.lead_id))"
	" FROM unnest($1, $2) WITH ORDINALITY u(id, lead_id, n) ORDER BY u.n"
	" RETURNING *",
	UUIDARRAYOID, UUIDARRAYOID, UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TEXTOID);

static LpSql taken_sql = LP_SQL(
	"DELETE FROM @s@.lead_available WHERE lead_id = ANY ($1)", UUIDARRAYOID);

/* How often a company was taken in this call. */
typedef struct CompanyCount
{
	uint8		company[LP_SHA256_BYTES];	/* hash of its domain or Apollo id */
	int64		taken;
} CompanyCount;

/* One call. */
typedef struct Allocation
{
	pg_uuid_t  *client_id;
	pg_uuid_t  *campaign_id;	/* may be NULL */
	int64		wanted;
	Jsonb	   *criteria_json;
	LpCriteria *criteria;
	LpOptions  *options;
	LpClient   *client;
	TimestampTz now;
	bool		dry_run;

	pg_uuid_t  *leads;			/* taken so far, in order */
	int			n;
	int64		missed;			/* candidates of this pass that others hold */
	HTAB	   *companies;
	LpLead	   *given;			/* before, for the same demand */
	int			n_given;
} Allocation;

/* Counts a lead of a company; false if there are enough of it. */
static bool
count_company(Allocation *call, const LpLead *lead)
{
	const char *company = lead->company_domain ? lead->company_domain : lead->company_org;
	uint8		key[LP_SHA256_BYTES];
	CompanyCount *count;
	bool		found;

	if (call->options->per_company_max < 0 || company == NULL)
		return true;
	lp_sha256(company, strlen(company), key);
	count = hash_search(call->companies, key, HASH_ENTER, &found);
	if (!found)
		count->taken = 0;
	if (count->taken >= call->options->per_company_max)
		return false;
	count->taken++;
	return true;
}

/* Judges candidates in order and takes those that pass, as many as needed. */
static void
take(Allocation *call, const pg_uuid_t *ids, int n)
{
	LpEligible *list = lp_eligible_check(call->client, call->criteria, ids, n, call->now);
	const LpLead **chosen = palloc(sizeof(LpLead *) * Max(n, 1));
	int			n_chosen = 0;
	bool	   *refused;

	for (int i = 0; i < n && call->n + n_chosen < call->wanted; i++)
		if (list[i].broken == 0 && count_company(call, list[i].lead))
			chosen[n_chosen++] = list[i].lead;
	refused = call->dry_run ? palloc0(sizeof(bool) * Max(n_chosen, 1)) :
		lp_holds_take(call->client, chosen, n_chosen, call->now);
	for (int i = 0; i < n_chosen; i++)
		if (!refused[i])
			call->leads[call->n++] = chosen[i]->id;
}

/*
 * Locks candidates, all (waiting) or those that nobody else has locked, and
 * leaves those in the list that still are candidates; the order stays.
 */
static int
lock(pg_uuid_t *ids, int n, bool waiting)
{
	Datum		values[] = {lp_array_of_uuids(ids, n)};
	uint64		locked;
	pg_uuid_t  *mine;
	int			left = 0;

	if (waiting)
		lp_lead_lock(ids, n);
	locked = lp_sql_run(waiting ? &lock_sql : &lock_free_sql, values, NULL);
	if (locked == n)
		return n;
	mine = palloc(sizeof(pg_uuid_t) * Max(locked, 1));
	for (uint64 row = 0; row < locked; row++)
		mine[row] = *DatumGetUUIDP(lp_col(row, 1));
	qsort(mine, locked, sizeof(pg_uuid_t), lp_uuid_compare);
	for (int i = 0; i < n; i++)
		if (bsearch(&ids[i], mine, locked, sizeof(pg_uuid_t), lp_uuid_compare) != NULL)
			ids[left++] = ids[i];
	return left;
}

/* First exactly what is needed; then more, since some were refused. */
static int
batch_size(const Allocation *call, int round)
{
	int64		needed = call->wanted - call->n;

	return Min(round == 0 ? needed : Max(2 * needed, 64), MAX_BATCH);
}

static void
start_pass(Allocation *call)
{
	HASHCTL		info = {0};

	call->n = 0;
	call->missed = 0;
	info.keysize = LP_SHA256_BYTES;
	info.entrysize = sizeof(CompanyCount);
	info.hcxt = CurrentMemoryContext;
	call->companies = hash_create("leadpool companies", 64, &info,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < call->n_given; i++)
		(void) count_company(call, &call->given[i]);
}

/* A pass from the beginning; a dry run locks nothing. */
static void
pass(Allocation *call, bool waiting)
{
	LpSearch   *search = lp_search_begin(call->criteria, call->options, call->now);

	start_pass(call);
	for (int round = 0; call->n < call->wanted; round++)
	{
		int			limit = batch_size(call, round);
		int			found;
		int			free;
		pg_uuid_t  *ids;

		CHECK_FOR_INTERRUPTS();
		ids = lp_search_next(search, limit, &found);
		free = call->dry_run ? found : lock(ids, found, waiting);
		call->missed += found - free;
		take(call, ids, free);
		if (found < limit)
			break;
	}
}

static void
second_pass(Allocation *call)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, SECOND_PASS_CLASS, 0, 2);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	pass(call, true);
}

/*
 * The first pass in a subtransaction, so that its locks can be let go.  True
 * if it has to be followed by a second one.
 */
static bool
try_first_pass(Allocation *call)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool again = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		pass(call, false);
		again = call->n < call->wanted && call->missed > 0;
		if (again)
			RollbackAndReleaseCurrentSubTransaction();
		else
			ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	return again;
}

static void
collect(Allocation *call)
{
	call->leads = palloc_extended(sizeof(pg_uuid_t) * Max(call->wanted, 1), 0);
	if (call->dry_run)
		pass(call, false);
	else if (try_first_pass(call))
		second_pass(call);
}

/* Rows of a dry run: as they would be, without an id. */
static void
emit_dry(Allocation *call, LpRows *rows)
{
	for (int i = 0; i < call->n; i++)
	{
		lp_rows_set_uuid(rows, "lead_id", &call->leads[i]);
		lp_rows_set_uuid(rows, "client_id", call->client_id);
		lp_rows_set_uuid(rows, "campaign_id", call->campaign_id);
		lp_rows_set_text(rows, "status", "active");
		lp_rows_set_text(rows, "origin", "allocate");
		lp_rows_set_text(rows, "request_key", call->options->request_key);
		lp_rows_set_time(rows, "assigned_at", call->now);
		lp_rows_emit(rows);
	}
}

/* Writes the assignments, in order; their ids.  rows may be NULL. */
static pg_uuid_t *
store(Allocation *call, const char *origin, LpRows *rows)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(call->n, 1));
	Datum		leads = lp_array_of_uuids(call->leads, call->n);
	Datum		values[7] = {0, leads, UUIDPGetDatum(call->client_id)};
	char		nulls[] = "       ";
	uint64		stored;

	for (int i = 0; i < call->n; i++)
		lp_uuid_make(&ids[i]);
	values[0] = lp_array_of_uuids(ids, call->n);
	values[3] = call->campaign_id ? UUIDPGetDatum(call->campaign_id) : (Datum) 0;
	nulls[3] = call->campaign_id ? ' ' : 'n';
	values[4] = call->options->request_key ?
		CStringGetTextDatum(call->options->request_key) : (Datum) 0;
	nulls[4] = call->options->request_key ? ' ' : 'n';
	values[5] = TimestampTzGetDatum(lp_clock_now());
	values[6] = CStringGetTextDatum(origin);
	stored = lp_sql_run(&insert_sql, values, nulls);
	for (uint64 row = 0; row < stored && rows != NULL; row++)
		lp_rows_emit_tuple(rows, row);
	values[0] = leads;
	lp_sql_run(&taken_sql, values, NULL);
	return ids;
}

static int64
read_wanted(FunctionCallInfo fcinfo)
{
	int64		wanted;

	lp_arg_require(fcinfo, 2, "wanted");
	wanted = PG_GETARG_INT32(2);
	if (wanted < 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"wanted\" must not be negative: " INT64_FORMAT, wanted));
	if (wanted > MAX_WANTED)
		ereport(ERROR,
				errcode(ERRCODE_LP_TOO_LARGE),
				errmsg("argument \"wanted\" is too large: " INT64_FORMAT, wanted),
				errhint("Ask for at most %d leads a call.", MAX_WANTED));
	return wanted;
}

static void
allocate(Allocation *call, Jsonb *options, LpRows *rows)
{
	bool		keyed = call->options->request_key != NULL && !call->dry_run;
	LpRequestKey request = {call->options->request_key, call->client_id, call->now};
	pg_uuid_t  *ids;

	if (keyed)
		lp_request_key_hash(&request, call->campaign_id, call->wanted,
							call->criteria_json, options);
	if (keyed && lp_request_key_answer(&request, rows))
		return;
	call->client = lp_client_load_active(call->client_id);
	lp_bans_require_key(false);
	call->wanted = Min(call->wanted,
					   lp_client_room(call->client, call->now, !call->dry_run));
	if (!call->dry_run)
		lp_available_ensure();
	collect(call);
	if (call->dry_run)
	{
		emit_dry(call, rows);
		return;
	}
	ids = store(call, "allocate", rows);
	if (call->n < call->wanted && call->options->enrich_on_shortage)
		lp_shortage_note(call->client_id, call->campaign_id, call->criteria_json,
						 (int) (call->wanted - call->n), call->options->per_company_max, call->now);
	if (keyed)
		lp_request_key_keep(&request, ids, call->n);
}

/* Of a company that has enough of them no more are handed out. */
static void
load_given(Allocation *call, TimestampTz asked_at)
{
	Datum		values[] = {UUIDPGetDatum(call->client_id),
		call->campaign_id == NULL ? (Datum) 0 : UUIDPGetDatum(call->campaign_id),
	TimestampTzGetDatum(asked_at)};
	pg_uuid_t  *ids;

	call->n_given = lp_sql_run(&given_sql, values, call->campaign_id == NULL ? " n " : NULL);
	ids = palloc(sizeof(pg_uuid_t) * Max(call->n_given, 1));
	for (int i = 0; i < call->n_given; i++)
		ids[i] = *lp_col_uuid(i, 1);
	call->given = call->n_given == 0 ? NULL : lp_lead_load(ids, call->n_given);
}

LpFill
lp_allocate_fill(const pg_uuid_t *client_id, const pg_uuid_t *campaign_id,
				 Jsonb *criteria, int wanted, int64 per_company_max, TimestampTz asked_at)
{
	Allocation	call = {0};
	LpFill		fill = {0};
	int64		room;

	call.client_id = unconstify(pg_uuid_t *, client_id);
	call.campaign_id = unconstify(pg_uuid_t *, campaign_id);
	call.criteria_json = criteria;
	call.options = lp_options_read(NULL);
	call.options->per_company_max = per_company_max;
	call.criteria = lp_criteria_read(criteria);
	lp_client_lock(client_id, true);
	call.now = lp_clock_now();
	call.client = lp_client_load_active(client_id);
	lp_bans_require_key(false);
	room = lp_client_room(call.client, call.now, true);
	call.wanted = Min(wanted, room);
	lp_available_ensure();
	if (per_company_max >= 0)
		load_given(&call, asked_at);
	call.leads = palloc(sizeof(pg_uuid_t) * Max(call.wanted, 1));
	pass(&call, false);
	if (call.n > 0)
		(void) store(&call, "request", NULL);
	fill.given = call.n;
	fill.missed = call.n < call.wanted ? call.missed : 0;
	fill.room = room == PG_INT64_MAX ? room : room - call.n;
	return fill;
}

Datum
lp_allocate(PG_FUNCTION_ARGS)
{
	Allocation	call = {0};
	Jsonb	   *options = LP_ARG_JSONB(4);
	LpRows	   *rows = lp_rows_begin(fcinfo);

	call.client_id = lp_arg_uuid(fcinfo, 0, "client_id");
	call.campaign_id = lp_arg_uuid_or_null(fcinfo, 1);
	call.wanted = read_wanted(fcinfo);
	call.criteria_json = LP_ARG_JSONB(3);

	call.options = lp_options_read(options);
	call.dry_run = call.options->dry_run;

	/* a dry run writes nothing, so that a read-only transaction may ask */
	lp_call_begin(fcinfo, call.dry_run ? LP_CALL_DECIDES : LP_CALL_WRITES);
	call.criteria = lp_criteria_read(call.criteria_json);
	lp_client_lock(call.client_id, !call.dry_run);
	call.now = lp_clock_now();
	allocate(&call, options, rows);
	lp_call_end();
	return (Datum) 0;
}
