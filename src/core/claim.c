/*
 * claim.c
 *	  Claims: the checks and the reservation in one transaction.
 *
 * Locks in this order, all held to the end: the client (shared), addresses
 * that several leads share, the leads, the day of the sender, the day of the
 * client.  The clock is read and the facts are loaded after them, so that of
 * two claims the second sees the first.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "core/bans.h"
#include "core/jit.h"
#include "core/touch.h"
#include "core/touch_state.h"
#include "store/sql.h"
#include "store/touches.h"
#include "util/clock.h"
#include "util/settings.h"
#include "util/uuid.h"

#define ALREADY_CLAIMED "already_claimed"

/* No time to live reaches so far, and arithmetic with it cannot overflow. */
#define MAX_TTL_MONTHS 1200
#define MAX_TTL_DAYS 36500
#define MAX_TTL_MICROS (MAX_TTL_DAYS * USECS_PER_DAY)

PG_FUNCTION_INFO_V1(lp_jit_claim);
PG_FUNCTION_INFO_V1(lp_jit_claim_batch);

/* Two leads behind one address are claimed one after the other. */
static LpSql lock_addresses_sql = LP_SQL(
	"SELECT pg_advisory_xact_lock(shared.key) FROM ("
	" SELECT m.email_key AS key FROM @s@.lead_state m"
	"  JOIN @s@.lead_state o ON o.email_key = m.email_key AND o.lead_id <> m.lead_id"
	"  WHERE m.lead_id = ANY ($1)"
	" UNION SELECT m.phone_key FROM @s@.lead_state m"
	"  JOIN @s@.lead_state o ON o.phone_key = m.phone_key AND o.lead_id <> m.lead_id"
	"  WHERE m.lead_id = ANY ($1)"
	" UNION SELECT m.linkedin_key FROM @s@.lead_state m"
	"  JOIN @s@.lead_state o ON o.linkedin_key = m.linkedin_key AND o.lead_id <> m.lead_id"
	"  WHERE m.lead_id = ANY ($1)"
	" ORDER BY 1) shared",
	UUIDARRAYOID);

/* What is asked for, the same for all leads of a call. */
typedef struct ClaimOrder
{
	const pg_uuid_t *client_id;
	LpChannel	channel;
	const char *sender;
	pg_uuid_t  *campaign_id;
	char	   *step;
	const Interval *ttl;
} ClaimOrder;

typedef struct ClaimAnswer
{
	pg_uuid_t  *touch_id;
	bool		allowed;
	bool		already;		/* blocked by an earlier claim of the step */
	bool		repeat;			/* the open claim of the step, given again */
	LpVerdict	verdict;
} ClaimAnswer;

/* Claims under way: facts, answers, and the touches to be written. */
typedef struct Claims
{
	const ClaimOrder *order;
	LpJitCall  *call;
	LpJitLead  *leads;
	ClaimAnswer *answers;
	int			n;
	TimestampTz expires_at;
	LpTouchOfStep *of_step;
	int			n_of_step;
	LpTouch    *granted;
	int			n_granted;
} Claims;

/* Whether this transaction made a claim; it must not be prepared then. */
static bool has_claimed = false;

static void
at_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			if (has_claimed)
				ereport(ERROR,
						errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot PREPARE a transaction that has made a claim"),
						errdetail("A claim binds once it is committed; a prepared one would hold the lead and its limits for an unknown time."),
						errhint("Commit the claim in a transaction of its own."));
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			has_claimed = false;
			break;
		default:
			break;
	}
}

void
lp_claim_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
}

/* Whether arithmetic with it makes sense at all. */
static bool
is_plausible(const Interval *ttl)
{
	return ttl->month > -MAX_TTL_MONTHS && ttl->month < MAX_TTL_MONTHS &&
		ttl->day > -MAX_TTL_DAYS && ttl->day < MAX_TTL_DAYS &&
		ttl->time > -MAX_TTL_MICROS && ttl->time < MAX_TTL_MICROS;
}

static void
check_ttl(const Interval *ttl)
{
	const Interval *longest = lp_setting_claim_ttl_max();
	TimestampTz now = lp_clock_now();
	TimestampTz end;

	if (!is_plausible(ttl))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"ttl\" must be an interval above 0 and at most leadpool.claim_ttl_max"),
				errhint("Leave it out for 15 minutes."));
	end = lp_clock_add(now, ttl);
	if (end <= now ||
		(!lp_interval_is_zero(longest) && end > lp_clock_add(now, longest)))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("argument \"ttl\" must be above 0 and at most %s",
					   lp_jit_period_text(longest)),
				errhint("The longest is the setting leadpool.claim_ttl_max."));
}

