/*
 * resume.c
 *	  Answers that were set aside, to be captured again.
 *
 * They were paid for: whoever asks again about one of the people in them gets
 * what is stored, without another call, and so do the others of that call.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#include "store/jobs.h"
#include "store/sql.h"
#include "worker/resume.h"

static LpSql kept_sql = LP_SQL(
	"UPDATE @s@.lead_provider_answers SET error = NULL"
	" WHERE call_id = ANY ($1) AND NOT later AND error IS NOT NULL",
	INT8ARRAYOID);

/* Their jobs, but whom another one asks about by now. */
static LpSql jobs_sql = LP_SQL(
	"SELECT j.id FROM @s@.lead_jobs j"
	" WHERE j.call_id = ANY ($1) AND j.state = 'dead' AND j.error_code = $2"
	"  AND NOT EXISTS (SELECT FROM @s@.lead_jobs o WHERE o.provider = j.provider"
	"   AND o.kind = j.kind AND o.subject = j.subject"
	"   AND o.state IN ('queued', 'leased', 'started', 'unknown'))"
	" ORDER BY j.id FOR UPDATE OF j",
	INT8ARRAYOID, TEXTOID);

int
lp_resume(const int64 *call_ids, int n, TimestampTz now)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));
	Datum		values[2];
	LpJobMove  *moves;
	int			calls = 0;
	int			answers;

	for (int i = 0; i < n; i++)
		if (call_ids[i] != 0)
			ids[calls++] = Int64GetDatum(call_ids[i]);
	values[0] = lp_array_of_datums(ids, calls, INT8OID);
	values[1] = CStringGetTextDatum(LP_JOB_NONSENSE);
	answers = calls == 0 ? 0 : lp_sql_run(&kept_sql, values, NULL);
	if (answers == 0)
		return 0;
	n = lp_sql_run(&jobs_sql, values, NULL);
	moves = palloc0(sizeof(LpJobMove) * Max(n, 1));
	for (int i = 0; i < n; i++)
		moves[i] = (LpJobMove)
	{
		.id = lp_col_int(i, 1, 0), .attempts = -1, .to = LP_JOB_STARTED, .next_at = DT_NOEND,
			.found = -1
	};
	(void) lp_jobs_move(moves, n, now);
	return answers;
}
