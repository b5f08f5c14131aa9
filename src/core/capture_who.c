/*
 * capture_who.c
 *	  Who the elements of a batch are.
 *
 * The strongest known key decides (apollo_id, email, linkedin); a phone only
 * if an element has nothing else and exactly one lead has that number.  Leads
 * that an element ties together are merged (tie.c).
 */
#include "postgres.h"

#include "utils/hsearch.h"

#include "core/batch.h"
#include "core/lead.h"
#include "util/uuid.h"

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

void
lp_batch_identify(LpBatch *batch)
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
