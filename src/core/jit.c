/*
 * jit.c
 *	  Just-in-time validation: the verdict on loaded facts, and the questions
 *	  from SQL.
 *
 * A check reserves nothing, so it takes no lock; it reads with the newest
 * snapshot, and a claim (claim.c) asks the same functions under its locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "core/bans.h"
#include "core/jit.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

#define MAX_BATCH 10000

/* Beyond so many steps a moment at which all checks pass is not searched. */
#define MAX_STEPS 1000

PG_FUNCTION_INFO_V1(lp_jit_check);
PG_FUNCTION_INFO_V1(lp_jit_check_batch);
PG_FUNCTION_INFO_V1(lp_jit_explain);

uint32
lp_jit_failed(const LpJitCall *call, const LpJitLead *lead, uint32 mask)
{
	uint32		failed = 0;

	if (!lead->owned)
		return mask & LP_CHECK_BIT(LP_CHECK_ASSIGNMENT);
	for (int i = 0; i < LP_CHECKS; i++)
		if ((mask & LP_CHECK_BIT(i)) &&
			!lp_checks[i].ask(call, lead, call->at).passed)
			failed |= LP_CHECK_BIT(i);
	return failed;
}

bool
lp_jit_passes(const LpJitCall *call, const LpJitLead *lead, uint32 mask)
{
	return lp_jit_failed(call, lead, mask) == 0;
}

/*
 * Each check that fails says until when at least; no moment before the latest
 * of these can pass, so that going there and asking all again ends at the
 * first moment that does.
 */
TimestampTz
lp_jit_retry_at(const LpJitCall *call, const LpJitLead *lead, uint32 mask)
{
	TimestampTz t = call->at;

	if (!lead->owned)
		return DT_NOEND;
	for (int step = 0; step < MAX_STEPS; step++)
	{
		TimestampTz next = t;
		bool		passed = true;

		for (int i = 0; i < LP_CHECKS; i++)
		{
			LpCheckAnswer answer;

			if ((mask & LP_CHECK_BIT(i)) == 0)
				continue;
			answer = lp_checks[i].ask(call, lead, t);
			if (answer.passed)
				continue;
			passed = false;
			next = Max(next, answer.next);
		}
		if (passed)
			return t;
		if (next <= t || TIMESTAMP_IS_NOEND(next))
			return DT_NOEND;
		t = next;
	}
	return DT_NOEND;
}

/* The answer for a lead: all checks, or the sixth alone. */
static LpVerdict
judge(const LpJitCall *call, const LpJitLead *lead)
{
	LpVerdict	verdict;

	verdict.failed = lp_jit_failed(call, lead, LP_ALL_CHECKS);
	verdict.retry_at = DT_NOEND;
	if (verdict.failed != 0)
		verdict.retry_at = lp_jit_retry_at(call, lead, LP_ALL_CHECKS);
	return verdict;
}

char *
lp_jit_time_text(TimestampTz at)
{
	char		buffer[MAXDATELEN + 1];
	int			utc = 0;

	return pstrdup(JsonEncodeDateTime(buffer, TimestampTzGetDatum(at),
									  TIMESTAMPTZOID, &utc));
}

char *
lp_jit_period_text(const Interval *period)
{
	char		buffer[MAXDATELEN + 1];
	struct pg_itm itm;

	interval2itm(*period, &itm);
	EncodeInterval(&itm, INTSTYLE_POSTGRES_VERBOSE, buffer);
	return pstrdup(buffer[0] == '@' ? buffer + 2 : buffer);
}

Datum
lp_jit_failed_array(uint32 failed)
{
	char	   *names[LP_CHECKS];
	int			n = 0;

	for (int i = 0; i < LP_CHECKS; i++)
		if (failed & LP_CHECK_BIT(i))
			names[n++] = (char *) lp_checks[i].name;
	return lp_array_of_texts(names, n);
}

const char *
lp_jit_blocked_by(uint32 failed)
{
	for (int i = 0; i < LP_CHECKS; i++)
		if (failed & LP_CHECK_BIT(i))
			return lp_checks[i].name;
	return NULL;
}

/* The moment asked about; infinity is none. */
static TimestampTz
arg_at(FunctionCallInfo fcinfo, int n)
{
	TimestampTz at = PG_ARGISNULL(n) ? lp_clock_now() : PG_GETARG_TIMESTAMPTZ(n);

	if (TIMESTAMP_NOT_FINITE(at))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"at\" must be finite"),
				errhint("Leave it out to ask about now."));
	return at;
}

