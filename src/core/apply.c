/*
 * apply.c
 *	  Writing a batch: its leads, folded, and the order of the steps.
 *
 * Everything is one statement a table and batch.  A row that would not change
 * gets no new version.  Leads are locked before anything is read that the
 * fold builds on.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/batch.h"
#include "core/fold.h"
#include "core/holds.h"
#include "core/lead.h"
#include "core/told.h"
#include "util/uuid.h"

/* Ids of the leads that were there before, sorted. */
static pg_uuid_t *
old_leads(LpBatch *batch, int *n)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));

	*n = 0;
	for (int i = 0; i < batch->n_leads; i++)
		if (!batch->leads[i].is_new && !batch->leads[i].gone)
			ids[(*n)++] = batch->leads[i].id;
	qsort(ids, *n, sizeof(pg_uuid_t), lp_uuid_compare);
	return ids;
}

static LpTouched *
touched(LpBatch *batch, const pg_uuid_t *id)
{
	return &batch->leads[lp_batch_lead(batch, id, false)];
}

/* Locks the leads, then reads what is there. */
static void
load_leads(LpBatch *batch)
{
	int			n;
	pg_uuid_t  *ids = old_leads(batch, &n);
	LpPoolRow **rows;
	TimestampTz *newest;
	LpPins	  **pins;

	for (int i = 0; i < batch->n_leads; i++)
		batch->leads[i].row = lp_pool_row_new(batch->pool);
	if (n == 0)
		return;
	lp_lead_lock(ids, n);
	rows = lp_pool_load(batch->pool, ids, n);
	newest = lp_archive_newest(ids, n);
	pins = lp_pins_load(batch->pool, ids, n);
	for (int i = 0; i < n; i++)
	{
		LpTouched  *lead = touched(batch, &ids[i]);

		lead->newest = newest[i];
		lead->pins = pins[i];
		lead->old = rows[i];
		if (rows[i] == NULL)
			lead->is_new = true;
		else if (strcmp(lp_pool_text(batch->pool, rows[i], LP_COL_STATE), "active") != 0)
			lead->gone = true;	/* worked at a company named here */
		if (rows[i] != NULL)
			lead->row = lp_pool_row_copy(batch->pool, rows[i]);
	}
}

/*
 * A known body that comes again later is a newer observation, if others were
 * made in between: then its time is raised and its leads are folded again.
 */
static void
raise_times(LpBatch *batch)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * (batch->n + 1));
	int			n = 0;

	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		LpTouched  *lead = element->lead < 0 ? NULL : &batch->leads[element->lead];
		LpOrganization *company = element->company < 0 ? NULL :
		&batch->companies[element->company];

		if (element->facts == NULL || element->facts->captured_at >= batch->captured_at ||
			!((lead != NULL && lead->newest > element->facts->captured_at) ||
			  (company != NULL && company->captured_at > element->facts->captured_at)))
			continue;
		ids[n++] = element->capture_id;
		if (lead != NULL)
			lead->replay = true;
		if (company != NULL)
			company->changed = true;
		element->facts->captured_at = batch->captured_at;
	}
	if (n > 0)
		ids[n++] = batch->known->id;
	lp_archive_raise(ids, n, batch->captured_at);
}

/* An answer that was bought for this person. */
static bool
is_enrichment(const LpBatch *batch, const LpElement *element)
{
	return batch->provider != NULL && element->kind == LP_ELEMENT_PERSON &&
		element->span.list != LP_LIST_PEOPLE;
}

static void
lay_enriched(LpBatch *batch, LpPoolRow *row, TimestampTz at)
{
	int			column = batch->pool->at[LP_COL_ENRICHED_AT];

	if (!row->nulls[column] && DatumGetTimestampTz(row->values[column]) >= at)
		return;
	row->values[column] = TimestampTzGetDatum(at);
	row->nulls[column] = false;
}

static bool
same_row(const LpPool *pool, const LpPoolRow *a, const LpPoolRow *b)
{
	for (int i = 0; i < pool->desc->natts; i++)
		if (i != pool->at[LP_COL_UPDATED_AT] && !lp_pool_same(pool, i, a, b))
			return false;
	return true;
}

/* Whether a capture names another company than the one that filled the row. */
static bool
moved(const LpPool *pool, const LpPoolRow *before, const LpPoolRow *after)
{
	char	   *old = lp_fold_company(pool, before);
	char	   *new = lp_fold_company(pool, after);

	return old != NULL && new != NULL && strcmp(old, new) != 0;
}

/*
 * Lays the new elements over the rows.  A late one makes its lead a replay,
 * and so does a pin or a change of company: what is shown is not what the
 * captures gave.
 */
static void
lay_elements(LpBatch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		LpTouched  *lead = element->lead < 0 ? NULL : &batch->leads[element->lead];
		LpPoolRow  *before;

		if (lead == NULL || (!element->stored && !lead->replay))
			continue;
		if (is_enrichment(batch, element))
			lay_enriched(batch, lead->row, element->facts->captured_at);
		if (lead->newest > batch->captured_at || lead->pins != NULL)
			lead->replay = true;
		if (lead->replay)
			continue;
		before = lp_pool_row_copy(batch->pool, lead->row);
		lp_fold_lay(batch->pool, lead->row, element->facts);
		if (lead->newest != DT_NOBEGIN && moved(batch->pool, before, lead->row))
			lead->replay = true;
		element->outcome = lead->told == NULL && lead->is_new ? "inserted" :
			same_row(batch->pool, before, lead->row) ? "unchanged" : "updated";
		lead->told = "told";
	}
}

static void
set_column(const LpPool *pool, LpPoolRow *row, LpPoolColumn column, Datum value)
{
	row->values[pool->at[column]] = value;
	row->nulls[pool->at[column]] = false;
}