static void
lock_leads(const pg_uuid_t *ids, int n)
{
	pg_uuid_t  *resolved = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	Datum		args[1];

	memcpy(resolved, ids, sizeof(pg_uuid_t) * n);
	lp_lead_resolve(resolved, n);
	args[0] = lp_array_of_uuids(resolved, n);
	lp_sql_run(&lock_addresses_sql, args, NULL);
	memcpy(resolved, ids, sizeof(pg_uuid_t) * n);
	lp_lead_take(resolved, n);
}

static pg_uuid_t *
lead_ids(const Claims *claims)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(claims->n, 1));

	for (int i = 0; i < claims->n; i++)
		ids[i] = claims->leads[i].lead.id;
	return ids;
}

/* Everything that is read, under the locks. */
static void
load(Claims *claims, const pg_uuid_t *ids)
{
	const ClaimOrder *order = claims->order;
	LpJitCall  *call = claims->call;

	call->at = lp_clock_now();
	claims->expires_at = lp_clock_add(call->at, order->ttl);
	lp_jit_load_limits(call);
	claims->leads = lp_jit_load(call, ids, claims->n);
	lp_touch_settle(lead_ids(claims), claims->n, call->at);
	if (order->campaign_id != NULL && order->step != NULL)
		claims->of_step = lp_touches_of_step(lead_ids(claims), claims->n,
											 order->campaign_id, order->step,
											 &claims->n_of_step);
	claims->answers = palloc0(sizeof(ClaimAnswer) * Max(claims->n, 1));
	claims->granted = palloc0(sizeof(LpTouch) * Max(claims->n, 1));
}

/* The earlier claim of the step for a lead, or NULL. */
static const LpTouchOfStep *
earlier_claim(const Claims *claims, const LpJitLead *lead)
{
	const LpTouchOfStep *first = NULL;

	for (int i = 0; i < claims->n_of_step; i++)
		if (lp_uuid_equal(&claims->of_step[i].lead_id, &lead->lead.id) &&
			(first == NULL ||
			 lp_uuid_compare(&claims->of_step[i].id, &first->id) < 0))
			first = &claims->of_step[i];
	return first;
}

static pg_uuid_t *
copy_id(const pg_uuid_t *id)
{
	pg_uuid_t  *copy = palloc(sizeof(pg_uuid_t));

	*copy = *id;
	return copy;
}

/* A step is claimed once; a retry gets the first claim back. */
static void
answer_repeat(const Claims *claims, ClaimAnswer *answer, const LpTouchOfStep *earlier)
{
	bool		ours = lp_uuid_equal(&earlier->client_id, claims->order->client_id);

	if (ours)
		answer->touch_id = copy_id(&earlier->id);
	answer->repeat = answer->allowed = ours && earlier->open;
	answer->already = !answer->allowed;
	answer->verdict.failed = 0;
	answer->verdict.retry_at = DT_NOEND;
}

/* What a grant changes for the leads of the same call that come after it. */
static void
count_grant(Claims *claims, int i, const LpTouch *touch)
{
	LpJitCall  *call = claims->call;
	int64		key = touch->address_key;

	if (call->sender_day != NULL)
		lp_counter_add(call->sender_day, call->at, claims->expires_at);
	if (call->client_day != NULL)
		lp_counter_add(call->client_day, call->at, claims->expires_at);
	for (int j = i + 1; j < claims->n; j++)
	{
		LpJitLead  *later = &claims->leads[j];

		if (lp_uuid_equal(&later->lead.id, &touch->lead_id) ||
			(key != 0 && (key == later->lead.email_key ||
						  key == later->lead.phone_key ||
						  key == later->lead.linkedin_key)))
			lp_jit_add_seen(later, touch->channel, call->at, claims->expires_at);
	}
}

