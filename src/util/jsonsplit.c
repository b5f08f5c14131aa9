/*
 * jsonsplit.c
 *	  Where in the text of a body its elements stand.
 *
 * PostgreSQL's own JSON parser reads the text and tells offsets; nothing here
 * builds a tree.  The parser recurses, so nesting is limited beforehand.
 */
#include "postgres.h"

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "util/jsonsplit.h"
#include "util/jsonwalk.h"

#define MAX_NUMBER 5000			/* digits, and powers of ten */

#if PG_VERSION_NUM >= 160000
#define CALLBACK static JsonParseErrorType
#define DONE return JSON_SUCCESS
#else
#define CALLBACK static void
#define DONE return
#endif

static const char *const list_names[LP_LISTS] = {
	[LP_LIST_PERSON] = "person",
	[LP_LIST_PEOPLE] = "people",
	[LP_LIST_MATCHES] = "matches",
	[LP_LIST_CONTACTS] = "contacts",
	[LP_LIST_ORGANIZATION] = "organization",
	[LP_LIST_ORGANIZATIONS] = "organizations",
};

/* Keys of which one is enough to say that a body is a person itself. */
static const char *const person_keys[] = {
	"id", "first_name", "last_name", "name", "email", "linkedin_url", "title",
	"headline", "match_confidence", "employment_history", "phone_numbers",
	"organization_id"
};

typedef struct Splitter
{
	JsonLexContext *lex;
	int			level;			/* open objects and lists */
	bool		rows;
	bool		is_object;		/* of the root, likewise below */
	bool		is_list;
	bool		is_person;
	bool		in_result;		/* inside webhook_result */
	LpList		list;			/* being collected; LP_LISTS = none */
	int			list_level;
	LpSpan	   *spans;
	int			n;
	int			room;
} Splitter;

static bool
is_hex(const char *p)
{
	for (int i = 0; i < 4; i++)
		if (!isxdigit((unsigned char) p[i]))
			return false;
	return true;
}

static int
hex_value(const char *p)
{
	char		digits[5] = {p[0], p[1], p[2], p[3], 0};

	return strtol(digits, NULL, 16);
}

/* Mends the escape at p (a backslash); returns what to skip. */
static int
clean_escape(char *p, const char *end)
{
	int			code;

	if (end - p < 6 || p[1] != 'u' || !is_hex(p + 2))
		return 2;
	code = hex_value(p + 2);
	if (code >= 0xD800 && code <= 0xDBFF && end - p >= 12 && p[6] == '\\' &&
		p[7] == 'u' && is_hex(p + 8))
	{
		int			low = hex_value(p + 8);

		if (low >= 0xDC00 && low <= 0xDFFF)
			return 12;
	}
	if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
		memcpy(p + 2, "fffd", 4);
	return 6;
}

/* Blanks a number that numeric cannot hold; returns its length. */
static int
clean_number(char *p, const char *end)
{
	int			len = strspn(p, "0123456789+-.eE");
	char	   *exponent;
	long		power = 0;

	if (len > end - p)
		len = end - p;
	exponent = memchr(p, 'e', len);
	if (exponent == NULL)
		exponent = memchr(p, 'E', len);
	if (exponent != NULL)
		power = strtol(exponent + 1, NULL, 10);
	if (len > MAX_NUMBER || power < -MAX_NUMBER || power > MAX_NUMBER)
	{
		memset(p, ' ', len);
		memcpy(p, "null", 4);
	}
	return len;
}

char *
lp_json_clean(const char *text, int len)
{
	char	   *copy = pnstrdup(text, len);
	const char *end = copy + len;
	bool		in_string = false;

	for (char *p = copy; p < end;)
	{
		p += strcspn(p, in_string ? "\"\\" : "\"-0123456789");
		if (*p == '\0')
			break;
		if (*p == '"')
		{
			in_string = !in_string;
			p++;
		}
		else
			p += in_string ? clean_escape(p, end) : clean_number(p, end);
	}
	return copy;
}

/* What follows the string whose first byte is at p. */
static const char *
skip_string(const char *p, const char *end)
{
	const char *start = p;

	while ((p = memchr(p, '"', end - p)) != NULL)
	{
		const char *slash = p;

		while (slash > start && slash[-1] == '\\')
			slash--;
		p++;
		if ((p - slash) % 2 == 1)
			return p;
	}
	return end;
}

