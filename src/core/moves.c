/*
 * moves.c
 *	  lp_state_move: what the transition functions say, without a row.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/assignment_state.h"
#include "core/touch_state.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/compat.h"
#include "util/errors.h"

PG_FUNCTION_INFO_V1(lp_state_move);

pg_noreturn static void
no_such_word(const char *name, const char *value, const char *hint)
{
	ereport(ERROR,
			errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("invalid value for argument \"%s\": \"%s\"", name, value),
			errhint("%s", hint));
}

static LpTouchState
touch_state(const char *name, const char *word)
{
	LpTouchState state = lp_touch_state_from_name(word);

	if (state == LP_TOUCH_STATES)
		no_such_word(name, word, "The states are claimed, dispatched, sent, failed, unknown, expired and fenced.");
	return state;
}

static LpAssignmentState
assignment_state(const char *name, const char *word)
{
	LpAssignmentState state = lp_assignment_state_from_name(word);

	if (state == LP_ASSIGNMENT_STATES)
		no_such_word(name, word, "The states are active, released, cancelled, transferred, merged_away and erased.");
	return state;
}

static const char *
move_touch(const char *from, const char *to, bool undo)
{
	LpTouch		touch = {.state = from == NULL ? LP_TOUCH_NEW : touch_state("from_state", from)};

	if (undo)
	{
		lp_touch_move_back(touch.state, touch_state("to_state", to));
		return to;
	}
	lp_touch_move(&touch, touch_state("to_state", to), lp_clock_now());
	return lp_touch_state_name(touch.state);
}

static const char *
move_assignment(const char *from, const char *to, bool undo)
{
	LpAssignmentState state;

	if (from == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"from_state\" must not be null for lead_assignments"));
	state = assignment_state("from_state", from);
	if (undo)
		lp_assignment_move_back(state, assignment_state("to_state", to));
	else
		lp_assignment_move(state, assignment_state("to_state", to));
	return to;
}

Datum
lp_state_move(PG_FUNCTION_ARGS)
{
	char	   *relation = lp_arg_text(fcinfo, 0, "relation");
	char	   *from = lp_arg_text_or_null(fcinfo, 1);
	char	   *to = lp_arg_text(fcinfo, 2, "to_state");
	bool		undo;
	const char *state;

	lp_arg_require(fcinfo, 3, "undo");
	undo = PG_GETARG_BOOL(3);
	if (strcmp(relation, "lead_touches") == 0)
		state = move_touch(from, to, undo);
	else if (strcmp(relation, "lead_assignments") == 0)
		state = move_assignment(from, to, undo);
	else
		no_such_word("relation", relation, "Known are lead_touches and lead_assignments.");
	PG_RETURN_TEXT_P(cstring_to_text(state));
}
