/*
 * checks.c
 *	  THE checks before a send, in the order of the contract.
 *
 * Each is a pure function of loaded facts and a moment t.  One that fails says
 * until when it fails at least (never at or before t), so that the first
 * moment at which all pass can be found by asking them again.  Periods are
 * half-open: blocked while t < start + period.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "core/bans.h"
#include "core/jit.h"
#include "util/clock.h"
#include "util/zone.h"

static char *write_detail(const LpJitCall *call, const char *format,
						  va_list arguments) pg_attribute_printf(2, 0);

static char *
write_detail(const LpJitCall *call, const char *format, va_list arguments)
{
	char		buffer[500];

	if (!call->explain)
		return NULL;
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	return pstrdup(buffer);
}

static LpCheckAnswer pass(const LpJitCall *call, const char *format,...)
			pg_attribute_printf(2, 3);
static LpCheckAnswer block(const LpJitCall *call, TimestampTz next,
						   const char *format,...) pg_attribute_printf(3, 4);

static LpCheckAnswer
pass(const LpJitCall *call, const char *format,...)
{
	LpCheckAnswer answer = {.passed = true};
	va_list		arguments;

	va_start(arguments, format);
	answer.detail = write_detail(call, format, arguments);
	va_end(arguments);
	return answer;
}

/* Blocked until next at least; DT_NOEND for good. */
static LpCheckAnswer
block(const LpJitCall *call, TimestampTz next, const char *format,...)
{
	LpCheckAnswer answer = {.passed = false};
	va_list		arguments;

	answer.next = next;
	va_start(arguments, format);
	answer.detail = write_detail(call, format, arguments);
	va_end(arguments);
	return answer;
}

static LpCheckAnswer
not_for_channel(const LpJitCall *call)
{
	return pass(call, "not asked for %s", lp_channel_name(call->channel));
}

/* Times and periods are only written where a detail is wanted. */
static const char *
when(const LpJitCall *call, TimestampTz t)
{
	return call->explain ? lp_jit_time_text(t) : "";
}

static const char *
how_long(const LpJitCall *call, const Interval *period)
{
	return call->explain ? lp_jit_period_text(period) : "";
}

/* The ban of a kind that lasts longest, or NULL. */
static const LpBan *
longest_ban(const LpJitCall *call, const LpJitLead *lead, TimestampTz t, LpBanCheck stops)
{
	const LpBan *longest = NULL;
	ListCell   *cell;

	foreach(cell, lead->bans)
	{
		const LpBan *ban = lfirst(cell);

		if (lp_ban_stops(ban, call->client_id, call->channel, t) == stops &&
			(longest == NULL || ban->expires_at > longest->expires_at))
			longest = ban;
	}
	return longest;
}

static LpCheckAnswer
pool_bounced(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	const LpBan *ban;

	if (call->channel != LP_CHANNEL_EMAIL)
		return not_for_channel(call);
	ban = longest_ban(call, lead, t, LP_BAN_STOPS_BOUNCED);
	if (ban != NULL)
		return block(call, ban->expires_at, "the address has hard-bounced");
	return pass(call, "no hard bounce");
}

static LpCheckAnswer
pool_unsubscribed(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	const LpBan *ban = longest_ban(call, lead, t, LP_BAN_STOPS_PERSON);

	if (ban != NULL)
		return block(call, ban->expires_at, "%s on %s",
					 lp_ban_reason_name(ban->reason), when(call, ban->created_at));
	return pass(call, "did not opt out");
}

