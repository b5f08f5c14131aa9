/*
 * mentions.c
 *	  Whom an element names: the keys of the person, and the marks that act.
 *
 * A company's number, a role address and the customer's own record identify
 * nobody; of the record only its marks are read, and they fall on the person
 * only where the record is the person's.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/element.h"
#include "util/country.h"
#include "util/jsonwalk.h"

typedef struct KeyList
{
	LpKey	   *keys;
	int			n;
	int			room;
} KeyList;

static void
add_key(KeyList *list, LpKeyKind kind, const char *text, const char *region)
{
	LpKey		key;

	if (!lp_key_make(kind, text, region, &key))
		return;
	for (int i = 0; i < list->n; i++)
		if (list->keys[i].kind == kind && strcmp(list->keys[i].value, key.value) == 0)
			return;
	if (list->n == list->room)
	{
		list->room = Max(8, list->room * 2);
		list->keys = list->keys == NULL ? palloc(sizeof(LpKey) * list->room) :
			repalloc(list->keys, sizeof(LpKey) * list->room);
	}
	list->keys[list->n++] = key;
}

static void
add_personal_emails(const LpPool *pool, const LpFacts *facts, KeyList *list)
{
	int			column = pool->at[LP_COL_PERSONAL_EMAILS];
	Datum	   *texts;
	bool	   *nulls;
	int			n;

	if (facts->row->nulls[column])
		return;
	deconstruct_array(DatumGetArrayTypeP(facts->row->values[column]), TEXTOID, -1,
					  false, TYPALIGN_INT, &texts, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			add_key(list, LP_KEY_EMAIL, TextDatumGetCString(texts[i]), NULL);
}

static void
add_found_emails(const LpPool *pool, const LpFacts *facts, KeyList *list)
{
	int			column = pool->at[LP_COL_FOUND_EMAILS];
	Jsonb	   *json;
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	value;

	if (facts->row->nulls[column])
		return;
	json = DatumGetJsonbP(facts->row->values[column]);
	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		return;
	lp_walk_begin(&each, &json->root);
	while (lp_walk_next(&each, &key, &value))
		if (lp_json_is_object(&value))
			add_key(list, LP_KEY_EMAIL,
					lp_json_get_text(value.val.binary.data, "email"), NULL);
}

LpKey *
lp_facts_keys(const LpPool *pool, const LpFacts *facts, int *n)
{
	KeyList		list = {0};

	add_key(&list, LP_KEY_APOLLO_ID, lp_pool_text(pool, facts->row, LP_COL_APOLLO_ID), NULL);
	if (facts->kind == LP_ELEMENT_PERSON)
	{
		add_key(&list, LP_KEY_EMAIL, facts->email, NULL);
		add_personal_emails(pool, facts, &list);
		add_found_emails(pool, facts, &list);
		add_key(&list, LP_KEY_LINKEDIN,
				lp_pool_text(pool, facts->row, LP_COL_LINKEDIN_URL), NULL);
		for (int i = 0; i < facts->n_numbers; i++)
			if (facts->numbers[i].personal)
				add_key(&list, LP_KEY_PHONE, facts->numbers[i].text, facts->country_code);
	}
	*n = list.n;
	return list.keys;
}

/* Keys in the entries of a list inside a customer's record. */
static void
add_entry_keys(KeyList *list, const JsonbContainer *object, const char *name,
			   const char *member, LpKeyKind kind, const char *region)
{
	LpWalk		each;
	JsonbValue	entries;
	JsonbValue	key;
	JsonbValue	value;

	if (!lp_json_get(object, name, &entries) || !lp_json_is_list(&entries))
		return;
	lp_walk_begin(&each, entries.val.binary.data);
	while (lp_walk_next(&each, &key, &value))
		if (lp_json_is_object(&value))
			add_key(list, kind, lp_json_get_text(value.val.binary.data, member), region);
}

LpKey *
lp_facts_mentions(const LpPool *pool, const LpFacts *facts, int *n)
{
	KeyList		list = {0};
	int			column = pool->at[LP_COL_CONTACT];
	const JsonbContainer *contact;

	list.keys = lp_facts_keys(pool, facts, &list.n);
	list.room = list.n;
	*n = list.n;
	if (facts->row->nulls[column] ||
		!JB_ROOT_IS_OBJECT(DatumGetJsonbP(facts->row->values[column])))
		return list.keys;
	contact = &DatumGetJsonbP(facts->row->values[column])->root;
	add_key(&list, LP_KEY_APOLLO_ID, lp_json_get_text(contact, "person_id"), NULL);
	add_key(&list, LP_KEY_EMAIL, lp_json_get_text(contact, "email"), NULL);
	add_entry_keys(&list, contact, "contact_emails", "email", LP_KEY_EMAIL, NULL);
	add_key(&list, LP_KEY_LINKEDIN, lp_json_get_text(contact, "linkedin_url"), NULL);
	add_key(&list, LP_KEY_PHONE, lp_json_get_text(contact, "sanitized_phone"), NULL);
	add_entry_keys(&list, contact, "phone_numbers", "sanitized_number", LP_KEY_PHONE, NULL);
	*n = list.n;
	return list.keys;
}