bool
lp_json_too_deep(const char *text, int len)
{
	const char *end = text + len;
	int			depth = 0;

	for (const char *p = text; p < end;)
	{
		char		c = *p++;

		if (c == '"')
			p = skip_string(p, end);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		if (depth > LP_JSON_MAX_DEPTH)
			return true;
	}
	return false;
}

static void
open_span(Splitter *s, LpList list)
{
	if (s->n == s->room)
	{
		s->room *= 2;
		s->spans = repalloc(s->spans, sizeof(LpSpan) * s->room);
	}
	s->spans[s->n].list = list;
	s->spans[s->n].start = s->lex->token_start - s->lex->input;
	s->spans[s->n].end = -1;
	s->spans[s->n].in_result = s->in_result;
	s->n++;
}

static void
close_span(Splitter *s)
{
	s->spans[s->n - 1].end = s->lex->prev_token_terminator - s->lex->input;
}

/* A key that comes twice counts once: the last, as in jsonb. */
static void
drop_spans(Splitter *s, LpList list)
{
	int			kept = 0;

	for (int i = 0; i < s->n; i++)
		if (s->spans[i].list != list)
			s->spans[kept++] = s->spans[i];
	s->n = kept;
}

CALLBACK
object_start(void *state)
{
	Splitter   *s = state;

	if (s->level++ == 0)
		s->is_object = true;
	DONE;
}

CALLBACK
object_end(void *state)
{
	Splitter   *s = state;

	s->level--;
	DONE;
}

CALLBACK
array_start(void *state)
{
	Splitter   *s = state;

	if (s->level++ == 0)
	{
		s->is_list = true;
		if (s->rows)
		{
			s->list = LP_LIST_BODY;
			s->list_level = 1;
		}
	}
	DONE;
}

CALLBACK
array_end(void *state)
{
	Splitter   *s = state;

	if (s->list != LP_LISTS && s->level == s->list_level)
		s->list = LP_LISTS;
	s->level--;
	DONE;
}

CALLBACK
element_start(void *state, bool isnull)
{
	Splitter   *s = state;

	if (s->list != LP_LISTS && s->level == s->list_level)
		open_span(s, s->list);
	DONE;
}

CALLBACK
element_end(void *state, bool isnull)
{
	Splitter   *s = state;

	if (s->list != LP_LISTS && s->level == s->list_level)
		close_span(s);
	DONE;
}

static LpList
list_of_key(const char *key)
{
	for (int i = LP_LIST_PERSON; i < LP_LISTS; i++)
		if (strcmp(list_names[i], key) == 0)
			return i;
	return LP_LISTS;
}

static bool
is_single(LpList list)
{
	return list == LP_LIST_PERSON || list == LP_LIST_ORGANIZATION;
}

/* A key that is written with escapes. */
static char *
unescaped(const char *start, int len)
{
	char	   *word = psprintf("\"%.*s\"", len, start);
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(word)));
	JsonbValue	value;

	if (!JsonbExtractScalar(&json->root, &value) || value.type != jbvString)
		return word;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/*
 * The key of the field whose value the parser is at.  The parser would tell
 * it, but then it builds every other word of the body as well.
 */
