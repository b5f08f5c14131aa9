/*
 * tie.c
 *	  Leads that one element of a capture shows to be one person.
 *
 * The lower id survives, whichever capture comes first.  A merge needs the
 * locks of the clients that own the leads before the stripes, and the stripes
 * of all their keys; both follow from a look without locks.  What that look
 * could not know yet (a lead given away, a key added since) is locked late:
 * two sessions may then meet in a deadlock, which one of them survives (40P01,
 * retry), but nothing is decided without its lock.
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "core/lead.h"
#include "core/merge.h"
#include "core/tie.h"
#include "store/conflicts.h"
#include "store/sql.h"
#include "util/settings.h"
#include "util/uuid.h"

static LpSql expected_sql = LP_SQL(
	"WITH hit AS MATERIALIZED (SELECT u.n, i.lead_id"
	" FROM unnest($1, $2, $3) u(kind, value, n)"
	" JOIN @s@.lead_identities i ON i.kind = u.kind AND i.value = u.value AND i.identifies)"
	" SELECT DISTINCT lead_id FROM hit WHERE n IN"
	" (SELECT n FROM hit GROUP BY n HAVING min(lead_id::text) <> max(lead_id::text))",
	TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID);

/* Leads that one element of the batch ties, as far as one can see. */
static pg_uuid_t *
expected(LpBatch *batch, int *n_leads)
{
	int			room = 0;
	int			n = 0;
	char	  **kinds;
	char	  **values;
	Datum	   *elements;
	Datum		args[3];
	pg_uuid_t  *leads;

	for (int i = 0; i < batch->n; i++)
		room += batch->elements[i].n_keys;
	kinds = palloc(sizeof(char *) * Max(room, 1));
	values = palloc(sizeof(char *) * Max(room, 1));
	elements = palloc(sizeof(Datum) * Max(room, 1));
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		int			first = n;

		for (int k = 0; k < element->n_keys; k++)
		{
			if (!element->keys[k].identifies)
				continue;
			kinds[n] = unconstify(char *, lp_key_kind_name(element->keys[k].kind));
			values[n] = element->keys[k].value;
			elements[n++] = Int32GetDatum(i);
		}
		if (n - first == 1)
			n = first;			/* one key ties nothing */
	}
	*n_leads = 0;
	if (n == 0)
		return NULL;
	args[0] = lp_array_of_texts(kinds, n);
	args[1] = lp_array_of_texts(values, n);
	args[2] = lp_array_of_datums(elements, n, INT4OID);
	*n_leads = lp_sql_run(&expected_sql, args, NULL);
	leads = palloc(sizeof(pg_uuid_t) * Max(*n_leads, 1));
	for (int i = 0; i < *n_leads; i++)
		leads[i] = *lp_col_uuid(i, 1);
	return leads;
}

void
lp_ties_expect(LpBatch *batch, LpStripes *stripes)
{
	int			n;
	pg_uuid_t  *leads = expected(batch, &n);

	if (n == 0)
		return;
	lp_merge_lock_owners(leads, n);
	lp_stripes_add_leads(stripes, leads, n);
}

/* The locks of all leads of the batch, and what the ties need besides. */
static void
lock_all(LpBatch *batch)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * batch->n_leads);
	pg_uuid_t  *tied = palloc(sizeof(pg_uuid_t) * 2 * batch->n_ties);
	LpStripes	stripes = {{NoLock}};
	int			n = 0;

	for (int i = 0; i < batch->n_leads; i++)
		if (!batch->leads[i].is_new)
			ids[n++] = batch->leads[i].id;
	if (n == 0)
		return;
	lp_lead_lock(ids, n);
	for (int i = 0; i < batch->n_ties; i++)
	{
		tied[2 * i] = batch->leads[batch->ties[i].lead].id;
		tied[2 * i + 1] = batch->leads[batch->ties[i].other].id;
	}
	lp_merge_lock_owners(tied, 2 * batch->n_ties);
	lp_stripes_add_leads(&stripes, tied, 2 * batch->n_ties);
	lp_stripes_lock(&stripes);
}

/* Where a lead of the batch has gone. */
static int
home(const int *into, int lead)
{
	while (into[lead] != lead)
		lead = into[lead];
	return lead;
}

/* Whether a tie of this kind merges by itself. */
static bool
merges(const LpTie *tie)
{
	return lp_setting_merges_on(lp_key_kind_name(tie->kind));
}

/* Two leads stay apart: the strongest key has decided, an operator is told. */
static void
tell(LpBatch *batch, const LpTie *tie, const int *into)
{
	int			a = home(into, tie->lead);
	int			b = home(into, tie->other);

	if (a == b)
		return;
	lp_conflict_identity(&batch->leads[a].id, &batch->leads[b].id,
						 psprintf("capture: %s", lp_key_kind_name(tie->kind)), batch->now);
	tie->element->conflict = true;
}

static void
settle(LpBatch *batch, LpTie *tie, int *into)
{
	int			a = home(into, tie->lead);
	int			b = home(into, tie->other);
	LpTouched  *one = &batch->leads[a];
	LpTouched  *other = &batch->leads[b];
	bool		swap;

	if (a == b)
		return;
	/* of two leads the older one stays; one that is not stored yet just goes */
	swap = one->is_new != other->is_new ? one->is_new :
		lp_uuid_compare(&other->id, &one->id) < 0;
	if (swap)
	{
		int			c = a;

		a = b;
		b = c;
		one = &batch->leads[a];
		other = &batch->leads[b];
	}
	if (!other->is_new)
	{
		if (!lp_merge_leads(batch->pool, &one->id, &other->id,
							psprintf("capture: %s", lp_key_kind_name(tie->kind)), NULL))
		{
			tie->element->conflict = true;
			return;
		}
		tie->element->merged = true;
	}
	other->gone = true;
	into[b] = a;
}

void
lp_ties_settle(LpBatch *batch)
{
	int		   *into;
	HASH_SEQ_STATUS status;
	LpKeyEntry *entry;

	if (batch->n_ties == 0)
		return;
	into = palloc(sizeof(int) * batch->n_leads);
	for (int i = 0; i < batch->n_leads; i++)
		into[i] = i;
	lock_all(batch);
	for (int i = 0; i < batch->n_ties; i++)
		if (merges(&batch->ties[i]))
			settle(batch, &batch->ties[i], into);
	for (int i = 0; i < batch->n_ties; i++)
		if (!merges(&batch->ties[i]))
			tell(batch, &batch->ties[i], into);
	for (int i = 0; i < batch->n; i++)
		if (batch->elements[i].lead >= 0)
			batch->elements[i].lead = home(into, batch->elements[i].lead);
	hash_seq_init(&status, batch->keys);
	while ((entry = hash_seq_search(&status)) != NULL)
		entry->lead = home(into, entry->lead);
}
