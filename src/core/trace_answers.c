/*
 * trace_answers.c
 *	  What an erasure takes out of answers of providers that are not captured
 *	  yet.
 *
 * Where several people were asked about at once, the person's place in the
 * answer becomes null, and so does whatever else shows the person; the others
 * stay, since they were paid for.  What is no JSON goes as a whole.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/erase.h"
#include "providers/call.h"
#include "store/sql.h"
#include "util/jsonparse.h"
#include "util/uuid.h"

/* With the places (from 1) of the person in the question. */
static LpSql answers_sql = LP_SQL(
	"SELECT a.call_id, a.later, a.body, cardinality(c.subjects),"
	" ARRAY(SELECT i FROM generate_subscripts(c.subjects, 1) i WHERE left(c.subjects[i], 36) = ANY ($1))"
	" FROM @s@.lead_provider_answers a JOIN @s@.lead_provider_calls c ON c.id = a.call_id"
	" ORDER BY a.call_id, a.later FOR UPDATE OF a",
	TEXTARRAYOID);

static LpSql clean_sql = LP_SQL(
	"UPDATE @s@.lead_provider_answers SET body = $3 WHERE call_id = $1 AND later = $2",
	INT8OID, BOOLOID, BYTEAOID);

static LpSql drop_sql = LP_SQL(
	"DELETE FROM @s@.lead_provider_answers WHERE call_id = $1 AND later = $2",
	INT8OID, BOOLOID);

typedef struct Answer
{
	int64		call_id;
	bool		later;
	char	   *body;
	int			length;
	bool	   *gone;			/* places of the person in the question */
	int			n;
	bool		asked;			/* whether there are such */
} Answer;

static Answer
read_answer(uint64 row)
{
	bytea	   *body = DatumGetByteaPP(lp_col(row, 3));
	Answer		answer = {
		.call_id = lp_col_int(row, 1, 0),
		.later = lp_col_bool(row, 2),
		.length = VARSIZE_ANY_EXHDR(body),
		.n = lp_col_int(row, 4, 0)
	};
	Datum	   *places;
	int			n_places;

	answer.body = pnstrdup(VARDATA_ANY(body), answer.length);
	answer.gone = palloc0(sizeof(bool) * Max(answer.n, 1));
	deconstruct_array(DatumGetArrayTypeP(lp_col(row, 5)), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &places, NULL, &n_places);
	for (int i = 0; i < n_places; i++)
		answer.gone[DatumGetInt32(places[i]) - 1] = true;
	answer.asked = n_places > 0;
	return answer;
}

static bool
is_json(const Answer *answer)
{
	return strlen(answer->body) == answer->length &&
		pg_verify_mbstr(PG_UTF8, answer->body, answer->length, true) &&
		lp_json_parse(answer->body, answer->length) != NULL;
}

static void
clean(const LpPerson *person, const Answer *answer)
{
	Datum		values[] = {Int64GetDatum(answer->call_id), BoolGetDatum(answer->later), 0};
	char	   *text = NULL;
	char	   *other;

	if (!is_json(answer))
	{
		lp_sql_run(&drop_sql, values, NULL);
		return;
	}
	if (answer->asked && !answer->later)
		text = lp_apollo_without(answer->body, answer->gone, answer->n);
	other = lp_redact_json(&person->needles, text != NULL ? text : answer->body, true, NULL, 0);
	if (other != NULL)
		text = other;
	if (text == NULL)
		return;
	values[2] = lp_bytea((const uint8 *) text, strlen(text));
	lp_sql_run(&clean_sql, values, NULL);
}

void
lp_traces_of_answers(const LpPerson *person)
{
	char	  **ids = palloc(sizeof(char *) * Max(person->n, 1));
	Datum		args[1];
	int			n;
	Answer	   *answers;

	for (int i = 0; i < person->n; i++)
		ids[i] = lp_uuid_text(&person->ids[i]);
	args[0] = lp_array_of_texts(ids, person->n);
	n = lp_sql_run(&answers_sql, args, NULL);
	answers = palloc(sizeof(Answer) * Max(n, 1));
	for (int i = 0; i < n; i++)
		answers[i] = read_answer(i);
	for (int i = 0; i < n; i++)
		clean(person, &answers[i]);
}
