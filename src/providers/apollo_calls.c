/*
 * apollo_calls.c
 *	  Apollo: requests as text, and what its answers mean.
 *
 * Parameters travel in the JSON body, never in the query: no limit of a URL's
 * length, and no person in the log of a proxy.  People are always asked for in
 * bulk, one too: only the bulk answer says what it cost.
 *
 * Errors come in several dialects, some of them no JSON at all: the code in
 * error_details is read first, then the older keys, then the text.
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "providers/call.h"
#include "util/jsonparse.h"
#include "util/jsonsplit.h"
#include "util/jsonwalk.h"

#define MAX_WAIT SECS_PER_DAY	/* the longest that a provider may ask for */
#define CREDITS_PERSON 1
#define CREDITS_PHONE 8
#define CREDITS_WATERFALL 65	/* 20 for an address and 45 for a phone */

static void
add_text(StringInfo body, const char *key, const char *value)
{
	if (value == NULL)
		return;
	if (body->data[body->len - 1] != '{')
		appendStringInfoChar(body, ',');
	escape_json(body, key);
	appendStringInfoChar(body, ':');
	escape_json(body, value);
}

static void
add_flag(StringInfo body, const char *key, bool value)
{
	if (value)
		appendStringInfo(body, ",\"%s\":true", key);
}

/* The strongest key alone where there is one: a name beside it adds nothing. */
static void
add_subject(StringInfo body, const LpSubject *subject)
{
	appendStringInfoChar(body, '{');
	add_text(body, "id", subject->apollo_id);
	if (subject->apollo_id == NULL)
	{
		add_text(body, "email", subject->email);
		add_text(body, "linkedin_url", subject->linkedin_url);
		add_text(body, "first_name", subject->first_name);
		add_text(body, "last_name", subject->last_name);
		add_text(body, "domain", subject->domain);
		add_text(body, "organization_name", subject->company);
	}
	appendStringInfoChar(body, '}');
}

LpRequestText
lp_apollo_enrich(const LpEnrichOrder *order)
{
	LpRequestText text = {.endpoint = "people/bulk_match", .method = "POST", .path = "/people/bulk_match"};
	StringInfoData body;
	bool		asks_webhook = order->reveal_phone || order->waterfall;

	initStringInfo(&body);
	appendStringInfoString(&body, "{\"details\":[");
	for (int i = 0; i < order->n; i++)
	{
		if (i > 0)
			appendStringInfoChar(&body, ',');
		add_subject(&body, &order->subjects[i]);
	}
	appendStringInfoChar(&body, ']');
	add_flag(&body, "reveal_personal_emails", order->reveal_personal_emails);
	add_flag(&body, "reveal_phone_number", order->reveal_phone);
	add_flag(&body, "run_waterfall_email", order->waterfall);
	add_flag(&body, "run_waterfall_phone", order->waterfall && order->reveal_phone);
	if (asks_webhook && order->webhook_url != NULL)
		add_text(&body, "webhook_url", order->webhook_url);
	appendStringInfoChar(&body, '}');
	text.body = body.data;
	return text;
}

/* Everything but letters, digits, "-", "." and "_" as %XX. */
static char *
url_escape(const char *value)
{
	StringInfoData out;

	initStringInfo(&out);
	for (const unsigned char *c = (const unsigned char *) value; *c != '\0'; c++)
	{
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", *c) != NULL)
			appendStringInfoChar(&out, *c);
		else
			appendStringInfo(&out, "%%%02X", *c);
	}
	return out.data;
}

LpRequestText
lp_apollo_enrich_company(const char *domain)
{
	return (LpRequestText)
	{
		.endpoint = "organizations/enrich", .method = "GET",
			.path = psprintf("/organizations/enrich?domain=%s", url_escape(domain))
	};
}

LpRequestText
lp_apollo_poll(const char *request_id)
{
	return (LpRequestText)
	{
		.endpoint = "webhook_result", .method = "GET",
			.path = psprintf("/webhook_result/%s", url_escape(request_id))
	};
}

LpRequestText
lp_apollo_health(void)
{
	return (LpRequestText)
	{
		.endpoint = "auth/health", .method = "GET", .path = "/auth/health"
	};
}

double
lp_apollo_worst(const LpEnrichOrder *order)
{
	return order->n * (CREDITS_PERSON + (order->reveal_phone ? CREDITS_PHONE : 0) +
					   (order->waterfall ? CREDITS_WATERFALL : 0));
}

