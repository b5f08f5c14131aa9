/*
 * capture_erased.c
 *	  Elements of people who were erased: dropped, and said nowhere else.
 */
#include "postgres.h"

#include "core/bans.h"
#include "core/batch.h"
#include "core/textkeys.h"
#include "store/sql.h"

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

static LpMentions *
read_mentions(const char *text, const char *region)
{
	LpMentions *mentions = palloc(sizeof(LpMentions));

	mentions->keys = lp_text_keys(text, region, &mentions->n);
	return mentions;
}

/* Keys of people who were erased, in a text that is about others. */
static void
learn_text(LpBatch *batch, const LpMentions *mentions)
{
	if (mentions->n == 0 ||
		!has_erasure(lp_bans_of_keys(mentions->keys, mentions->n, batch->now)))
		return;
	for (int k = 0; k < mentions->n; k++)
		if (has_erasure(lp_bans_of_keys(&mentions->keys[k], 1, batch->now)))
			learn_erased(batch, NULL, &mentions->keys[k], 1);
}

/* Whether any of the texts shows somebody who was erased, at one go. */
static bool
shows_erased(LpBatch *batch, LpMentions *const *texts, int n)
{
	LpKey	   *keys;
	int			n_keys = 0;

	for (int i = 0; i < n; i++)
		n_keys += texts[i]->n;
	keys = palloc_extended(sizeof(LpKey) * Max(n_keys, 1), MCXT_ALLOC_HUGE);
	n_keys = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < texts[i]->n; k++)
			keys[n_keys++] = texts[i]->keys[k];
	return n_keys > 0 && has_erasure(lp_bans_of_keys(keys, n_keys, batch->now));
}

/* The same in others' elements, and in what the body says besides elements. */
static void
learn_mentions(LpBatch *batch)
{
	char	   *rest = pnstrdup(batch->body, batch->len);
	LpMentions **texts = palloc(sizeof(LpMentions *) * (batch->n + 1));
	int			n = 0;

	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];

		if (element->json == NULL)
			continue;
		memset(rest + element->span.start, ' ', element->span.end - element->span.start);
		if (element->erased)
			continue;
		element->mentions = read_mentions(element->part, element->facts == NULL ? NULL :
										  element->facts->country_code);
		texts[n++] = element->mentions;
	}
	texts[n++] = read_mentions(rest, NULL);
	if (!shows_erased(batch, texts, n))
		return;
	for (int i = 0; i < n; i++)
		learn_text(batch, texts[i]);
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
		element->mentions = NULL;
		element->json = lp_batch_json(clean, strlen(clean));
		element->facts = lp_facts_read(batch->pool, batch->provider, batch->source,
									   element->kind, element->json, batch->captured_at);
		if (element->kind != LP_ELEMENT_ORGANIZATION)
			element->keys = lp_facts_keys(batch->pool, element->facts, &element->n_keys);
	}
}

void
lp_batch_drop_erased(LpBatch *batch)
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
