/*
 * request.c
 *	  What may be sent, and how: a request is checked, and copied into the form
 *	  in which libcurl reads it.
 */
#include "postgres.h"

#include "http/request.h"

#define MAX_URL (8 * 1024)

/* RFC 9110's token: the name of a method or a header. */
static bool
is_token(const char *text)
{
	if (text == NULL || *text == '\0')
		return false;
	for (; *text != '\0'; text++)
	{
		if (!((*text >= '0' && *text <= '9') ||
			  (*text >= 'A' && *text <= 'Z') ||
			  (*text >= 'a' && *text <= 'z') ||
			  strchr("!#$%&'*+-.^_`|~", *text) != NULL))
			return false;
	}
	return true;
}

/*
 * An authority is host[:port].  No "user@", and nothing that another reader
 * of the URL could see otherwise.
 */
static bool
is_authority(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (!((text[i] >= '0' && text[i] <= '9') ||
			  (text[i] >= 'A' && text[i] <= 'Z') ||
			  (text[i] >= 'a' && text[i] <= 'z') ||
			  memchr("-.:[]_", text[i], 6) != NULL))
			return false;
	}
	return length > 0;
}

/* Literally this machine, then nothing or a port. */
static bool
names_loopback(const char *authority, size_t length)
{
	static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};

	for (int i = 0; i < lengthof(names); i++)
	{
		size_t		n = strlen(names[i]);

		if (length >= n && pg_strncasecmp(authority, names[i], n) == 0 &&
			(length == n || (authority[n] == ':' &&
							 strspn(authority + n + 1, "0123456789") == length - n - 1)))
			return true;
	}
	return false;
}

static const char *
url_refusal(const char *url, bool allow_loopback_http, bool *loopback)
{
	const char *authority;
	size_t		length;
	bool		tls;

	*loopback = false;
	if (url == NULL || strnlen(url, MAX_URL + 1) > MAX_URL)
		return "the URL is missing or too long";
	for (const char *c = url; *c != '\0'; c++)
	{
		if (*c <= ' ' || *c >= 0x7f || *c == '\\')
			return "the URL has a character that must be escaped";
	}
	tls = pg_strncasecmp(url, "https://", 8) == 0;
	if (!tls && pg_strncasecmp(url, "http://", 7) != 0)
		return "the URL is neither https nor http";
	authority = url + (tls ? 8 : 7);
	length = strcspn(authority, "/?#");
	if (!is_authority(authority, length))
		return "the URL has no plain host";
	if (tls)
		return NULL;
	if (!names_loopback(authority, length))
		return "http without TLS is for this machine only";
	if (!allow_loopback_http)
		return "http without TLS is not allowed";
	*loopback = true;
	return NULL;
}

const char *
lp_http_request_refusal(const LpHttpRequest *request,
						bool allow_loopback_http, bool *loopback)
{
	if (!is_token(request->method))
		return "the method is not a token";
	for (int i = 0; i < request->nheaders; i++)
	{
		const char *value = request->headers[i].value;

		if (!is_token(request->headers[i].name))
			return "a header's name is not a token";
		if (value == NULL)
			return "a header has no value";
		for (; *value != '\0'; value++)
		{
			if (((unsigned char) *value < ' ' && *value != '\t') ||
				*value == 0x7f)
				return "a header's value has a control character";
		}
	}
	return url_refusal(request->url, allow_loopback_http, loopback);
}

/* One string in the request's block; the room is there. */
static char *
put_string(LpHttpBuffer *buffer, const char *text)
{
	char	   *start = buffer->data + buffer->used;

	lp_http_buffer_append(buffer, text, strlen(text) + 1);
	return start;
}

/* The next element of the list of headers: "name: value", or "name;". */
static void
put_header(LpHttpBuffer *buffer, struct curl_slist *item, const char *name,
		   const char *value)
{
	item->data = buffer->data + buffer->used;
	item->next = item + 1;
	lp_http_buffer_append(buffer, name, strlen(name));
	if (value[0] == '\0')
		lp_http_buffer_append(buffer, ";", 2);
	else
	{
		lp_http_buffer_append(buffer, ": ", 2);
		lp_http_buffer_append(buffer, value, strlen(value) + 1);
	}
}

/*
 * Copies a request into one block: the list of headers, then its strings, the
 * URL, the method and the body.  Returns the list.
 *
 * Two headers of libcurl's own are taken away: the pause before a large body,
 * and a guess what the body is.
 */
struct curl_slist *
lp_http_request_copy(LpHttpBuffer *buffer, const LpHttpRequest *request,
					 char **url, char **method, char **body)
{
	int			count = request->nheaders + 2;
	size_t		need = count * sizeof(struct curl_slist);
	bool		typed = false;
	struct curl_slist *list;
	int			n = 0;

	need += strlen(request->url) + strlen(request->method) + 2 +
		request->body_length + 64;
	for (int i = 0; i < request->nheaders; i++)
		need += strlen(request->headers[i].name) +
			strlen(request->headers[i].value) + 4;
	lp_http_buffer_clear(buffer);
	if (!lp_http_buffer_reserve(buffer, need))
		return NULL;

	list = (struct curl_slist *) buffer->data;
	buffer->used = count * sizeof(struct curl_slist);
	for (int i = 0; i < request->nheaders; i++)
	{
		put_header(buffer, &list[n++], request->headers[i].name,
				   request->headers[i].value);
		typed |= pg_strcasecmp(request->headers[i].name, "content-type") == 0;
	}
	list[n].data = put_string(buffer, "Expect:");
	list[n].next = NULL;
	if (!typed && request->body != NULL)
	{
		list[n].next = &list[n + 1];
		list[++n].data = put_string(buffer, "Content-Type:");
		list[n].next = NULL;
	}
	*url = put_string(buffer, request->url);
	*method = put_string(buffer, request->method);
	*body = buffer->data + buffer->used;
	if (request->body != NULL)
		lp_http_buffer_append(buffer, request->body, request->body_length);
	return list;
}
