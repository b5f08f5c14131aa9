/*
 * needles.c
 *	  How a person may show in a text, and looking for it.
 *
 * An address counts in every spelling that reaches it, a number with and
 * without its country, a profile under every host.  Single words of a name say
 * nothing by themselves.
 */
#include "postgres.h"

#include <ctype.h>

#include "utils/builtins.h"

#include "core/needles.h"
#include "util/email.h"
#include "util/phone.h"
#include "util/profile.h"
#include "util/text.h"

#define MIN_WORD 5				/* bytes of an id found inside a text */

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
	{
		if (strcmp(lfirst(cell), folded) == 0)
			return list;
	}
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

static LpSighting
find_word(const char *text, const char *word)
{
	size_t		len = strlen(word);

	for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word))
	{
		if ((p > text && is_word_byte(p[-1]) && is_word_byte(*word)) ||
			(is_word_byte(p[len]) && is_word_byte(word[len - 1])))
			continue;
		return p == text && p[len] == '\0' ? LP_SIGHT_WHOLE : LP_SIGHT_INSIDE;
	}
	return LP_SIGHT_NONE;
}

static bool
is_address_byte(char c)
{
	return is_word_byte(c) || (c != '\0' && strchr("._%+-'", c) != NULL);
}

/* What the address from start to end shows. */
static bool
is_email(const LpNeedles *needles, const char *start, const char *end)
{
	char	   *match = lp_email_match(pnstrdup(start, end - start));
	ListCell   *cell;

	if (match == NULL)
		return false;
	match = lp_email_ban(match);
	foreach(cell, needles->emails)
	{
		if (strcmp(lfirst(cell), match) == 0)
			return true;
	}
	return false;
}

static LpSighting
find_email(const LpNeedles *needles, const char *text)
{
	for (const char *at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@'))
	{
		const char *start = at;
		const char *end = at + 1;

		while (start > text && is_address_byte(start[-1]))
			start--;
		while (is_word_byte(*end) || *end == '.' || *end == '-')
			end++;
		while (end > at + 1 && (end[-1] == '.' || end[-1] == '-'))
			end--;
		while (start < at && strchr("'.-", *start) != NULL)
			start++;
		if (is_email(needles, start, end))
			return start == text && *end == '\0' ? LP_SIGHT_WHOLE : LP_SIGHT_INSIDE;
		/* What is joined to it by a hyphen may be a counter. */
		while (--end > at + 1 && *end != '.')
			if (*end == '-' && is_email(needles, start, end))
				return LP_SIGHT_INSIDE;
	}
	return LP_SIGHT_NONE;
}

static LpSighting
find_profile(const LpNeedles *needles, const char *text)
{
	const char *mark = "linkedin.com/";
	LpSighting	best = LP_SIGHT_NONE;
	ListCell   *cell;

	for (const char *p = strstr(text, mark); p != NULL; p = strstr(p + 1, mark))
	{
		int			len = strcspn(p, " \t\r\n\"'<>()[],;");
		char	   *slug = lp_profile_slug(psprintf("https://%.*s", len, p));

		foreach(cell, needles->slugs)
		{
			if (slug != NULL && strcmp(lfirst(cell), slug) == 0)
				best = Max(best, strcspn(text, " \t\r\n") == strlen(text) ?
						   LP_SIGHT_WHOLE : LP_SIGHT_INSIDE);
		}
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
	if (len < LP_NEEDLE_MIN_DIGITS || len > full || strcmp(number + full - len, digits) != 0)
		return false;
	return len == full || len + 4 > full;
}

static LpSighting
find_number(const LpNeedles *needles, const char *text)
{
	const char *p = text;

	if (needles->digits == NIL)
		return LP_SIGHT_NONE;
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
		{
			if (same_digits(digits, lfirst(cell)))
				return start - text <= 2 && last[1] == '\0' ? LP_SIGHT_WHOLE : LP_SIGHT_INSIDE;
		}
	}
	return LP_SIGHT_NONE;
}

LpSighting
lp_needles_look(const LpNeedles *needles, const char *folded)
{
	LpSighting	best = find_email(needles, folded);
	ListCell   *cell;

	best = Max(best, find_profile(needles, folded));
	best = Max(best, find_number(needles, folded));
	foreach(cell, needles->words)
	{
		const char *word = lfirst(cell);
		LpSighting	sight = find_word(folded, word);

		if (sight == LP_SIGHT_WHOLE || strlen(word) >= MIN_WORD)
			best = Max(best, sight);
	}
	return best;
}

bool
lp_needles_show_name(const LpNeedles *needles, const char *folded)
{
	ListCell   *cell;

	foreach(cell, needles->names)
	{
		if (find_word(folded, lfirst(cell)) != LP_SIGHT_NONE)
			return true;
	}
	return false;
}

bool
lp_needles_is_name_part(const LpNeedles *needles, const char *folded)
{
	ListCell   *cell;

	foreach(cell, needles->parts)
	{
		if (strcmp(lfirst(cell), folded) == 0)
			return true;
	}
	return false;
}

bool
lp_needles_find(const LpNeedles *needles, const char *text)
{
	char	   *folded = lp_text_trim(lp_text_fold(text));

	return lp_needles_look(needles, folded) != LP_SIGHT_NONE || lp_needles_show_name(needles, folded);
}

bool
lp_needles_in_id(const LpNeedles *needles, const char *text)
{
	char	   *folded = lp_text_trim(lp_text_fold(text));
	ListCell   *cell;

	foreach(cell, needles->emails)
	{
		if (strstr(folded, lfirst(cell)) != NULL)
			return true;
	}
	return lp_needles_look(needles, folded) != LP_SIGHT_NONE;
}