static void
replay_leads(LpBatch *batch)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));
	LpPoolRow **rows = palloc(sizeof(LpPoolRow *) * Max(batch->n_leads, 1));
	LpTelling  *tellings;
	int			count;
	int			n = 0;

	for (int i = 0; i < batch->n_leads; i++)
		if (batch->leads[i].replay)
		{
			batch->leads[i].row = lp_fold_restart(batch->pool, batch->leads[i].row);
			if (batch->refold)
				set_column(batch->pool, batch->leads[i].row, LP_COL_SOURCES,
						   PointerGetDatum(construct_empty_array(TEXTOID)));
			rows[n] = batch->leads[i].row;
			ids[n++] = batch->leads[i].id;
		}
	if (n == 0)
		return;
	tellings = lp_told_of_leads(batch->pool, ids, n, &count);
	lp_told_lay(batch->pool, tellings, count, ids, rows, n);
}

/* Fills company columns from what answers about the companies told. */
static void
fill_companies(LpBatch *batch)
{
	LpPoolRow **rows = palloc(sizeof(LpPoolRow *) * Max(batch->n_leads, 1));
	LpOrganization *companies;
	int			n;

	for (int i = 0; i < batch->n_leads; i++)
		rows[i] = batch->leads[i].row;
	companies = lp_told_companies(batch->pool, rows, batch->n_leads, &n);
	lp_told_fill(batch->pool, companies, n, rows, batch->n_leads);
}

/* A known body that changes nothing leaves its leads alone. */
static bool
is_idle(const LpBatch *batch, const LpTouched *lead)
{
	if (lead->gone)
		return true;
	if (batch->known == NULL || lead->replay)
		return false;
	for (int i = 0; i < batch->n_companies; i++)
		if (batch->companies[i].changed)
			return false;
	return true;
}

/*
 * What the rules read; companies held for the owners follow the leads.  New
 * leads have no owners.
 */
static void
save_states(const LpBatch *batch, const LpStateRow *states, int n, int n_made)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	LpLead	   *before;

	for (int i = 0; i < n; i++)
		ids[i] = states[i].lead_id;
	before = n_made == n ? NULL : lp_holds_before(ids, n);
	lp_state_save(states, n);
	if (before != NULL)
		lp_holds_follow(before, lp_lead_load(ids, n), n, batch->now);
}

/* Writes the rows that are new or differ. */
static void
save_leads(LpBatch *batch)
{
	const LpPool *pool = batch->pool;
	LpPoolRow **inserts = palloc(sizeof(LpPoolRow *) * Max(batch->n_leads, 1));
	LpPoolRow **updates = palloc(sizeof(LpPoolRow *) * Max(batch->n_leads, 1));
	LpStateRow *states = palloc(sizeof(LpStateRow) * Max(batch->n_leads, 1));
	int			n_inserts = 0;
	int			n_updates = 0;
	int			n_states = 0;
	int			n_made = 0;

	for (int i = 0; i < batch->n_leads; i++)
	{
		LpTouched  *lead = &batch->leads[i];

		if (is_idle(batch, lead))
			continue;
		if (lead->pins != NULL)
			lp_fold_pin(pool, lead->row, lead->pins);
		lp_fold_finish(pool, lead->row);
		lead->changed = lead->is_new || !same_row(pool, lead->old, lead->row);
		if (!lead->changed)
			continue;
		set_column(pool, lead->row, LP_COL_UPDATED_AT, TimestampTzGetDatum(batch->now));
		if (lead->is_new)
		{
			set_column(pool, lead->row, LP_COL_ID, UUIDPGetDatum(&lead->id));
			set_column(pool, lead->row, LP_COL_STATE, CStringGetTextDatum("active"));
			set_column(pool, lead->row, LP_COL_CREATED_AT, TimestampTzGetDatum(batch->now));
			inserts[n_inserts++] = lead->row;
		}
		else
			updates[n_updates++] = lead->row;
		lp_fold_state(pool, lead->row, &lead->id, &states[n_states++]);
		n_made += lead->made;
	}
	lp_pool_insert(pool, inserts, n_inserts);
	lp_pool_update(pool, updates, n_updates);
	save_states(batch, states, n_states, n_made);
}

/* What a replay or a filling changed is told by the first element of a lead. */
static void
tell_changes(LpBatch *batch)
{
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		LpTouched  *lead = element->lead < 0 ? NULL : &batch->leads[element->lead];
		bool		told = false;

		if (lead == NULL)
			continue;
		if (element->outcome == NULL)
			element->outcome = "unchanged";
		for (int k = 0; k < batch->n; k++)
			if (batch->elements[k].lead == element->lead &&
				batch->elements[k].outcome != NULL &&
				strcmp(batch->elements[k].outcome, "unchanged") != 0)
				told = true;
		if (lead->changed && !told)
			element->outcome = "updated";
	}
}

void
lp_batch_apply(LpBatch *batch)
{
	lp_batch_load_companies(batch);
	load_leads(batch);
	if (batch->known != NULL)
		raise_times(batch);
	else
		lp_batch_archive(batch);
	lay_elements(batch);
	lp_batch_lay_companies(batch);
	replay_leads(batch);
	fill_companies(batch);
	save_leads(batch);
	tell_changes(batch);
	lp_batch_settle(batch);
}

void
lp_batch_refold(LpBatch *batch)
{
	batch->refold = true;
	for (int i = 0; i < batch->n_leads; i++)
		batch->leads[i].replay = true;
	load_leads(batch);
	replay_leads(batch);
	fill_companies(batch);
	save_leads(batch);
	lp_batch_settle(batch);
}