static LpCheckAnswer
pool_suppressed(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	const LpBan *ban = longest_ban(call, lead, t, LP_BAN_STOPS_OTHER);
	TimestampTz banned_until = ban != NULL ? ban->expires_at : DT_NOBEGIN;

	/* what lasts longest */
	if (lp_client_excludes(call->client, lead->lead.email_domain) ||
		lp_client_excludes(call->client, lead->lead.company_domain) ||
		lp_client_excludes(call->client, lead->lead.company_host))
		return block(call, DT_NOEND, "the client excludes the domain");
	if (lead->others_until > t && lead->others_until >= banned_until)
		return block(call, lead->others_until,
					 "the address may not be mailed by this client");
	if (ban != NULL)
		return block(call, ban->expires_at, "%s on %s",
					 lp_ban_reason_name(ban->reason), when(call, ban->created_at));
	return pass(call, "no other ban");
}

static LpCheckAnswer
pool_email_status(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	int			flags = lead->lead.flags;

	if (call->channel != LP_CHANNEL_EMAIL)
		return not_for_channel(call);
	if ((flags & LP_LEAD_EMAIL_VERIFIED) == 0)
		return block(call, DT_NOEND, "the address is not verified");
	if ((flags & LP_LEAD_EMAIL_CATCH_ALL) && !call->client->allow_catch_all)
		return block(call, DT_NOEND, "the domain accepts any address, which is not allowed");
	return pass(call, "verified");
}

static LpCheckAnswer
pool_address(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	static const struct
	{
		int			flag;
		const char *missing;
	}			needed[LP_CHANNELS] = {
		[LP_CHANNEL_EMAIL] = {LP_LEAD_EMAIL, "no email address"},
		[LP_CHANNEL_LINKEDIN] = {LP_LEAD_LINKEDIN, "no LinkedIn profile"},
		[LP_CHANNEL_SMS] = {LP_LEAD_PHONE, "no phone number"},
		[LP_CHANNEL_VOICE] = {LP_LEAD_PHONE, "no phone number"},
		[LP_CHANNEL_MAIL] = {LP_LEAD_MAIL, "no complete postal address"},
	};

	if ((lead->lead.flags & needed[call->channel].flag) == 0)
		return block(call, DT_NOEND, "%s", needed[call->channel].missing);
	if (call->channel == LP_CHANNEL_SMS && (lead->lead.flags & LP_LEAD_LANDLINE))
		return block(call, DT_NOEND, "the number is a landline");
	return pass(call, "there is one");
}

static LpCheckAnswer
assignment_active(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	if (!lead->owned)
		return block(call, DT_NOEND, "the lead is not assigned to this client");
	return pass(call, "assigned to this client");
}

static LpCheckAnswer
client_active(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	const LpClient *client = call->client;

	if (strcmp(client->status, "active") == 0)
		return pass(call, "active");
	if (client->paused_reason != NULL)
		return block(call, DT_NOEND, "the client is %s: %s", client->status,
					 client->paused_reason);
	return block(call, DT_NOEND, "the client is %s", client->status);
}

static LpCheckAnswer
assignment_replied(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	if (!TIMESTAMP_IS_NOBEGIN(lead->lead.replied_at))
		return block(call, DT_NOEND, "replied on %s", when(call, lead->lead.replied_at));
	return pass(call, "no reply");
}

static LpCheckAnswer
assignment_cooling(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	const Interval *period = &call->client->not_interested_cooling;
	TimestampTz said = lead->lead.not_interested_at;
	TimestampTz until;

	if (lp_interval_is_zero(period))
		return pass(call, "switched off");
	if (TIMESTAMP_IS_NOBEGIN(said))
		return pass(call, "no refusal");
	until = lp_clock_add(said, period);
	if (t < until)
		return block(call, until, "not interested on %s, left alone for %s",
					 when(call, said), how_long(call, period));
	return pass(call, "not interested on %s, longer ago than %s", when(call, said),
				how_long(call, period));
}

