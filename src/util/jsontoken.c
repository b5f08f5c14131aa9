/*
 * jsontoken.c
 *	  JSON text by tokens, as it stands: nothing is parsed away.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "util/jsontoken.h"

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

/* What a string token says, without quotes and escapes, which only shorten it. */
static char *
unescape(const char *p, const char *end)
{
	StringInfoData out;

	if (memchr(p, '\\', end - p) == NULL)
		return pnstrdup(p, end - p);
	initStringInfo(&out);
	while (p < end)
	{
		const char *next = memchr(p, '\\', end - p);

		if (next == NULL || next + 1 >= end)
			next = end;
		appendBinaryStringInfo(&out, p, next - p);
		p = next < end ? unescape_one(next + 1, &out) : end;
	}
	return out.data;
}

/* The string at p, whose opening quote that is. */
static void
read_string(LpTokens *tokens, const char *p)
{
	const char *start = p + 1;
	const char *after;

	for (p = start + strcspn(start, "\"\\"); *p == '\\'; p += strcspn(p, "\"\\"))
		p += p[1] == '\0' ? 1 : 2;
	tokens->said = unescape(start, p);
	if (*p == '"')
		p++;
	tokens->end = p - tokens->text;
	for (after = p; isspace((unsigned char) *after); after++)
		;
	tokens->kind = *after == ':' ? LP_TOKEN_KEY : LP_TOKEN_STRING;
}

bool
lp_tokens_next(LpTokens *tokens)
{
	const char *p = tokens->text + tokens->end;

	p += strcspn(p, "{}[]\"-0123456789");
	tokens->start = tokens->end = p - tokens->text;
	tokens->said = NULL;
	switch (*p)
	{
		case '\0':
			return false;
		case '{':
		case '[':
			tokens->kind = LP_TOKEN_OPEN;
			tokens->is_object = *p == '{';
			tokens->end++;
			break;
		case '}':
		case ']':
			tokens->kind = LP_TOKEN_CLOSE;
			tokens->end++;
			break;
		case '"':
			read_string(tokens, p);
			break;
		default:
			tokens->kind = LP_TOKEN_NUMBER;
			tokens->end += strspn(p, "+-.eE0123456789");
			tokens->said = pnstrdup(p, tokens->end - tokens->start);
			break;
	}
	return true;
}
