/*
 * text.c
 *	  Text as it is compared: blanks, case, composition.
 *
 * Nothing here asks the locale: what was folded on one server must be found on
 * another.  PostgreSQL below 17 has no such lower-casing, so the pairs of the
 * alphabets that have case are written down here.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

#include "util/text.h"

int
lp_text_blank(const char *text)
{
	const unsigned char *s = (const unsigned char *) text;

	if (*s == ' ' || (*s >= '\t' && *s <= '\r'))
		return 1;
	if (s[0] == 0xC2 && (s[1] == 0xA0 || s[1] == 0x85 || s[1] == 0xAD))
		return 2;
	if (s[0] == 0xE2 && s[1] == 0x80 &&
		((s[2] >= 0x80 && s[2] <= 0x8F) || (s[2] >= 0xA8 && s[2] <= 0xAF)))
		return 3;				/* spaces, zero-width and direction marks */
	if (s[0] == 0xE2 && s[1] == 0x81 &&
		(s[2] == 0x9F || s[2] == 0xA0 || (s[2] >= 0xA6 && s[2] <= 0xA9)))
		return 3;
	if ((s[0] == 0xE3 && s[1] == 0x80 && s[2] == 0x80) ||
		(s[0] == 0xE1 && s[1] == 0x9A && s[2] == 0x80) ||
		(s[0] == 0xEF && s[1] == 0xBB && s[2] == 0xBF))
		return 3;
	return 0;
}

char *
lp_text_trim(const char *text)
{
	const char *end;
	int			blank;

	while ((blank = lp_text_blank(text)) > 0)
		text += blank;
	end = text;
	for (const char *p = text; *p != '\0';)
	{
		blank = lp_text_blank(p);
		p += blank > 0 ? blank : 1;
		if (blank == 0)
			end = p;
	}
	return pnstrdup(text, end - text);
}

/* Latin letters beyond ASCII: upper and lower case mostly take turns. */
static pg_wchar
fold_latin(pg_wchar c)
{
	if (c >= 0xC0 && c <= 0xDE)
		return c == 0xD7 ? c : c + 0x20;
	if (c == 0x130)
		return 'i';
	if (c == 0x178)
		return 0xFF;
	if ((c >= 0x139 && c <= 0x147) || (c >= 0x179 && c <= 0x17D))
		return c % 2 == 1 ? c + 1 : c;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) ||
		(c >= 0x1E00 && c <= 0x1E95) || (c >= 0x1EA0 && c <= 0x1EFF) ||
		(c >= 0x1DE && c <= 0x1EF) || (c >= 0x1F8 && c <= 0x21F))
		return c % 2 == 0 ? c + 1 : c;
	if (c >= 0x1CD && c <= 0x1DC)
		return c % 2 == 1 ? c + 1 : c;
	if (c == 0x1A0 || c == 0x1AF)	/* horned O and U of Vietnamese */
		return c + 1;
	if (c == 0x218 || c == 0x21A)
		return c + 1;
	return c;
}

static pg_wchar
fold_char(pg_wchar c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
	if (c < 0x370 || (c >= 0x1E00 && c <= 0x1EFF))
		return fold_latin(c);
	if (c >= 0x391 && c <= 0x3AB && c != 0x3A2)
		return c + 0x20;
	switch (c)
	{
		case 0x386:
			return 0x3AC;
		case 0x388:
		case 0x389:
		case 0x38A:
			return c + 0x25;
		case 0x38C:
			return 0x3CC;
		case 0x38E:
		case 0x38F:
			return c + 0x3F;
		case 0x3C2:				/* final sigma */
			return 0x3C3;
		default:
			break;
	}
	if (c >= 0x410 && c <= 0x42F)
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	if ((c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
		(c >= 0x4D0 && c <= 0x52F))
		return c % 2 == 0 ? c + 1 : c;
	if (c >= 0x531 && c <= 0x556)
		return c + 0x30;
	if (c >= 0xFF21 && c <= 0xFF3A)
		return c + 0x20;
	return c;
}

bool
lp_text_is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char) *text >= 0x80)
			return false;
	return true;
}

char *
lp_text_fold(const char *text)
{
	size_t		len = strlen(text);
	pg_wchar   *chars;
	char	   *result;
	char	   *out;
	int			n;

	if (lp_text_is_ascii(text))
	{
		result = pstrdup(text);
		for (char *p = result; *p != '\0'; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p += 0x20;
		return result;
	}
	chars = palloc(sizeof(pg_wchar) * (len + 1));
	n = pg_encoding_mb2wchar_with_len(PG_UTF8, text, chars, len);
	for (int i = 0; i < n; i++)
		chars[i] = fold_char(chars[i]);
	chars[n] = 0;
	chars = unicode_normalize(UNICODE_NFC, chars);
	/* Composing may have made a capital of marks written apart. */
	for (n = 0; chars[n] != 0; n++)
		chars[n] = fold_char(chars[n]);
	out = result = palloc(n * 4 + 1);
	for (int i = 0; i < n; i++)
	{
		unicode_to_utf8(chars[i], (unsigned char *) out);
		out += pg_utf_mblen((unsigned char *) out);
	}
	*out = '\0';
	return result;
}

bool
lp_text_in(const char *word, const char *const *list, int n)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(word, list[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

char *
lp_text_plain(const char *text)
{
	char	   *folded = lp_text_fold(lp_text_trim(text));
	size_t		len = strlen(folded);
	pg_wchar   *chars;
	char	   *result;
	char	   *out;
	int			n;

	if (lp_text_is_ascii(folded))
		return folded;
	chars = palloc(sizeof(pg_wchar) * (len + 1));
	n = pg_encoding_mb2wchar_with_len(PG_UTF8, folded, chars, len);
	chars[n] = 0;
	chars = unicode_normalize(UNICODE_NFKD, chars);
	for (n = 0; chars[n] != 0; n++)
		;
	out = result = palloc(n * 4 + 1);
	for (int i = 0; i < n; i++)
	{
		if (chars[i] >= 0x300 && chars[i] <= 0x36F)
			continue;
		unicode_to_utf8(chars[i], (unsigned char *) out);
		out += pg_utf_mblen((unsigned char *) out);
	}
	*out = '\0';
	return result;
}
