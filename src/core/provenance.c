/*
 * provenance.c
 *	  lp_provenance: where the values of a lead come from.
 *
 * Nothing about origins is stored: they are read from the archive by the same
 * walk that fills lead_pool (told.c), each capture laid over an empty row.
 * What is shown stays the business of fold.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/facts.h"
#include "core/fold.h"
#include "core/lead.h"
#include "core/organization.h"
#include "core/pins.h"
#include "core/told.h"
#include "providers/provider.h"
#include "store/sql.h"
#include "util/jsonwalk.h"

PG_FUNCTION_INFO_V1(lp_provenance);

typedef struct Told
{
	const char *source;
	TimestampTz at;
	LpPoolRow  *row;			/* what it told, by column */
	Jsonb	   *json;			/* the same as JSON, nulls left out */
} Told;

static int
add_captures(const LpPool *pool, const pg_uuid_t *lead_id, const LpPoolRow *shown,
			 Told **told)
{
	int			n;
	LpTelling  *tellings = lp_told_of_leads(pool, lead_id, 1, &n);

	*told = palloc0(sizeof(Told) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		const LpTelling *telling = &tellings[n - 1 - i];

		(*told)[i].source = telling->source;
		(*told)[i].at = telling->at;
		(*told)[i].row = lp_told_alone(pool, telling->facts, shown);
	}
	return n;
}

static void
add_answer(const LpPool *pool, Told *told, const char *source, const LpFacts *facts)
{
	told->source = source;
	told->at = facts->captured_at;
	told->row = lp_pool_row_new(pool);
	lp_fold_fill(pool, told->row, facts);
}

/*
 * What answers about the company told, newest first; an older one may be what
 * a lead still shows, since answers only fill what is null.
 */
static int
add_company(const LpPool *pool, const LpPoolRow *shown, Told **told, int count)
{
	char	   *id = lp_fold_company(pool, shown);
	LpOrganization *company;
	LpTelling  *tellings;
	int			n = 0;

	if (id != NULL)
		company = lp_organization_find(&id, 1, NULL, 0, &n);
	if (n == 0)
		return count;
	tellings = lp_told_of_companies(pool, &company->id, 1, &n);
	*told = repalloc(*told, sizeof(Told) * (count + n + 1));
	if (n == 0)
		add_answer(pool, &(*told)[count++], lp_apollo.name,
				   lp_organization_facts(pool, company));
	for (int i = n - 1; i >= 0; i--)
		add_answer(pool, &(*told)[count++], tellings[i].source, tellings[i].facts);
	return count;
}

static Jsonb *
member(Jsonb *object, const char *name)
{
	JsonbValue	value;

	if (object == NULL || !lp_json_get(&object->root, name, &value))
		return NULL;
	return JsonbValueToJsonb(&value);
}

static Jsonb *
json_null(void)
{
	JsonbValue	value;

	value.type = jbvNull;
	return JsonbValueToJsonb(&value);
}

typedef struct Origins
{
	LpOrigin   *items;
	int			n;
	int			room;
} Origins;

static LpOrigin *
add_origin(Origins *list, const char *column, Jsonb *value, const char *source, TimestampTz at)
{
	LpOrigin   *origin;

	if (list->n == list->room)
	{
		list->room = Max(64, list->room * 2);
		list->items = list->items == NULL ? palloc(sizeof(LpOrigin) * list->room) :
			repalloc(list->items, sizeof(LpOrigin) * list->room);
	}
	origin = &list->items[list->n++];
	origin->column = column;
	origin->value = value;
	origin->source = source;
	origin->captured_at = at;
	origin->shown = false;
	return origin;
}

static int
newest_first(const void *a, const void *b)
{
	const LpOrigin *x = a;
	const LpOrigin *y = b;

	if (x->captured_at != y->captured_at)
		return x->captured_at > y->captured_at ? -1 : 1;
	return (int) y->shown - (int) x->shown;
}

/* The origins of one column; at most one of them is what is shown. */
static void
origins_of_column(const LpPool *pool, int column, const LpPoolRow *shown,
				  const Told *told, int n, const LpPins *pins, Origins *list)
{
	const char *name = NameStr(TupleDescAttr(pool->desc, column)->attname);
	bool		found = pins != NULL && pins->pinned[column];
	int			first = list->n;

	if (found)
		add_origin(list, name, pins->values->nulls[column] ? json_null() : pins->json[column],
				   "operator", pins->pinned_at[column])->shown = true;
	for (int i = 0; i < n; i++)
	{
		LpOrigin   *origin;

		if (told[i].row->nulls[column])
			continue;
		origin = add_origin(list, name, member(told[i].json, name), told[i].source,
							told[i].at);
		origin->shown = !found && lp_pool_same(pool, column, told[i].row, shown);
		found |= origin->shown;
	}
	if (list->n > first)
		qsort(list->items + first, list->n - first, sizeof(LpOrigin), newest_first);
}

LpOrigin *
lp_facts_origins(const pg_uuid_t *lead_id, const char *column, int *n)
{
	LpPool	   *pool = lp_pool_open();
	int			only = column == NULL ? -1 : lp_facts_column(pool, column);
	LpPoolRow  *shown = lp_facts_lead(pool, lead_id);
	LpPins	   *pins = lp_pins_load(pool, lead_id, 1)[0];
	Told	   *told;
	int			count = add_captures(pool, lead_id, shown, &told);
	LpPoolRow **rows;
	Jsonb	  **json;
	Origins		list = {0};

	count = add_company(pool, shown, &told, count);
	rows = palloc(sizeof(LpPoolRow *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		rows[i] = told[i].row;
	json = lp_pool_json(pool, rows, count);
	for (int i = 0; i < count; i++)
		told[i].json = json[i];
	for (int i = 0; i < pool->desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(pool->desc, i);
		const char *name = NameStr(attribute->attname);

		if (attribute->attisdropped || (only >= 0 && i != only) ||
			!lp_facts_settable(name, strlen(name)))
			continue;
		origins_of_column(pool, i, shown, told, count, pins, &list);
	}
	*n = list.n;
	return list.items;
}

Datum
lp_provenance(PG_FUNCTION_ARGS)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	char	   *column = lp_arg_text_or_null(fcinfo, 1);
	LpOrigin   *origins;
	MemoryContext old;
	int			n;

	lp_call_begin(fcinfo, LP_CALL_READS);
	lp_lead_resolve(&id, 1);
	origins = lp_facts_origins(&id, column, &n);
	old = MemoryContextSwitchTo(lp_call_result_context());
	for (int i = 0; i < n; i++)
	{
		lp_rows_set_text(rows, "column_name", origins[i].column);
		lp_rows_set(rows, "value", JsonbPGetDatum(origins[i].value));
		lp_rows_set_text(rows, "source", origins[i].source);
		lp_rows_set_time(rows, "captured_at", origins[i].captured_at);
		lp_rows_set(rows, "shown", BoolGetDatum(origins[i].shown));
		lp_rows_emit(rows);
	}
	MemoryContextSwitchTo(old);
	lp_call_end();
	return (Datum) 0;
}
