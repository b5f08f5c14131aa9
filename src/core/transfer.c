/*
 * transfer.c
 *	  lp_transfer: one lead from its client to another, by an operator.
 *
 * The old assignment ends first, under the rule of a release, and then the
 * lead is judged as for an assignment: so a lead that its owner contacted goes
 * only where release_contacted sets it free at once.  Both clients are locked
 * in the order of their ids, then the lead; nothing takes a lead from a client
 * without the client's lock but a merge, an erasure.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/available.h"
#include "core/bans.h"
#include "core/client.h"
#include "core/eligible.h"
#include "core/holds.h"
#include "core/touch.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_transfer);

static LpSql active_sql = LP_SQL(
	"SELECT * FROM @s@.lead_assignments WHERE lead_id = $1 AND status = 'active'",
	UUIDOID);

static void
lock_clients(const pg_uuid_t *a, const pg_uuid_t *b)
{
	int			order = b == NULL ? -1 : lp_uuid_compare(a, b);

	if (order > 0)
		lp_client_lock(b, true);
	lp_client_lock(a, true);
	if (b != NULL && order < 0)
		lp_client_lock(b, true);
}

/*
 * The lead with its locks and those of both clients.  Whose it is is read
 * before, since clients come first in the lock order, and again after.
 */
static LpLead *
lock_all(pg_uuid_t *id, const pg_uuid_t *to_client)
{
	pg_uuid_t	seen = *id;
	const pg_uuid_t *owner;
	LpLead	   *lead;

	lp_lead_resolve(&seen, 1);
	owner = lp_lead_load(&seen, 1)->owner;
	lock_clients(to_client, owner);
	lp_lead_take(id, 1);
	lead = lp_lead_load(id, 1);
	if (lead->owner != NULL && !lp_uuid_equal(lead->owner, to_client) &&
		(owner == NULL || !lp_uuid_equal(lead->owner, owner)))
		ereport(ERROR,
				errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				errmsg("lead \"%s\" changed hands while it was transferred",
					   lp_uuid_text(id)),
				errhint("Try again."));
	return lead;
}

/* The new assignment; its row is in SPI_tuptable. */
static void
transfer(const LpLead *lead, const LpClient *to, const char *reason)
{
	const LpClient *from = lp_client_load(lead->owner);
	TimestampTz now = lp_clock_now();
	LpEligible *item;

	lp_ownership_end(from, &lead->id, 1, LP_ASSIGNMENT_TRANSFERRED, reason, now);
	lp_holds_let_go(from, lead);
	item = lp_eligible_check(to, NULL, &lead->id, 1, now);
	lp_ownership_require(item, to, now, true);
	lp_touch_fence(&lead->id, 1, NULL, LP_CHANNEL_NONE, now);
	lp_ownership_give(to, item->lead, NULL, "transfer", reason);
}

Datum
lp_transfer(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	pg_uuid_t  *to_client = lp_arg_uuid(fcinfo, 1, "to_client");
	char	   *reason = lp_arg_text(fcinfo, 2, "reason");
	LpClient   *to;
	LpLead	   *lead;
	Datum		values[1];
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_transfer");
	lp_bans_require_key(false);
	lead = lock_all(&id, to_client);
	to = lp_client_load_active(to_client);
	lp_ownership_require_owned(lead, NULL, "transferred");
	if (lp_uuid_equal(lead->owner, to_client))
	{
		values[0] = UUIDPGetDatum(&id);
		lp_sql_run(&active_sql, values, NULL);
	}
	else
		transfer(lead, to, reason);
	result = lp_call_return_row(0);
	lp_available_refresh(&id, 1);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
