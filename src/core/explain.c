/*
 * explain.c
 *	  lp_explain_allocation: why a lead would be handed out, or not.
 *
 * Nothing is decided here: the rules are those of eligible.c, the room is that
 * of allocate.c, and a criterion is asked by the search's own conditions.
 * Whose a lead is, is never told.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/bans.h"
#include "core/client.h"
#include "core/criteria.h"
#include "core/eligible.h"
#include "core/room.h"
#include "store/candidates.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/jsonarg.h"
#include "util/settings.h"

PG_FUNCTION_INFO_V1(lp_explain_allocation);

static const struct
{
	const char *passed;
	const char *failed;
}			details[LP_RULES] = {
	[LP_RULE_KNOWN] = {"the lead is known", "there is no such lead"},
	[LP_RULE_NOT_BANNED] = {"no ban covers the person", "a ban covers the person"},
	[LP_RULE_REACHABLE] = {"reachable by a channel asked for",
	"not reachable by any channel asked for"},
	[LP_RULE_NOT_OWNED] = {"nobody owns the lead", "the lead is assigned already"},
	[LP_RULE_NOT_KEPT] = {"not kept for a client",
	"kept for a client, or another client has contacted it"},
	[LP_RULE_NOT_REPLIED] = {"no reply", "has replied or converted"},
	[LP_RULE_NOT_COOLING] = {"not cooling", "said not interested, and is left alone"},
	[LP_RULE_CLIENT_ACTIVE] = {"the client is active", "the client is paused or cancelled"},
	[LP_RULE_EXCLUDE_DOMAINS] = {"the client does not exclude its domain",
	"the client excludes its domain"},
	[LP_RULE_COMPANY_EXCLUSIVE] = {"no other client has the company to itself",
	"another client has the company to itself"},
};

static void
emit(LpRows *rows, const char *rule, bool evaluated, bool passed, const char *detail)
{
	lp_rows_set_text(rows, "rule", rule);
	if (evaluated)
		lp_rows_set(rows, "passed", BoolGetDatum(passed));
	lp_rows_set_text(rows, "detail", evaluated ? detail : "not evaluated");
	lp_rows_emit(rows);
}

/*
 * The search waits for the end of a keeping or cooling, whoever asks; a lead
 * kept for this very client is one that lp_assign gives.
 */
static void
apply_waiting(LpEligible *item, TimestampTz now)
{
	const LpLead *lead = item->lead;
	int			both = 1 << LP_RULE_NOT_KEPT | 1 << LP_RULE_NOT_COOLING;

	if ((item->broken & both) != 0 || lead->owner != NULL)
		return;
	if (lead->kept_until > now)
		item->broken |= 1 << LP_RULE_NOT_KEPT;
	else if ((item->broken & (1 << LP_RULE_NOT_REPLIED)) == 0 &&
			 !TIMESTAMP_IS_NOBEGIN(lead->not_interested_at) &&
			 lp_clock_add(lead->not_interested_at,
						  lp_setting_not_interested_cooling()) > now)
		item->broken |= 1 << LP_RULE_NOT_COOLING;
}

static void
explain_rules(LpRows *rows, LpEligible *item)
{
	for (LpRule rule = 0; rule < LP_RULES; rule++)
	{
		bool		passed = (item->broken & (1 << rule)) == 0;

		emit(rows, lp_rule_name(rule), item->lead->known || rule == LP_RULE_KNOWN,
			 passed, passed ? details[rule].passed : details[rule].failed);
	}
}

static void
explain_room(LpRows *rows, const LpClient *client, bool known, TimestampTz now)
{
	int64		active = lp_client_active_room(client);
	int64		today = lp_client_day_room(client, now, false);

	emit(rows, "max_active_leads", known, active > 0,
		 active == PG_INT64_MAX ? "no limit" :
		 psprintf("room for " INT64_FORMAT " of " INT64_FORMAT, active,
				  client->max_active_leads));
	emit(rows, "daily_allocation", known, today > 0,
		 today == PG_INT64_MAX ? "no limit" :
		 psprintf("room for " INT64_FORMAT " of " INT64_FORMAT " today", today,
				  client->daily_allocation));
}

static void
explain_criteria(LpRows *rows, Jsonb *json, const LpEligible *item)
{
	bool		reachable = (item->broken & (1 << LP_RULE_REACHABLE)) == 0;
	int			n;
	LpCriterion *list = lp_criteria_each(json, &n);

	for (int i = 0; i < n; i++)
	{
		bool		passed = false;

		if (item->lead->known)
			passed = list[i].reach ? reachable :
				lp_search_matches(list[i].criteria, &item->lead->id);
		emit(rows, list[i].key, item->lead->known, passed,
			 passed ? "matches" : "does not match");
	}
}

Datum
lp_explain_allocation(PG_FUNCTION_ARGS)
{
	pg_uuid_t	id = *lp_arg_uuid(fcinfo, 0, "lead_id");
	pg_uuid_t  *client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	Jsonb	   *json = LP_ARG_JSONB(2);
	LpRows	   *rows = lp_rows_begin(fcinfo);
	TimestampTz now = lp_clock_now();
	LpCriteria *criteria;
	LpClient   *client;
	LpEligible *item;

	lp_call_begin(fcinfo, LP_CALL_DECIDES);
	criteria = lp_criteria_read(json);
	lp_bans_require_key(false);
	client = lp_client_load(client_id);
	if (!client->known)
		lp_client_no_such(client_id);
	lp_lead_resolve(&id, 1);
	item = lp_eligible_check(client, criteria, &id, 1, now);
	if (item->lead->known)
	{
		/* as the search sees it: an address that bounced is none */
		if (!lp_search_reaches(criteria, &id))
			item->broken |= 1 << LP_RULE_REACHABLE;
		apply_waiting(item, now);
	}
	explain_rules(rows, item);
	explain_room(rows, client, item->lead->known, now);
	explain_criteria(rows, json, item);
	lp_call_end();
	return (Datum) 0;
}
