/*
 * score.c
 *	  The base score: how promising a lead is, 0 to 100, explained.
 *
 * The weights are rows of lead_score_weights; a site's row wins over the one
 * shipped.  They are read once a command of a transaction, so that a batch of
 * captures reads them once, and a change shows in the next statement.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/lead.h"
#include "core/score.h"
#include "store/sql.h"
#include "util/fold.h"

PG_FUNCTION_INFO_V1(lp_score);

typedef struct Weight
{
	char	   *part;
	char	   *value;
	int			points;
	int64		low;			/* of a range of employees */
	int64		high;
} Weight;

static LpSql weights_sql = LP_SQL(
	"SELECT DISTINCT ON (part, value) part, value, points"
	" FROM @s@.lead_score_weights ORDER BY part, value, shipped");

static LpSql lead_sql = LP_SQL(
	"SELECT p.seniority, p.email, p.email_locked, p.email_bounced_at IS NOT NULL,"
	" p.email_status, p.company_estimated_num_employees, p.phone IS NOT NULL,"
	" p.linkedin_url IS NOT NULL, p.title IS NOT NULL, p.company_name IS NOT NULL,"
	" p.show_intent, p.is_likely_to_engage, p.intent_strength"
	" FROM @s@.lead_pool p WHERE p.id = $1 AND p.state = 'active'",
	UUIDOID);

static Weight *weights = NULL;
static int	n_weights = 0;

/* "51-200", "10001+" */
static void
parse_range(Weight *weight)
{
	char	   *end;

	weight->low = strtol(weight->value, &end, 10);
	weight->high = *end == '-' ? strtol(end + 1, &end, 10) : PG_INT64_MAX;
	if (*end != '\0' && *end != '+')
		weight->high = -1;		/* no range: matches nothing */
}

static void
load_weights(void)
{
	static MemoryContext context = NULL;
	static TimestampTz read_in = 0;
	static CommandId read_at = 0;
	MemoryContext old;

	if (weights != NULL && read_in == GetCurrentStatementStartTimestamp() &&
		read_at == GetCurrentCommandId(false))
		return;
	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "leadpool score weights",
										ALLOCSET_SMALL_SIZES);
	weights = NULL;
	MemoryContextReset(context);
	n_weights = lp_sql_run(&weights_sql, NULL, NULL);
	old = MemoryContextSwitchTo(context);
	weights = palloc0(sizeof(Weight) * (n_weights + 1));
	for (int i = 0; i < n_weights; i++)
	{
		weights[i].part = lp_col_text(i, 1);
		weights[i].value = lp_col_text(i, 2);
		weights[i].points = lp_col_int(i, 3, 0);
		parse_range(&weights[i]);
	}
	MemoryContextSwitchTo(old);
	read_in = GetCurrentStatementStartTimestamp();
	read_at = GetCurrentCommandId(false);
}

typedef struct Sum
{
	int			points;
	List	  **parts;
} Sum;

static void
add(Sum *sum, const char *part, int points, char *why)
{
	sum->points += points;
	if (sum->parts != NULL)
	{
		LpScorePart *item = palloc(sizeof(LpScorePart));

		item->part = part;
		item->points = points;
		item->why = why;
		*sum->parts = lappend(*sum->parts, item);
	}
}

/* The points of a part for a word; 0 if it has no row. */
static int
points_of(const char *part, const char *value)
{
	for (int i = 0; i < n_weights; i++)
		if (strcmp(weights[i].part, part) == 0 && strcmp(weights[i].value, value) == 0)
			return weights[i].points;
	return 0;
}

static void
add_word(Sum *sum, const char *part, const char *value)
{
	if (value == NULL)
		add(sum, part, points_of(part, ""), pstrdup("unknown"));
	else
	{
		char	   *word = lp_fold_text(value);

		add(sum, part, points_of(part, word), word);
	}
}