typedef struct MarkList
{
	LpMark	   *marks;
	int			n;
} MarkList;

static void
add_mark(MarkList *list, LpBanReason reason, LpKeyKind kind, const char *text,
		 const char *region, bool is_person)
{
	LpMark		mark = {.reason = reason, .is_person = is_person};

	if (!lp_key_make(kind, text, region, &mark.key))
		return;
	list->marks = list->marks == NULL ? palloc(sizeof(LpMark)) :
		repalloc(list->marks, sizeof(LpMark) * (list->n + 1));
	list->marks[list->n++] = mark;
}

/* Any word but these two is a reason not to call. */
static bool
says_do_not_call(const JsonbContainer *entry, const char *name)
{
	char	   *status = lp_json_get_text(entry, name);

	return status != NULL && *status != '\0' && pg_strcasecmp(status, "not_found") != 0;
}

/* Numbers of a list that say "do not call", or all of them. */
static void
mark_numbers(MarkList *list, const JsonbContainer *numbers, const char *region, bool all)
{
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	value;

	if (!JsonContainerIsArray(numbers) || JsonContainerIsScalar(numbers))
		return;
	lp_walk_begin(&each, numbers);
	while (lp_walk_next(&each, &key, &value))
	{
		const JsonbContainer *entry = value.val.binary.data;
		int			before = list->n;

		if (!lp_json_is_object(&value))
			continue;
		if (!all && !says_do_not_call(entry, "dnc_status") &&
			!says_do_not_call(entry, "dnc_status_cd"))
			continue;
		add_mark(list, LP_BAN_DNC, LP_KEY_PHONE,
				 lp_json_get_text(entry, "sanitized_number"), region, false);
		if (list->n == before)
			add_mark(list, LP_BAN_DNC, LP_KEY_PHONE,
					 lp_json_get_text(entry, "raw_number"), region, false);
	}
}

/* Whether the record is of this person: by id, or by the address. */
static bool
is_of_person(const LpPool *pool, const LpFacts *facts, const JsonbContainer *contact)
{
	char	   *id = lp_pool_text(pool, facts->row, LP_COL_APOLLO_ID);
	char	   *person = lp_json_get_text(contact, "person_id");
	LpKey		address;
	LpKey	   *keys;
	int			n;

	if (id != NULL && person != NULL)
		if (strcmp(id, person) == 0)
			return true;
	if (!lp_key_make(LP_KEY_EMAIL, lp_json_get_text(contact, "email"), NULL, &address))
		return false;
	keys = lp_facts_keys(pool, facts, &n);
	for (int i = 0; i < n; i++)
		if (keys[i].kind == LP_KEY_EMAIL && strcmp(keys[i].value, address.value) == 0)
			return true;
	return false;
}

static void
mark_contact(const LpPool *pool, const LpFacts *facts, MarkList *list,
			 const JsonbContainer *contact)
{
	bool		is_person = is_of_person(pool, facts, contact);
	char	   *country = lp_json_get_text(contact, "country");
	const char *region = country == NULL ? facts->country_code : lp_country_code(country);
	bool		opted_out = lp_json_get_true(contact, "call_opted_out");
	int			before = list->n;
	JsonbValue	numbers;

	if (lp_json_get_true(contact, "email_unsubscribed"))
	{
		add_mark(list, LP_BAN_UNSUBSCRIBED, LP_KEY_EMAIL,
				 lp_json_get_text(contact, "email"), NULL, is_person);
		if (list->n == before && is_person)
			add_mark(list, LP_BAN_UNSUBSCRIBED, LP_KEY_APOLLO_ID,
					 lp_pool_text(pool, facts->row, LP_COL_APOLLO_ID), NULL, true);
	}
	before = list->n;
	if (lp_json_get(contact, "phone_numbers", &numbers) && lp_json_is_list(&numbers))
		mark_numbers(list, numbers.val.binary.data, region, opted_out);
	if (!opted_out)
		return;
	add_mark(list, LP_BAN_DNC, LP_KEY_PHONE,
			 lp_json_get_text(contact, "sanitized_phone"), region, false);
	if (list->n == before && is_person)
		for (int i = 0; i < facts->n_numbers; i++)
			add_mark(list, LP_BAN_DNC, LP_KEY_PHONE, facts->numbers[i].text,
					 facts->country_code, false);
}

LpMark *
lp_facts_marks(const LpPool *pool, const LpFacts *facts, int *n)
{
	MarkList	list = {0};
	int			column = pool->at[LP_COL_CONTACT];
	int			numbers = pool->at[LP_COL_PHONE_NUMBERS];

	if (!facts->row->nulls[column])
	{
		Jsonb	   *contact = DatumGetJsonbP(facts->row->values[column]);

		if (JB_ROOT_IS_OBJECT(contact))
			mark_contact(pool, facts, &list, &contact->root);
	}
	if (!facts->row->nulls[numbers])
	{
		Jsonb	   *json = DatumGetJsonbP(facts->row->values[numbers]);

		mark_numbers(&list, &json->root, facts->country_code, false);
	}
	*n = list.n;
	return list.marks;
}
