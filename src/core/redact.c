/*
 * redact.c
 *	  Finding a person in text, and taking the person out of it.
 *
 * The archive is text as it came, so it is read by tokens, not as a tree: an
 * escape, an odd spelling of a number or a hole where an element was cut out
 * must neither hide a mention nor be changed itself.  What is found is
 * replaced whole, string by string: a part of an address is still one.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/redact.h"
#include "util/email.h"
#include "util/phone.h"
#include "util/profile.h"
#include "util/text.h"

#define MIN_DIGITS 7			/* of a number in the middle of a text */
#define MIN_WORD 5				/* bytes of an id found inside a text */

typedef enum Sighting
{
	SIGHT_NONE,
	SIGHT_INSIDE,				/* somewhere in the text */
	SIGHT_WHOLE					/* it is the text */
} Sighting;

static List *
add_text(List *list, const char *text)
{
	char	   *folded;
	ListCell   *cell;

	if (text == NULL)
		return list;
	folded = lp_text_trim(lp_text_fold(text));
	if (*folded == '\0')
		return list;
	foreach(cell, list)
		if (strcmp(lfirst(cell), folded) == 0)
		return list;
	return lappend(list, folded);
}

void
lp_needles_add_key(LpNeedles *needles, const LpKey *key)
{
	char	   *at;
	char	   *ban;

	switch (key->kind)
	{
		case LP_KEY_EMAIL:
			ban = lp_email_ban(key->value);
			needles->emails = add_text(needles->emails, ban);
			at = strchr(key->value, '@');
			if (at == NULL)
				break;
			needles->words = add_text(needles->words,
									  psprintf("%.*s%%40%s", (int) (at - key->value),
											   key->value, at + 1));
			needles->words = add_text(needles->words,
									  psprintf("%.*s=%s", (int) (at - key->value),
											   key->value, at + 1));
			break;
		case LP_KEY_PHONE:
			needles->digits = add_text(needles->digits, lp_phone_digits(key->value));
			break;
		case LP_KEY_LINKEDIN:
			needles->slugs = add_text(needles->slugs, key->value);
			break;
		case LP_KEY_APOLLO_ID:
			needles->words = add_text(needles->words, key->value);
			break;
		default:
			break;
	}
}

static void
add_name(LpNeedles *needles, const char *name)
{
	if (name == NULL || strlen(name) < 2)
		return;
	if (strchr(name, ' ') != NULL)
		needles->names = add_text(needles->names, name);
	else
		needles->parts = add_text(needles->parts, name);
}

void
lp_needles_add_row(LpNeedles *needles, const LpPool *pool, const LpPoolRow *row)
{
	static const char *const names[] = {"first_name", "last_name", "full_name", "last_name_obfuscated"};
	static const char *const words[] = {
		"photo_url", "twitter_url", "github_url", "facebook_url", "hashed_email", "contact_id"
	};
	char	   *parts[2] = {NULL, NULL};

	for (int i = 0; i < lengthof(names); i++)
	{
		int			column = lp_pool_column(pool, names[i], strlen(names[i]));
		char	   *value;

		if (row->nulls[column])
			continue;
		value = lp_text_trim(TextDatumGetCString(row->values[column]));
		add_name(needles, value);
		if (i < 2)
			parts[i] = value;
	}
	if (parts[0] != NULL && parts[1] != NULL && *parts[0] != '\0' && *parts[1] != '\0')
	{
		add_name(needles, psprintf("%s %s", parts[0], parts[1]));
		add_name(needles, psprintf("%s, %s", parts[1], parts[0]));
		add_name(needles, psprintf("%s %s", parts[1], parts[0]));
	}
	for (int i = 0; i < lengthof(words); i++)
	{
		int			column = lp_pool_column(pool, words[i], strlen(words[i]));

		if (!row->nulls[column])
			needles->words = add_text(needles->words, TextDatumGetCString(row->values[column]));
	}
}

/* A letter or digit, or a byte of one. */
static bool
is_word_byte(char c)
{
	return isalnum((unsigned char) c) || IS_HIGHBIT_SET(c);
}

static Sighting
find_word(const char *text, const char *word)
{
	size_t		len = strlen(word);

	for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word))
	{
		if ((p > text && is_word_byte(p[-1]) && is_word_byte(*word)) ||
			(is_word_byte(p[len]) && is_word_byte(word[len - 1])))
			continue;
		return p == text && p[len] == '\0' ? SIGHT_WHOLE : SIGHT_INSIDE;
	}
	return SIGHT_NONE;
}

static bool
is_address_byte(char c)
{
	return is_word_byte(c) || (c != '\0' && strchr("._%+-'", c) != NULL);
}

