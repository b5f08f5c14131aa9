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

#include "lib/qunique.h"
#include "utils/hsearch.h"

#include "core/lead.h"
#include "core/merge.h"
#include "core/tie.h"
#include "store/conflicts.h"
#include "util/settings.h"
#include "util/uuid.h"

static int
compare_known(const void *a, const void *b)
{
	const LpKnownKey *x = a;
	const LpKnownKey *y = b;

	return x->kind != y->kind ? (int) x->kind - (int) y->kind : strcmp(x->value, y->value);
}

/* The lead that a key identifies; known is sorted. */
static const pg_uuid_t *
lead_of(const LpKey *key, const LpKnownKey *known, int n)
{
	LpKnownKey	wanted = {.kind = key->kind, .value = key->value};
	const LpKnownKey *found = bsearch(&wanted, known, n, sizeof(LpKnownKey), compare_known);

	return found == NULL ? NULL : &found->lead_id;
}

/* The identifying keys of the elements that have two: one ties nothing. */
static LpKey *
tying_keys(LpBatch *batch, int *n)
{
	LpKey	   *keys;
	int			room = 0;

	for (int i = 0; i < batch->n; i++)
		room += batch->elements[i].n_keys;
	keys = palloc(sizeof(LpKey) * Max(room, 1));
	*n = 0;
	for (int i = 0; i < batch->n; i++)
	{
		int			first = *n;

		for (int k = 0; k < batch->elements[i].n_keys; k++)
			if (batch->elements[i].keys[k].identifies)
				keys[(*n)++] = batch->elements[i].keys[k];
		if (*n - first == 1)
			*n = first;
	}
	return keys;
}

/* The leads of one element's keys, if they are several; returns how many. */
static int
leads_of_element(const LpElement *element, const LpKnownKey *known, int n_known,
				 pg_uuid_t *leads)
{
	bool		several = false;
	int			n = 0;

	for (int k = 0; k < element->n_keys; k++)
	{
		const pg_uuid_t *lead = !element->keys[k].identifies ? NULL :
		lead_of(&element->keys[k], known, n_known);

		if (lead == NULL)
			continue;
		several = several || (n > 0 && !lp_uuid_equal(lead, &leads[0]));
		leads[n++] = *lead;
	}
	return several ? n : 0;
}

/* Leads that one element of the batch ties, as far as one can see. */
static pg_uuid_t *
expected(LpBatch *batch, int *n_leads)
{
	int			n;
	LpKey	   *keys = tying_keys(batch, &n);
	int			n_known;
	LpKnownKey *known = lp_identities_find(keys, n, &n_known);
	pg_uuid_t  *leads = palloc(sizeof(pg_uuid_t) * (n + 1));	/* of one key, looked at */
	int			kept = 0;

	for (int i = 0; i < n_known; i++)
		if (known[i].identifies)
			known[kept++] = known[i];
	n_known = kept;
	*n_leads = 0;
	if (n_known < 2)
		return leads;
	qsort(known, n_known, sizeof(LpKnownKey), compare_known);
	for (int i = 0; i < batch->n; i++)
		*n_leads += leads_of_element(&batch->elements[i], known, n_known, &leads[*n_leads]);
	qsort(leads, *n_leads, sizeof(pg_uuid_t), lp_uuid_compare);
	*n_leads = qunique(leads, *n_leads, sizeof(pg_uuid_t), lp_uuid_compare);
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
