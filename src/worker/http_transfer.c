/*
 * http_transfer.c
 *	  One call of the HTTP engine: what may be sent, how, and how it ended.
 *
 * The callbacks at the top run inside libcurl: they copy bytes, count and
 * return.  Nothing in them, nor in anything they call, may throw or allocate
 * from a memory context.
 *
 * A request is never sent twice unless its caller said that this is free:
 * libcurl by itself repeats a request that it had written to a kept
 * connection which then turned out to be dead.  before_request() is called
 * each time and stops that; it also is how we know that bytes may have left.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker/http_transfer.h"

/* All headers of an answer together. */
#define LP_HTTP_MAX_HEADERS (64 * 1024)

/* A buffer that grew beyond this is not kept for the next call. */
#define LP_HTTP_KEEP_BUFFER (64 * 1024)

#define LP_HTTP_MAX_URL (8 * 1024)

/* Room for length more bytes.  On failure nothing has changed. */
static bool
reserve(LpHttpBuffer *buffer, size_t length)
{
	size_t		size = Max(buffer->size, 1024);
	char	   *data;

	if (buffer->size - buffer->used >= length)
		return true;
	while (size - buffer->used < length)
		size *= 2;
	data = realloc(buffer->data, size);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->size = size;
	return true;
}

static void
clear_buffer(LpHttpBuffer *buffer)
{
	if (buffer->size > LP_HTTP_KEEP_BUFFER)
	{
		free(buffer->data);
		memset(buffer, 0, sizeof(*buffer));
	}
	buffer->used = 0;
}

static void
append(LpHttpBuffer *buffer, const char *data, size_t length)
{
	memcpy(buffer->data + buffer->used, data, length);
	buffer->used += length;
}

/* ---- callbacks ---- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	LpHttpTransfer *transfer = arg;
	size_t		length = size * count;

	transfer->in_body = true;
	if (length > transfer->max_body - transfer->body.used)
	{
		transfer->too_large = true;
		return 0;
	}
	/* One byte more: the body ends with a zero. */
	if (!reserve(&transfer->body, length + 1))
	{
		transfer->no_memory = true;
		return 0;
	}
	append(&transfer->body, data, length);
	return length;
}

/*
 * Keeps "name: value" as two strings.  A status line begins the headers anew,
 * since those of an interim answer are not the answer's; what comes after the
 * body is dropped.
 */
static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	LpHttpTransfer *transfer = arg;
	size_t		length = size * count;
	char	   *colon = memchr(data, ':', length);
	char	   *end = data + length;
	char	   *value;

	if (transfer->in_body)
		return length;
	if (length >= 5 && memcmp(data, "HTTP/", 5) == 0)
	{
		transfer->headers.used = 0;
		return length;
	}
	if (colon == NULL || colon == data || memchr(data, '\0', length) != NULL)
		return length;

	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	while (end > value && (end[-1] == '\r' || end[-1] == '\n' ||
						   end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (transfer->headers.used + length + 2 > LP_HTTP_MAX_HEADERS)
	{
		transfer->too_large = true;
		return 0;
	}
	if (!reserve(&transfer->headers, length + 2))
	{
		transfer->no_memory = true;
		return 0;
	}
	append(&transfer->headers, data, colon - data);
	append(&transfer->headers, "", 1);
	append(&transfer->headers, value, end - value);
	append(&transfer->headers, "", 1);
	return length;
}

static int
before_request(void *arg, char *remote_ip, char *local_ip, int remote_port,
			   int local_port)
{
	LpHttpTransfer *transfer = arg;

	if (transfer->begun > 0 && !transfer->free_call)
		return CURL_PREREQFUNC_ABORT;
	transfer->begun++;
	return CURL_PREREQFUNC_OK;
}

static bool
is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *in = (const struct sockaddr_in *) address;

		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) address;

		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	}
	return false;
}

/* What is not encrypted stays on this machine, whatever a name resolves to. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	LpHttpTransfer *transfer = arg;
	curl_socket_t fd;

	if (purpose != CURLSOCKTYPE_IPCXN ||
		(transfer->loopback && !is_loopback(&address->addr)))
		return CURL_SOCKET_BAD;
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
				address->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	transfer->http->sockets++;
	return fd;
}

/* A connection outlives the call that opened it: arg is the engine. */
static int
close_socket(void *arg, curl_socket_t fd)
{
	LpHttp	   *http = arg;

	http->sockets--;
	return close(fd);
}

