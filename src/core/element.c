/*
 * element.c
 *	  One element of a payload: what it says about a person or a company.
 *
 * One walk over the JSON, driven by the provider's shapes; the type of a
 * column says how its value is converted.  A value that does not fit costs
 * that column only: the archive keeps it.
 *
 * Data of "contact" belong to a record of the customer, which users edit and
 * which may show another human: it is kept whole and read for marks only.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/formatting.h"

#include "core/element.h"
#include "util/country.h"
#include "util/email.h"
#include "util/jsonwalk.h"
#include "util/phone.h"
#include "util/settings.h"

static const char *const kind_names[] = {
	[LP_ELEMENT_PERSON] = "person",
	[LP_ELEMENT_CONTACT] = "contact",
	[LP_ELEMENT_ORGANIZATION] = "organization",
};

/* The best number first; a word that is not here comes last. */
static const char *const number_types[] = {
	"mobile", "work_direct", "home", "other"
};

/* Columns that leadpool alone fills. */
static const char *const own_columns[] = {
	"id", "state", "merged_into", "score", "email_match", "email_locked",
	"email_role", "email_bounced_at", "unsubscribed_at", "phone_status",
	"linkedin_slug", "sources", "first_source", "enriched_at", "created_at",
	"updated_at"
};

const char *
lp_element_name(LpElementKind kind)
{
	return kind_names[kind];
}

LpElementKind
lp_element_kind(const char *name)
{
	for (int i = 0; i < lengthof(kind_names); i++)
		if (name != NULL && strcmp(kind_names[i], name) == 0)
			return i;
	return LP_ELEMENT_PERSON;
}

bool
lp_facts_settable(const char *column, int len)
{
	for (int i = 0; i < lengthof(own_columns); i++)
		if (strncmp(own_columns[i], column, len) == 0 && own_columns[i][len] == '\0')
			return false;
	return true;
}

/* Sets a column from a JSON value, if the value fits. */
static void
take(const LpPool *pool, LpFacts *facts, int column, const JsonbValue *value)
{
	Oid			type = TupleDescAttr(pool->desc, column)->atttypid;

	if (lp_json_to_datum(value, type, &facts->row->values[column]))
		facts->row->nulls[column] = false;
}

static void
take_text(const LpPool *pool, LpFacts *facts, LpPoolColumn column, const char *text)
{
	if (text == NULL)
		return;
	facts->row->values[pool->at[column]] = CStringGetTextDatum(text);
	facts->row->nulls[pool->at[column]] = false;
}

static void
forget(const LpPool *pool, LpFacts *facts, LpPoolColumn column)
{
	facts->row->nulls[pool->at[column]] = true;
}

static void
read_object(const LpPool *pool, LpFacts *facts, const LpShape *shape,
			const JsonbContainer *object)
{
	LpWalk	each;
	JsonbValue	key;
	JsonbValue	value;

	lp_walk_begin(&each, object);
	while (lp_walk_next(&each, &key, &value))
	{
		const LpField *field = lp_shape_find(shape, key.val.string.val,
											 key.val.string.len);

		if (field == NULL)
			continue;
		if (field->column != NULL)
			take(pool, facts, lp_pool_column(pool, field->column, strlen(field->column)),
				 &value);
		else if (field->inside != NULL && !field->list && lp_json_is_object(&value))
			read_object(pool, facts, field->inside, value.val.binary.data);
	}
}

static void
read_row(const LpPool *pool, LpFacts *facts, const JsonbContainer *object)
{
	LpWalk	each;
	JsonbValue	key;
	JsonbValue	value;

	lp_walk_begin(&each, object);
	while (lp_walk_next(&each, &key, &value))
	{
		int			column = lp_pool_column(pool, key.val.string.val, key.val.string.len);

		if (column >= 0 && lp_facts_settable(key.val.string.val, key.val.string.len))
			take(pool, facts, column, &value);
	}
}

/* A customer's record: kept whole, with the ids that lead back to it. */
static void
read_contact(const LpPool *pool, LpFacts *facts, Jsonb *json)
{
	int			column = pool->at[LP_COL_CONTACT];

	facts->row->values[column] = JsonbPGetDatum(json);
	facts->row->nulls[column] = false;
	take_text(pool, facts, LP_COL_CONTACT_ID, lp_json_get_text(&json->root, "id"));
	take_text(pool, facts, LP_COL_ACCOUNT_ID, lp_json_get_text(&json->root, "account_id"));
	take_text(pool, facts, LP_COL_APOLLO_ID, lp_json_get_text(&json->root, "person_id"));
}

/* An object of a list in a jsonb column. */
typedef void (*EntryVisit) (LpFacts *facts, const JsonbContainer *entry);

