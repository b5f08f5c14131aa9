/*
 * webhooks.c
 *	  Answers that come later: tokens for them, lp_receive_webhook, and polling
 *	  where none comes.
 *
 * Apollo signs nothing, so the address that it is given carries a secret token;
 * only its hash is kept.  What arrives is stored and captured by the worker, as
 * if it were the answer to the call: a hostile payload meets the same limits.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "store/jobs.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/jsonwalk.h"
#include "util/wake.h"
#include "worker/money.h"
#include "worker/webhooks.h"

#define TOKEN_BYTES 32
#define POLL_AFTER (10 * SECS_PER_MINUTE * USECS_PER_SEC)
#define POLL_ALONE_AFTER (SECS_PER_MINUTE * USECS_PER_SEC)	/* no webhook will come */
#define MAX_REQUEST_ID 64
#define EXPIRE_A_STEP 200

PG_FUNCTION_INFO_V1(lp_receive_webhook);

static LpSql expect_sql = LP_SQL(
	"INSERT INTO @s@.lead_webhook_tokens (token_hash, call_id, created_at, expires_at)"
	" VALUES ($1, $2, $3, $3 + interval '30 days')",
	BYTEAOID, INT8OID, TIMESTAMPTZOID);

static LpSql find_sql = LP_SQL(
	"SELECT call_id, used_at IS NOT NULL FROM @s@.lead_webhook_tokens"
	" WHERE token_hash = $1 AND expires_at > $2 FOR UPDATE",
	BYTEAOID, TIMESTAMPTZOID);

static LpSql use_sql = LP_SQL(
	"UPDATE @s@.lead_webhook_tokens SET used_at = $2 WHERE call_id = $1 AND used_at IS NULL",
	INT8OID, TIMESTAMPTZOID);

static LpSql keep_sql = LP_SQL(
	"INSERT INTO @s@.lead_provider_answers (call_id, later, body, received_at)"
	" VALUES ($1, true, $2, $3) ON CONFLICT DO NOTHING",
	INT8OID, BYTEAOID, TIMESTAMPTZOID);

static LpSql poll_sql = LP_SQL(
	"INSERT INTO @s@.lead_jobs (kind, provider, subject, parameters, next_at, created_by, created_at)"
	" SELECT 'phone_poll', 'apollo', $2, jsonb_build_object('request_id', $2, 'call_id', $1), $3,"
	"  'leadpool', $4 WHERE EXISTS (SELECT FROM @s@.lead_webhook_tokens WHERE call_id = $1 AND used_at IS NULL)"
	" ON CONFLICT (provider, kind, subject) WHERE state IN ('queued', 'leased', 'started', 'unknown')"
	" DO NOTHING",
	INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

static LpSql polls_sql = LP_SQL(
	"SELECT id FROM @s@.lead_jobs WHERE provider = 'apollo' AND kind = 'phone_poll'"
	" AND state = 'queued' AND parameters ->> 'call_id' = ANY ($1::text[]) ORDER BY id FOR UPDATE",
	INT8ARRAYOID);

static LpSql expired_sql = LP_SQL(
	"DELETE FROM @s@.lead_webhook_tokens WHERE token_hash IN (SELECT t.token_hash"
	"  FROM @s@.lead_webhook_tokens t WHERE t.expires_at <= $1"
	"  ORDER BY t.expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
	" RETURNING call_id, used_at IS NULL",
	TIMESTAMPTZOID, INT4OID);

char *
lp_webhook_token(void)
{
	uint8		bytes[TOKEN_BYTES];
	char	   *token = palloc(TOKEN_BYTES * 2 + 1);

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate random bytes"));
	hex_encode((char *) bytes, sizeof(bytes), token);
	token[TOKEN_BYTES * 2] = '\0';
	return token;
}

static Datum
hash_of(const char *token)
{
	uint8		hash[LP_SHA256_BYTES];

	lp_sha256(token, strlen(token), hash);
	return lp_bytea(hash, sizeof(hash));
}

void
lp_webhook_expect(int64 call_id, const char *token)
{
	Datum		values[] = {hash_of(token), Int64GetDatum(call_id),
	TimestampTzGetDatum(lp_clock_now())};

	(void) lp_sql_run(&expect_sql, values, NULL);
}

/* The request that Apollo goes on with; NULL: it does not. */
static char *
goes_on(const JsonbContainer *body)
{
	static const char *const parts[] = {"phone_enrichment", "waterfall"};

	for (int i = 0; i < lengthof(parts); i++)
	{
		JsonbValue	part;
		char	   *status;

		if (!lp_json_get(body, parts[i], &part) || !lp_json_is_object(&part))
			continue;
		status = lp_json_get_text(part.val.binary.data, "status");
		if (status != NULL && (strcmp(status, "pending") == 0 || strcmp(status, "accepted") == 0))
			return i == 0 ? lp_json_get_text(part.val.binary.data, "request_id") :
				lp_json_get_text(body, "request_id");
	}
	return NULL;
}

bool
lp_webhook_answered(int64 call_id, const JsonbContainer *body)
{
	char	   *request_id = goes_on(body);
	TimestampTz now = lp_clock_now();

	if (request_id == NULL || strlen(request_id) > MAX_REQUEST_ID)
		return false;
	{
		Datum		values[] = {Int64GetDatum(call_id), CStringGetTextDatum(request_id),
			TimestampTzGetDatum(now + (*lp_webhook_url != '\0' ? POLL_AFTER : POLL_ALONE_AFTER)),
		TimestampTzGetDatum(now)};

		return lp_sql_run(&poll_sql, values, NULL) > 0;
	}
}

bool
lp_webhook_use(int64 call_id, TimestampTz now)
{
	Datum		values[] = {Int64GetDatum(call_id), TimestampTzGetDatum(now)};

	return lp_sql_run(&use_sql, values, NULL) > 0;
}

/* What came, or never will, needs not be asked for. */
static void
end_polls(const int64 *call_ids, int n, const char *code, const char *error, TimestampTz now)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Datum		values[1];
	LpJobMove  *moves;

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(call_ids[i]);
	values[0] = lp_array_of_datums(ids, n, INT8OID);
	n = lp_sql_run(&polls_sql, values, NULL);
	moves = palloc0(sizeof(LpJobMove) * Max(n, 1));

	for (int i = 0; i < n; i++)
		moves[i] = (LpJobMove)
	{
		.id = lp_col_int(i, 1, 0), .attempts = -1, .to = LP_JOB_CANCELLED,
			.next_at = DT_NOEND, .found = -1, .code = code, .error = error
	};
	(void) lp_jobs_move(moves, n, now);
}