char *
lp_apollo_without(const char *body, const bool *gone, int n)
{
	int			length = strlen(body);
	int			n_spans;
	LpSpan	   *spans = lp_json_split(lp_json_clean(body, length), length, &n_spans);
	StringInfoData out;
	int			done = 0;
	int			place = 0;

	if (spans == NULL)
		return NULL;
	initStringInfo(&out);
	for (int i = 0; i < n_spans; i++)
	{
		if (spans[i].list != LP_LIST_MATCHES)
			continue;
		if (place < n && gone[place])
		{
			appendBinaryStringInfo(&out, body + done, spans[i].start - done);
			appendStringInfoString(&out, "null");
			done = spans[i].end;
		}
		place++;
	}
	appendStringInfoString(&out, body + done);
	return place == n ? out.data : NULL;
}

/* Persons with an id in a list, the same one once. */
static int
people_with_id(const JsonbValue *list)
{
	LpWalk		each;
	JsonbValue	value;
	char	   *seen[32];
	int			n = 0;

	if (!lp_json_is_list(list))
		return 0;
	lp_walk_begin(&each, list->val.binary.data);
	while (lp_walk_next(&each, NULL, &value) && n < lengthof(seen))
	{
		char	   *id = lp_json_is_object(&value) ?
		lp_json_get_text(value.val.binary.data, "id") : NULL;
		bool		again = false;

		for (int i = 0; i < n && id != NULL; i++)
			again = again || strcmp(seen[i], id) == 0;
		if (id != NULL && !again)
			seen[n++] = id;
	}
	return n;
}

double
lp_apollo_billed(const JsonbContainer *body)
{
	JsonbValue	value;

	if (lp_json_get(body, "credits_consumed", &value) && value.type == jbvNumeric)
	{
		double		told = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															  NumericGetDatum(value.val.numeric)));

		return told >= 0 && told < 1e6 ? told : 0;
	}
	if (lp_json_get(body, "matches", &value))
		return people_with_id(&value);
	if (lp_json_get(body, "organization", &value) && lp_json_is_object(&value))
		return lp_json_get_text(value.val.binary.data, "id") != NULL ? 1 : 0;
	return 0;
}

/*
 * The code of an error, in whatever dialect, and how long to wait if the
 * answer hides that in a suggestion.
 */
static const char *
error_code(const JsonbContainer *root, int *wait)
{
	JsonbValue	details;
	JsonbValue	suggestions;
	JsonbValue	each_value;
	LpWalk		each;
	char	   *code;

	if (lp_json_get(root, "error_details", &details) && lp_json_is_object(&details))
	{
		if (lp_json_get(details.val.binary.data, "suggestions", &suggestions) &&
			lp_json_is_list(&suggestions))
		{
			lp_walk_begin(&each, suggestions.val.binary.data);
			while (lp_walk_next(&each, NULL, &each_value))
			{
				char	   *seconds = lp_json_is_object(&each_value) ?
				lp_json_get_text(each_value.val.binary.data, "retry_after_seconds") : NULL;

				if (seconds != NULL && *wait == 0)
					*wait = Max(0, Min(MAX_WAIT, atoi(seconds)));
			}
		}
		code = lp_json_get_text(details.val.binary.data, "code");
		if (code != NULL)
			return code;
	}
	code = lp_json_get_text(root, "retry_after_seconds");
	if (code != NULL && *wait == 0)
		*wait = Max(0, Min(MAX_WAIT, atoi(code)));
	code = lp_json_get_text(root, "error_code");
	return code;
}

/* The sentence of an error; of one that is no JSON, all of it. */
static char *
error_text(const Jsonb *json, const char *body, size_t length)
{
	static const char *const keys[] = {"error", "error_message", "message"};

	for (int i = 0; i < lengthof(keys) && json != NULL; i++)
	{
		char	   *text = lp_json_get_text(&json->root, keys[i]);

		if (text != NULL)
			return text;
	}
	return json == NULL ? pnstrdup(body, Min(length, 1024)) : pstrdup("");
}

/*
 * Whether a refusal says that the credits are used up: by its code, else by its
 * words.  "Credits" is one; "credit" within another word or alone is not: a
 * refusal may repeat what was asked, the name of a company or an address, and
 * would hold everything.
 */
