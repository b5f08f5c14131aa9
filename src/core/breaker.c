/*
 * breaker.c
 *	  Pausing a sender or client whose messages come back.
 *
 * Bounces are counted by their own small indexes, and sends only as far as it
 * takes to tell that the rate is not passed: what a bounce costs follows the
 * bounces, not the sends.  All under the client's exclusive lock, so that no
 * two bounces miss each other and no claim is under way when a pause commits.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/breaker.h"
#include "core/ownership.h"
#include "core/requests.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/settings.h"

static const char *const class_names[] = {
	[LP_BOUNCE_HARD] = "hard",
	[LP_BOUNCE_SOFT] = "soft",
	[LP_BOUNCE_POLICY] = "policy",
};

static LpSql touch_sender_sql = LP_SQL(
	"SELECT sender_match FROM @s@.lead_touches WHERE id = $1", UUIDOID);

static LpSql last_sender_sql = LP_SQL(
	"SELECT sender_match FROM @s@.lead_touches"
	" WHERE lead_id = $1 AND client_id = $2 AND channel = 'email'::@s@.lp_channel"
	"  AND state IN ('dispatched', 'unknown', 'sent')"
	" ORDER BY counted_at DESC, id DESC LIMIT 1",
	UUIDOID, UUIDOID);

/* A message that is reported twice came back once. */
static LpSql sender_bounces_sql = LP_SQL(
	"SELECT count(DISTINCT coalesce(e.touch_id, e.id)) FROM @s@.lead_events e"
	" WHERE e.sender_match = $1 AND e.bounce_class IN ('hard', 'policy')"
	"  AND e.id > coalesce((SELECT s.bounces_after FROM @s@.lead_senders s"
	"   WHERE s.channel = 'email'::@s@.lp_channel AND s.sender_match = $1),"
	"   '00000000-0000-0000-0000-000000000000')"
	"  AND e.occurred_at > $2",
	TEXTOID, TIMESTAMPTZOID);

static LpSql client_bounces_sql = LP_SQL(
	"SELECT count(DISTINCT coalesce(e.touch_id, e.id)) FROM @s@.lead_events e"
	" WHERE e.client_id = $1 AND e.bounce_class = 'hard'"
	"  AND e.id > coalesce((SELECT c.bounces_after FROM @s@.lead_clients c"
	"   WHERE c.id = $1), '00000000-0000-0000-0000-000000000000')"
	"  AND e.occurred_at > $2",
	UUIDOID, TIMESTAMPTZOID);

static LpSql sender_sends_sql = LP_SQL(
	"SELECT count(*) FROM (SELECT FROM @s@.lead_touches t"
	"  WHERE t.sender_match = $1 AND t.channel = 'email'::@s@.lp_channel"
	"   AND t.counted_at > $2 AND t.state IN ('dispatched', 'unknown', 'sent')"
	"  LIMIT $3) s",
	TEXTOID, TIMESTAMPTZOID, INT8OID);

static LpSql client_sends_sql = LP_SQL(
	"SELECT count(*) FROM (SELECT FROM @s@.lead_touches t"
	"  WHERE t.client_id = $1 AND t.channel = 'email'::@s@.lp_channel"
	"   AND t.counted_at > $2 AND t.state IN ('dispatched', 'unknown', 'sent')"
	"  LIMIT $3) s",
	UUIDOID, TIMESTAMPTZOID, INT8OID);

static LpSql pause_sender_sql = LP_SQL(
	"UPDATE @s@.lead_senders SET status = 'paused', paused_reason = 'bounce_rate',"
	" updated_at = $3 WHERE channel = 'email'::@s@.lp_channel"
	" AND sender_match = $1 AND client_id = $2 AND status = 'active'",
	TEXTOID, UUIDOID, TIMESTAMPTZOID);

static LpSql pause_client_sql = LP_SQL(
	"UPDATE @s@.lead_clients SET status = 'paused', paused_reason = 'bounce_rate',"
	" updated_at = $2 WHERE id = $1 AND status = 'active'",
	UUIDOID, TIMESTAMPTZOID);

