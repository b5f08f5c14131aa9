/*
 * capture.c
 *	  lp_capture_apollo, lp_capture_apollo_raw, lp_capture: one call takes one
 *	  body, and decides for each element of it who that is.
 *
 * Order of locks (doc/architecture.md): the stripes of all keys of the batch, of
 * its companies and of the body itself, ascending; then the leads.  Two sessions
 * with the same person therefore take turns, and the second one finds what the
 * first one stored.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"

#include "core/bans.h"
#include "core/batch.h"
#include "core/capture.h"
#include "core/fold.h"
#include "core/lead.h"
#include "core/stripes.h"
#include "core/tie.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/jsonwalk.h"
#include "util/uuid.h"
#include "util/wake.h"

#define MAX_BODY (8 * 1024 * 1024)
#define MAX_ELEMENTS 1000
#define MAX_AHEAD USECS_PER_DAY

PG_FUNCTION_INFO_V1(lp_capture_apollo);
PG_FUNCTION_INFO_V1(lp_capture_apollo_raw);
PG_FUNCTION_INFO_V1(lp_capture);

const LpProvider *
lp_provider_of(const char *source)
{
	return strcmp(source, lp_apollo.name) == 0 ? &lp_apollo : NULL;
}

Jsonb *
lp_batch_json(const char *part, int len)
{
	char	   *clean = lp_json_clean(part, len);

	if (*clean != '{')
		return NULL;
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(clean)));
}

int
lp_batch_lead(LpBatch *batch, const pg_uuid_t *id, bool is_new)
{
	LpTouched  *lead;

	for (int i = 0; i < batch->n_leads; i++)
		if (lp_uuid_equal(&batch->leads[i].id, id))
			return i;
	if (batch->n_leads == batch->lead_room)
	{
		batch->lead_room = Max(16, batch->lead_room * 2);
		batch->leads = batch->leads == NULL ?
			palloc(sizeof(LpTouched) * batch->lead_room) :
			repalloc(batch->leads, sizeof(LpTouched) * batch->lead_room);
	}
	lead = &batch->leads[batch->n_leads];
	memset(lead, 0, sizeof(*lead));
	lead->id = *id;
	lead->is_new = is_new;
	lead->made = is_new;
	lead->newest = DT_NOBEGIN;
	return batch->n_leads++;
}

static LpElementKind
kind_of_list(LpList list)
{
	switch (list)
	{
		case LP_LIST_CONTACTS:
			return LP_ELEMENT_CONTACT;
		case LP_LIST_ORGANIZATION:
		case LP_LIST_ORGANIZATIONS:
			return LP_ELEMENT_ORGANIZATION;
		default:
			return LP_ELEMENT_PERSON;
	}
}

/* What company an organization element is about: id, else domain. */
static bool
names_company(LpBatch *batch, const LpFacts *facts)
{
	return lp_fold_company(batch->pool, facts->row) != NULL ||
		lp_fold_company_domain(lp_pool_text(batch->pool, facts->row,
											LP_COL_COMPANY_DOMAIN)) != NULL;
}

static void
reject(LpElement *element, const char *detail)
{
	element->outcome = "rejected";
	element->detail = detail;
}

static void
read_element(LpBatch *batch, LpElement *element)
{
	int			len = element->span.end - element->span.start;

	element->kind = kind_of_list(element->span.list);
	element->lead = -1;
	element->company = -1;
	element->part = pnstrdup(batch->body + element->span.start, len);
	if (element->json == NULL)
	{
		reject(element, strcmp(element->part, "null") == 0 ? "no_match" : "bad_element");
		return;
	}
	element->facts = lp_facts_read(batch->pool, batch->provider, batch->source,
								   element->kind, element->json, batch->captured_at);
	if (element->kind == LP_ELEMENT_ORGANIZATION)
	{
		if (!names_company(batch, element->facts))
			reject(element, "no_match");
		return;
	}
	element->keys = lp_facts_keys(batch->pool, element->facts, &element->n_keys);

	/*
	 * Without a key (an id of over 320 bytes is none) nobody could be found
	 * again.
	 */
	if (element->n_keys == 0 ||
		(batch->provider != NULL &&
		 !lp_facts_is_match(batch->pool, element->facts, element->json)))
		reject(element, "no_match");
}

static void
check_limit(const char *what, int n, int limit)
{
	if (n > limit)
		ereport(ERROR,
				errcode(ERRCODE_LP_TOO_LARGE),
				errmsg("payload has %d %s, more than %d", n, what, limit),
				errhint("Capture it in parts."));
}

static void
refuse_body(const LpBatch *batch)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_JSON_TEXT),
			errmsg(batch->provider != NULL ? "payload is not a JSON object" :
				   "payload is neither a JSON object nor a list of objects"),
			errhint("Pass the answer as it came; nothing was stored."));
}

