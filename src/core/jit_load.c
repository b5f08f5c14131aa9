/*
 * jit_load.c
 *	  Just-in-time validation: loading the facts of a call and its leads.
 *
 * Facts are read after the call began, with the newest snapshot, set-based.
 * Of a lead that is not the client's nothing but this is loaded, so nothing
 * can be told.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/bans.h"
#include "core/jit.h"
#include "core/sender.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/uuid.h"
#include "util/zone.h"

static LpSql sender_sql = LP_SQL(
	"SELECT s.id, s.status = 'paused', s.paused_reason, s.daily_limit, s.time_zone,"
	" s.min_gap, s.warmup_ready, s.warmup_started_on, s.warmup_days"
	" FROM @s@.lead_senders s"
	" WHERE s.channel = $1::@s@.lp_channel AND s.sender_match = $2"
	" AND s.client_id = $3",
	TEXTOID, TEXTOID, UUIDOID);

/*
 * What counts for leads: their own touches, and those to an address that is
 * theirs now.  $1 ids, $2 and $3 keys with the number of their lead.
 */
static LpSql seen_sql = LP_SQL(
	"SELECT u.n::integer, t.channel::text, t.counted_at,"
	"  CASE t.state WHEN 'claimed' THEN t.expires_at END"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_touches t ON t.lead_id = u.id AND t.counted_at >= $4"
	"  AND (t.state <> 'claimed' OR t.expires_at > $5)"
	" UNION ALL"
	" SELECT k.n, t.channel::text, t.counted_at,"
	"  CASE t.state WHEN 'claimed' THEN t.expires_at END"
	" FROM unnest($2, $3) k(key, n)"
	" JOIN @s@.lead_touches t ON t.address_key = k.key AND t.counted_at >= $4"
	"  AND (t.state <> 'claimed' OR t.expires_at > $5)",
	UUIDARRAYOID, INT8ARRAYOID, INT4ARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/*
 * Which leads have a mail address that another client has contacted through
 * another lead, and until when it is kept for that client (for ever, unless an
 * assignment that has ended says otherwise), or was given earlier through one.
 * OFFSET 0 makes the planner begin with the few leads that share an address:
 * it once began with all pairs of assignments.
 */
static LpSql others_address_sql = LP_SQL(
	"SELECT k.n, coalesce((SELECT min(f.kept_until) FROM @s@.lead_assignments f"
	"   WHERE f.lead_id = t.lead_id AND f.client_id = t.client_id), 'infinity')"
	" FROM unnest($1, $2, $3) k(id, key, n)"
	" JOIN @s@.lead_touches t ON t.address_key = k.key"
	" WHERE t.lead_id <> k.id AND t.client_id <> $4"
	"  AND t.state IN ('dispatched', 'unknown', 'sent')"
	"  AND NOT EXISTS (SELECT FROM @s@.lead_pool p"
	"   WHERE p.id = t.lead_id AND p.merged_into = k.id)"
	" UNION "
	"SELECT x.n, 'infinity' FROM (SELECT k.id, k.n, s.lead_id"
	"  FROM unnest($1, $2, $3) k(id, key, n)"
	"  JOIN @s@.lead_state s ON s.email_key = k.key"
	"  WHERE s.lead_id <> k.id AND s.state = 'active' OFFSET 0) x"
	" JOIN @s@.lead_assignments a ON a.lead_id = x.lead_id AND a.status = 'active'"
	" JOIN @s@.lead_assignments mine ON mine.lead_id = x.id AND mine.status = 'active'"
	" WHERE a.client_id <> $4"
	"  AND (a.assigned_at, a.id) < (mine.assigned_at, mine.id)",
	UUIDARRAYOID, INT8ARRAYOID, INT4ARRAYOID, UUIDOID);

static void
load_sender(LpJitCall *call)
{
	Datum		args[3];
	LpSender   *sender;
	char	   *zone;

	call->sender_match = lp_sender_match(call->channel, call->sender);
	if (call->sender_match == NULL)
		return;
	args[0] = CStringGetTextDatum(lp_channel_name(call->channel));
	args[1] = CStringGetTextDatum(call->sender_match);
	args[2] = UUIDPGetDatum(call->client_id);
	if (lp_sql_run(&sender_sql, args, NULL) == 0)
		return;

	sender = palloc0(sizeof(LpSender));
	sender->id = *lp_col_uuid(0, 1);
	sender->paused = lp_col_bool(0, 2);
	sender->paused_reason = lp_col_text(0, 3);
	sender->daily_limit = lp_col_int(0, 4, LP_NO_LIMIT);
	zone = lp_col_text(0, 5);
	sender->min_gap = *DatumGetIntervalP(lp_col(0, 6));
	sender->warm = lp_col_bool(0, 7);
	sender->cold = !sender->warm &&
		(!lp_col_is_null(0, 7) || lp_col_is_null(0, 8));
	sender->warmup_started_on = DatumGetDateADT(lp_col(0, 8));
	sender->warmup_days = lp_col_int(0, 9, 1);
	sender->zone = lp_zone_find(zone != NULL ? zone : call->client->time_zone);
	if (sender->zone == NULL)
		sender->zone = lp_zone_find("UTC");
	call->registered = sender;
}

static LpCounter *
make_counter(const LpJitCall *call, const char *scope, const pg_uuid_t *id, pg_tz *zone)
{
	LpCounter  *counter = palloc0(sizeof(LpCounter));

	counter->scope = scope;
	counter->scope_id = *id;
	counter->zone = zone;
	counter->channel = call->channel;
	return counter;
}

/* Counters exist only where a rule counts. */
static void
make_counters(LpJitCall *call)
{
	const LpSender *sender = call->registered;
	const LpClient *client = call->client;

	if (sender != NULL &&
		(sender->daily_limit != LP_NO_LIMIT ||
		 !lp_interval_is_zero(&sender->min_gap)))
	{
		call->sender_day = make_counter(call, "sender", &sender->id, sender->zone);
		call->sender_day->sender_match = call->sender_match;
	}
	if (client->daily_limit_all != LP_NO_LIMIT ||
		client->daily_limit[call->channel] != LP_NO_LIMIT)
	{
		pg_tz	   *zone = lp_zone_find(client->time_zone);

		call->client_day = make_counter(call, "client", call->client_id,
										zone != NULL ? zone : lp_zone_find("UTC"));
	}
}

LpJitCall *
lp_jit_begin(const pg_uuid_t *client_id, LpChannel channel, const char *sender,
			 TimestampTz at)
{
	LpJitCall  *call = palloc0(sizeof(LpJitCall));

	call->client_id = client_id;
	call->channel = channel;
	call->sender = sender;
	call->at = at;
	call->client = lp_client_load(client_id);
	if (call->client == NULL)
		call->client = palloc0(sizeof(LpClient));
	if (!call->client->known)
		return call;
	if (sender != NULL)
		load_sender(call);
	make_counters(call);
	return call;
}

static const Interval no_period;
static const Interval four_days = {.day = 4};

static const Interval *
gap_of(const LpJitCall *call)
{
	return &call->registered->min_gap;
}

void
lp_jit_lock_limits(LpJitCall *call)
{
	if (call->sender_day != NULL)
		lp_counter_lock(call->sender_day, gap_of(call));
	if (call->client_day != NULL)
		lp_counter_lock(call->client_day, &no_period);
}

void
lp_jit_load_limits(LpJitCall *call)
{
	if (call->sender_day != NULL)
		lp_counter_load(call->sender_day, call->at, gap_of(call));
	if (call->client_day != NULL)
		lp_counter_load(call->client_day, call->at, &no_period);
}

void
lp_jit_add_seen(LpJitLead *lead, LpChannel channel, TimestampTz at, TimestampTz until)
{
	LpSeen	   *seen = palloc(sizeof(LpSeen));

	seen->channel = channel;
	seen->at = at;
	seen->until = until;
	seen->next = lead->seen;
	lead->seen = seen;
}

/* Keys of leads, each with the number of its lead (from 1). */
typedef struct KeyList
{
	Datum	   *ids;
	Datum	   *keys;
	Datum	   *numbers;
	int			n;
} KeyList;

static void
add_key(KeyList *list, LpJitLead *lead, int64 key, int number)
{
	if (key == 0)
		return;
	list->ids[list->n] = UUIDPGetDatum(&lead->lead.id);
	list->keys[list->n] = Int64GetDatum(key);
	list->numbers[list->n++] = Int32GetDatum(number);
}

static KeyList
make_key_list(int n)
{
	KeyList		list;

	list.ids = palloc(sizeof(Datum) * n);
	list.keys = palloc(sizeof(Datum) * n);
	list.numbers = palloc(sizeof(Datum) * n);
	list.n = 0;
	return list;
}

/* From when on touches can matter to a rule at at. */
static TimestampTz
seen_since(const LpJitCall *call)
{
	TimestampTz recent = lp_clock_sub(call->at, &call->client->recent_contact);
	TimestampTz cooling = lp_clock_sub(call->at, &call->client->channel_cooling);

	/* a month back and forth again may lose up to three days */
	return lp_clock_sub(Min(recent, cooling), &four_days);
}

static void
load_seen(LpJitCall *call, LpJitLead **owned, const pg_uuid_t *ids, int n)
{
	KeyList		list = make_key_list(3 * n);
	Datum		args[5];
	uint64		found;

	for (int i = 0; i < n; i++)
	{
		add_key(&list, owned[i], owned[i]->lead.email_key, i + 1);
		add_key(&list, owned[i], owned[i]->lead.phone_key, i + 1);
		add_key(&list, owned[i], owned[i]->lead.linkedin_key, i + 1);
	}
	args[0] = lp_array_of_uuids(ids, n);
	args[1] = lp_array_of_datums(list.keys, list.n, INT8OID);
	args[2] = lp_array_of_datums(list.numbers, list.n, INT4OID);
	args[3] = TimestampTzGetDatum(seen_since(call));
	args[4] = TimestampTzGetDatum(call->at);
	found = lp_sql_run(&seen_sql, args, NULL);
	for (uint64 row = 0; row < found; row++)
		lp_jit_add_seen(owned[lp_col_int(row, 1, 0) - 1],
						lp_channel_from_name(lp_col_text(row, 2)),
						lp_col_time(row, 3, DT_NOBEGIN),
						lp_col_time(row, 4, DT_NOEND));
}

static void
load_others_address(LpJitCall *call, LpJitLead **owned, int n)
{
	KeyList		list = make_key_list(n);
	Datum		args[4];
	uint64		found;

	for (int i = 0; i < n; i++)
		add_key(&list, owned[i], owned[i]->lead.email_key, i + 1);
	args[0] = lp_array_of_datums(list.ids, list.n, UUIDOID);
	args[1] = lp_array_of_datums(list.keys, list.n, INT8OID);
	args[2] = lp_array_of_datums(list.numbers, list.n, INT4OID);
	args[3] = UUIDPGetDatum(call->client_id);
	found = lp_sql_run(&others_address_sql, args, NULL);
	for (uint64 row = 0; row < found; row++)
	{
		LpJitLead  *lead = owned[lp_col_int(row, 1, 0) - 1];

		lead->others_until = Max(lead->others_until, lp_col_time(row, 2, DT_NOEND));
	}
}

typedef struct QuietPlace
{
	LpPlace		place;
	LpQuiet    *rules;
} QuietPlace;

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The rules of a place, read once a call. */
static LpQuiet *
quiet_of(LpJitCall *call, const LpLead *lead)
{
	ListCell   *cell;
	QuietPlace *new;

	foreach(cell, call->places)
	{
		QuietPlace *known = lfirst(cell);

		if (same_text(known->place.zone, lead->zone) &&
			same_text(known->place.country_code, lead->country_code) &&
			same_text(known->place.state, lead->region))
			return known->rules;
	}
	new = palloc(sizeof(QuietPlace));
	new->place.zone = lead->zone;
	new->place.country_code = lead->country_code;
	new->place.state = lead->region;
	new->rules = lp_quiet_rules(&new->place, call->channel, call->client->quiet_hours);
	call->places = lappend(call->places, new);
	return new->rules;
}

static void
load_owned(LpJitCall *call, LpJitLead **owned, int n)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * n);
	List	  **bans;

	for (int i = 0; i < n; i++)
		ids[i] = owned[i]->lead.id;
	bans = lp_bans_of_leads(ids, n, call->at);
	for (int i = 0; i < n; i++)
		owned[i]->bans = bans[i];
	load_seen(call, owned, ids, n);
	if (call->channel == LP_CHANNEL_EMAIL)
		load_others_address(call, owned, n);
	if (call->channel == LP_CHANNEL_SMS || call->channel == LP_CHANNEL_VOICE)
		for (int i = 0; i < n; i++)
			owned[i]->quiet = quiet_of(call, &owned[i]->lead);
}

LpJitLead *
lp_jit_load(LpJitCall *call, const pg_uuid_t *ids, int n)
{
	pg_uuid_t  *resolved = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	LpJitLead  *leads = palloc0(sizeof(LpJitLead) * Max(n, 1));
	LpJitLead **owned = palloc(sizeof(LpJitLead *) * Max(n, 1));
	LpLead	   *loaded;
	int			n_owned = 0;

	memcpy(resolved, ids, sizeof(pg_uuid_t) * n);
	lp_lead_resolve(resolved, n);
	loaded = lp_lead_load(resolved, n);
	for (int i = 0; i < n; i++)
	{
		leads[i].asked = ids[i];
		leads[i].others_until = DT_NOBEGIN;
		leads[i].lead = loaded[i];
		leads[i].owned = call->client->known && loaded[i].known &&
			loaded[i].owner != NULL &&
			lp_uuid_equal(loaded[i].owner, call->client_id);
		if (leads[i].owned)
			owned[n_owned++] = &leads[i];
	}
	if (n_owned > 0)
		load_owned(call, owned, n_owned);
	return leads;
}