static bool
speaks_of_credits(const char *code, const Jsonb *json, const char *body, size_t length)
{
	static const char *const words[] = {"insufficient", "enough", "exhausted", "exceeded", "no credits", "run out", "ran out", "out of credit", "limit"};
	char	   *text;

	if (code != NULL && strstr(code, "CREDIT") != NULL)
		return true;
	text = error_text(json, body, length);
	for (char *c = text; *c != '\0'; c++)
		*c = pg_tolower((unsigned char) *c);
	if (strstr(text, "credit") == NULL)
		return false;
	for (char *c = strstr(text, "credits"); c != NULL; c = strstr(c + 1, "credits"))
		if ((c == text || c[-1] == ' ') && strchr(" .,;:!", c[strlen("credits")]) != NULL)
			return true;
	for (int i = 0; i < lengthof(words); i++)
		if (strstr(text, words[i]) != NULL)
			return true;
	return false;
}

static int
header_number(const void *answer, LpHeaderFind header, const char *name, int if_absent)
{
	const char *value = header(answer, name);

	if (value == NULL || *value < '0' || *value > '9')
		return if_absent;
	return Min(strtol(value, NULL, 10), PG_INT32_MAX);
}

/* Seconds of an HTTP date, like "Wed, 21 Oct 2026 07:28:00 GMT"; -1: none. */
static int64
http_date(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char		month[4];
	const char *at;
	int			day,
				year,
				hour,
				minute,
				second;

	if (text == NULL ||
		sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) != 6 ||
		strlen(month) != 3 || (at = strstr(months, month)) == NULL || (at - months) % 3 != 0)
		return -1;
	return date2j(year, (at - months) / 3 + 1, day) * INT64CONST(86400) +
		hour * 3600 + minute * 60 + second;
}

/*
 * How long to wait, in seconds: a number, or a date, which is read by the
 * provider's own clock; 0: it does not say.
 */
static int
retry_after(const void *answer, LpHeaderFind header)
{
	int			wait = header_number(answer, header, "retry-after", -1);
	int64		until = http_date(header(answer, "retry-after"));
	int64		now = http_date(header(answer, "date"));

	if (wait >= 0)
		return Max(1, Min(wait, MAX_WAIT));
	if (until < 0)
		return 0;
	if (now < 0)
		now = GetCurrentTimestamp() / USECS_PER_SEC + POSTGRES_EPOCH_JDATE * INT64CONST(86400);
	return Max(1, Min(until - now, MAX_WAIT));
}

/* What the provider's headers leave in the narrowest window; -1: not told. */
static int
calls_left(const void *answer, LpHeaderFind header)
{
	static const char *const windows[] = {
		"x-minute-requests-left", "x-hourly-requests-left", "x-24-hour-requests-left"
	};
	int			least = -1;

	for (int i = 0; i < lengthof(windows); i++)
	{
		int			left = header_number(answer, header, windows[i], -1);

		if (left >= 0 && (least < 0 || left < least))
			least = left;
	}
	return least;
}

/* A word of a provider, safe to be stored and shown. */
static const char *
plain_code(const char *code)
{
	if (code == NULL || strlen(code) > 100 ||
		strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(code))
		return NULL;
	return code;
}

LpReply
lp_apollo_read(int status, const char *body, size_t length,
			   const void *answer, LpHeaderFind header)
{
	LpReply		reply = {.kind = LP_REPLY_OK};
	Jsonb	   *json;

	reply.wait = retry_after(answer, header);
	reply.calls_left = calls_left(answer, header);
	if (status == 200)
		return reply;
	json = lp_json_parse(body, length);
	if (json != NULL)
		reply.code = plain_code(error_code(&json->root, &reply.wait));
	if (status == 429)
		reply.kind = LP_REPLY_LIMITED;
	else if (status == 401)
		reply.kind = LP_REPLY_AUTH;
	else if ((status == 402 || status == 403 || status == 422) &&
			 (status == 402 || speaks_of_credits(reply.code, json, body, length)))
		reply.kind = LP_REPLY_CREDITS;
	else if (status == 403)
		reply.kind = LP_REPLY_FORBIDDEN;
	else if (status == 404 && json != NULL && reply.code != NULL &&
			 strcmp(reply.code, "result_pending") == 0)
		reply.kind = LP_REPLY_PENDING;
	else if (status >= 400 && status < 500 && status != 408)
		reply.kind = LP_REPLY_REFUSED;
	else
		reply.kind = LP_REPLY_SERVER;
	return reply;
}