Datum
lp_jit_check(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *lead_id = lp_arg_uuid(fcinfo, 0, "lead_id");
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	LpChannel	channel = lp_arg_channel(fcinfo, 2, "channel");
	char	   *sender = lp_arg_text_or_null(fcinfo, 3);
	TimestampTz at = arg_at(fcinfo, 4);
	LpJitCall  *call;
	LpVerdict	verdict;
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};
	MemoryContext old;
	HeapTuple	tuple;

	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	lp_bans_require_key(false);
	call = lp_jit_begin(client_id, channel, sender, at);
	lp_jit_load_limits(call);
	verdict = judge(call, lp_jit_load(call, lead_id, 1));

	nulls[1] = verdict.failed == 0;
	nulls[3] = TIMESTAMP_IS_NOEND(verdict.retry_at);
	values[0] = BoolGetDatum(verdict.failed == 0);
	values[1] = nulls[1] ? (Datum) 0 :
		CStringGetTextDatum(lp_jit_blocked_by(verdict.failed));
	values[2] = lp_jit_failed_array(verdict.failed);
	values[3] = TimestampTzGetDatum(verdict.retry_at);
	old = MemoryContextSwitchTo(lp_call_result_context());
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lp_jit_check must return a row");
	tuple = heap_form_tuple(BlessTupleDesc(desc), values, nulls);
	MemoryContextSwitchTo(old);
	lp_call_end();
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

pg_uuid_t *
lp_jit_arg_batch(FunctionCallInfo fcinfo, int n, int *count)
{
	pg_uuid_t  *ids;
	pg_uuid_t  *sorted;
	int			given;
	int			kept = 0;
	bool	   *taken;

	lp_arg_require(fcinfo, n, "lead_ids");
	ids = lp_array_to_uuids(PG_GETARG_DATUM(n), &given);
	if (given > MAX_BATCH)
		ereport(ERROR,
				errcode(ERRCODE_LP_TOO_LARGE),
				errmsg("%d leads are too many for one call", given),
				errhint("Pass at most %d.", MAX_BATCH));
	sorted = palloc(sizeof(pg_uuid_t) * Max(given, 1));
	taken = palloc0(sizeof(bool) * Max(given, 1));
	memcpy(sorted, ids, sizeof(pg_uuid_t) * given);
	qsort(sorted, given, sizeof(pg_uuid_t), lp_uuid_compare);
	for (int i = 0; i < given; i++)
	{
		pg_uuid_t  *place = bsearch(&ids[i], sorted, given, sizeof(pg_uuid_t),
									lp_uuid_compare);

		/* of equal ids any may be found: the first of them stands for all */
		while (place > sorted && lp_uuid_equal(place, place - 1))
			place--;
		if (taken[place - sorted])
			continue;
		taken[place - sorted] = true;
		ids[kept++] = ids[i];
	}
	*count = kept;
	return ids;
}

Datum
lp_jit_check_batch(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 0, "client_id");
	LpChannel	channel = lp_arg_channel(fcinfo, 1, "channel");
	char	   *sender = lp_arg_text_or_null(fcinfo, 3);
	TimestampTz at = arg_at(fcinfo, 4);
	int			n;
	pg_uuid_t  *ids = lp_jit_arg_batch(fcinfo, 2, &n);
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpJitCall  *call;
	LpJitLead  *leads;

	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	lp_bans_require_key(false);
	call = lp_jit_begin(client_id, channel, sender, at);
	lp_jit_load_limits(call);
	leads = lp_jit_load(call, ids, n);
	for (int i = 0; i < n; i++)
	{
		LpVerdict	verdict = judge(call, &leads[i]);

		lp_rows_set_uuid(rows, "lead_id", &leads[i].asked);
		lp_rows_set(rows, "allowed", BoolGetDatum(verdict.failed == 0));
		lp_rows_set_text(rows, "blocked_by", lp_jit_blocked_by(verdict.failed));
		lp_rows_set(rows, "failed", lp_jit_failed_array(verdict.failed));
		lp_rows_set_time(rows, "retry_at", verdict.retry_at);
		lp_rows_emit(rows);
	}
	lp_call_end();
	return (Datum) 0;
}

static void
explain_check(LpRows *rows, const LpJitCall *call, const LpJitLead *lead, int check)
{
	LpCheckAnswer answer;

	lp_rows_set(rows, "position", Int32GetDatum(check + 1));
	lp_rows_set_text(rows, "check_name", lp_checks[check].name);
	if (!lead->owned && check != LP_CHECK_ASSIGNMENT)
	{
		lp_rows_set_text(rows, "detail", "not evaluated");
		lp_rows_emit(rows);
		return;
	}
	answer = lp_checks[check].ask(call, lead, call->at);
	lp_rows_set(rows, "passed", BoolGetDatum(answer.passed));
	lp_rows_set_text(rows, "detail", answer.detail);
	if (!answer.passed)
		lp_rows_set_time(rows, "retry_at",
						 lp_jit_retry_at(call, lead, LP_CHECK_BIT(check)));
	lp_rows_emit(rows);
}

Datum
lp_jit_explain(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *lead_id = lp_arg_uuid(fcinfo, 0, "lead_id");
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	LpChannel	channel = lp_arg_channel(fcinfo, 2, "channel");
	char	   *sender = lp_arg_text_or_null(fcinfo, 3);
	TimestampTz at = arg_at(fcinfo, 4);
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpJitCall  *call;
	LpJitLead  *lead;

	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	lp_bans_require_key(false);
	call = lp_jit_begin(client_id, channel, sender, at);
	call->explain = true;
	lp_jit_load_limits(call);
	lead = lp_jit_load(call, lead_id, 1);
	for (int i = 0; i < LP_CHECKS; i++)
		explain_check(rows, call, lead, i);
	lp_call_end();
	return (Datum) 0;
}
