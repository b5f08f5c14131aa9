/*
 * capture.c
 *	  lp_capture_apollo, lp_capture_apollo_raw, lp_capture: one call takes one
 *	  body, and decides for each element of it who that is.
 *
 * Order of locks (DESIGN B1): the stripes of all keys of the batch, of its
 * companies and of the body itself, ascending; then the leads.  Two sessions
 * with the same person therefore take turns, and the second one finds what the
 * first one stored.
 *
 * The strongest known key decides (apollo_id, email, linkedin); a phone only
 * if an element has nothing else and exactly one lead has that number.  Leads
 * that an element ties together are merged (tie.c).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"

#include "core/bans.h"
#include "core/batch.h"
#include "core/fold.h"
#include "core/lead.h"
#include "core/stripes.h"
#include "core/textkeys.h"
#include "core/tie.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/jsonwalk.h"
#include "util/uuid.h"

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
	lead->newest = DT_NOBEGIN;
	return batch->n_leads++;
}

static void
key_name(char *name, LpKeyKind kind, const char *value)
{
	memset(name, 0, LP_KEY_MAX_BYTES + 4);
	snprintf(name, LP_KEY_MAX_BYTES + 4, "%d%s", kind, value);
}

/* The lead that a key identifies, -1 if nobody. */
static int
lead_of_key(LpBatch *batch, const LpKey *key)
{
	char		name[LP_KEY_MAX_BYTES + 4];
	LpKeyEntry *entry;

	key_name(name, key->kind, key->value);
	entry = hash_search(batch->keys, name, HASH_FIND, NULL);
	return entry == NULL ? -1 : entry->lead;
}

static void
remember_key(LpBatch *batch, LpKeyKind kind, const char *value, int lead)
{
	char		name[LP_KEY_MAX_BYTES + 4];
	LpKeyEntry *entry;
	bool		found;

	key_name(name, kind, value);
	entry = hash_search(batch->keys, name, HASH_ENTER, &found);
	if (!found)
		entry->lead = lead;
}

bool
lp_batch_key_taken(LpBatch *batch, const LpKey *key, int lead)
{
	int			owner = lead_of_key(batch, key);

	return owner >= 0 && owner != lead;
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
	element->json = lp_batch_json(element->part, len);
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

static void
read_body(LpBatch *batch)
{
	LpSpan	   *spans = split_body(batch);

	batch->elements = palloc0(sizeof(LpElement) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		batch->elements[i].ordinal = i + 1;
		batch->elements[i].span = spans[i];
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

static bool
has_erasure(const List *bans)
{
	ListCell   *cell;

	foreach(cell, bans)
	{
		if (((LpBan *) lfirst(cell))->reason == LP_BAN_ERASURE)
			return true;
	}
	return false;
}

/* All keys of the elements that may become or change a lead. */
static LpKey *
all_keys(LpBatch *batch, int *n)
{
	LpKey	   *keys;

	*n = 0;
	for (int i = 0; i < batch->n; i++)
		*n += batch->elements[i].n_keys;
	keys = palloc(sizeof(LpKey) * Max(*n, 1));
	*n = 0;
	for (int i = 0; i < batch->n; i++)
		for (int k = 0; k < batch->elements[i].n_keys; k++)
			keys[(*n)++] = batch->elements[i].keys[k];
	return keys;
}

/* What the dropped elements say, so that the rest of the body says it nowhere. */
static void
learn_erased(LpBatch *batch, const LpFacts *facts, const LpKey *keys, int n)
{
	if (batch->erased == NULL)
		batch->erased = palloc0(sizeof(LpNeedles));
	for (int i = 0; i < n; i++)
		lp_needles_add_key(batch->erased, &keys[i]);
	if (facts != NULL)
		lp_needles_add_row(batch->erased, batch->pool, facts->row);
}

/*
 * All that a dropped element says, if it is of who was erased; if it is of
 * somebody else and shows an erased person's key, that key.
 */
static void
learn_element(LpBatch *batch, const LpElement *element, const LpKey *keys, int n)
{
	if (has_erasure(lp_bans_of_keys(element->keys, element->n_keys, batch->now)))
	{
		learn_erased(batch, element->facts, keys, n);
		return;
	}
	for (int i = 0; i < n; i++)
		if (has_erasure(lp_bans_of_keys(&keys[i], 1, batch->now)))
			learn_erased(batch, NULL, &keys[i], 1);
}

static LpSql any_erasure_sql = LP_SQL(
	"SELECT 1 FROM @s@.lead_suppressions WHERE reason = 'erasure' LIMIT 1");

/* Keys of people who were erased, in a text that is about others. */
static void
learn_text(LpBatch *batch, const char *text, const char *region)
{
	int			n;
	LpKey	   *keys = lp_text_keys(text, region, &n);

	if (n == 0 || !has_erasure(lp_bans_of_keys(keys, n, batch->now)))
		return;
	for (int k = 0; k < n; k++)
		if (has_erasure(lp_bans_of_keys(&keys[k], 1, batch->now)))
			learn_erased(batch, NULL, &keys[k], 1);
}

/* The same in others' elements, and in what the body says besides elements. */
static void
learn_mentions(LpBatch *batch)
{
	char	   *rest = pnstrdup(batch->body, batch->len);

	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];

		if (element->json == NULL)
			continue;
		memset(rest + element->span.start, ' ', element->span.end - element->span.start);
		if (!element->erased)
			learn_text(batch, element->part,
					   element->facts == NULL ? NULL : element->facts->country_code);
	}
	learn_text(batch, rest, NULL);
}

/* Nothing of an element is stored: it is of somebody who was erased. */
static void
suppress(LpElement *element)
{
	element->erased = true;
	element->lead = -1;
	element->outcome = "suppressed";
	element->detail = "erased";
}

/* The other elements without mentions of who was erased. */
static void
clean_others(LpBatch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		char	   *clean;

		if (element->json == NULL || element->erased)
			continue;
		clean = lp_redact_json(batch->erased, element->part,
							   element->kind != LP_ELEMENT_CONTACT, NULL, 0);
		if (clean == NULL)
			continue;
		/* It would be of nobody: it is the erased person's. */
		if (element->kind != LP_ELEMENT_ORGANIZATION && element->outcome != NULL)
		{
			suppress(element);
			continue;
		}
		element->part = clean;
		element->json = lp_batch_json(clean, strlen(clean));
		element->facts = lp_facts_read(batch->pool, batch->provider, batch->source,
									   element->kind, element->json, batch->captured_at);
		if (element->kind != LP_ELEMENT_ORGANIZATION)
			element->keys = lp_facts_keys(batch->pool, element->facts, &element->n_keys);
	}
}