static void
each_entry(const LpPool *pool, LpFacts *facts, LpPoolColumn column, EntryVisit visit)
{
	Jsonb	   *json;
	LpWalk	each;
	JsonbValue	key;
	JsonbValue	value;

	if (facts->row->nulls[pool->at[column]])
		return;
	json = DatumGetJsonbP(facts->row->values[pool->at[column]]);
	if (!JB_ROOT_IS_ARRAY(json) || JB_ROOT_IS_SCALAR(json))
		return;
	lp_walk_begin(&each, &json->root);
	while (lp_walk_next(&each, &key, &value))
		if (lp_json_is_object(&value))
			visit(facts, value.val.binary.data);
}

/* The best address that a waterfall found: a verified one, else the first. */
static void
visit_found_email(LpFacts *facts, const JsonbContainer *entry)
{
	char	   *email = lp_json_get_text(entry, "email");
	char	   *status = lp_json_get_text(entry, "email_status_cd");

	if (email == NULL || lp_email_is_locked(email) || lp_email_match(email) == NULL)
		return;
	if (status != NULL)
		status = pg_strcasecmp(status, "verified") == 0 ? "verified" :
			asc_tolower(status, strlen(status));
	if (facts->email == NULL ||
		(status != NULL && strcmp(status, "verified") == 0 &&
		 (facts->email_status == NULL || strcmp(facts->email_status, "verified") != 0)))
	{
		facts->email = email;
		facts->email_status = status;
	}
}

static void
read_email(const LpPool *pool, LpFacts *facts)
{
	char	   *email = lp_pool_text(pool, facts->row, LP_COL_EMAIL);
	char	   *status = lp_pool_text(pool, facts->row, LP_COL_EMAIL_STATUS);

	if (email != NULL)
		facts->email_locked = lp_email_is_locked(email);
	if (email != NULL && !facts->email_locked && lp_email_match(email) != NULL)
	{
		facts->email = email;
		facts->email_status = status;
	}
	else
	{
		each_entry(pool, facts, LP_COL_FOUND_EMAILS, visit_found_email);
		if (facts->email == NULL)
			facts->email_status = status;
	}
	forget(pool, facts, LP_COL_EMAIL);
	forget(pool, facts, LP_COL_EMAIL_STATUS);
}

static int
rank_of(const char *type)
{
	int			rank = 0;

	while (rank < lengthof(number_types) &&
		   (type == NULL || strcmp(number_types[rank], type) != 0))
		rank++;
	return rank;
}

static LpNumber *
add_number(LpFacts *facts, char *text, char *type)
{
	LpNumber   *number;

	facts->numbers = facts->numbers == NULL ? palloc(sizeof(LpNumber)) :
		repalloc(facts->numbers, sizeof(LpNumber) * (facts->n_numbers + 1));
	number = &facts->numbers[facts->n_numbers++];
	number->text = text;
	number->type = type;
	number->rank = rank_of(type);
	number->personal = true;
	number->stated = false;
	return number;
}

static void
visit_number(LpFacts *facts, const JsonbContainer *entry)
{
	char	   *text = lp_json_get_text(entry, "sanitized_number");
	char	   *type = lp_json_get_text(entry, "type");
	char	   *status = lp_json_get_text(entry, "status");
	LpNumber   *number;

	if (text == NULL)
		text = lp_json_get_text(entry, "raw_number");
	if (text == NULL)
		return;
	if (type == NULL)
		type = lp_json_get_text(entry, "type_cd");
	if (status == NULL)
		status = lp_json_get_text(entry, "status_cd");
	number = add_number(facts, text, type);
	if ((type != NULL && strcmp(type, "work_hq") == 0) ||
		(status != NULL && strcmp(status, "invalid_number") == 0))
		number->personal = false;
}

static bool
same_number(const char *a, const char *b, const char *region)
{
	LpPhone		x;
	LpPhone		y;

	return a != NULL && b != NULL && lp_phone_parse(a, region, &x) &&
		lp_phone_parse(b, region, &y) && strcmp(x.e164, y.e164) == 0;
}

/* A number without a type that is also the company's names nobody. */
static bool
is_company_number(const LpPool *pool, const LpFacts *facts, const LpNumber *number)
{
	for (int i = 0; i < facts->n_numbers; i++)
		if (!facts->numbers[i].personal &&
			same_number(number->text, facts->numbers[i].text, facts->country_code))
			return true;
	return same_number(number->text,
					   lp_pool_text(pool, facts->row, LP_COL_COMPANY_SANITIZED_PHONE),
					   facts->country_code) ||
		same_number(number->text, lp_pool_text(pool, facts->row, LP_COL_COMPANY_PHONE),
					facts->country_code);
}

