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

#include "core/facts.h"
#include "core/lead.h"
#include "core/score.h"
#include "store/sql.h"
#include "util/fold.h"
#include "util/profile.h"

PG_FUNCTION_INFO_V1(lp_score);

typedef struct Weight
{
	char	   *part;
	char	   *value;
	int			points;
	int64		low;			/* of a range of employees */
	int64		high;
} Weight;

/* What of a lead the score rests on; NULL or negative = unknown. */
typedef struct Facts
{
	const char *seniority;
	const char *email_status;
	int64		employees;
	bool		has_phone;
	bool		has_linkedin;
	bool		has_title;
	bool		has_company;
	bool		show_intent;
	bool		likely_to_engage;
	const char *intent_strength;
} Facts;

static LpSql weights_sql = LP_SQL(
	"SELECT DISTINCT ON (part, value) part, value, points"
	" FROM @s@.lead_score_weights ORDER BY part, value, shipped");

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
add_intent(Sum *sum, const Facts *facts)
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
add_completeness(Sum *sum, const Facts *facts)
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

static bool
has(const LpPool *pool, const LpPoolRow *row, LpPoolColumn column)
{
	return !row->nulls[pool->at[column]];
}

/* An address that bounced or was not bought counts nothing. */
static Facts
facts_of(const LpPool *pool, const LpPoolRow *row)
{
	char	   *url = lp_pool_text(pool, row, LP_COL_LINKEDIN_URL);
	bool		mail = has(pool, row, LP_COL_EMAIL) &&
	!lp_pool_true(pool, row, LP_COL_EMAIL_LOCKED) &&
	!has(pool, row, LP_COL_EMAIL_BOUNCED_AT);
	Facts		facts = {
		.seniority = lp_pool_text(pool, row, LP_COL_SENIORITY),
		.email_status = mail ? lp_pool_text(pool, row, LP_COL_EMAIL_STATUS) : NULL,
		.employees = has(pool, row, LP_COL_COMPANY_EMPLOYEES) ?
		DatumGetInt32(row->values[pool->at[LP_COL_COMPANY_EMPLOYEES]]) : -1,
		.has_phone = has(pool, row, LP_COL_PHONE),
		.has_linkedin = url != NULL && lp_profile_slug(url) != NULL,
		.has_title = has(pool, row, LP_COL_TITLE),
		.has_company = has(pool, row, LP_COL_COMPANY_NAME),
		.show_intent = lp_pool_true(pool, row, LP_COL_SHOW_INTENT),
		.likely_to_engage = lp_pool_true(pool, row, LP_COL_LIKELY_TO_ENGAGE),
		.intent_strength = lp_pool_text(pool, row, LP_COL_INTENT_STRENGTH),
	};

	return facts;
}

int
lp_score_row(const LpPool *pool, const LpPoolRow *row, List **parts)
{
	Facts		facts = facts_of(pool, row);
	Sum			sum = {0, parts};
	int			score;

	load_weights();
	add_word(&sum, "seniority", facts.seniority);
	add_word(&sum, "email_status", facts.email_status);
	add_employees(&sum, facts.employees);
	add_intent(&sum, &facts);
	add_completeness(&sum, &facts);
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
	List	   *parts = NIL;
	ListCell   *cell;
	LpPool	   *pool;
	int			score;

	lp_call_begin(fcinfo, LP_CALL_READS);
	lp_lead_resolve(&id, 1);
	pool = lp_pool_open();
	score = lp_score_row(pool, lp_facts_lead(pool, &id), &parts);
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