/* ---- requests ---- */

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
	if (url == NULL || strnlen(url, LP_HTTP_MAX_URL + 1) > LP_HTTP_MAX_URL)
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
lp_http_transfer_refusal(const LpHttpRequest *request,
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

	append(buffer, text, strlen(text) + 1);
	return start;
}

/* The next element of the list of headers: "name: value", or "name;". */
static void
put_header(LpHttpBuffer *buffer, struct curl_slist *item, const char *name,
		   const char *value)
{
	item->data = buffer->data + buffer->used;
	item->next = item + 1;
	append(buffer, name, strlen(name));
	if (value[0] == '\0')
		append(buffer, ";", 2);
	else
	{
		append(buffer, ": ", 2);
		append(buffer, value, strlen(value) + 1);
	}
}

/*
 * Copies a request into one block: the list of headers, then its strings, the
 * URL, the method and the body.  Returns the list.
 *
 * Two headers of libcurl's own are taken away: the pause before a large body,
 * and a guess what the body is.
 */
static struct curl_slist *
copy_request(LpHttpBuffer *buffer, const LpHttpRequest *request,
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
	clear_buffer(buffer);
	if (!reserve(buffer, need))
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
		append(buffer, request->body, request->body_length);
	return list;
}

/* The options that all calls of an engine share. */
static bool
set_shared_options(LpHttpTransfer *transfer)
{
	CURL	   *easy = transfer->easy;
	LpHttp	   *http = transfer->http;
	bool		good = true;

#define SET(option, value) \
	(good = good && curl_easy_setopt(easy, option, value) == CURLE_OK)

	curl_easy_reset(easy);
	SET(CURLOPT_PRIVATE, transfer);
	SET(CURLOPT_ERRORBUFFER, transfer->error);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, transfer);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, transfer);
	SET(CURLOPT_PREREQFUNCTION, before_request);
	SET(CURLOPT_PREREQDATA, transfer);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, transfer);
	SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	SET(CURLOPT_CLOSESOCKETDATA, http);

	/* No signals, no waiting for a resolver's thread at the end. */
	SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) http->connect_timeout_ms);

	/*
	 * Many servers drop a connection that was idle for a minute, and a call
	 * that is written to it just then has an unknown outcome.
	 */
	SET(CURLOPT_MAXAGE_CONN, 30L);

	/* Nothing from the environment or the home directory. */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);

	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	if (http->ca_file != NULL)
	{
		SET(CURLOPT_CAINFO, http->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A renewed file is seen; the system's takes 20 ms to read. */
	SET(CURLOPT_CA_CACHE_TIMEOUT, 600L);
#endif
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
#undef SET
	if (good)
		transfer->generation = http->generation;
	return good;
}

bool
lp_http_transfer_prepare(LpHttpTransfer *transfer,
						 const LpHttpRequest *request, bool loopback)
{
	CURL	   *easy = transfer->easy;
	struct curl_slist *headers;
	char	   *url;
	char	   *method;
	char	   *body;
	bool		get = strcmp(request->method, "GET") == 0 && request->body == NULL;
	bool		head = strcmp(request->method, "HEAD") == 0;
	bool		good = true;

	transfer->answer.owner = request->owner;
	transfer->max_body = request->max_body;
	transfer->loopback = loopback;
	transfer->free_call = request->free_call;
	transfer->begun = 0;
	transfer->in_body = transfer->too_large = transfer->no_memory = false;
	transfer->error[0] = '\0';
	clear_buffer(&transfer->headers);
	clear_buffer(&transfer->body);
	headers = copy_request(&transfer->request, request, &url, &method, &body);
	if (headers == NULL || !reserve(&transfer->body, 1))
		return false;
	if (transfer->generation != transfer->http->generation &&
		!set_shared_options(transfer))
		return false;

#define SET(option, value) \
	(good = good && curl_easy_setopt(easy, option, value) == CURLE_OK)

	SET(CURLOPT_URL, url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_PROTOCOLS_STR, loopback ? "http" : "https");

	/*
	 * Over TLS a first call learns whether the server speaks HTTP/2 and the
	 * others wait for that: one handshake, not one for each.  Without TLS
	 * libcurl would make them wait for a whole answer.
	 */
	SET(CURLOPT_PIPEWAIT, loopback ? 0L : 1L);
	SET(CURLOPT_TIMEOUT_MS, (long) Max(1, request->timeout_ms));
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) request->max_body);
	if (get || head)
	{
		SET(CURLOPT_POSTFIELDS, NULL);
		SET(CURLOPT_HTTPGET, 1L);
		if (head)
			SET(CURLOPT_NOBODY, 1L);
	}
	else
	{
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) (request->body == NULL ? 0 : request->body_length));
		SET(CURLOPT_POSTFIELDS, body);
	}
	SET(CURLOPT_CUSTOMREQUEST, get || head ? NULL : method);
