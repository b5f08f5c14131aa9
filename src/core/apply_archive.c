/*
 * apply_archive.c
 *	  The body of a batch, cut into its elements, into the archive.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/archive.h"
#include "core/batch.h"
#include "util/uuid.h"

static int
by_start(const void *a, const void *b)
{
	const LpElement *x = *(LpElement *const *) a;
	const LpElement *y = *(LpElement *const *) b;

	return x->span.start < y->span.start ? -1 : x->span.start > y->span.start;
}

/* The elements by their place in the text. */
static LpElement **
in_order(LpBatch *batch)
{
	LpElement **order = palloc(sizeof(LpElement *) * Max(batch->n, 1));

	for (int i = 0; i < batch->n; i++)
		order[i] = &batch->elements[i];
	qsort(order, batch->n, sizeof(LpElement *), by_start);
	return order;
}

/* The rest of the body as JSON, its elements as zeroes. */
static Jsonb *
rest_json(LpBatch *batch, const LpBody *body)
{
	LpElement **order = in_order(batch);
	StringInfoData rest;
	int			done = 0;

	if (batch->provider == NULL || body->n_parts == 0 ||
		batch->elements[0].span.list == LP_LIST_BODY)
		return NULL;
	initStringInfo(&rest);
	for (int i = 0; i < batch->n; i++)
	{
		const LpSpan *span = &order[i]->span;

		appendBinaryStringInfo(&rest, batch->clean + done, span->start - done);
		appendStringInfoChar(&rest, '0');
		done = span->end;
	}
	appendBinaryStringInfo(&rest, batch->clean + done, batch->len - done);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(rest.data)));
}

/* Cuts the objects among the elements out of the body. */
static void
cut_body(LpBatch *batch, LpBody *body)
{
	LpElement **order = in_order(batch);
	StringInfoData rest;
	int			done = 0;

	initStringInfo(&rest);
	body->n_elements = batch->n;
	body->cuts = palloc0(sizeof(Datum) * Max(batch->n, 1));
	body->uncut = palloc(sizeof(bool) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = order[i];

		body->uncut[element->ordinal - 1] = element->json == NULL;
		if (element->json == NULL)
			continue;
		appendBinaryStringInfo(&rest, batch->body + done, element->span.start - done);
		body->cuts[element->ordinal - 1] = Int32GetDatum(rest.len);
		done = element->span.end;
	}
	appendBinaryStringInfo(&rest, batch->body + done, batch->len - done);
	body->rest = rest.data;
}

/* The rest of the body without mentions of who was erased. */
static void
clean_rest(LpBatch *batch, LpBody *body)
{
	int		   *cuts = palloc(sizeof(int) * Max(batch->n, 1));
	char	   *clean;

	for (int i = 0; i < batch->n; i++)
		cuts[i] = DatumGetInt32(body->cuts[i]);
	clean = lp_redact_json(batch->erased, body->rest, true, cuts, batch->n);
	if (clean == NULL)
		return;
	body->rest = clean;
	for (int i = 0; i < batch->n; i++)
		body->cuts[i] = Int32GetDatum(cuts[i]);
}

void
lp_batch_archive(LpBatch *batch)
{
	LpBody		body = {0};

	body.source = batch->source;
	body.provider = batch->provider;
	body.hash = batch->hash;
	body.captured_at = batch->captured_at;
	body.first_seen_at = batch->now;
	cut_body(batch, &body);
	if (batch->erased != NULL)
		clean_rest(batch, &body);
	body.parts = palloc0(sizeof(LpPart) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		LpPart	   *part = &body.parts[body.n_parts];

		if (element->json == NULL || element->erased)
			continue;
		lp_uuid_make(&element->capture_id);
		element->stored = true;
		part->id = element->capture_id;
		part->ordinal = element->ordinal;
		part->kind = element->kind;
		part->text = element->part;
		part->json = element->json;
		part->mentions = element->mentions;
		part->region = element->facts == NULL ? NULL : element->facts->country_code;
		if (element->lead >= 0)
			part->lead_id = &batch->leads[element->lead].id;
		if (element->company >= 0)
			part->company_id = &batch->companies[element->company].id;
		body.n_parts++;
	}
	body.json = batch->erased != NULL ? NULL : rest_json(batch, &body);
	lp_archive_store(batch->pool, &body);
}
