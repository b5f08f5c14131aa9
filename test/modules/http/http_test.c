/*
 * http_test.c
 *	  The HTTP engine in a backend, for tests and benchmarks.
 *
 * One engine a session, so that connections are kept between calls of
 * http_run(); http_forget() closes it.  See test/t/http.pl for the
 * declarations.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "http/http.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(http_run);
PG_FUNCTION_INFO_V1(http_bench);
PG_FUNCTION_INFO_V1(http_forget);

static MemoryContext engine_context;
static LpHttp *engine;

static const char *const outcomes[] = {
	"answer", "not_sent", "timeout", "broken", "too_large", "refused_url"
};

static void
use_engine(const LpHttpLimits *limits)
{
	if (engine == NULL)
	{
		MemoryContext before;

		engine_context = AllocSetContextCreate(TopMemoryContext, "HTTP test",
											   ALLOCSET_SMALL_SIZES);
		before = MemoryContextSwitchTo(engine_context);
		engine = lp_http_create(limits);
		MemoryContextSwitchTo(before);
		return;
	}
	/* What an interrupted call left behind. */
	lp_http_cancel_all(engine);
	lp_http_configure(engine, limits);
}

Datum
http_forget(PG_FUNCTION_ARGS)
{
	if (engine != NULL)
		MemoryContextDelete(engine_context);
	engine = NULL;
	PG_RETURN_VOID();
}

static char *
text_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

static char **
strings(FunctionCallInfo fcinfo, int n, int *count)
{
	Datum	   *values;
	char	  **result;

	*count = 0;
	if (PG_ARGISNULL(n))
		return NULL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(n), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, NULL, count);
	result = palloc(sizeof(char *) * (*count + 1));
	for (int i = 0; i < *count; i++)
		result[i] = TextDatumGetCString(values[i]);
	return result;
}

