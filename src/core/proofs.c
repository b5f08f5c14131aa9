/*
 * proofs.c
 *	  What the proof views cannot say in SQL.
 *
 * Whom a ban means, and what it stops, is told by bans.c alone.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "core/bans.h"
#include "store/sql.h"
#include "util/channel.h"
#include "util/clock.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_proof_banned_contacts);

/* Leads that are looked at together. */
#define PART 5000

static LpSql leads_sql = LP_SQL(
	"SELECT DISTINCT t.lead_id FROM @s@.lead_touches t"
	" WHERE t.state IN ('dispatched', 'unknown', 'sent')"
	"  AND ($1 IS NULL OR t.lead_id > $1)"
	" ORDER BY t.lead_id LIMIT $2",
	UUIDOID, INT4OID);

static LpSql touches_sql = LP_SQL(
	"SELECT u.n::integer, t.id, t.client_id, t.channel::text,"
	" coalesce(t.dispatched_at, t.sent_at)"
	" FROM unnest($1) WITH ORDINALITY u(id, n)"
	" JOIN @s@.lead_touches t ON t.lead_id = u.id"
	" WHERE t.state IN ('dispatched', 'unknown', 'sent') ORDER BY t.id",
	UUIDARRAYOID);

/*
 * Of contacts and bans those where the key that was banned was the person's
 * when it was contacted: not learned later, and not brought by a merge with
 * somebody else.  The journal tells whose key and touch were at the first merge
 * after the contact.  A key that the lead has under another ban key, and a
 * domain, cannot be told and stand.
 */
static LpSql standing_sql = LP_SQL(
	"SELECT u.n::integer FROM unnest($1, $2, $3) WITH ORDINALITY u(touch_id, ban_id, at, n)"
	" JOIN @s@.lead_touches t ON t.id = u.touch_id"
	" JOIN @s@.lead_suppressions b ON b.id = u.ban_id"
	" LEFT JOIN LATERAL ("
	"  WITH RECURSIVE chain(id, duplicate, merged_at) AS ("
	"   SELECT m.id, m.duplicate, m.merged_at FROM @s@.lead_merges m"
	"    WHERE m.survivor = t.lead_id AND m.unmerged_at IS NULL"
	"   UNION SELECT m.id, m.duplicate, m.merged_at FROM chain c"
	"    JOIN @s@.lead_merges m ON m.survivor = c.duplicate AND m.unmerged_at IS NULL)"
	"  SELECT c.id, r.before->>'lead_id' AS lead_id FROM chain c"
	"   JOIN @s@.lead_merge_rows r ON r.merge_id = c.id AND r.relation = 'lead_touches'"
	"    AND r.key = t.id::text"
	"   WHERE coalesce(r.before->>'dispatched_at', r.before->>'sent_at') IS NOT NULL"
	"   ORDER BY c.merged_at, c.id LIMIT 1) m ON true"
	" WHERE b.kind = 'domain'"
	"  OR NOT EXISTS (SELECT FROM @s@.lead_identities i"
	"   WHERE i.lead_id = t.lead_id AND i.key_hash = b.value_hash)"
	"  OR CASE WHEN m.id IS NULL THEN EXISTS (SELECT FROM @s@.lead_identities i"
	"    WHERE i.lead_id = t.lead_id AND i.key_hash = b.value_hash"
	"     AND i.first_seen_at <= u.at)"
	"   ELSE EXISTS (SELECT FROM @s@.lead_merge_rows i"
	"    WHERE i.merge_id = m.id AND i.relation = 'lead_identities'"
	"     AND i.before->>'lead_id' = m.lead_id"
	"     AND substr(i.before->>'key_hash', 3) = encode(b.value_hash, 'hex')) END"
	" ORDER BY u.n",
	UUIDARRAYOID, UUIDARRAYOID, TIMESTAMPTZARRAYOID);

/* A contact, and a ban that was there before it. */
typedef struct Contact
{
	pg_uuid_t	touch_id;
	const pg_uuid_t *lead_id;
	const LpBan *ban;
	TimestampTz at;
} Contact;

static bool
forbade(const LpBan *ban, const pg_uuid_t *client_id, LpChannel channel, TimestampTz at)
{
	return ban->created_at < at && ban->expires_at > at &&
		lp_ban_stops(ban, client_id, channel, at) != LP_BAN_STOPS_NOTHING;
}