/*
 * An element of a person who was erased is dropped: nothing of it is stored.
 * One question for the batch; only if somebody in it was erased, who.
 */
static void
drop_erased(LpBatch *batch)
{
	LpKey	  **keys = palloc0(sizeof(LpKey *) * Max(batch->n, 1));
	int		   *counts = palloc0(sizeof(int) * Max(batch->n, 1));
	LpKey	   *all;
	int			n = 0;

	for (int i = 0; i < batch->n; i++)
		if (batch->elements[i].facts != NULL &&
			batch->elements[i].kind != LP_ELEMENT_ORGANIZATION)
		{
			keys[i] = lp_facts_mentions(batch->pool, batch->elements[i].facts, &counts[i]);
			n += counts[i];
		}
	all = palloc(sizeof(LpKey) * Max(n, 1));
	n = 0;
	for (int i = 0; i < batch->n; i++)
		for (int k = 0; k < counts[i]; k++)
			all[n++] = keys[i][k];
	if (lp_sql_run(&any_erasure_sql, NULL, NULL) == 0)
		return;
	if (n == 0 || !has_erasure(lp_bans_of_keys(all, n, batch->now)))
		n = 0;
	for (int i = 0; i < batch->n && n > 0; i++)
	{
		LpElement  *element = &batch->elements[i];

		if (counts[i] == 0 ||
			!has_erasure(lp_bans_of_keys(keys[i], counts[i], batch->now)))
			continue;
		suppress(element);
		if (batch->known == NULL)
			learn_element(batch, element, keys[i], counts[i]);
	}
	if (batch->known == NULL)
		learn_mentions(batch);
	if (batch->erased != NULL)
		clean_others(batch);
}

static bool
is_phone_only(const LpElement *element)
{
	for (int k = 0; k < element->n_keys; k++)
		if (element->keys[k].kind != LP_KEY_PHONE)
			return false;
	return element->n_keys > 0;
}

static bool
has_key(const LpElement *element, const LpKey *key)
{
	for (int k = 0; k < element->n_keys; k++)
		if (element->keys[k].kind == key->kind &&
			strcmp(element->keys[k].value, key->value) == 0)
			return true;
	return false;
}

/* The only lead that has one of the numbers, -1 if there is none or several. */
static int
lead_of_phone(LpBatch *batch, int i, const LpKnownKey *known, const int *leads, int n_known)
{
	LpElement  *element = &batch->elements[i];
	int			lead = -1;

	for (int k = 0; k < element->n_keys; k++)
	{
		for (int j = 0; j < n_known; j++)
			if (known[j].kind == LP_KEY_PHONE &&
				strcmp(known[j].value, element->keys[k].value) == 0)
			{
				if (lead >= 0 && lead != leads[j])
					return -1;
				lead = leads[j];
			}
		for (int j = 0; j < i; j++)
			if (batch->elements[j].lead >= 0 &&
				has_key(&batch->elements[j], &element->keys[k]))
			{
				if (lead >= 0 && lead != batch->elements[j].lead)
					return -1;
				lead = batch->elements[j].lead;
			}
	}
	return lead;
}