static void
read_numbers(const LpPool *pool, LpFacts *facts)
{
	char	   *stated = lp_pool_text(pool, facts->row, LP_COL_PHONE);
	char	   *mobile = lp_pool_text(pool, facts->row, LP_COL_MOBILE_PHONE);
	char	   *sanitized = lp_pool_text(pool, facts->row, LP_COL_SANITIZED_PHONE);
	LpNumber   *number;

	each_entry(pool, facts, LP_COL_PHONE_NUMBERS, visit_number);
	if (mobile != NULL)
		add_number(facts, mobile, "mobile");
	if (sanitized != NULL)
	{
		number = add_number(facts, sanitized, NULL);
		number->personal = !is_company_number(pool, facts, number);
	}
	if (stated != NULL)
	{
		number = add_number(facts, stated,
							lp_pool_text(pool, facts->row, LP_COL_PHONE_TYPE));
		number->stated = true;
	}
	forget(pool, facts, LP_COL_PHONE);
	forget(pool, facts, LP_COL_PHONE_TYPE);
}

static void
read_country(const LpPool *pool, LpFacts *facts)
{
	static const LpPoolColumn columns[] = {
		LP_COL_COUNTRY_CODE, LP_COL_COUNTRY, LP_COL_COMPANY_COUNTRY
	};

	for (int i = 0; i < lengthof(columns) && facts->country_code == NULL; i++)
	{
		char	   *text = lp_pool_text(pool, facts->row, columns[i]);

		if (text != NULL)
			facts->country_code = lp_country_code(text);
		if (i == 0)
			facts->country_stated = facts->country_code != NULL;
	}
	forget(pool, facts, LP_COL_COUNTRY_CODE);
}

LpFacts *
lp_facts_read(const LpPool *pool, const LpProvider *provider, const char *source,
			  LpElementKind kind, Jsonb *json, TimestampTz captured_at)
{
	LpFacts    *facts = palloc0(sizeof(LpFacts));

	facts->kind = kind;
	facts->source = source;
	facts->captured_at = captured_at;
	facts->row = lp_pool_row_new(pool);
	if (!JB_ROOT_IS_OBJECT(json))
		return facts;
	if (kind == LP_ELEMENT_CONTACT)
		read_contact(pool, facts, json);
	else if (provider == NULL)
		read_row(pool, facts, &json->root);
	else
		read_object(pool, facts, kind == LP_ELEMENT_PERSON ? provider->person :
					provider->organization, &json->root);
	read_country(pool, facts);
	read_email(pool, facts);
	read_numbers(pool, facts);
	return facts;
}

bool
lp_facts_is_match(const LpPool *pool, const LpFacts *facts, Jsonb *json)
{
	char	   *id = lp_pool_text(pool, facts->row, LP_COL_APOLLO_ID);
	char	   *confidence = lp_json_get_text(&json->root, "match_confidence");

	return id != NULL && *id != '\0' &&
		(facts->kind == LP_ELEMENT_CONTACT || confidence == NULL ||
		 pg_strcasecmp(confidence, "none") != 0);
}

/* Whether leadpool.merge_on names the kind. */
static bool
merges(LpKeyKind kind)
{
	const char *name = lp_key_kind_name(kind);
	const char *p = lp_merge_on;
	size_t		len = strlen(name);

	while ((p = strstr(p, name)) != NULL)
	{
		if ((p == lp_merge_on || p[-1] == ',' || p[-1] == ' ') &&
			(p[len] == '\0' || p[len] == ',' || p[len] == ' '))
			return true;
		p += len;
	}
	return false;
}

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
	key.identifies = key.identifies && merges(kind);
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
	LpWalk	each;
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

/* Numbers of a list that say "do not call", or all of them. */
static void
mark_numbers(MarkList *list, const JsonbContainer *numbers, const char *region, bool all)
{
	LpWalk	each;
	JsonbValue	key;
	JsonbValue	value;

	if (!JsonContainerIsArray(numbers) || JsonContainerIsScalar(numbers))
		return;
	lp_walk_begin(&each, numbers);
	while (lp_walk_next(&each, &key, &value))
	{
		const JsonbContainer *entry = value.val.binary.data;
		char	   *status;
		char	   *text;

		if (!lp_json_is_object(&value))
			continue;
		status = lp_json_get_text(entry, "dnc_status");
		if (status == NULL)
			status = lp_json_get_text(entry, "dnc_status_cd");
		if (!all && (status == NULL || *status == '\0' ||
					 pg_strcasecmp(status, "not_found") == 0))
			continue;
		text = lp_json_get_text(entry, "sanitized_number");
		if (text == NULL)
			text = lp_json_get_text(entry, "raw_number");
		add_mark(list, LP_BAN_DNC, LP_KEY_PHONE, text, region, false);
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