static int
by_touch_and_age(const ListCell *a, const ListCell *b)
{
	const Contact *x = lfirst(a);
	const Contact *y = lfirst(b);
	int			order = lp_uuid_compare(&x->touch_id, &y->touch_id);

	if (order != 0)
		return order;
	return x->ban->created_at < y->ban->created_at ? -1 : x->ban->created_at > y->ban->created_at;
}

/* The oldest ban that stands for each touch. */
static void
emit_standing(LpRows *rows, List *contacts)
{
	int			n = list_length(contacts);
	Datum	   *columns[3];
	Datum		values[3];
	uint64		found;
	const pg_uuid_t *last = NULL;

	if (n == 0)
		return;
	list_sort(contacts, by_touch_and_age);
	for (int i = 0; i < lengthof(columns); i++)
		columns[i] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		Contact    *contact = list_nth(contacts, i);

		columns[0][i] = UUIDPGetDatum(&contact->touch_id);
		columns[1][i] = UUIDPGetDatum(&contact->ban->id);
		columns[2][i] = TimestampTzGetDatum(contact->at);
	}
	values[0] = lp_array_of_datums(columns[0], n, UUIDOID);
	values[1] = lp_array_of_datums(columns[1], n, UUIDOID);
	values[2] = lp_array_of_datums(columns[2], n, TIMESTAMPTZOID);
	found = lp_sql_run(&standing_sql, values, NULL);
	for (uint64 row = 0; row < found; row++)
	{
		Contact    *contact = list_nth(contacts, lp_col_int(row, 1, 0) - 1);

		if (last != NULL && lp_uuid_equal(last, &contact->touch_id))
			continue;
		last = &contact->touch_id;
		lp_rows_set_uuid(rows, "touch_id", &contact->touch_id);
		lp_rows_set_uuid(rows, "lead_id", contact->lead_id);
		lp_rows_set_uuid(rows, "suppression_id", &contact->ban->id);
		lp_rows_set_time(rows, "banned_at", contact->ban->created_at);
		lp_rows_set_time(rows, "sent_at", contact->at);
		lp_rows_emit(rows);
	}
}

static void
look_at(LpRows *rows, const pg_uuid_t *ids, int n)
{
	List	  **bans = lp_bans_of_leads(ids, n, DT_NOBEGIN);
	Datum		values[] = {lp_array_of_uuids(ids, n)};
	uint64		found = lp_sql_run(&touches_sql, values, NULL);
	List	   *contacts = NIL;

	for (uint64 row = 0; row < found; row++)
	{
		int			lead = lp_col_int(row, 1, 0) - 1;
		TimestampTz at = lp_col_time(row, 5, DT_NOBEGIN);
		ListCell   *cell;

		foreach(cell, bans[lead])
		{
			const LpBan *ban = lfirst(cell);
			Contact    *contact;

			if (!forbade(ban, lp_col_uuid(row, 3),
						 lp_channel_from_name(lp_col_text(row, 4)), at))
				continue;
			contact = palloc(sizeof(Contact));
			contact->touch_id = *lp_col_uuid(row, 2);
			contact->lead_id = &ids[lead];
			contact->ban = ban;
			contact->at = at;
			contacts = lappend(contacts, contact);
		}
	}
	emit_standing(rows, contacts);
}

Datum
lp_proof_banned_contacts(PG_FUNCTION_ARGS)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	pg_uuid_t  *ids = NULL;
	int			n = PART;

	lp_call_begin(fcinfo, LP_CALL_READS);
	lp_bans_require_key(false);
	while (n == PART)
	{
		Datum		values[] = {ids ? UUIDPGetDatum(&ids[n - 1]) : (Datum) 0,
		Int32GetDatum(PART)};

		CHECK_FOR_INTERRUPTS();
		n = lp_sql_run(&leads_sql, values, ids ? NULL : "n ");
		ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
		for (int i = 0; i < n; i++)
			ids[i] = *DatumGetUUIDP(lp_col(i, 1));
		if (n > 0)
			look_at(rows, ids, n);
	}
	lp_call_end();
	return (Datum) 0;
}
