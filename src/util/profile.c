/*
 * profile.c
 *	  LinkedIn profiles as they are compared.
 *
 * Only what stands for a person: linkedin.com/in/SLUG and the older
 * linkedin.com/pub/NAME/A/B/C (which LinkedIn itself forwards to
 * /in/NAME-CBA, the parts of three digits but the last).  Slugs are compared
 * percent-decoded, in lower case and composed form.  An opaque member id of
 * Sales Navigator is no slug.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "util/profile.h"
#include "util/text.h"

#define MAX_URL_BYTES	2000
#define MAX_SLUG_BYTES	320
#define MIN_SLUG_BYTES	3

/* Sorted; what people write where they have no profile. */
static const char *const no_slugs[] = {
	"company", "feed", "in", "linkedin", "n-a", "nil", "none", "not-found",
	"null", "profile", "pub", "sales", "school", "search", "test",
	"undefined", "unknown",
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded; a lone percent sign stays. */
static char *
decode(const char *text)
{
	char	   *result = palloc(strlen(text) + 1);
	char	   *out = result;

	for (; *text != '\0'; text++)
	{
		if (*text == '%' && hex_digit(text[1]) >= 0 && hex_digit(text[2]) >= 0)
		{
			*out++ = hex_digit(text[1]) * 16 + hex_digit(text[2]);
			text += 2;
		}
		else
			*out++ = *text;
	}
	*out = '\0';
	return result;
}

/* LinkedIn allows letters and digits of any script, and hyphens. */
static bool
is_slug_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') || c == '-' || c == '_' || (unsigned char) c >= 0x80;
}

/* A slug ready to compare, or NULL if the text cannot be one. */
static char *
clean_slug(const char *text)
{
	/* Some tools encode twice. */
	char	   *slug = decode(decode(text));

	if (!pg_verify_mbstr(PG_UTF8, slug, strlen(slug), true))
		return NULL;
	slug = lp_text_fold(lp_text_trim(slug));
	if (strlen(slug) < MIN_SLUG_BYTES || strlen(slug) > MAX_SLUG_BYTES ||
		lp_text_in(slug, no_slugs, lengthof(no_slugs)))
		return NULL;
	for (const char *p = slug; *p != '\0'; p++)
		if (!is_slug_char(*p) || lp_text_blank(p) > 0)
			return NULL;
	return slug;
}

static char *
pad_three(const char *text, size_t len)
{
	return psprintf("%.*s%.*s", len < 3 ? (int) (3 - len) : 0, "000",
					(int) len, text);
}

/* NAME/A/B/C as NAME-CBA; NAME alone as it is. */
static char *
pub_slug(const char *path)
{
	const char *parts[4];
	size_t		len[4];
	int			n = 0;

	while (n < 4 && *path != '\0')
	{
		parts[n] = path;
		len[n] = strcspn(path, "/");
		path += len[n] + (path[len[n]] == '/');
		if (len[n] == 0)
			break;
		n++;
	}
	for (int i = 1; i < n; i++)
		if (strspn(parts[i], "0123456789abcdefABCDEF") < len[i])
			n = 1;
	if (n == 0)
		return NULL;
	if (n < 4)
		return clean_slug(pnstrdup(parts[0], len[0]));
	return clean_slug(psprintf("%s-%s%s%.*s", pnstrdup(parts[0], len[0]),
							   pad_three(parts[3], len[3]),
							   pad_three(parts[2], len[2]),
							   (int) len[1], parts[1]));
}

/* The path below the host, if the host is LinkedIn's; else NULL. */
static const char *
linkedin_path(const char *url)
{
	static const char site[] = "linkedin.com";
	size_t		len;
	const char *host;

	if (pg_strncasecmp(url, "http://", 7) == 0)
		url += 7;
	else if (pg_strncasecmp(url, "https://", 8) == 0)
		url += 8;
	while (*url == '/')
		url++;
	len = strcspn(url, "/:?#");
	host = url;
	url += strcspn(url, "/?#");
	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len < strlen(site) ||
		pg_strncasecmp(host + len - strlen(site), site, strlen(site)) != 0 ||
		(len > strlen(site) && host[len - strlen(site) - 1] != '.'))
		return NULL;
	return url;
}

static bool
looks_like_slug(const char *text)
{
	if (strlen(text) > 30 && (strncmp(text, "ACwAA", 5) == 0 || strncmp(text, "ACoAA", 5) == 0))
		return false;
	for (; *text != '\0'; text++)
		if (!is_slug_char(*text) && *text != '%')
			return false;
	return true;
}

char *
lp_profile_slug(const char *url)
{
	char	   *text;
	const char *path;

	if (strlen(url) > MAX_URL_BYTES)
		return NULL;
	text = lp_text_trim(url);
	path = linkedin_path(text);
	if (path == NULL)
	{
		if (pg_strncasecmp(text, "in/", 3) == 0 || pg_strncasecmp(text, "/in/", 4) == 0)
			path = text;
		else
			return looks_like_slug(text) ? clean_slug(text) : NULL;
	}
	text = pnstrdup(path, strcspn(path, "?#"));
	while (*text == '/')
		text++;
	if (pg_strncasecmp(text, "mwlite/", 7) == 0)
		text += 7;
	if (pg_strncasecmp(text, "pub/", 4) == 0)
		return pub_slug(text + 4 + strspn(text + 4, "/"));
	if (pg_strncasecmp(text, "in/", 3) != 0)
		return NULL;
	text += 3 + strspn(text + 3, "/");
	return clean_slug(pnstrdup(text, strcspn(text, "/")));
}