bool
lp_webhooks_expire(TimestampTz now)
{
	Datum		values[] = {TimestampTzGetDatum(now), Int32GetDatum(EXPIRE_A_STEP)};
	int			n = lp_sql_run(&expired_sql, values, NULL);
	int64	   *unused = palloc(sizeof(int64) * Max(n, 1));
	int			n_unused = 0;

	for (int i = 0; i < n; i++)
		if (lp_col_bool(i, 2))
			unused[n_unused++] = lp_col_int(i, 1, 0);
	if (n_unused > 0)
	{
		end_polls(unused, n_unused, "expired", "nothing came in the time of the webhook's token", now);
		lp_money_release(LP_PROVIDER_APOLLO, unused, n_unused);
	}
	return n == EXPIRE_A_STEP;
}

/* In a call; the answer to whoever sent it. */
static const char *
receive(const char *token, Jsonb *payload)
{
	TimestampTz now = lp_clock_now();
	Datum		find[] = {hash_of(token), TimestampTzGetDatum(now)};
	char	   *body;
	int64		call_id;

	if (lp_sql_run(&find_sql, find, NULL) == 0)
		return "unknown_token";
	if (lp_col_bool(0, 2))
		return "duplicate";
	call_id = lp_col_int(0, 1, 0);
	body = JsonbToCString(NULL, &payload->root, VARSIZE(payload));
	{
		Datum		keep[] = {Int64GetDatum(call_id), lp_bytea((uint8 *) body, strlen(body)),
		TimestampTzGetDatum(now)};

		(void) lp_sql_run(&keep_sql, keep, NULL);
	}
	(void) lp_webhook_use(call_id, now);
	end_polls(&call_id, 1, "answered", "a webhook brought it", now);
	lp_wake_at_commit();
	return "stored";
}

Datum
lp_receive_webhook(PG_FUNCTION_ARGS)
{
	Jsonb	   *payload = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	const char *answer = "unknown_token";

	if (PG_ARGISNULL(0) || payload == NULL || !JB_ROOT_IS_OBJECT(payload))
		PG_RETURN_TEXT_P(cstring_to_text(answer));
	lp_call_begin(fcinfo, LP_CALL_WRITES);
	answer = receive(text_to_cstring(PG_GETARG_TEXT_PP(0)), payload);
	lp_call_end();
	PG_RETURN_TEXT_P(cstring_to_text(answer));
}
