/*
 * textkeys.c
 *	  Whom a JSON text mentions: keys for the index of mentions.
 *
 * The text is read by tokens (jsontoken.h), so that nothing is overlooked that
 * a parser would leave out.  What is told here only makes a payload one to be
 * looked at; needles.c decides what in it shows a person.
 */
#include "postgres.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "nodes/pg_list.h"

#include "core/bans.h"
#include "core/textkeys.h"
#include "util/email.h"
#include "util/jsontoken.h"
#include "util/profile.h"
#include "util/text.h"

#define MIN_NUMBER 7			/* digits of what may be a phone number */
#define MAX_NUMBER 15
#define HEX_ID 24				/* digits of the ids that Apollo makes */

/* What the words in a key say of what stands under it. */
#define KEY_LINKEDIN		1
#define KEY_NUMBER			2
#define KEY_PERSON			4
#define KEY_ORGANIZATION	8
#define KEY_OTHER			16	/* it has ids of its own that are no person's */
#define KEY_ID				32	/* the whole key */

typedef struct KeyWord
{
	const char *word;
	int			says;
} KeyWord;

/* By their first letters. */
static const KeyWord key_words[] = {
	{"account", KEY_OTHER},
	{"campaign", KEY_OTHER},
	{"company", KEY_OTHER},
	{"contact", KEY_OTHER},
	{"creator", KEY_OTHER},
	{"department", KEY_OTHER},
	{"email", KEY_OTHER},
	{"employment", KEY_OTHER},
	{"fax", KEY_NUMBER},
	{"funding", KEY_OTHER},
	{"intent", KEY_OTHER},
	{"label", KEY_OTHER},
	{"linkedin", KEY_LINKEDIN},
	{"list", KEY_OTHER},
	{"mobile", KEY_NUMBER},
	{"number", KEY_NUMBER},
	{"organization", KEY_ORGANIZATION | KEY_OTHER},
	{"owner", KEY_OTHER},
	{"people", KEY_PERSON},
	{"person", KEY_PERSON},
	{"phone", KEY_NUMBER | KEY_OTHER},
	{"request", KEY_OTHER},
	{"stage", KEY_OTHER},
	{"team", KEY_OTHER},
	{"technolog", KEY_OTHER},
	{"user", KEY_OTHER},
	{"waterfall", KEY_OTHER},
};

/* An object or list that is open. */
typedef struct Around
{
	int			key;			/* what the key says that it stands under */
	bool		other;			/* that, or one around it, is another thing */
} Around;

typedef struct KeyList
{
	const char *region;
	LpKey	   *keys;
	int			n;
	int			room;
	Around	   *around;
	int			depth;
	int			around_room;
} KeyList;

/* What the words in a key say. */
static int
read_words(const char *key)
{
	static int	first['z' + 2] = {0};	/* word by letter */
	int			says = 0;

	for (int c = 'a', n = 0; first['z' + 1] == 0 && c <= 'z' + 1; first[c++] = n)
		while (n < lengthof(key_words) && key_words[n].word[0] < c)
			n++;
	if (strcmp(key, "id") == 0 || strcmp(key, "_id") == 0 || strcmp(key, "apollo_id") == 0)
		says = KEY_ID;
	for (; *key != '\0'; key++)
		for (int i = *key >= 'a' && *key <= 'z' ? first[(int) *key] : lengthof(key_words);
			 i < lengthof(key_words) && key_words[i].word[0] == *key; i++)
			if (key[1] == key_words[i].word[1] &&
				strncmp(key, key_words[i].word, strlen(key_words[i].word)) == 0)
				says |= key_words[i].says;
	return says;
}

/* The same: payloads have a few hundred keys, over and over. */
static int
read_key(const char *key)
{
	static struct
	{
		char		key[48];
		int			says;
	}			read[512];
	int			len = strlen(key);
	int			place = hash_bytes((const unsigned char *) key, len) % lengthof(read);

	if (len == 0 || len >= sizeof(read[0].key))
		return read_words(key);
	if (strcmp(read[place].key, key) != 0)
	{
		strcpy(read[place].key, key);
		read[place].says = read_words(key);
	}
	return read[place].says;
}

static void
add_key(KeyList *list, LpKeyKind kind, const char *value)
{
	if (value == NULL || *value == '\0' || strlen(value) > LP_KEY_MAX_BYTES)
		return;
	if (list->n == list->room)
	{
		list->room = Max(64, list->room * 2);
		list->keys = list->keys == NULL ? palloc(sizeof(LpKey) * list->room) :
			repalloc_huge(list->keys, sizeof(LpKey) * list->room);
	}
	list->keys[list->n].kind = kind;
	list->keys[list->n].value = unconstify(char *, value);
	list->keys[list->n++].identifies = false;
}