static Sighting
find_email(const LpNeedles *needles, const char *text)
{
	for (const char *at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@'))
	{
		const char *start = at;
		const char *end = at + 1;
		char	   *match;
		ListCell   *cell;

		while (start > text && is_address_byte(start[-1]))
			start--;
		while (is_word_byte(*end) || *end == '.' || *end == '-')
			end++;
		while (end > at + 1 && (end[-1] == '.' || end[-1] == '-'))
			end--;
		while (start < at && strchr("'.-", *start) != NULL)
			start++;
		match = lp_email_match(pnstrdup(start, end - start));
		if (match == NULL)
			continue;
		match = lp_email_ban(match);
		foreach(cell, needles->emails)
			if (strcmp(lfirst(cell), match) == 0)
			return start == text && *end == '\0' ? SIGHT_WHOLE : SIGHT_INSIDE;
	}
	return SIGHT_NONE;
}

static Sighting
find_profile(const LpNeedles *needles, const char *text)
{
	const char *mark = "linkedin.com/in/";
	Sighting	best = SIGHT_NONE;
	ListCell   *cell;

	for (const char *p = strstr(text, mark); p != NULL; p = strstr(p + 1, mark))
	{
		int			len = strcspn(p, " \t\r\n\"'<>()[],;");
		char	   *slug = lp_profile_slug(psprintf("https://%.*s", len, p));

		foreach(cell, needles->slugs)
			if (slug != NULL && strcmp(lfirst(cell), slug) == 0)
			best = Max(best, strcspn(text, " \t\r\n") == strlen(text) ?
					   SIGHT_WHOLE : SIGHT_INSIDE);
	}
	foreach(cell, needles->slugs)
	{
		const char *slug = lfirst(cell);

		/* a slug that is a plain word says nothing by itself */
		if (strlen(slug) >= MIN_WORD && slug[strcspn(slug, "-0123456789")] != '\0')
			best = Max(best, find_word(text, slug));
	}
	return best;
}

/* Whether digits are those of a number, with or without the country. */
static bool
same_digits(const char *digits, const char *number)
{
	size_t		len;
	size_t		full = strlen(number);

	while (*digits == '0')
		digits++;
	len = strlen(digits);
	if (len < MIN_DIGITS || len > full || strcmp(number + full - len, digits) != 0)
		return false;
	return len == full || len + 4 > full;
}

static Sighting
find_number(const LpNeedles *needles, const char *text)
{
	const char *p = text;

	if (needles->digits == NIL)
		return SIGHT_NONE;
	while (*p != '\0')
	{
		const char *start = p;
		const char *last = p;
		char		digits[24];
		int			n = 0;
		ListCell   *cell;

		if (!isdigit((unsigned char) *p))
		{
			p++;
			continue;
		}
		while (*p != '\0' && p - last <= 3 &&
			   (isdigit((unsigned char) *p) || strchr(" ().-/", *p) != NULL))
		{
			if (isdigit((unsigned char) *p))
			{
				if (n < (int) sizeof(digits) - 1)
					digits[n++] = *p;
				last = p;
			}
			p++;
		}
		digits[n] = '\0';
		foreach(cell, needles->digits)
			if (same_digits(digits, lfirst(cell)))
			return start - text <= 2 && last[1] == '\0' ? SIGHT_WHOLE : SIGHT_INSIDE;
	}
	return SIGHT_NONE;
}

/* What a text shows of the person besides the name. */
static Sighting
look_for_keys(const LpNeedles *needles, const char *folded)
{
	Sighting	best = find_email(needles, folded);
	ListCell   *cell;

	best = Max(best, find_profile(needles, folded));
	best = Max(best, find_number(needles, folded));
	foreach(cell, needles->words)
	{
		const char *word = lfirst(cell);
		Sighting	sight = find_word(folded, word);

		if (sight == SIGHT_WHOLE || strlen(word) >= MIN_WORD)
			best = Max(best, sight);
	}
	return best;
}

static bool
shows_name(const LpNeedles *needles, const char *folded)
{
	ListCell   *cell;

	foreach(cell, needles->names)
		if (find_word(folded, lfirst(cell)) != SIGHT_NONE)
		return true;
	return false;
}

static bool
is_name_part(const LpNeedles *needles, const char *folded)
{
	ListCell   *cell;

	foreach(cell, needles->parts)
		if (strcmp(lfirst(cell), folded) == 0)
		return true;
	return false;
}

bool
lp_needles_find(const LpNeedles *needles, const char *text)
{
	char	   *folded = lp_text_trim(lp_text_fold(text));

	return look_for_keys(needles, folded) != SIGHT_NONE || shows_name(needles, folded);
}

/*
 * Tokens of a JSON text.
 */
typedef struct Box				/* an object or list */
{
	int			parent;			/* -1: the root */
	bool		is_object;
	bool		company;		/* what is in it is about a company */
	bool		about;			/* an object about the person */
	bool		holds;			/* ... or with one inside */
} Box;

typedef struct Token
{
	int			start;
	int			end;
	int			box;			/* -1 outside of everything */
	bool		is_string;
	bool		is_key;
	char	   *folded;			/* what it says */
	const char *key;			/* of the member that it is a value of, or
								 * NULL */
	Sighting	sight;
} Token;

typedef struct Reading
{
	const LpNeedles *needles;
	const char *text;
	bool		own_root;
	Box		   *boxes;
	int			n_boxes;
	int			box_room;
	Token	   *tokens;
	int			n_tokens;
	int			token_room;
} Reading;

static int
hex_value(const char *p)
{
	int			value = 0;

	for (int i = 0; i < 4; i++)
	{
		if (!isxdigit((unsigned char) p[i]))
			return -1;
		value = value * 16 + (isdigit((unsigned char) p[i]) ? p[i] - '0' :
							  tolower((unsigned char) p[i]) - 'a' + 10);
	}
	return value;
}

/* One escape at p (behind the backslash); returns what follows it. */
static const char *
unescape_one(const char *p, StringInfo out)
{
	unsigned char bytes[8] = {0};
	pg_wchar	code;
	int			low;

	if (*p != 'u' || hex_value(p + 1) < 0)
	{
		appendStringInfoChar(out, *p == 'n' || *p == 't' || *p == 'r' || *p == 'b' || *p == 'f' ?
							 ' ' : *p);
		return p + 1;
	}
	code = hex_value(p + 1);
	p += 5;
	if (is_utf16_surrogate_first(code) && p[0] == '\\' && p[1] == 'u' &&
		(low = hex_value(p + 2)) >= 0 && is_utf16_surrogate_second(low))
	{
		code = surrogate_pair_to_codepoint(code, low);
		p += 6;
	}
	if (code == 0 || (code >= 0xD800 && code <= 0xDFFF))
		code = 0xFFFD;
	unicode_to_utf8(code, bytes);
	appendStringInfoString(out, (char *) bytes);
	return p;
}

/* What a string token says, without quotes and escapes. */
static char *
unescape(const char *p, const char *end)
{
	StringInfoData out;

	initStringInfo(&out);
	while (p < end)
	{
		if (*p == '\\' && p + 1 < end)
			p = unescape_one(p + 1, &out);
		else
			appendStringInfoChar(&out, *p++);
	}
	return out.data;
}

static bool
is_of_company(const char *key)
{
	return key != NULL && (strstr(key, "organization") != NULL ||
						   strstr(key, "account") != NULL || strstr(key, "company") != NULL);
}

static int
open_box(Reading *r, int parent, bool is_object, const char *key)
{
	Box		   *box;

	if (r->n_boxes == r->box_room)
	{
		r->box_room = Max(64, r->box_room * 2);
		r->boxes = r->boxes == NULL ? palloc(sizeof(Box) * r->box_room) :
			repalloc_huge(r->boxes, sizeof(Box) * r->box_room);
	}
	box = &r->boxes[r->n_boxes];
	memset(box, 0, sizeof(*box));
	box->parent = parent;
	box->is_object = is_object;
	box->company = is_of_company(key);
	return r->n_boxes++;
}

static Token *
add_token(Reading *r, int start, int end, int box)
{
	Token	   *token;

	if (r->n_tokens == r->token_room)
	{
		r->token_room = Max(256, r->token_room * 2);
		r->tokens = r->tokens == NULL ? palloc(sizeof(Token) * r->token_room) :
			repalloc_huge(r->tokens, sizeof(Token) * r->token_room);
	}
	token = &r->tokens[r->n_tokens++];
	memset(token, 0, sizeof(*token));
	token->start = start;
	token->end = end;
	token->box = box;
	return token;
}

/* Whether the object's own root names are another human's. */
static bool
is_own_root(const Reading *r, int box)
{
	return box < 0 || (r->own_root && r->boxes[box].parent < 0);
}

static void
weigh(Reading *r, Token *token, const char *said)
{
	token->folded = lp_text_trim(lp_text_fold(said));
	token->sight = look_for_keys(r->needles, token->folded);
	if (token->sight == SIGHT_WHOLE && !token->is_key && token->box >= 0 &&
		r->boxes[token->box].is_object && !r->boxes[token->box].company)
		r->boxes[token->box].about = true;
}

/* Cuts the text into tokens and weighs strings and long numbers. */
static void
read_tokens(Reading *r)
{
	const char *p = r->text;
	int			box = -1;
	const char *key = NULL;
	List	   *keys = NIL;		/* of the boxes that are open */

	while (*p != '\0')
	{
		const char *start = p;

		if (*p == '{' || *p == '[')
		{
			box = open_box(r, box, *p == '{', key);
			keys = lappend(keys, unconstify(char *, key));
			if (*p == '{')
				key = NULL;
			p++;
		}
		else if (*p == '}' || *p == ']')
		{
			box = box < 0 ? -1 : r->boxes[box].parent;
			if (keys != NIL)
			{
				key = llast(keys);
				keys = list_delete_last(keys);
			}
			p++;
		}
		else if (*p == '"')
		{
			Token	   *token;
			const char *after;
			char	   *said;

			for (p++; *p != '\0' && *p != '"'; p++)
				if (*p == '\\' && p[1] != '\0')
					p++;
			said = unescape(start + 1, p);
			if (*p == '"')
				p++;
			token = add_token(r, start - r->text, p - r->text, box);
			token->is_string = true;
			for (after = p; isspace((unsigned char) *after); after++)
				;
			token->is_key = *after == ':';
			token->key = token->is_key ? NULL : key;
			weigh(r, token, said);
			if (token->is_key)
				key = token->folded;
		}
		else if (isdigit((unsigned char) *p) || *p == '-')
		{
			p += strspn(p, "+-.eE0123456789");
			if (p - start >= MIN_DIGITS)
			{
				Token	   *token = add_token(r, start - r->text, p - r->text, box);

				token->key = key;
				weigh(r, token, pnstrdup(start, p - start));
			}
		}
		else
			p++;
	}
}

/* Which objects are about the person, seen from the outside in. */
static void
settle_boxes(Reading *r)
{
	for (int i = r->n_boxes - 1; i >= 0; i--)
	{
		Box		   *box = &r->boxes[i];

		if (is_own_root(r, i))
			box->about = false;
		if ((box->about || box->holds) && box->parent >= 0)
			r->boxes[box->parent].holds = true;
	}
	for (int i = 0; i < r->n_boxes; i++)
		if (r->boxes[i].parent >= 0 && r->boxes[r->boxes[i].parent].about)
			r->boxes[i].about = true;
}

static bool
is_name_key(const char *key)
{
	return key != NULL && strstr(key, "name") != NULL && !is_of_company(key);
}

static bool
must_go(const Reading *r, const Token *token)
{
	bool		named;

	if (token->sight != SIGHT_NONE)
		return true;
	if (token->is_key)
		return token->is_string && shows_name(r->needles, token->folded);
	if (token->box >= 0 && r->boxes[token->box].about)
		return true;
	if (!token->is_string)
		return false;
	named = is_name_key(token->key);
	if (named && is_own_root(r, token->box))
		return false;
	return shows_name(r->needles, token->folded) ||
		(named && token->box >= 0 && r->boxes[token->box].holds &&
		 is_name_part(r->needles, token->folded));
}

char *
lp_redact_json(const LpNeedles *needles, const char *text, bool own_root, int *cuts,
			   int n_cuts, bool *about_root)
{
	Reading		r = {.needles = needles, .text = text, .own_root = own_root};
	StringInfoData out;
	int			done = 0;
	int		   *moved = palloc0(sizeof(int) * Max(n_cuts, 1));
	bool		changed = false;

	read_tokens(&r);
	*about_root = false;
	for (int i = 0; i < r.n_tokens; i++)
		if (r.tokens[i].sight == SIGHT_WHOLE && !r.tokens[i].is_key &&
			r.tokens[i].box == 0 && r.boxes[0].is_object)
			*about_root = true;
	settle_boxes(&r);
	initStringInfo(&out);
	for (int i = 0; i < r.n_tokens; i++)
	{
		Token	   *token = &r.tokens[i];
		const char *with = token->is_key ? "\"\"" : "null";

		if ((token->is_string && token->end - token->start <= 2) || !must_go(&r, token))
			continue;
		changed = true;
		appendBinaryStringInfo(&out, text + done, token->start - done);
		appendStringInfoString(&out, with);
		done = token->end;
		for (int k = 0; k < n_cuts; k++)
			if (cuts[k] >= token->end)
				moved[k] += (int) strlen(with) - (token->end - token->start);
	}
	if (!changed)
		return NULL;
	appendStringInfoString(&out, text + done);
	for (int k = 0; k < n_cuts; k++)
		cuts[k] += moved[k];
	return out.data;
}
