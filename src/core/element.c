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
#include "util/zone.h"

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

/* Whether a list of texts is shorter than what was given. */
static bool
is_short(const JsonbValue *value, Oid type, Datum datum)
{
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	entry;
	int			told = 0;

	if (type != TEXTARRAYOID)
		return false;
	lp_walk_begin(&each, value->val.binary.data);
	while (lp_walk_next(&each, &key, &entry))
		told += entry.type == jbvString || !lp_json_is_blank(&entry);
	return ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(datum)),
						  ARR_DIMS(DatumGetArrayTypeP(datum))) < told;
}

/* Sets a column from a JSON value, if the value fits. */
static void
take(const LpPool *pool, LpFacts *facts, int column, const JsonbValue *value)
{
	Oid			type = TupleDescAttr(pool->desc, column)->atttypid;

	if (lp_json_to_datum(value, type, &facts->row->values[column]))
	{
		facts->row->nulls[column] = false;
		facts->heard[column] = is_short(value, type, facts->row->values[column]) ?
			LP_HEARD_PARTLY : LP_HEARD_WHOLE;
	}
	else if (!lp_json_is_blank(value))
		facts->heard[column] = LP_HEARD_UNFIT;
}

static void
take_text(const LpPool *pool, LpFacts *facts, LpPoolColumn column, const char *text)
{
	if (text == NULL)
		return;
	facts->row->values[pool->at[column]] = CStringGetTextDatum(text);
	facts->row->nulls[pool->at[column]] = false;
	facts->heard[pool->at[column]] = LP_HEARD_WHOLE;
}

/* A text that the column cannot show; a blank one says nothing. */
static void
mark_unfit(const LpPool *pool, LpFacts *facts, LpPoolColumn column, const char *text)
{
	facts->heard[pool->at[column]] = text[strspn(text, " \t\r\n")] == '\0' ?
		LP_HEARD_NOTHING : LP_HEARD_UNFIT;
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
	LpWalk		each;
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
	LpWalk		each;
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
	facts->heard[column] = LP_HEARD_WHOLE;
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
	LpWalk		each;
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
		if (facts->email_locked)
			facts->heard[pool->at[LP_COL_EMAIL]] = LP_HEARD_NOTHING;
		else if (email != NULL)
			mark_unfit(pool, facts, LP_COL_EMAIL, email);
		each_entry(pool, facts, LP_COL_FOUND_EMAILS, visit_found_email);
		/* The status of what is no address says nothing of the one known. */
		if (facts->email == NULL &&
			(email == NULL || *email == '\0' || facts->email_locked))
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
		char	   *name = lp_pool_text(pool, facts->row, columns[i]);

		if (name != NULL)
			facts->country_code = lp_country_code(name);
		if (i == 0)
			facts->country_stated = facts->country_code != NULL;
		if (i == 0 && name != NULL && !facts->country_stated)
			mark_unfit(pool, facts, LP_COL_COUNTRY_CODE, name);
	}
	forget(pool, facts, LP_COL_COUNTRY_CODE);
}

/* A zone that is none shows nowhere (fold.c). */
static void
read_zone(const LpPool *pool, LpFacts *facts)
{
	char	   *zone = lp_pool_text(pool, facts->row, LP_COL_ZONE);

	if (zone != NULL && lp_zone_find(zone) == NULL)
		mark_unfit(pool, facts, LP_COL_ZONE, zone);
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
	facts->heard = palloc0(pool->desc->natts);
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
	read_zone(pool, facts);
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