static void
grant(Claims *claims, int i)
{
	const ClaimOrder *order = claims->order;
	const LpJitLead *lead = &claims->leads[i];
	LpTouch    *touch = &claims->granted[claims->n_granted++];

	lp_uuid_make(&touch->id);
	touch->lead_id = lead->lead.id;
	touch->client_id = *order->client_id;
	touch->assignment_id = lead->lead.assignment_id;
	touch->campaign_id = order->campaign_id;
	touch->step = order->step;
	touch->channel = order->channel;
	touch->sender = (char *) order->sender;
	touch->sender_match = claims->call->sender_match;
	touch->expires_at = claims->expires_at;
	touch->dispatched_at = touch->sent_at = touch->ended_at = DT_NOBEGIN;
	lp_touch_move(touch, LP_TOUCH_CLAIMED, claims->call->at);
	touch->address_key = lp_touch_address_key(&lead->lead, order->channel);
	claims->answers[i].touch_id = &touch->id;
	claims->answers[i].allowed = true;
	count_grant(claims, i, touch);
	has_claimed = true;
}

/* A claim of this call for the same lead and step (two ids of one lead). */
static const LpTouchOfStep *
claim_of_call(const Claims *claims, const LpJitLead *lead)
{
	if (claims->order->campaign_id == NULL || claims->order->step == NULL)
		return NULL;
	for (int i = 0; i < claims->n_granted; i++)
		if (lp_uuid_equal(&claims->granted[i].lead_id, &lead->lead.id))
		{
			LpTouchOfStep *earlier = palloc(sizeof(LpTouchOfStep));

			earlier->id = claims->granted[i].id;
			earlier->lead_id = lead->lead.id;
			earlier->client_id = *claims->order->client_id;
			earlier->open = true;
			return earlier;
		}
	return NULL;
}

static void
decide(Claims *claims, int i)
{
	LpJitLead  *lead = &claims->leads[i];
	ClaimAnswer *answer = &claims->answers[i];
	const LpTouchOfStep *earlier;

	answer->verdict.failed = lp_jit_failed(claims->call, lead, LP_ALL_CHECKS);
	answer->verdict.retry_at = DT_NOEND;
	if ((answer->verdict.failed & LP_CHECKS_OF_LEAD) == 0)
	{
		earlier = earlier_claim(claims, lead);
		if (earlier == NULL && answer->verdict.failed != 0)
			earlier = claim_of_call(claims, lead);
		if (earlier != NULL)
		{
			answer_repeat(claims, answer, earlier);
			return;
		}
	}
	if (answer->verdict.failed == 0)
		grant(claims, i);
	else
		answer->verdict.retry_at = lp_jit_retry_at(claims->call, lead, LP_ALL_CHECKS);
}

static char *
failed_text(const ClaimAnswer *answer)
{
	StringInfoData list;

	if (answer->already)
		return "{" ALREADY_CLAIMED "}";
	initStringInfo(&list);
	appendStringInfoChar(&list, '{');
	for (int i = 0; i < LP_CHECKS; i++)
		if (answer->verdict.failed & LP_CHECK_BIT(i))
			appendStringInfo(&list, "%s%s", list.len > 1 ? "," : "",
							 lp_checks[i].name);
	appendStringInfoChar(&list, '}');
	return list.data;
}

static void
append_member(StringInfo json, const char *key, const char *value)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoChar(json, ',');
	escape_json(json, key);
	appendStringInfoChar(json, ':');
	escape_json(json, value);
}

/*
 * What a decision rested on: the periods that held and what each check found
 * (all that failed, and of those that passed the ones that measure something).
 */
static char *
facts_text(Claims *claims, const LpJitLead *lead, const ClaimAnswer *answer)
{
	LpJitCall  *call = claims->call;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	if (answer->repeat || answer->already)
		append_member(&json, "step", answer->repeat ? "claim repeated" : "claimed before");
	if (!lead->owned || answer->repeat || answer->already)
	{
		appendStringInfoChar(&json, '}');
		return json.data;
	}
	append_member(&json, "ttl", lp_jit_period_text(claims->order->ttl));
	append_member(&json, "recent_contact", lp_jit_period_text(&call->client->recent_contact));
	append_member(&json, "channel_cooling", lp_jit_period_text(&call->client->channel_cooling));
	append_member(&json, "not_interested_cooling",
				  lp_jit_period_text(&call->client->not_interested_cooling));
	appendStringInfoString(&json, ",\"checks\":{");
	call->explain = true;
	for (int i = 0; i < LP_CHECKS; i++)
	{
		LpCheckAnswer found;

		if (i < LP_CHECK_COOLING &&
			(answer->verdict.failed & LP_CHECK_BIT(i)) == 0)
			continue;
		found = lp_checks[i].ask(call, lead, call->at);
		append_member(&json, lp_checks[i].name, found.detail ? found.detail : "");
	}
	call->explain = false;
	appendStringInfoString(&json, "}}");
	return json.data;
}

