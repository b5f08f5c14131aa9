/*
 * work.c
 *	  What the worker does in a turn.
 *
 * There is no provider to call yet: a turn looks whether requests wait, and
 * says so to those who ask for a provider.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "store/sql.h"
#include "worker/slots.h"
#include "worker/work.h"
#include "worker/worker.h"

static LpSql open_requests_sql = LP_SQL(
	"SELECT EXISTS (SELECT FROM @s@.lead_requests WHERE status = 'open')");

void
lp_work_begin(void)
{
}

LpTurn
lp_work_turn(void)
{
	LpTurn		turn = {false, DT_NOEND};
	char		provider[NAMEDATALEN];
	uint64		ticket;

	if (lp_slot_check_taken(provider, &ticket))
		lp_slot_check_answer(ticket, false, 0, "this worker calls no provider yet");
	lp_worker_begin("looking for requests");
	lp_sql_run(&open_requests_sql, NULL, NULL);
	lp_slot_want_leads(lp_col_bool(0, 1));
	lp_worker_commit();
	return turn;
}

void
lp_work_reload(void)
{
}

void
lp_work_paused(void)
{
}

int
lp_work_in_flight(void)
{
	return 0;
}