#undef SET
	return good;
}

/* ---- answers ---- */

/*
 * What happened, in words that hold neither the URL nor anything of the
 * request or the answer.  libcurl's own message is used only about TLS, where
 * it names the certificate's fault.
 */
static void
describe_error(LpHttpTransfer *transfer, CURLcode result)
{
	const char *general = curl_easy_strerror(result);
	bool		tls = result == CURLE_PEER_FAILED_VERIFICATION ||
	result == CURLE_SSL_CONNECT_ERROR ||
	result == CURLE_SSL_CACERT_BADFILE;
	long		system_error = 0;

	if (transfer->no_memory)
		strlcpy(transfer->error, "out of memory", CURL_ERROR_SIZE);
	else if (result == CURLE_ABORTED_BY_CALLBACK)
		strlcpy(transfer->error, "the connection was closed before an answer",
				CURL_ERROR_SIZE);
	else if (!tls || transfer->error[0] == '\0')
	{
		strlcpy(transfer->error, general, CURL_ERROR_SIZE);
		if (result == CURLE_COULDNT_CONNECT &&
			curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO,
							  &system_error) == CURLE_OK && system_error != 0)
			snprintf(transfer->error, CURL_ERROR_SIZE, "%s: %s", general,
					 strerror((int) system_error));
	}
	for (char *c = transfer->error; *c != '\0'; c++)
	{
		if ((unsigned char) *c < ' ' || (unsigned char) *c > '~')
			*c = ' ';
	}
	transfer->answer.error = transfer->error;
}

static LpHttpOutcome
outcome_of(const LpHttpTransfer *transfer, CURLcode result)
{
	if (transfer->too_large || result == CURLE_FILESIZE_EXCEEDED)
		return LP_HTTP_TOO_LARGE;
	if (result == CURLE_OK && transfer->answer.status != 0)
		return LP_HTTP_ANSWER;
	if (transfer->begun == 0)
		return LP_HTTP_NOT_SENT;
	if (result == CURLE_OPERATION_TIMEDOUT)
		return LP_HTTP_TIMEOUT;
	return LP_HTTP_BROKEN;
}

void
lp_http_transfer_finish(LpHttpTransfer *transfer, CURLcode result)
{
	LpHttpAnswer *answer = &transfer->answer;
	curl_off_t	microseconds = 0;
	long		status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
	answer->status = (int) status;
	answer->ms = (int) Min(microseconds / 1000, PG_INT32_MAX);
	answer->sent = transfer->begun > 0;
	answer->outcome = outcome_of(transfer, result);
	answer->error = NULL;
	if (answer->outcome == LP_HTTP_TOO_LARGE)
		answer->error = "the answer is larger than allowed";
	else if (answer->outcome != LP_HTTP_ANSWER)
		describe_error(transfer, result);

	/* A part of a body is no use to anyone. */
	if (answer->outcome != LP_HTTP_ANSWER)
		transfer->body.used = 0;
	transfer->body.data[transfer->body.used] = '\0';
	answer->body = transfer->body.data;
	answer->length = transfer->body.used;
	answer->content_type = lp_http_header(answer, "content-type");
}

void
lp_http_transfer_refuse(LpHttpTransfer *transfer,
						const LpHttpRequest *request, const char *why)
{
	memset(&transfer->answer, 0, sizeof(transfer->answer));
	transfer->headers.used = 0;
	transfer->answer.owner = request->owner;
	transfer->answer.outcome = LP_HTTP_REFUSED_URL;
	transfer->answer.body = "";
	transfer->answer.error = why;
}

LpHttpTransfer *
lp_http_transfer_new(LpHttp *http)
{
	LpHttpTransfer *transfer = calloc(1, sizeof(LpHttpTransfer));

	StaticAssertStmt(offsetof(LpHttpTransfer, answer) == 0,
					 "an answer is the start of its transfer");
	if (transfer == NULL)
		return NULL;
	transfer->http = http;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
	{
		free(transfer);
		return NULL;
	}
	return transfer;
}

/* It is in no list and not in flight. */
void
lp_http_transfer_free(LpHttpTransfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free(transfer->request.data);
	free(transfer->headers.data);
	free(transfer->body.data);
	free(transfer);
}