/* A letter or digit, or a byte of one. */
static bool
is_word_byte(char c)
{
	return isalnum((unsigned char) c) || IS_HIGHBIT_SET(c);
}

static bool
is_local_byte(char c)
{
	return is_word_byte(c) || (c != '\0' && strchr("._+-'", c) != NULL);
}

/*
 * The address around a separator of so many bytes: "@", "%40" in a link, "="
 * in the return path of a mailing.
 */
static void
add_address(KeyList *list, const char *text, const char *at, int width)
{
	const char *start = at;
	const char *end = at + width;
	char	   *address;
	LpKey		key;

	while (start > text && is_local_byte(start[-1]))
		start--;
	while (is_word_byte(*end) || *end == '.' || *end == '-')
		end++;
	while (end > at + width && (end[-1] == '.' || end[-1] == '-'))
		end--;
	while (start < at && strchr("'.-", *start) != NULL)
		start++;
	if (start == at || end == at + width || end - start > LP_KEY_MAX_BYTES)
		return;
	address = psprintf("%.*s@%.*s", (int) (at - start), start,
					   (int) (end - at - width), at + width);
	if (lp_key_make(LP_KEY_EMAIL, address, NULL, &key))
		add_key(list, LP_KEY_EMAIL, key.value);
	/* What is joined to it by a hyphen may be a counter. */
	while (--end > at + width && *end != '.')
		if (*end == '-' && lp_key_make(LP_KEY_EMAIL, psprintf("%.*s", (int) (end - start), start),
									   NULL, &key))
			add_key(list, LP_KEY_EMAIL, key.value);
	/* The return path names the mailing before the recipient. */
	if (*at == '=' && memchr(start, '+', at - start) != NULL)
		add_address(list, (const char *) memchr(start, '+', at - start) + 1, at, width);
}

static void
find_addresses(KeyList *list, const char *text)
{
	bool		mail = strchr(text, '@') != NULL;

	for (const char *p = strpbrk(text, "@%="); p != NULL; p = strpbrk(p + 1, "@%="))
		if (*p == '@' || (*p == '=' && mail))
			add_address(list, text, p, 1);
		else if (*p == '%' && p[1] == '4' && p[2] == '0')
			add_address(list, text, p, 3);
}

