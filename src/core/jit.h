/*
 * jit.h
 *	  Just-in-time validation: the facts of a call, and the checks on them.
 *
 * A call has one client, channel and sender and any number of leads.  Facts
 * are loaded set-based; the checks are pure functions of them and a moment, so
 * the same functions answer whether, why not, and from when on.
 */
#ifndef LP_JIT_H
#define LP_JIT_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/date.h"
#include "utils/uuid.h"

#include "core/lead.h"
#include "core/limits.h"
#include "core/ownership.h"
#include "core/quiet.h"
#include "util/channel.h"

/* In the order in which they are asked; the contract counts from 1. */
typedef enum LpCheckNo
{
	LP_CHECK_BOUNCED,
	LP_CHECK_UNSUBSCRIBED,
	LP_CHECK_SUPPRESSED,
	LP_CHECK_EMAIL_STATUS,
	LP_CHECK_ADDRESS,
	LP_CHECK_ASSIGNMENT,
	LP_CHECK_CLIENT,
	LP_CHECK_REPLIED,
	LP_CHECK_COOLING,
	LP_CHECK_RECENT,
	LP_CHECK_CHANNEL_COOLING,
	LP_CHECK_RATE_LIMIT,
	LP_CHECK_WARMUP,
	LP_CHECK_QUIET_HOURS,
	LP_CHECKS
} LpCheckNo;

#define LP_CHECK_BIT(check) (1u << (check))
#define LP_ALL_CHECKS ((1u << LP_CHECKS) - 1)

/* Those before "already claimed" is asked. */
#define LP_CHECKS_OF_LEAD (LP_CHECK_BIT(LP_CHECK_ASSIGNMENT + 1) - 1)

/*
 * Those that are asked anew before the wire: a ban, another owner, an inactive
 * client, a reply or a refusal since the claim, and the hours of the law.
 */
#define LP_CHECKS_OF_DISPATCH \
	(LP_CHECK_BIT(LP_CHECK_BOUNCED) | LP_CHECK_BIT(LP_CHECK_UNSUBSCRIBED) | \
	 LP_CHECK_BIT(LP_CHECK_SUPPRESSED) | LP_CHECK_BIT(LP_CHECK_ASSIGNMENT) | \
	 LP_CHECK_BIT(LP_CHECK_CLIENT) | LP_CHECK_BIT(LP_CHECK_REPLIED) | \
	 LP_CHECK_BIT(LP_CHECK_COOLING) | LP_CHECK_BIT(LP_CHECK_QUIET_HOURS))

/* A registered mailbox, number or profile. */
typedef struct LpSender
{
	pg_uuid_t	id;
	bool		paused;
	char	   *paused_reason;
	int64		daily_limit;	/* LP_NO_LIMIT */
	pg_tz	   *zone;
	Interval	min_gap;
	bool		warm;			/* warmup_ready true */
	bool		cold;			/* warmup_ready false, or no ramp was given */
	DateADT		warmup_started_on;
	int			warmup_days;
} LpSender;

typedef struct LpJitCall
{
	const pg_uuid_t *client_id;
	LpChannel	channel;
	const char *sender;			/* NULL: none named */
	char	   *sender_match;
	TimestampTz at;
	bool		explain;		/* the checks write details */
	LpClient   *client;			/* never NULL; known may be false */
	LpSender   *registered;		/* NULL: not registered for this client */
	LpCounter  *sender_day;		/* NULL: no rule counts, likewise below */
	LpCounter  *client_day;
	List	   *places;			/* quiet rules by place */
} LpJitCall;

/* A touch that counts for recency and cooling. */
typedef struct LpSeen
{
	LpChannel	channel;
	TimestampTz at;
	TimestampTz until;			/* when the claim lapses; DT_NOEND for sends */
	struct LpSeen *next;
} LpSeen;

typedef struct LpJitLead
{
	pg_uuid_t	asked;			/* the id that was given */
	LpLead		lead;
	bool		owned;			/* else no other fact is loaded */
	List	   *bans;			/* LpBan * */
	LpSeen	   *seen;
	TimestampTz others_until;	/* until then another client has the address,
								 * through another lead; DT_NOBEGIN: none */
	LpQuiet    *quiet;
} LpJitLead;

typedef struct LpCheckAnswer
{
	bool		passed;
	TimestampTz next;			/* fails until then at least; DT_NOEND = ever */
	char	   *detail;			/* with call->explain; names nobody */
} LpCheckAnswer;

typedef struct LpCheck
{
	const char *name;
	LpCheckAnswer (*ask) (const LpJitCall *call, const LpJitLead *lead, TimestampTz t);
} LpCheck;

extern const LpCheck lp_checks[LP_CHECKS];

typedef struct LpVerdict
{
	uint32		failed;			/* LP_CHECK_BIT of each; 0 = allowed */
	TimestampTz retry_at;		/* DT_NOEND: none */
} LpVerdict;

/* Client and sender of a call about a moment; at may be set anew later. */
extern LpJitCall *lp_jit_begin(const pg_uuid_t *client_id, LpChannel channel,
							   const char *sender, TimestampTz at);

/* Takes the locks of the limits that hold for the call, in the lock order. */
extern void lp_jit_lock_limits(LpJitCall *call);

/* Loads what is used of the limits, for call->at and later. */
extern void lp_jit_load_limits(LpJitCall *call);

/* The facts of n leads, in the order given; ids need not be resolved. */
extern LpJitLead *lp_jit_load(LpJitCall *call, const pg_uuid_t *ids, int n);

/* Which of the checks in the mask fail at call->at. */
extern uint32 lp_jit_failed(const LpJitCall *call, const LpJitLead *lead, uint32 mask);

extern bool lp_jit_passes(const LpJitCall *call, const LpJitLead *lead, uint32 mask);

/* The first moment from call->at on at which all of them pass, or DT_NOEND. */
extern TimestampTz lp_jit_retry_at(const LpJitCall *call, const LpJitLead *lead,
								   uint32 mask);

/* A touch granted after the facts were loaded. */
extern void lp_jit_add_seen(LpJitLead *lead, LpChannel channel, TimestampTz at,
							TimestampTz until);

/* Times (UTC, ISO 8601) and periods for details and stored facts. */
extern char *lp_jit_time_text(TimestampTz at);
extern char *lp_jit_period_text(const Interval *period);

/* The failed checks as text[], and the first of them (NULL if none). */
extern Datum lp_jit_failed_array(uint32 failed);
extern const char *lp_jit_blocked_by(uint32 failed);

/*
 * Argument n, a list of leads: each once, in the order given, nulls left out;
 * LP009 for more than one call takes.
 */
extern pg_uuid_t *lp_jit_arg_batch(FunctionCallInfo fcinfo, int n, int *count);

/* Registers what PREPARE TRANSACTION must know; once a backend. */
extern void lp_claim_init(void);

#endif							/* LP_JIT_H */