static Datum
text_datum(const char *text, bool *isnull)
{
	*isnull = text == NULL;
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

static void
put_answer(ReturnSetInfo *rsinfo, const LpHttpAnswer *answer,
		   const char *header)
{
	Datum		values[11];
	bool		nulls[11] = {0};

	values[0] = Int32GetDatum((int) (intptr_t) answer->owner);
	values[1] = CStringGetTextDatum(outcomes[answer->outcome]);
	values[2] = Int32GetDatum(answer->status);
	values[3] = Int64GetDatum((int64) answer->length);
	values[4] = text_datum(answer->content_type, &nulls[4]);
	values[5] = text_datum(answer->error, &nulls[5]);
	values[6] = Int32GetDatum(answer->ms);
	values[7] = BoolGetDatum(answer->sent);
	values[8] = PointerGetDatum(cstring_to_text_with_len(answer->body,
														 Min(answer->length, 200)));
	values[9] = text_datum(header == NULL ? NULL :
						   lp_http_header(answer, header), &nulls[9]);
	values[10] = Int32GetDatum(lp_http_in_flight(engine));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * http_run(urls, method, headers, body, timeout_ms, max_body, free_call,
 *			concurrency, per_host, connect_timeout_ms, loopback, ca_file,
 *			want, cancel_after)
 *
 * A row for each call in the order in which they ended; after cancel_after
 * answers the rest is cancelled.
 */
Datum
http_run(PG_FUNCTION_ARGS)
{
	LpHttpRequest request = {0};
	LpHttpLimits limits = {0};
	int			nurls;
	int			nstrings;
	char	  **urls = strings(fcinfo, 0, &nurls);
	char	  **pairs = strings(fcinfo, 2, &nstrings);
	LpHttpHeader *headers = palloc0(sizeof(LpHttpHeader) * (nstrings + 1));
	char	   *want = text_or_null(fcinfo, 12);
	int			cancel_after = PG_ARGISNULL(13) ? -1 : PG_GETARG_INT32(13);
	int			started = 0;
	int			ended = 0;

	request.method = text_or_null(fcinfo, 1);
	for (int i = 0; i + 1 < nstrings; i += 2)
	{
		headers[request.nheaders].name = pairs[i];
		headers[request.nheaders++].value = pairs[i + 1];
	}
	request.headers = headers;
	request.body = text_or_null(fcinfo, 3);
	request.body_length = request.body == NULL ? 0 : strlen(request.body);
	request.timeout_ms = PG_GETARG_INT32(4);
	request.max_body = PG_GETARG_INT32(5);
	request.free_call = PG_GETARG_BOOL(6);
	limits.max_connections = PG_GETARG_INT32(7);
	limits.max_per_host = PG_GETARG_INT32(8);
	limits.connect_timeout_ms = PG_GETARG_INT32(9);
	limits.allow_loopback_http = PG_GETARG_BOOL(10);
	limits.ca_file = text_or_null(fcinfo, 11);

	InitMaterializedSRF(fcinfo, 0);
	use_engine(&limits);
	while (ended < nurls)
	{
		LpHttpAnswer *answer;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		while (started < nurls && lp_http_room(engine) > 0)
		{
			char	   *url = pstrdup(urls[started]);

			request.url = url;
			request.owner = (void *) (intptr_t) started++;
			lp_http_start(engine, &request);
			/* The engine has a copy. */
			memset(url, 'x', strlen(url));
		}
		lp_http_turn(engine, 20, 1);
		while ((answer = lp_http_next(engine)) != NULL)
		{
			put_answer((ReturnSetInfo *) fcinfo->resultinfo, answer, want);
			lp_http_release(engine, answer);
			ended++;
		}
		if (cancel_after >= 0 && ended >= cancel_after)
		{
			lp_http_cancel_all(engine);
			if (lp_http_in_flight(engine) != 0 || lp_http_next(engine) != NULL)
				elog(ERROR, "something is left after a cancel");
			break;
		}
	}
	return (Datum) 0;
}

static int64
cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64CONST(1000000) +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/*
 * http_bench(url, calls, concurrency, body, ca_file): answers, others, and the
 * milliseconds and microseconds of CPU that they took.
 */
Datum
http_bench(PG_FUNCTION_ARGS)
{
	LpHttpLimits limits = {0};
	LpHttpRequest request = {0};
	LpHttpHeader header = {"Content-Type", "application/json"};
	int			calls = PG_GETARG_INT32(1);
	int			started = 0;
	int			ended = 0;
	int			good = 0;
	int64		cpu = cpu_us();
	instr_time	begin;
	instr_time	end;
	char		text[100];

	limits.max_connections = limits.max_per_host = PG_GETARG_INT32(2);
	limits.connect_timeout_ms = 5000;
	limits.allow_loopback_http = true;
	limits.ca_file = text_or_null(fcinfo, 4);
	request.url = text_or_null(fcinfo, 0);
	request.body = text_or_null(fcinfo, 3);
	request.body_length = request.body == NULL ? 0 : strlen(request.body);
	request.method = request.body == NULL ? "GET" : "POST";
	request.headers = &header;
	request.nheaders = request.body == NULL ? 0 : 1;
	request.timeout_ms = 30000;
	request.max_body = 8 * 1024 * 1024;

	INSTR_TIME_SET_CURRENT(begin);
	use_engine(&limits);
	while (ended < calls)
	{
		LpHttpAnswer *answer;

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		for (int room = lp_http_room(engine); room > 0 && started < calls; room--, started++)
			lp_http_start(engine, &request);
		lp_http_turn(engine, 20, 1);
		while ((answer = lp_http_next(engine)) != NULL)
		{
			good += answer->outcome == LP_HTTP_ANSWER && answer->status == 200;
			ended++;
			lp_http_release(engine, answer);
		}
	}
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, begin);
	snprintf(text, sizeof(text), "%d %d %.0f " INT64_FORMAT, good, ended - good,
			 INSTR_TIME_GET_MILLISEC(end), cpu_us() - cpu);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