static LpSpan *
split_body(LpBatch *batch)
{
	char		first = batch->body[strspn(batch->body, " \t\r\n")];
	LpSpan	   *spans;

	if (first != '{' && (first != '[' || batch->provider != NULL))
		refuse_body(batch);
	check_limit("bytes", batch->len, MAX_BODY);
	if (lp_json_too_deep(batch->body, batch->len))
		ereport(ERROR,
				errcode(ERRCODE_LP_TOO_LARGE),
				errmsg("payload nests deeper than %d levels", LP_JSON_MAX_DEPTH),
				errhint("Flatten it; nothing was stored."));
	batch->clean = lp_json_clean(batch->body, batch->len);
	spans = batch->provider != NULL ?
		lp_json_split(batch->clean, batch->len, &batch->n) :
		lp_json_split_rows(batch->clean, batch->len, &batch->n);
	if (spans == NULL)
		refuse_body(batch);
	check_limit("elements", batch->n, MAX_ELEMENTS);
	return spans;
}

/* The JSON of the elements: out of the body's, else each by itself. */
static Jsonb **
read_spans(LpBatch *batch, const LpSpan *spans)
{
	Jsonb	  **parts = palloc0(sizeof(Jsonb *) * Max(batch->n, 1));

	/* What was mended in the text is not mended in the JSON. */
	if (batch->json != NULL && memcmp(batch->clean, batch->body, batch->len) == 0 &&
		lp_json_of_spans(spans, batch->n, batch->json, parts))
		return parts;
	for (int i = 0; i < batch->n; i++)
	{
		const char *part = batch->clean + spans[i].start;

		parts[i] = *part != '{' ? NULL :
			DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
											   CStringGetDatum(pnstrdup(part, spans[i].end - spans[i].start))));
	}
	return parts;
}

static void
read_body(LpBatch *batch)
{
	LpSpan	   *spans = split_body(batch);
	Jsonb	  **parts = read_spans(batch, spans);

	batch->elements = palloc0(sizeof(LpElement) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		batch->elements[i].ordinal = i + 1;
		batch->elements[i].span = spans[i];
		batch->elements[i].json = parts[i];
		read_element(batch, &batch->elements[i]);
	}
	lp_sha256(batch->body, batch->len, batch->hash);
}

/* Whoever reads or adds one of these keys meanwhile waits for us. */
static void
lock_stripes(LpBatch *batch)
{
	LpStripes	stripes = {{NoLock}};

	lp_ties_expect(batch, &stripes);
	lp_stripes_add(&stripes, 'b', batch->hash, sizeof(batch->hash), ExclusiveLock);
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		char	   *company;

		if (element->facts == NULL)
			continue;
		for (int k = 0; k < element->n_keys; k++)
			lp_stripes_add_key(&stripes, &element->keys[k], ExclusiveLock);
		company = lp_fold_company(batch->pool, element->facts->row);
		if (company == NULL && element->kind == LP_ELEMENT_ORGANIZATION)
			company = lp_fold_company_domain(lp_pool_text(batch->pool, element->facts->row,
														  LP_COL_COMPANY_DOMAIN));
		if (company != NULL)
			lp_stripes_add(&stripes, 'c', company, strlen(company),
						   element->kind == LP_ELEMENT_ORGANIZATION ? ExclusiveLock :
						   ShareLock);
	}
	lp_stripes_lock(&stripes);
}

/* The body is known: its elements are what they were. */
static void
recall(LpBatch *batch)
{
	int			n;
	LpArchived *parts = lp_archive_parts(&batch->known->id, &n);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));

	for (int i = 0; i < batch->n; i++)
		if (batch->elements[i].json != NULL)
		{
			batch->elements[i].outcome = "suppressed";
			batch->elements[i].detail = "erased";
		}
	for (int i = 0; i < n; i++)
		ids[i] = parts[i].lead_id == NULL ? parts[i].id : *parts[i].lead_id;
	if (n > 0)
		lp_lead_resolve(ids, n);
	for (int i = 0; i < n; i++)
	{
		LpElement  *element = &batch->elements[parts[i].ordinal - 1];

		element->capture_id = parts[i].id;
		element->facts->captured_at = parts[i].captured_at;
		element->outcome = "unchanged";
		element->detail = NULL;
		if (parts[i].lead_id != NULL)
			element->lead = lp_batch_lead(batch, &ids[i], false);
		else if (parts[i].company_id == NULL)
			reject(element, "no_match");
	}
}