static void
add_employees(Sum *sum, int64 employees)
{
	if (employees < 0)
	{
		add(sum, "employees", points_of("employees", ""), pstrdup("unknown"));
		return;
	}
	for (int i = 0; i < n_weights; i++)
		if (strcmp(weights[i].part, "employees") == 0 && *weights[i].value != '\0' &&
			employees >= weights[i].low && employees <= weights[i].high)
		{
			add(sum, "employees", weights[i].points,
				psprintf(INT64_FORMAT " (%s)", employees, weights[i].value));
			return;
		}
	add(sum, "employees", 0, psprintf(INT64_FORMAT, employees));
}

/* The strongest sign of intent counts, not their sum. */
static void
add_intent(Sum *sum, const LpScoreFacts *facts)
{
	const char *best = NULL;
	char	   *strength = facts->intent_strength ? lp_fold_text(facts->intent_strength) : NULL;
	const char *signs[] = {
		strength,
		facts->show_intent ? "show_intent" : NULL,
		facts->likely_to_engage ? "likely_to_engage" : NULL
	};

	for (int i = 0; i < lengthof(signs); i++)
		if (signs[i] != NULL &&
			(best == NULL || points_of("intent", signs[i]) > points_of("intent", best)))
			best = signs[i];
	if (best == NULL)
		add(sum, "intent", points_of("intent", ""), pstrdup("none"));
	else
		add(sum, "intent", points_of("intent", best), pstrdup(best));
}

static void
add_completeness(Sum *sum, const LpScoreFacts *facts)
{
	struct
	{
		bool		has;
		const char *name;
	}			items[] = {
		{facts->has_phone, "phone"}, {facts->has_linkedin, "linkedin"},
		{facts->has_title, "title"}, {facts->has_company, "company"}
	};
	int			points = 0;
	StringInfoData why;

	initStringInfo(&why);
	for (int i = 0; i < lengthof(items); i++)
		if (items[i].has)
		{
			points += points_of("completeness", items[i].name);
			appendStringInfo(&why, "%s%s", why.len > 0 ? ", " : "", items[i].name);
		}
	add(sum, "completeness", points, why.len > 0 ? why.data : pstrdup("nothing"));
}

int
lp_score_compute(const LpScoreFacts *facts, List **parts)
{
	Sum			sum = {0, parts};
	int			score;

	load_weights();
	add_word(&sum, "seniority", facts->seniority);
	add_word(&sum, "email_status", facts->email_status);
	add_employees(&sum, facts->employees);
	add_intent(&sum, facts);
	add_completeness(&sum, facts);
	score = Min(Max(sum.points, 0), 100);
	if (score != sum.points)
		add(&sum, "clamp", score - sum.points, pstrdup("a score is from 0 to 100"));
	return score;
}

Datum
lp_score(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpScoreFacts facts = {0};
	List	   *parts = NIL;
	ListCell   *cell;
	int			score;
	Datum		values[1];

	lp_call_begin(fcinfo, LP_CALL_READS);
	lp_lead_resolve(&id, 1);
	values[0] = UUIDPGetDatum(&id);
	if (lp_sql_run(&lead_sql, values, NULL) == 0)
		lp_lead_no_such(&id);
	facts.seniority = lp_col_text(0, 1);
	if (!lp_col_is_null(0, 2) && !lp_col_bool(0, 3) && !lp_col_bool(0, 4))
		facts.email_status = lp_col_text(0, 5);
	facts.employees = lp_col_int(0, 6, -1);
	facts.has_phone = lp_col_bool(0, 7);
	facts.has_linkedin = lp_col_bool(0, 8);
	facts.has_title = lp_col_bool(0, 9);
	facts.has_company = lp_col_bool(0, 10);
	facts.show_intent = lp_col_bool(0, 11);
	facts.likely_to_engage = lp_col_bool(0, 12);
	facts.intent_strength = lp_col_text(0, 13);
	score = lp_score_compute(&facts, &parts);
	foreach(cell, parts)
	{
		LpScorePart *part = lfirst(cell);

		lp_rows_set(rows, "score", Int32GetDatum(score));
		lp_rows_set_text(rows, "part", part->part);
		lp_rows_set(rows, "points", Int32GetDatum(part->points));
		lp_rows_set_text(rows, "why", part->why);
		lp_rows_emit(rows);
	}
	lp_call_end();
	return (Datum) 0;
}