static void
find_profiles(KeyList *list, int key, const char *text)
{
	static const char site[] = "linkedin.com/";
	const int	before_dot = strlen("linkedin");
	bool		found = false;

	for (const char *dot = strchr(text, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if (dot - text >= before_dot &&
			pg_strncasecmp(dot - before_dot, site, strlen(site)) == 0)
		{
			const char *p = dot - before_dot;
			int			len = strcspn(p, " \t\r\n\"'<>()[],;");

			found = true;
			if (len <= LP_KEY_MAX_BYTES * 3)
				add_key(list, LP_KEY_LINKEDIN,
						lp_profile_slug(psprintf("https://%.*s", len, p)));
		}
	if (!found && (key & KEY_LINKEDIN) && strchr(text, ' ') == NULL)
		add_key(list, LP_KEY_LINKEDIN, lp_profile_slug(text));
}

/* A date, or the beginning of a time. */
static bool
is_date(const char *p)
{
	return isdigit((unsigned char) p[0]) && isdigit((unsigned char) p[1]) &&
		isdigit((unsigned char) p[2]) && isdigit((unsigned char) p[3]) && p[4] == '-' &&
		isdigit((unsigned char) p[5]) && isdigit((unsigned char) p[6]) && p[7] == '-';
}

static void
add_number(KeyList *list, const char *digits, bool stated)
{
	if (!stated && strlen(digits) == 10)
		add_key(list, LP_KEY_PHONE, psprintf("+1%s", digits));
	while (*digits == '0')
		digits++;
	if (strlen(digits) >= MIN_NUMBER)
		add_key(list, LP_KEY_PHONE, psprintf("+%s", digits));
}

/* Numbers are taken by their digits; where a country is known, by its rules too. */
static void
find_numbers(KeyList *list, int key, const char *text)
{
	const char *p = text;

	while ((p = strpbrk(p, "+0123456789")) != NULL)
	{
		const char *start = p;
		const char *last = p;
		char		digits[MAX_NUMBER + 1];
		int			n = 0;

		for (; *p != '\0' && p - last <= 3 &&
			 (isdigit((unsigned char) *p) || p == start || strchr(" ().-/", *p) != NULL); p++)
			if (isdigit((unsigned char) *p))
			{
				if (n < MAX_NUMBER)
					digits[n] = *p;
				n++;
				last = p;
			}
		if (p == start)
			p++;
		if (n < MIN_NUMBER || n > MAX_NUMBER || is_date(start) ||
			(start > text && is_word_byte(start[-1])) || is_word_byte(last[1]))
			continue;
		digits[n] = '\0';
		add_number(list, digits, *start == '+');
	}
	if ((key & KEY_NUMBER) && list->region != NULL && strlen(text) <= 40)
	{
		LpKey		number;

		if (lp_key_make(LP_KEY_PHONE, text, list->region, &number))
			add_key(list, LP_KEY_PHONE, number.value);
	}
}

static bool
is_hex_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == HEX_ID && text[HEX_ID] == '\0';
}

static void
find_ids(KeyList *list, int key, const char *text)
{
	bool		person = (key & (KEY_PERSON | KEY_ORGANIZATION)) == KEY_PERSON;
	bool		other = (key & KEY_OTHER) ||
	(list->depth > 0 && list->around[list->depth - 1].other);

	if (strchr(text, '/') != NULL)
		for (const char *p = strstr(text, "people/"); p != NULL; p = strstr(p + 1, "people/"))
			add_key(list, LP_KEY_APOLLO_ID,
					pnstrdup(p + 7, strspn(p + 7, "0123456789abcdefABCDEF")));
	if (strlen(text) <= LP_KEY_MAX_BYTES &&
		(person || (!other && ((key & KEY_ID) || is_hex_id(text)))))
		add_key(list, LP_KEY_APOLLO_ID, text);
}

static void
look_at(KeyList *list, int key, const LpTokens *token)
{
	if (token->kind != LP_TOKEN_NUMBER)
	{
		find_addresses(list, token->said);
		find_profiles(list, key, token->said);
		find_ids(list, key, token->said);
	}
	find_numbers(list, key, token->said);
}

static void
open_around(KeyList *list, int key)
{
	bool		other = (key & KEY_OTHER) ||
	(list->depth > 0 && list->around[list->depth - 1].other);

	if (list->depth == list->around_room)
	{
		list->around_room = Max(32, list->around_room * 2);
		list->around = list->around == NULL ? palloc(sizeof(Around) * list->around_room) :
			repalloc_huge(list->around, sizeof(Around) * list->around_room);
	}
	list->around[list->depth++] = (Around)
	{
		.key = key, .other = other
	};
}

static int
compare_keys(const void *a, const void *b)
{
	const LpKey *x = a;
	const LpKey *y = b;

	return x->kind != y->kind ? (int) x->kind - (int) y->kind : strcmp(x->value, y->value);
}

/* Each key once. */
static void
drop_repeated(KeyList *list)
{
	int			kept = 0;

	if (list->n > 1)
		qsort(list->keys, list->n, sizeof(LpKey), compare_keys);
	for (int i = 0; i < list->n; i++)
		if (i == 0 || compare_keys(&list->keys[kept - 1], &list->keys[i]) != 0)
			list->keys[kept++] = list->keys[i];
	list->n = kept;
}

LpKey *
lp_text_keys(const char *json, const char *region, int *n)
{
	KeyList		list = {.region = region};
	LpTokens	tokens = {.text = json};
	int			key = 0;

	while (lp_tokens_next(&tokens))
		switch (tokens.kind)
		{
			case LP_TOKEN_OPEN:
				open_around(&list, key);
				if (tokens.is_object)
					key = 0;
				break;
			case LP_TOKEN_CLOSE:
				if (list.depth > 0)
					key = list.around[--list.depth].key;
				break;
			default:
				look_at(&list, tokens.kind == LP_TOKEN_KEY ? 0 : key, &tokens);
				if (tokens.kind == LP_TOKEN_KEY)
					key = read_key(tokens.said);
				break;
		}
	drop_repeated(&list);
	*n = list.n;
	return list.keys;
}

bool
lp_text_shows_erased(const char *json, const char *region, TimestampTz now)
{
	int			n;
	LpKey	   *keys = lp_text_keys(json, region, &n);
	ListCell   *cell;

	if (n == 0)
		return false;
	foreach(cell, lp_bans_of_keys(keys, n, now))
	{
		if (((LpBan *) lfirst(cell))->reason == LP_BAN_ERASURE)
			return true;
	}
	return false;
}
