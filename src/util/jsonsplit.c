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

#include "util/jsonsplit.h"

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
		if (in_string)
		{
			if (*p == '"')
				in_string = false;
			p += *p == '\\' ? clean_escape(p, end) : 1;
		}
		else if (*p == '-' || isdigit((unsigned char) *p))
			p += clean_number(p, end);
		else
		{
			in_string = *p == '"';
			p++;
		}
	}
	return copy;
}

bool
lp_json_too_deep(const char *text, int len)
{
	bool		in_string = false;
	int			depth = 0;

	for (int i = 0; i < len; i++)
	{
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && (text[i] == '{' || text[i] == '['))
			depth++;
		else if (!in_string && (text[i] == '}' || text[i] == ']'))
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

CALLBACK
field_start(void *state, char *key, bool isnull)
{
	Splitter   *s = state;
	LpList		list;

	if (s->rows || s->level != 1 + s->in_result)
		DONE;
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

CALLBACK
field_end(void *state, char *key, bool isnull)
{
	Splitter   *s = state;
	LpList		list;

	if (s->rows)
		DONE;
	if (s->level == 1)
		s->in_result = false;
	if (s->level != 1 + s->in_result)
		DONE;
	list = list_of_key(key);
	if (list != LP_LISTS && is_single(list))
		for (int i = s->n - 1; i >= 0; i--)
			if (s->spans[i].list == list && s->spans[i].end < 0)
			{
				s->spans[i].end = s->lex->prev_token_terminator - s->lex->input;
				break;
			}
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
	s->lex = makeJsonLexContextCstringLen(NULL, clean, len, PG_UTF8, true);
#else
	s->lex = makeJsonLexContextCstringLen(clean, len, PG_UTF8, true);
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