/* The answer for a lead as a decision to be kept. */
static LpDecision
make_decision(Claims *claims, int i)
{
	LpDecision	decision;

	decision.lead_id = claims->leads[i].lead.id;
	decision.touch_id = claims->answers[i].touch_id;
	decision.allowed = claims->answers[i].allowed;
	decision.failed = failed_text(&claims->answers[i]);
	decision.facts = facts_text(claims, &claims->leads[i], &claims->answers[i]);
	return decision;
}

static Claims *
claim(const ClaimOrder *order, const pg_uuid_t *ids, int n)
{
	Claims	   *claims = palloc0(sizeof(Claims));
	LpDecision *decisions = palloc(sizeof(LpDecision) * Max(n, 1));

	lp_touch_check_length("step", order->step);
	check_ttl(order->ttl);
	lp_bans_require_key(false);
	claims->order = order;
	claims->n = n;
	lp_client_lock(order->client_id, false);
	lock_leads(ids, n);
	claims->call = lp_jit_begin(order->client_id, order->channel, order->sender, 0);
	lp_jit_lock_limits(claims->call);
	load(claims, ids);
	for (int i = 0; i < n; i++)
	{
		decide(claims, i);
		decisions[i] = make_decision(claims, i);
	}
	if (claims->n_granted > 0)
		lp_touches_insert(claims->granted, claims->n_granted);
	if (n > 0)
		lp_touches_decided(decisions, n, order->client_id, order->channel,
						   claims->call->at);
	return claims;
}

static void
emit(LpRows *rows, const ClaimAnswer *answer)
{
	char	   *already[] = {ALREADY_CLAIMED};

	lp_rows_set_uuid(rows, "touch_id", answer->touch_id);
	lp_rows_set(rows, "allowed", BoolGetDatum(answer->allowed));
	lp_rows_set_text(rows, "blocked_by", answer->already ? ALREADY_CLAIMED :
					 lp_jit_blocked_by(answer->verdict.failed));
	lp_rows_set(rows, "failed", answer->already ? lp_array_of_texts(already, 1) :
				lp_jit_failed_array(answer->verdict.failed));
	lp_rows_set_time(rows, "retry_at", answer->verdict.retry_at);
	lp_rows_emit(rows);
}

/* Arguments from sender on are the same for both functions. */
static void
read_order(FunctionCallInfo fcinfo, ClaimOrder *order)
{
	order->sender = lp_arg_text_or_null(fcinfo, 3);
	order->campaign_id = lp_arg_uuid_or_null(fcinfo, 4);
	order->step = lp_arg_text_or_null(fcinfo, 5);
	lp_arg_require(fcinfo, 6, "ttl");
	order->ttl = PG_GETARG_INTERVAL_P(6);
}

Datum
lp_jit_claim(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *lead_id = lp_arg_uuid(fcinfo, 0, "lead_id");
	ClaimOrder	order;
	LpRows	   *rows = lp_rows_begin(fcinfo);

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	order.client_id = lp_arg_uuid(fcinfo, 1, "client_id");
	order.channel = lp_arg_channel(fcinfo, 2, "channel");
	read_order(fcinfo, &order);
	emit(rows, &claim(&order, lead_id, 1)->answers[0]);
	lp_call_end();
	return (Datum) 0;
}

Datum
lp_jit_claim_batch(PG_FUNCTION_ARGS)
{
	ClaimOrder	order;
	int			n;
	pg_uuid_t  *ids = lp_jit_arg_batch(fcinfo, 2, &n);
	LpRows	   *rows = lp_rows_begin(fcinfo);
	Claims	   *claims;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	order.client_id = lp_arg_uuid(fcinfo, 0, "client_id");
	order.channel = lp_arg_channel(fcinfo, 1, "channel");
	read_order(fcinfo, &order);
	claims = claim(&order, ids, n);
	for (int i = 0; i < n; i++)
	{
		lp_rows_set_uuid(rows, "lead_id", &ids[i]);
		emit(rows, &claims->answers[i]);
	}
	lp_call_end();
	return (Datum) 0;
}
