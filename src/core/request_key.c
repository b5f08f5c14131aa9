/*
 * request_key.c
 *	  Calls of lp_allocate that are repeated under their request_key.
 *
 * Whose connection broke before the answer came calls again, and is given what
 * the first call gave.  All under the client's exclusive lock: a repeated call
 * waits for the first one.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/request_key.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"

#define KEPT_DAYS 30

static LpSql earlier_sql = LP_SQL(
	"SELECT arguments_hash, assignment_ids FROM @s@.lead_allocations"
	" WHERE client_id = $1 AND request_key = $2 AND created_at > $3",
	UUIDOID, TEXTOID, TIMESTAMPTZOID);

static LpSql remember_sql = LP_SQL(
	"INSERT INTO @s@.lead_allocations (client_id, request_key, arguments_hash,"
	" assignment_ids, created_at) VALUES ($1, $2, $3, $4, $5)"
	" ON CONFLICT (client_id, request_key) DO UPDATE SET"
	" arguments_hash = excluded.arguments_hash,"
	" assignment_ids = excluded.assignment_ids, created_at = excluded.created_at",
	UUIDOID, TEXTOID, BYTEAOID, UUIDARRAYOID, TIMESTAMPTZOID);

static LpSql again_sql = LP_SQL(
	"SELECT a.* FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_assignments a ON a.id = u.id ORDER BY u.n",
	UUIDARRAYOID);

static const char *
json_text(Jsonb *json)
{
	return json == NULL ? "{}" : JsonbToCString(NULL, &json->root, VARSIZE(json));
}

void
lp_request_key_hash(LpRequestKey *request, const pg_uuid_t *campaign_id,
					int64 wanted, Jsonb *criteria, Jsonb *options)
{
	const char *texts[] = {
		campaign_id != NULL ? lp_uuid_text(campaign_id) : NULL,
		psprintf(INT64_FORMAT, wanted),
		json_text(criteria),
		json_text(options)
	};

	lp_sha256_texts(lengthof(texts), texts, request->arguments);
}

bool
lp_request_key_answer(const LpRequestKey *request, LpRows *rows)
{
	Interval	kept = {0, KEPT_DAYS, 0};
	Datum		values[] = {
		UUIDPGetDatum(request->client_id), CStringGetTextDatum(request->key),
		TimestampTzGetDatum(lp_clock_sub(request->now, &kept))
	};
	bytea	   *first;
	uint64		n;

	if (lp_sql_run(&earlier_sql, values, NULL) == 0)
		return false;
	first = DatumGetByteaPP(lp_col(0, 1));
	if (VARSIZE_ANY_EXHDR(first) != LP_SHA256_BYTES ||
		memcmp(VARDATA_ANY(first), request->arguments, LP_SHA256_BYTES) != 0)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("request_key \"%s\" was used with other arguments",
					   request->key),
				errhint("Repeat the first call exactly, or use another key."));
	values[0] = lp_col(0, 2);
	n = lp_sql_run(&again_sql, values, NULL);
	for (uint64 row = 0; row < n; row++)
		lp_rows_emit_tuple(rows, row);
	return true;
}

void
lp_request_key_keep(const LpRequestKey *request, const pg_uuid_t *ids, int n)
{
	Datum		values[] = {
		UUIDPGetDatum(request->client_id), CStringGetTextDatum(request->key),
		lp_bytea(request->arguments, LP_SHA256_BYTES), lp_array_of_uuids(ids, n),
		TimestampTzGetDatum(request->now)
	};

	lp_sql_run(&remember_sql, values, NULL);
}