/* Blocked by touches, of one channel or of any, for a period after each. */
static LpCheckAnswer
touched_within(const LpJitCall *call, const LpJitLead *lead, TimestampTz t,
			   LpChannel channel, const Interval *period)
{
	const LpSeen *latest = NULL;
	TimestampTz next = DT_NOBEGIN;

	if (lp_interval_is_zero(period))
		return pass(call, "switched off");
	for (const LpSeen *seen = lead->seen; seen != NULL; seen = seen->next)
	{
		TimestampTz until = Min(lp_clock_add(seen->at, period), seen->until);

		if (channel != LP_CHANNEL_NONE && seen->channel != channel)
			continue;
		if (until > next)
		{
			next = until;
			latest = seen;
		}
	}
	if (next <= t)
		return pass(call, "no contact for %s", how_long(call, period));
	return block(call, next, "%s over %s on %s, left alone for %s",
				 TIMESTAMP_IS_NOEND(latest->until) ? "contacted" : "claimed",
				 lp_channel_name(latest->channel), when(call, latest->at),
				 how_long(call, period));
}

static LpCheckAnswer
assignment_recent(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	return touched_within(call, lead, t, LP_CHANNEL_NONE, &call->client->recent_contact);
}

static LpCheckAnswer
channel_cooling(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	return touched_within(call, lead, t, call->channel, &call->client->channel_cooling);
}

static LpCheckAnswer
used_up(const LpJitCall *call, TimestampTz next, const char *whose, int64 limit)
{
	return block(call, next, INT64_FORMAT " of " INT64_FORMAT " a day used up (%s)",
				 limit, limit, whose);
}

/* The sender's own limits; passes where none is named. */
static LpCheckAnswer
sender_limits(const LpJitCall *call, TimestampTz t)
{
	const LpSender *sender = call->registered;
	TimestampTz gap_ends;
	TimestampTz next = DT_NOEND;

	if (call->sender == NULL)
		return pass(call, "no sender named");
	if (sender == NULL)
		return block(call, DT_NOEND, "the sender is not registered for this client");
	if (sender->paused)
		return block(call, DT_NOEND, "the sender is paused: %s",
					 sender->paused_reason ? sender->paused_reason : "operator");
	if (call->sender_day == NULL)
		return pass(call, "no limit");
	gap_ends = lp_counter_gap(call->sender_day, t, &sender->min_gap);
	if (!lp_counter_below(call->sender_day, t, sender->daily_limit, false, &next))
		return used_up(call, Max(next, gap_ends), "sender", sender->daily_limit);
	if (gap_ends > t)
		return block(call, gap_ends, "the sender was used less than %s ago",
					 how_long(call, &sender->min_gap));
	return pass(call, INT64_FORMAT " used today",
				lp_counter_used(call->sender_day, t, false));
}

static LpCheckAnswer
client_limits(const LpJitCall *call, TimestampTz t)
{
	const LpClient *client = call->client;
	int64		of_channel = client->daily_limit[call->channel];
	TimestampTz next = DT_NOEND;

	if (call->client_day == NULL)
		return pass(call, "no limit");
	if (!lp_counter_below(call->client_day, t, client->daily_limit_all, true, &next))
		return used_up(call, next, "client", client->daily_limit_all);
	if (!lp_counter_below(call->client_day, t, of_channel, false, &next))
		return used_up(call, next, "client, this channel", of_channel);
	return pass(call, INT64_FORMAT " used today",
				lp_counter_used(call->client_day, t, of_channel == LP_NO_LIMIT));
}

static LpCheckAnswer
rate_limit(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	LpCheckAnswer sender = sender_limits(call, t);
	LpCheckAnswer client = client_limits(call, t);

	if (!sender.passed && !client.passed)
		return block(call, Max(sender.next, client.next), "%s; %s",
					 sender.detail ? sender.detail : "",
					 client.detail ? client.detail : "");
	if (!sender.passed)
		return sender;
	if (!client.passed)
		return client;
	return pass(call, "sender: %s; client: %s",
				sender.detail ? sender.detail : "",
				client.detail ? client.detail : "");
}

/* What day d of n of the ramp allows. */
static int64
ramp_limit(const LpSender *sender, int64 day)
{
	return Max(1, sender->daily_limit * day / sender->warmup_days);
}