const char *
lp_bounce_class_name(LpBounceClass bounce)
{
	return bounce == LP_BOUNCE_NONE ? NULL : class_names[bounce];
}

static char *
text_of(Jsonb *detail, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&detail->root, key, strlen(key), &value) == NULL ||
		value.type != jbvString)
		return NULL;
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* "5.7.1", or "550 5.7.1 blocked": a status of its own, not part of another. */
static bool
is_policy(const char *smtp)
{
	for (const char *p = smtp; p != NULL && (p = strstr(p, "5.7.")) != NULL; p++)
		if (p == smtp || (p[-1] != '.' && (p[-1] < '0' || p[-1] > '9')))
			return true;
	return false;
}

LpBounceClass
lp_bounce_class(Jsonb *detail, LpBounceClass otherwise)
{
	char	   *told = text_of(detail, "class");

	for (int i = LP_BOUNCE_HARD; told != NULL && i < lengthof(class_names); i++)
		if (strcmp(class_names[i], told) == 0)
			return i;
	return is_policy(text_of(detail, "smtp")) ? LP_BOUNCE_POLICY : otherwise;
}

char *
lp_breaker_sender(const pg_uuid_t *touch_id, const pg_uuid_t *lead_id,
				  const pg_uuid_t *client_id)
{
	Datum		values[2];
	uint64		found = 0;

	if (touch_id != NULL)
	{
		values[0] = UUIDPGetDatum(touch_id);
		found = lp_sql_run(&touch_sender_sql, values, NULL);
	}
	else if (lead_id != NULL)
	{
		values[0] = UUIDPGetDatum(lead_id);
		values[1] = UUIDPGetDatum(client_id);
		found = lp_sql_run(&last_sender_sql, values, NULL);
	}
	return found > 0 ? lp_col_text(0, 1) : NULL;
}

/* Whether bounces are more than the rate allows of the sends since then. */
static bool
is_tripped(LpSql *bounces_sql, LpSql *sends_sql, Datum whose, TimestampTz since,
		   double rate)
{
	Datum		values[] = {whose, TimestampTzGetDatum(since), 0};
	int64		bounces;
	int64		enough = lp_bounce_breaker_min_sends;
	int64		sends;

	lp_sql_run(bounces_sql, values, NULL);
	bounces = lp_col_int(0, 1, 0);
	if (bounces == 0)
		return false;
	/* with so many sends the rate is not passed */
	if (rate > 0 && bounces * 100.0 / rate < PG_INT32_MAX)
		enough = Max(enough, (int64) (bounces * 100.0 / rate) + 1);
	values[2] = Int64GetDatum(enough);
	lp_sql_run(sends_sql, values, NULL);
	sends = lp_col_int(0, 1, 0);
	return sends >= lp_bounce_breaker_min_sends && bounces * 100.0 > rate * sends;
}

void
lp_breaker_judge(const pg_uuid_t *client_id, const char *sender_match, TimestampTz now)
{
	const LpClient *client = lp_client_load(client_id);
	double		rate = client->bounce_breaker_rate >= 0 ?
	client->bounce_breaker_rate : lp_bounce_breaker_rate;
	TimestampTz since = lp_clock_sub(now, lp_setting_bounce_breaker_window());
	Datum		values[3];

	if (sender_match != NULL &&
		is_tripped(&sender_bounces_sql, &sender_sends_sql,
				   CStringGetTextDatum(sender_match), since, rate))
	{
		values[0] = CStringGetTextDatum(sender_match);
		values[1] = UUIDPGetDatum(client_id);
		values[2] = TimestampTzGetDatum(now);
		lp_sql_run(&pause_sender_sql, values, NULL);
	}
	if (is_tripped(&client_bounces_sql, &client_sends_sql, UUIDPGetDatum(client_id),
				   since, rate))
	{
		values[0] = UUIDPGetDatum(client_id);
		values[1] = TimestampTzGetDatum(now);
		lp_sql_run(&pause_client_sql, values, NULL);
		lp_requests_follow(client_id, false, now);
	}
}
