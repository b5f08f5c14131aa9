/*
 * answers.c
 *	  Stored answers that wait to be captured, and which is next.
 *
 * They are captured in the order of their calls.  One that cannot be had now,
 * since somebody holds its lead, is passed over: those behind it are looked at
 * first, and it again after a second at the earliest.  One whose capture failed
 * for another reason waits for itself (failed.c); one that cannot be captured is
 * set aside with the reason.
 *
 * An answer may end the process that captures it (a fault in a library, memory
 * that the kernel takes back), and the next one, and so on.  So where answers
 * wait when a worker begins, the one before may have died of the first of them:
 * that is counted, in a commit of its own, before it is captured, and after
 * LP_ANSWER_DEATHS it is set aside.  While an answer is captured nothing is
 * stored but what webhooks bring; so whatever a worker died of is the first one
 * that a call brought itself, or one of those before it.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/answers.h"
#include "worker/failed.h"

#define SKIP_FOR USECS_PER_SEC
#define SKIP_AT_MOST (60 * USECS_PER_SEC)

/* The answer first: whatever the plan, no other calls are read. */
static LpSql next_sql = LP_SQL_BY_KEY(
	"SELECT a.call_id, a.body, a.received_at, c.started_at, c.reserved::float8, a.later,"
	" c.endpoint, cardinality(c.subjects), a.deaths, a.ms"
	" FROM (SELECT call_id, later, body, received_at, deaths, ms FROM @s@.lead_provider_answers"
	"  WHERE error IS NULL AND (call_id, later) > ($1, $2) AND " LP_FAILED_KEY " <> ALL ($3)"
	"  ORDER BY call_id, later LIMIT 1 FOR UPDATE SKIP LOCKED) a"
	" JOIN @s@.lead_provider_calls c ON c.id = a.call_id",
	INT8OID, BOOLOID, INT8ARRAYOID);

static LpSql held_sql = LP_SQL(
	"SELECT FROM @s@.lead_provider_answers"
	" WHERE error IS NULL AND " LP_FAILED_KEY " <> ALL ($1) LIMIT 1",
	INT8ARRAYOID);

static LpSql any_sql = LP_SQL(
	"SELECT FROM @s@.lead_provider_answers WHERE error IS NULL LIMIT 1");

static LpSql deaths_sql = LP_SQL(
	"UPDATE @s@.lead_provider_answers SET deaths = $3 WHERE call_id = $1 AND later = $2",
	INT8OID, BOOLOID, INT4OID);

static LpSql drop_sql = LP_SQL(
	"DELETE FROM @s@.lead_provider_answers WHERE call_id = $1 AND later = $2",
	INT8OID, BOOLOID);

static LpSql set_aside_sql = LP_SQL(
	"UPDATE @s@.lead_provider_answers SET error = $3 WHERE call_id = $1 AND later = $2",
	INT8OID, BOOLOID, TEXTOID);

static bool suspecting = false;

/* Those up to here were passed over. */
static struct
{
	int64		call_id;
	bool		later;
	TimestampTz until;			/* not again before; 0: none */
}			skipped = {0};

void
lp_answers_suspect(void)
{
	suspecting = lp_sql_run(&any_sql, NULL, NULL) > 0;
}

static bool
find_next(TimestampTz now)
{
	Datum		values[] = {Int64GetDatum(skipped.call_id), BoolGetDatum(skipped.later),
	lp_failed_waiting(now)};

	return lp_sql_run(&next_sql, values, NULL) > 0;
}

/* The same, and those that were passed over once the others are through. */
static bool
find_next_or_skipped(TimestampTz now)
{
	/* too far ahead: the clock was set back */
	if (now >= skipped.until + SKIP_AT_MOST || skipped.until > now + SKIP_FOR)
		memset(&skipped, 0, sizeof(skipped));
	if (find_next(now))
		return true;
	if (skipped.until == 0 || now < skipped.until)
		return false;
	memset(&skipped, 0, sizeof(skipped));
	return find_next(now);
}

/* What somebody holds (lp_forget) is looked for again. */
static void
look_for_held(TimestampTz now)
{
	Datum		values[] = {lp_failed_waiting(now)};

	if (skipped.until == 0 && lp_sql_run(&held_sql, values, NULL) > 0)
		skipped.until = now + SKIP_FOR;
}

bool
lp_answer_next(LpStored *answer)
{
	bytea	   *body;

	if (!find_next_or_skipped(GetCurrentTimestamp()))
	{
		look_for_held(GetCurrentTimestamp());
		suspecting = false;
		return false;
	}
	answer->call_id = lp_col_int(0, 1, 0);
	body = DatumGetByteaPP(lp_col(0, 2));
	answer->length = VARSIZE_ANY_EXHDR(body);
	answer->body = pnstrdup(VARDATA_ANY(body), answer->length);
	answer->received_at = lp_col_time(0, 3, 0);
	answer->started_at = lp_col_time(0, 4, 0);
	answer->reserved = DatumGetFloat8(lp_col(0, 5));
	answer->later = lp_col_bool(0, 6);
	answer->endpoint = lp_col_text(0, 7);
	answer->n_subjects = lp_col_int(0, 8, 0);
	answer->deaths = lp_col_int(0, 9, 0);
	answer->ms = lp_col_int(0, 10, 0);
	return true;
}

bool
lp_answers_are_suspect(void)
{
	return suspecting;
}

static void
set_deaths(int64 call_id, bool later, int deaths)
{
	Datum		values[] = {Int64GetDatum(call_id), BoolGetDatum(later), Int32GetDatum(deaths)};

	(void) lp_sql_run(&deaths_sql, values, NULL);
}

void
lp_answer_count_death(LpStored *answer)
{
	set_deaths(answer->call_id, answer->later, ++answer->deaths);
}

void
lp_answer_forgive(int64 call_id, bool later)
{
	set_deaths(call_id, later, 0);
}

void
lp_answer_survived(bool later)
{
	/* what a webhook brought may be new: then one of the others was it */
	suspecting = suspecting && later;
}

void
lp_answer_skip(int64 call_id, bool later)
{
	skipped.call_id = call_id;
	skipped.later = later;
	if (skipped.until == 0)
		skipped.until = GetCurrentTimestamp() + SKIP_FOR;
}

void
lp_answer_drop(int64 call_id, bool later)
{
	Datum		values[] = {Int64GetDatum(call_id), BoolGetDatum(later)};

	(void) lp_sql_run(&drop_sql, values, NULL);
}

void
lp_answer_set_aside(int64 call_id, bool later, const char *error)
{
	Datum		values[] = {Int64GetDatum(call_id), BoolGetDatum(later),
	CStringGetTextDatum(error)};

	(void) lp_sql_run(&set_aside_sql, values, NULL);
}

TimestampTz
lp_answers_due(void)
{
	TimestampTz due = lp_failed_due();

	return skipped.until == 0 ? due : Min(due, skipped.until);
}