static LpCheckAnswer
ramp(const LpJitCall *call, TimestampTz t)
{
	const LpSender *sender = call->registered;
	TimestampTz warm_from = lp_zone_instant(sender->zone,
											sender->warmup_started_on + sender->warmup_days,
											0);
	int64		today = lp_zone_date(sender->zone, t);
	int64		day = today - sender->warmup_started_on + 1;
	TimestampTz next = DT_NOEND;

	if (day > sender->warmup_days)
		return pass(call, "warm since %s", when(call, warm_from));
	if (sender->daily_limit == LP_NO_LIMIT)
		return block(call, warm_from, "warm-up until %s, and no daily limit to ramp up to",
					 when(call, warm_from));
	if (day < 1)
		return block(call, lp_zone_instant(sender->zone, sender->warmup_started_on, 0),
					 "warm-up has not begun");
	if (lp_counter_below(call->sender_day, t, ramp_limit(sender, day), false, &next))
		return pass(call, "day " INT64_FORMAT " of %d allows " INT64_FORMAT, day,
					sender->warmup_days, ramp_limit(sender, day));
	/* the ramp goes by the zone of today, the counter by the day recorded */
	next = Min(next, lp_zone_day_end(sender->zone, t));
	return block(call, next, "day " INT64_FORMAT " of %d of the warm-up allows " INT64_FORMAT,
				 day, sender->warmup_days, ramp_limit(sender, day));
}

static LpCheckAnswer
warmup_ready(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	const LpSender *sender = call->registered;

	if (call->channel != LP_CHANNEL_EMAIL)
		return not_for_channel(call);
	if (call->sender == NULL)
		return block(call, DT_NOEND, "no sender named");
	if (sender == NULL)
		return block(call, DT_NOEND, "the sender is not registered for this client");
	if (sender->warm)
		return pass(call, "warm");
	if (sender->cold)
		return block(call, DT_NOEND, "the mailbox is not warm");
	return ramp(call, t);
}

static LpCheckAnswer
quiet_hours(const LpJitCall *call, const LpJitLead *lead, TimestampTz t)
{
	TimestampTz next = DT_NOEND;
	const char *place;

	if (call->channel != LP_CHANNEL_SMS && call->channel != LP_CHANNEL_VOICE)
		return not_for_channel(call);
	place = call->explain ? lp_quiet_describe(lead->quiet, t) : "";
	if (lp_quiet_allows(lead->quiet, t, &next))
		return pass(call, "%s", place);
	return block(call, next, "%s", place);
}

const LpCheck lp_checks[LP_CHECKS] = {
	[LP_CHECK_BOUNCED] = {"pool_bounced", pool_bounced},
	[LP_CHECK_UNSUBSCRIBED] = {"pool_unsubscribed", pool_unsubscribed},
	[LP_CHECK_SUPPRESSED] = {"pool_suppressed", pool_suppressed},
	[LP_CHECK_EMAIL_STATUS] = {"pool_email_status", pool_email_status},
	[LP_CHECK_ADDRESS] = {"pool_address", pool_address},
	[LP_CHECK_ASSIGNMENT] = {"assignment_active", assignment_active},
	[LP_CHECK_CLIENT] = {"client_active", client_active},
	[LP_CHECK_REPLIED] = {"assignment_replied", assignment_replied},
	[LP_CHECK_COOLING] = {"assignment_cooling", assignment_cooling},
	[LP_CHECK_RECENT] = {"assignment_recent", assignment_recent},
	[LP_CHECK_CHANNEL_COOLING] = {"channel_cooling", channel_cooling},
	[LP_CHECK_RATE_LIMIT] = {"rate_limit", rate_limit},
	[LP_CHECK_WARMUP] = {"warmup_ready", warmup_ready},
	[LP_CHECK_QUIET_HOURS] = {"quiet_hours", quiet_hours},
};