static void
tie(LpBatch *batch, LpElement *element, int other, LpKeyKind kind)
{
	LpTie	   *entry;

	batch->ties = batch->ties == NULL ? palloc(sizeof(LpTie)) :
		repalloc(batch->ties, sizeof(LpTie) * (batch->n_ties + 1));
	entry = &batch->ties[batch->n_ties++];
	entry->element = element;
	entry->lead = element->lead;
	entry->other = other;
	entry->kind = kind;
}

/* Who an element is. */
static void
decide(LpBatch *batch, int i, const LpKnownKey *known, const int *leads, int n_known)
{
	LpElement  *element = &batch->elements[i];

	for (int k = 0; k < element->n_keys; k++)
	{
		int			lead;

		if (!element->keys[k].identifies)
			continue;
		lead = lead_of_key(batch, &element->keys[k]);
		if (lead >= 0 && element->lead < 0)
			element->lead = lead;
		else if (lead >= 0 && lead != element->lead)
			tie(batch, element, lead, element->keys[k].kind);
	}
	if (element->lead < 0 && is_phone_only(element))
		element->lead = lead_of_phone(batch, i, known, leads, n_known);
	if (element->lead < 0)
	{
		pg_uuid_t	id;

		lp_uuid_make(&id);
		element->lead = lp_batch_lead(batch, &id, true);
	}
	for (int k = 0; k < element->n_keys; k++)
		if (element->keys[k].identifies)
			remember_key(batch, element->keys[k].kind, element->keys[k].value, element->lead);
}

static void
identify(LpBatch *batch)
{
	int			n;
	LpKey	   *keys = all_keys(batch, &n);
	int			n_known;
	LpKnownKey *known = lp_identities_find(keys, n, &n_known);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n_known, 1));
	int		   *leads = palloc(sizeof(int) * Max(n_known, 1));
	bool		phones = false;

	for (int i = 0; i < batch->n; i++)
		phones = phones || is_phone_only(&batch->elements[i]);
	for (int i = 0; i < n_known; i++)
		ids[i] = known[i].lead_id;
	if (n_known > 0)
		lp_lead_resolve(ids, n_known);
	for (int i = 0; i < n_known; i++)
	{
		leads[i] = -1;
		if (!known[i].identifies && !(phones && known[i].kind == LP_KEY_PHONE))
			continue;
		leads[i] = lp_batch_lead(batch, &ids[i], false);
		if (known[i].identifies)
			remember_key(batch, known[i].kind, known[i].value, leads[i]);
	}
	for (int i = 0; i < batch->n; i++)
		if (batch->elements[i].kind != LP_ELEMENT_ORGANIZATION &&
			batch->elements[i].outcome == NULL)
			decide(batch, i, known, leads, n_known);
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
emit(LpBatch *batch, LpRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(lp_call_result_context());

	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];

		lp_rows_set(rows, "ordinal", Int32GetDatum(element->ordinal));
		if (element->lead >= 0)
			lp_rows_set_uuid(rows, "lead_id", &batch->leads[element->lead].id);
		lp_rows_set_text(rows, "outcome", element->outcome);
		lp_rows_set_text(rows, "detail", element->detail);
		lp_rows_emit(rows);
	}
	MemoryContextSwitchTo(old);
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

/* One call, from the body to the rows that it returns. */
static void
capture(FunctionCallInfo fcinfo, const char *source, char *body, int captured_at)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpBatch		batch = {0};
	HASHCTL		control = {.keysize = LP_KEY_MAX_BYTES + 4, .entrysize = sizeof(LpKeyEntry)};

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_bans_require_key(true);
	control.hcxt = CurrentMemoryContext;
	batch.keys = hash_create("leadpool keys of a batch", 256, &control,
							 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	batch.now = lp_clock_now();
	batch.captured_at = lp_arg_time(fcinfo, captured_at, batch.now);
	check_time(&batch);
	batch.pool = lp_pool_open();
	batch.source = source;
	batch.provider = lp_provider_of(source);
	batch.body = body;
	batch.len = strlen(body);
	read_body(&batch);
	lock_stripes(&batch);
	batch.known = lp_archive_find(source, batch.hash);
	if (batch.known != NULL)
		recall(&batch);
	drop_erased(&batch);
	if (batch.known == NULL)
	{
		identify(&batch);
		lp_ties_settle(&batch);
	}
	lp_batch_apply(&batch);
	emit(&batch, rows);
	lp_call_end();
}

static char *
jsonb_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	Jsonb	   *json;

	lp_arg_require(fcinfo, n, name);
	json = PG_GETARG_JSONB_P(n);
	return JsonbToCString(NULL, &json->root, VARSIZE(json));
}

Datum
lp_capture_apollo(PG_FUNCTION_ARGS)
{
	capture(fcinfo, lp_apollo.name, jsonb_text(fcinfo, 0, "payload"), 1);
	return (Datum) 0;
}

Datum
lp_capture_apollo_raw(PG_FUNCTION_ARGS)
{
	capture(fcinfo, lp_apollo.name, lp_arg_text(fcinfo, 0, "body"), 1);
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
	capture(fcinfo, source, jsonb_text(fcinfo, 1, "payload"), 2);
	return (Datum) 0;
}