static char *
key_of_field(const JsonLexContext *lex)
{
	const char *end = lex->prev_token_terminator - 1;	/* the colon */
	const char *start;

	while (*end != '"')
		end--;
	for (start = end - 1;; start--)
	{
		int			slashes = 0;

		if (*start != '"')
			continue;
		while (start[-1 - slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			break;
	}
	start++;
	if (memchr(start, '\\', end - start) != NULL)
		return unescaped(start, end - start);
	return pnstrdup(start, end - start);
}

CALLBACK
field_start(void *state, char *ignored, bool isnull)
{
	Splitter   *s = state;
	char	   *key;
	LpList		list;

	if (s->rows || s->level != 1 + s->in_result)
		DONE;
	key = key_of_field(s->lex);
	if (s->level == 1)
	{
		s->in_result = strcmp(key, "webhook_result") == 0 &&
			s->lex->token_type == JSON_TOKEN_OBJECT_START;
		for (int i = 0; i < lengthof(person_keys); i++)
			if (strcmp(person_keys[i], key) == 0)
				s->is_person = true;
	}
	list = list_of_key(key);
	if (list == LP_LISTS)
		DONE;
	drop_spans(s, list);
	if (is_single(list))
		open_span(s, list);
	else if (s->lex->token_type == JSON_TOKEN_ARRAY_START)
	{
		s->list = list;
		s->list_level = s->level + 1;
	}
	DONE;
}

/* Of a person or company that is a field itself, the end. */
CALLBACK
field_end(void *state, char *ignored, bool isnull)
{
	Splitter   *s = state;

	if (s->rows)
		DONE;
	if (s->level == 1)
		s->in_result = false;
	if (s->level == 1 + s->in_result && s->n > 0 && s->spans[s->n - 1].end < 0)
		close_span(s);
	DONE;
}

static int
compare_spans(const void *a, const void *b)
{
	const LpSpan *x = a;
	const LpSpan *y = b;

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static bool
run_parser(Splitter *s, char *clean, int len, bool rows)
{
	JsonSemAction actions = {
		.semstate = s,
		.object_start = object_start,
		.object_end = object_end,
		.array_start = array_start,
		.array_end = array_end,
		.object_field_start = field_start,
		.object_field_end = field_end,
		.array_element_start = element_start,
		.array_element_end = element_end,
	};

	memset(s, 0, sizeof(*s));
	s->rows = rows;
	s->list = LP_LISTS;
	s->room = 16;
	s->spans = palloc(sizeof(LpSpan) * s->room);
#if PG_VERSION_NUM >= 170000
	s->lex = makeJsonLexContextCstringLen(NULL, clean, len, PG_UTF8, false);
#else
	s->lex = makeJsonLexContextCstringLen(clean, len, PG_UTF8, false);
#endif
	return pg_parse_json(s->lex, &actions) == JSON_SUCCESS;
}

/* Makes the body itself the only element. */
static void
take_body(Splitter *s, const char *clean, int len)
{
	int			start = strspn(clean, " \t\r\n");

	while (len > start && strchr(" \t\r\n", clean[len - 1]) != NULL)
		len--;
	s->spans[0].list = LP_LIST_BODY;
	s->spans[0].start = start;
	s->spans[0].end = len;
	s->spans[0].in_result = false;
	s->n = 1;
}

LpSpan *
lp_json_split(char *clean, int len, int *n)
{
	Splitter	s;
	bool		wrapped = false;

	if (!run_parser(&s, clean, len, false) || !s.is_object)
		return NULL;
	for (int i = 0; i < s.n; i++)
		if (s.spans[i].list != LP_LIST_ORGANIZATION)
			wrapped = true;
	if (s.is_person && !wrapped)
		take_body(&s, clean, len);
	qsort(s.spans, s.n, sizeof(LpSpan), compare_spans);
	*n = s.n;
	return s.spans;
}

LpSpan *
lp_json_split_rows(char *clean, int len, int *n)
{
	Splitter	s;

	if (!run_parser(&s, clean, len, true) || !(s.is_object || s.is_list))
		return NULL;
	if (s.is_object)
		take_body(&s, clean, len);
	*n = s.n;
	return s.spans;
}

/* The value that holds the elements of a list. */
static bool
holder_of(const LpSpan *span, const JsonbContainer *root, JsonbValue *holder)
{
	if (span->list == LP_LIST_BODY && !JsonContainerIsObject(root))
	{
		holder->type = jbvBinary;
		holder->val.binary.data = unconstify(JsonbContainer *, root);
		return true;
	}
	if (!span->in_result)
		return lp_json_get(root, list_names[span->list], holder);
	return lp_json_get(root, "webhook_result", holder) && lp_json_is_object(holder) &&
		lp_json_get(holder->val.binary.data, list_names[span->list], holder);
}

/* The object at the span, copied; NULL if the value is none. */
static Jsonb *
copy_object(JsonbValue *value)
{
	return lp_json_is_object(value) ? JsonbValueToJsonb(value) : NULL;
}

bool
lp_json_of_spans(const LpSpan *spans, int n, Jsonb *body, Jsonb **parts)
{
	for (int i = 0; i < n;)
	{
		const LpSpan *first = &spans[i];
		JsonbValue	holder;
		JsonbValue	value;
		int			end = i + 1;
		LpWalk		each;

		while (end < n && spans[end].list == first->list)
			end++;
		if (first->list == LP_LIST_BODY && JB_ROOT_IS_OBJECT(body))
		{
			parts[i++] = body;
			continue;
		}
		if (!holder_of(first, &body->root, &holder))
			return false;
		if (is_single(first->list))
		{
			parts[i++] = copy_object(&holder);
			continue;
		}
		if (!lp_json_is_list(&holder) ||
			JsonContainerSize(holder.val.binary.data) != end - i)
			return false;
		lp_walk_begin(&each, holder.val.binary.data);
		while (lp_walk_next(&each, NULL, &value))
			parts[i++] = copy_object(&value);
	}
	return true;
}
