/*
 * transfer.c
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

#include "http/request.h"
#include "http/transfer.h"

/* All headers of an answer together. */
#define MAX_HEADERS (64 * 1024)

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
	if (!lp_http_buffer_reserve(&transfer->body, length + 1))
	{
		transfer->no_memory = true;
		return 0;
	}
	lp_http_buffer_append(&transfer->body, data, length);
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
	if (transfer->headers.used + length + 2 > MAX_HEADERS)
	{
		transfer->too_large = true;
		return 0;
	}
	if (!lp_http_buffer_reserve(&transfer->headers, length + 2))
	{
		transfer->no_memory = true;
		return 0;
	}
	lp_http_buffer_append(&transfer->headers, data, colon - data);
	lp_http_buffer_append(&transfer->headers, "", 1);
	lp_http_buffer_append(&transfer->headers, value, end - value);
	lp_http_buffer_append(&transfer->headers, "", 1);
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

/* ---- options ---- */

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

	/* No signals, no waiting for a resolver's thread at the end. */
	SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif

	/*
	 * It is allocated anew for each call: a small one costs less than it
	 * takes to read a large answer in pieces.
	 */
	SET(CURLOPT_BUFFERSIZE, 4096L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long) http->connect_timeout_ms);

	/*
	 * Many servers drop a connection that was idle for a minute, and a call
	 * that is written to it just then has an unknown outcome.
	 */
	SET(CURLOPT_MAXAGE_CONN, 30L);

	/* Nothing from the environment or the home directory. */
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "");
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
	transfer->free_call = request->free_call;
	transfer->begun = 0;
	transfer->in_body = transfer->too_large = transfer->no_memory = false;
	transfer->error[0] = '\0';
	lp_http_buffer_clear(&transfer->headers);
	lp_http_buffer_clear(&transfer->body);
	headers = lp_http_request_copy(&transfer->request, request, &url, &method, &body);
	if (headers == NULL || !lp_http_buffer_reserve(&transfer->body, 1))
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
	return good && lp_http_sockets_use(&transfer->http->thread.sockets, easy, loopback);
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
	char		reason[PG_STRERROR_R_BUFLEN];

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
					 pg_strerror_r((int) system_error, reason, sizeof(reason)));
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
	if (answer->outcome == LP_HTTP_NOT_SENT)
		answer->status = 0;		/* a handle may remember an earlier call's */
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