static void
emit(const LpCaptured *captured, int n, LpRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(lp_call_result_context());

	for (int i = 0; i < n; i++)
	{
		lp_rows_set(rows, "ordinal", Int32GetDatum(i + 1));
		lp_rows_set_uuid(rows, "lead_id", captured[i].lead_id);
		lp_rows_set_text(rows, "outcome", captured[i].outcome);
		lp_rows_set_text(rows, "detail", captured[i].detail);
		lp_rows_emit(rows);
	}
	MemoryContextSwitchTo(old);
}

static LpCaptured *
told(const LpBatch *batch)
{
	LpCaptured *captured = palloc0(sizeof(LpCaptured) * Max(batch->n, 1));

	for (int i = 0; i < batch->n; i++)
	{
		const LpElement *element = &batch->elements[i];

		if (element->lead >= 0)
			captured[i].lead_id = &batch->leads[element->lead].id;
		captured[i].outcome = element->outcome;
		captured[i].detail = element->detail;
	}
	return captured;
}

static void
check_time(const LpBatch *batch)
{
	if (TIMESTAMP_NOT_FINITE(batch->captured_at) ||
		batch->captured_at > batch->now + MAX_AHEAD)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("captured_at \"%s\" is more than a day ahead of the clock, or not finite",
					   timestamptz_to_str(batch->captured_at)),
				errhint("Pass the time at which the answer came, or null for now."));
}

LpCaptured *
lp_capture_body(const char *source, char *body, Jsonb *json, TimestampTz captured_at, int *n)
{
	LpBatch		batch = {0};
	HASHCTL		control = {.keysize = LP_KEY_MAX_BYTES + 4, .entrysize = sizeof(LpKeyEntry)};

	lp_bans_require_key(true);
	control.hcxt = CurrentMemoryContext;
	batch.keys = hash_create("leadpool keys of a batch", 256, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	batch.now = lp_clock_now();
	batch.captured_at = captured_at;
	check_time(&batch);
	batch.pool = lp_pool_open();
	batch.source = source;
	batch.provider = lp_provider_of(source);
	batch.body = body;
	batch.json = json;
	batch.len = strlen(body);
	read_body(&batch);
	lock_stripes(&batch);
	batch.known = lp_archive_find(source, batch.hash);
	if (batch.known != NULL)
		recall(&batch);
	lp_batch_drop_erased(&batch);
	if (batch.known == NULL)
	{
		lp_batch_identify(&batch);
		lp_ties_settle(&batch);
	}
	lp_batch_apply(&batch);
	lp_wake_for_leads_at_commit();
	*n = batch.n;
	return told(&batch);
}

/* One call, from the body to the rows that it returns. */
static void
capture(FunctionCallInfo fcinfo, const char *source, char *body, Jsonb *json,
		int captured_at)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpCaptured *captured;
	int			n;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	captured = lp_capture_body(source, body, json, lp_arg_time(fcinfo, captured_at, lp_clock_now()), &n);
	emit(captured, n, rows);
	lp_call_end();
}

/* The same of a payload that is jsonb. */
static void
capture_json(FunctionCallInfo fcinfo, const char *source, int payload)
{
	Jsonb	   *json;

	lp_arg_require(fcinfo, payload, "payload");
	json = PG_GETARG_JSONB_P(payload);
	capture(fcinfo, source, JsonbToCString(NULL, &json->root, VARSIZE(json)), json,
			payload + 1);
}

Datum
lp_capture_apollo(PG_FUNCTION_ARGS)
{
	capture_json(fcinfo, lp_apollo.name, 0);
	return (Datum) 0;
}

Datum
lp_capture_apollo_raw(PG_FUNCTION_ARGS)
{
	capture(fcinfo, lp_apollo.name, lp_arg_text(fcinfo, 0, "body"), NULL, 1);
	return (Datum) 0;
}

/*
 * list, operator and import are words for leads that come from a client's
 * file or a person; what leadpool itself fetches comes in through its own
 * doors.
 */
static void
check_source(const char *source)
{
	static const char *const taken[] = {"apollo", "lookup", "dnc"};
	int			len = strspn(source, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (len == 0 || len > 63 || source[len] != '\0' || !(*source >= 'a' && *source <= 'z'))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("source \"%s\" is not a name", source),
				errhint("Use a lower-case letter, then up to 62 letters, digits and \"_\"."));
	for (int i = 0; i < lengthof(taken); i++)
		if (strcmp(taken[i], source) == 0)
			ereport(ERROR,
					errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("source \"%s\" is taken by leadpool itself", source),
					errhint(i == 0 ? "Use lp_capture_apollo." : "Name the source otherwise."));
}

Datum
lp_capture(PG_FUNCTION_ARGS)
{
	char	   *source = lp_arg_text(fcinfo, 0, "source");

	check_source(source);
	capture_json(fcinfo, source, 1);
	return (Datum) 0;
}
