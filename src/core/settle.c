/*
 * settle.c
 *	  What follows from a batch once its leads are written: their keys, ties
 *	  between leads, bans, and what other parts must hear.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#include "core/available.h"
#include "core/bans.h"
#include "core/batch.h"
#include "core/event.h"
#include "store/sql.h"

static void
save_keys(LpBatch *batch)
{
	int			room = batch->n_leads;
	LpKey	   *keys;
	Datum	   *hashes;
	pg_uuid_t  *ids;
	char	  **sources;
	pg_uuid_t  *changed;
	int			n = 0;
	int			n_changed;

	for (int i = 0; i < batch->n; i++)
		room += batch->elements[i].n_keys;
	keys = palloc(sizeof(LpKey) * Max(room, 1));
	hashes = palloc(sizeof(Datum) * Max(room, 1));
	ids = palloc(sizeof(pg_uuid_t) * Max(room, 1));
	sources = palloc(sizeof(char *) * Max(room, 1));
	for (int i = 0; i < batch->n; i++)
		for (int k = 0; batch->elements[i].stored && batch->elements[i].lead >= 0 &&
			 k < batch->elements[i].n_keys; k++)
		{
			keys[n] = batch->elements[i].keys[k];
			if (lp_batch_key_taken(batch, &keys[n], batch->elements[i].lead))
				keys[n].identifies = false;
			ids[n++] = batch->leads[batch->elements[i].lead].id;
		}
	/* The number in use may have been read with the lead's country. */
	for (int i = 0; i < batch->n_leads; i++)
	{
		char	   *phone = lp_pool_text(batch->pool, batch->leads[i].row, LP_COL_PHONE);

		if (batch->leads[i].changed && phone != NULL)
		{
			keys[n].kind = LP_KEY_PHONE;
			keys[n].value = phone;
			keys[n].identifies = false;
			ids[n++] = batch->leads[i].id;
		}
	}
	lp_bans_key_hashes(keys, n, hashes);
	for (int i = 0; i < n; i++)
		sources[i] = unconstify(char *, batch->source);
	changed = lp_identities_add(keys, hashes, ids, sources, n, batch->now, &n_changed);
	for (int i = 0; i < n_changed; i++)
		batch->leads[lp_batch_lead(batch, &changed[i], false)].extended = true;
}

/*
 * Marks of new payloads become bans; rare, so one by one.  A record that leads
 * to nobody in the pool has marks all the same.  Returns how many there are.
 */
static int
act_on_marks(LpBatch *batch)
{
	int			acted = 0;

	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];
		LpMark	   *marks;
		int			n;

		if (!element->stored || batch->provider == NULL)
			continue;
		marks = lp_facts_marks(batch->pool, element->facts, &n);
		acted += n;
		for (int k = 0; k < n; k++)
		{
			LpBanOrder	order = {
				.reason = marks[k].reason,
				.channel = LP_CHANNEL_NONE,
				.origin = "apollo",
				.expires_at = DT_NOEND,
			};

			lp_bans_add(&order, &marks[k].key, 1,
						marks[k].is_person && element->lead >= 0 ?
						&batch->leads[element->lead].id : NULL, NULL);
		}
	}
	return acted;
}

static LpSql shown_sql = LP_SQL(
	"UPDATE @s@.lead_pool p SET updated_at = $4,"
	" email_bounced_at = CASE WHEN u.bounced < 'infinity'"
	"  THEN coalesce(p.email_bounced_at, u.bounced) END,"
	" unsubscribed_at = CASE WHEN u.unsubscribed < 'infinity'"
	"  THEN coalesce(p.unsubscribed_at, u.unsubscribed) END"
	" FROM unnest($1, $2, $3) u(id, bounced, unsubscribed) WHERE p.id = u.id",
	UUIDARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID);

/* Since when a lasting ban fails the check; DT_NOEND if none does. */
static TimestampTz
banned_since(const List *bans, LpBanCheck check, LpChannel channel, TimestampTz now)
{
	TimestampTz since = DT_NOEND;
	ListCell   *cell;

	foreach(cell, bans)
	{
		LpBan	   *ban = lfirst(cell);

		if (TIMESTAMP_IS_NOEND(ban->expires_at) && ban->kind != LP_KEY_DOMAIN &&
			lp_ban_stops(ban, NULL, channel, now) == check)
			since = Min(since, ban->created_at);
	}
	return since;
}

/*
 * What a lead shows of its bans.  A bounce is of one address: another one is
 * free, and the old one stays bounced wherever it turns up.
 */
static void
show_bans(LpBatch *batch, List **bans)
{
	int			bounced_column = lp_pool_column(batch->pool, "email_bounced_at", 16);
	int			left_column = lp_pool_column(batch->pool, "unsubscribed_at", 15);
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * batch->n_leads);
	Datum	   *bounced = palloc(sizeof(Datum) * batch->n_leads);
	Datum	   *left = palloc(sizeof(Datum) * batch->n_leads);
	int			n = 0;

	for (int i = 0; i < batch->n_leads; i++)
	{
		LpTouched  *lead = &batch->leads[i];
		TimestampTz bounced_at = banned_since(bans[i], LP_BAN_STOPS_BOUNCED,
											  LP_CHANNEL_EMAIL, batch->now);
		TimestampTz left_at = banned_since(bans[i], LP_BAN_STOPS_PERSON,
										   LP_CHANNEL_NONE, batch->now);

		if (lead->gone)
			continue;
		if (TIMESTAMP_IS_NOEND(bounced_at) == lead->row->nulls[bounced_column] &&
			TIMESTAMP_IS_NOEND(left_at) == lead->row->nulls[left_column])
			continue;
		ids[n] = lead->id;
		bounced[n] = TimestampTzGetDatum(bounced_at);
		left[n++] = TimestampTzGetDatum(left_at);
		lead->changed = true;
	}
	if (n > 0)
	{
		Datum		args[] = {
			lp_array_of_uuids(ids, n), lp_array_of_datums(bounced, n, TIMESTAMPTZOID),
			lp_array_of_datums(left, n, TIMESTAMPTZOID), TimestampTzGetDatum(batch->now)
		};

		lp_sql_run(&shown_sql, args, NULL);
	}
}

/*
 * Whether the flag may say so: everyone must leave the person alone, for good,
 * and lifting the ban finds the person.  A domain's ban is asked at the doors.
 */
static bool
is_whole(const LpBan *ban, TimestampTz now)
{
	return TIMESTAMP_IS_NOEND(ban->expires_at) && ban->kind != LP_KEY_DOMAIN &&
		lp_ban_stops(ban, NULL, LP_CHANNEL_NONE, now) != LP_BAN_STOPS_NOTHING;
}

/* Which of the leads are banned, and who must know. */
static void
look_up_bans(LpBatch *batch)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));
	pg_uuid_t  *whole = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));
	List	  **bans;
	int			n_whole = 0;

	if (batch->n_leads == 0)
		return;
	for (int i = 0; i < batch->n_leads; i++)
		ids[i] = batch->leads[i].id;
	bans = lp_bans_of_leads(ids, batch->n_leads, batch->now);
	for (int i = 0; i < batch->n_leads; i++)
	{
		ListCell   *cell;
		bool		person = false;

		if (batch->leads[i].gone)
			continue;
		foreach(cell, bans[i])
		{
			LpBan	   *ban = lfirst(cell);

			if (lp_ban_is_private(ban))
				continue;
			batch->leads[i].banned = true;
			person = person || is_whole(ban, batch->now);
		}
		if (person)
			whole[n_whole++] = ids[i];
	}
	lp_state_set_banned(whole, n_whole);
	show_bans(batch, bans);
	for (int i = 0; i < batch->n; i++)
	{
		LpElement  *element = &batch->elements[i];

		if (element->merged)
			element->outcome = "merged";
		if (element->lead >= 0 && element->detail == NULL)
			element->detail = batch->leads[element->lead].banned ? "banned" :
				element->conflict ? "conflict" : NULL;
	}
}

/*
 * Tells the other parts which leads are new or differ.  Of new ones nobody has
 * heard yet, unless a mark or an event of theirs did something to them.
 */
static void
announce(LpBatch *batch, int marks)
{
	pg_uuid_t  *extended = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));
	pg_uuid_t  *changed = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));
	pg_uuid_t  *begun = palloc(sizeof(pg_uuid_t) * Max(batch->n_leads, 1));
	int			n_extended = 0;
	int			n_changed = 0;
	int			n_begun = 0;
	bool		unheard = marks == 0;

	for (int i = 0; i < batch->n_leads; i++)
		if (batch->leads[i].extended)
			extended[n_extended++] = batch->leads[i].id;
	if (n_extended > 0 && lp_event_adopt(extended, n_extended) > 0)
		unheard = false;
	for (int i = 0; i < batch->n_leads; i++)
	{
		LpTouched  *lead = &batch->leads[i];

		if (!lead->extended && !lead->changed)
			continue;
		if (lead->made && unheard)
			begun[n_begun++] = lead->id;
		else
			changed[n_changed++] = lead->id;
	}
	lp_available_begin(begun, n_begun);
	lp_available_refresh(changed, n_changed);
}

void
lp_batch_settle(LpBatch *batch)
{
	int			marks;

	save_keys(batch);
	marks = act_on_marks(batch);
	look_up_bans(batch);
	announce(batch, marks);
}
