/*
 * erase.c
 *	  lp_forget: nothing of a person stays in the clear, and nothing comes back.
 *
 * One transaction.  The stripes of all keys are held, so that a capture of the
 * person either is seen or finds the ban.  Order: clients of the leads,
 * stripes, leads; then the ban (while the keys are still known), then what is
 * open ends, then the traces go, then the rows are cleared by the list of
 * lead_personal_data.  Others who were known by a key of the person lose it,
 * and with it the mark of a ban that reached them by it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/available.h"
#include "core/bankey.h"
#include "core/erase.h"
#include "core/holds.h"
#include "core/lead.h"
#include "core/merge.h"
#include "core/ownership.h"
#include "core/personal.h"
#include "core/touch.h"
#include "store/jobs.h"
#include "store/sql.h"
#include "util/caller.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_forget);

/* Rows that would make the ban spread to somebody else. */
static LpSql unshare_sql = LP_SQL(
	"DELETE FROM @s@.lead_identities"
	" WHERE (lead_id = ANY ($1) AND key_hash <> ALL ($2))"
	"  OR (lead_id <> ALL ($1) AND key_hash = ANY ($2))",
	UUIDARRAYOID, BYTEAARRAYOID);

static LpSql count_sql = LP_SQL(
	"SELECT count(*) FROM @s@.lead_identities WHERE lead_id = ANY ($1)",
	UUIDARRAYOID);

static LpSql erased_sql = LP_SQL(
	"WITH s AS (UPDATE @s@.lead_state SET state = 'erased' WHERE lead_id = ANY ($1))"
	" UPDATE @s@.lead_pool SET state = 'erased', merged_into = NULL, updated_at = $2"
	" WHERE id = ANY ($1)",
	UUIDARRAYOID, TIMESTAMPTZOID);

static LpSql ban_sql = LP_SQL(
	"SELECT b.ban_id, count(*) FROM @s@.lead_suppressions s"
	" JOIN @s@.lead_suppressions b USING (ban_id)"
	" WHERE s.id = $1 AND b.lifted_at IS NULL GROUP BY 1",
	UUIDOID);

static LpSql certificate_sql = LP_SQL(
	"SELECT jsonb_build_object('certificate_id', $1, 'found', $2, 'erased_at', $3,"
	" 'leads', $4, 'captures_cleaned', $5, 'identities', $6, 'events', $7,"
	" 'claims_voided', $8, 'jobs_cancelled', $11, 'bans', $9, 'key_id', $10)",
	UUIDOID, BOOLOID, TIMESTAMPTZOID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID,
	INT4OID, TEXTOID, INT4OID);

/*
 * What an erasure does.
 */
static void
end_assignments(const LpPerson *person, TimestampTz now)
{
	LpLead	   *leads = lp_lead_load(person->ids, person->n);

	for (int i = 0; i < person->n; i++)
	{
		if (leads[i].assignment_id == NULL)
			continue;
		lp_assignment_end(leads[i].assignment_id, LP_ASSIGNMENT_ERASED, NULL, now);
		lp_holds_let_go(lp_client_load(leads[i].owner), &leads[i]);
	}
}

/* The ban; returns its id, and how many rows it has now. */
static pg_uuid_t
ban(const LpPerson *person, int *rows)
{
	LpBanOrder	order = {
		.reason = LP_BAN_ERASURE,
		.channel = LP_CHANNEL_NONE,
		.origin = "erasure",
		.expires_at = DT_NOEND
	};
	Datum		args[2] = {
		lp_array_of_uuids(person->ids, person->n),
		lp_array_of_datums(person->hashes, person->n_keys, BYTEAOID)
	};
	pg_uuid_t	id;

	*rows = 0;
	lp_uuid_make(&id);
	if (person->n_keys == 0)
		return id;
	lp_sql_run(&unshare_sql, args, NULL);
	lp_bans_add(&order, person->keys, person->n_keys, NULL, &id);
	args[0] = UUIDPGetDatum(&id);
	lp_sql_run(&ban_sql, args, NULL);
	*rows = lp_col_int(0, 2, 0);
	return *lp_col_uuid(0, 1);
}

static Datum
certificate(const LpPerson *person, const LpErased *erased, const pg_uuid_t *ban_id, int bans,
			TimestampTz now)
{
	LpBanKey   *ring;
	Datum		args[11];

	lp_bankey_ring(&ring);
	args[0] = UUIDPGetDatum(ban_id);
	args[1] = BoolGetDatum(person->n > 0);
	args[2] = TimestampTzGetDatum(now);
	args[3] = Int32GetDatum(person->n);
	args[4] = Int32GetDatum(erased->captures);
	args[5] = Int32GetDatum(erased->identities);
	args[6] = Int32GetDatum(erased->events);
	args[7] = Int32GetDatum(erased->claims);
	args[8] = Int32GetDatum(bans);
	args[9] = CStringGetTextDatum(ring[0].id);
	args[10] = Int32GetDatum(erased->jobs);
	lp_sql_run(&certificate_sql, args, NULL);
	return SPI_datumTransfer(lp_col(0, 1), false, -1);
}

/* The person's own rows. */
static void
erase_rows(const LpPerson *person, TimestampTz now)
{
	Datum		args[] = {lp_array_of_uuids(person->ids, person->n), TimestampTzGetDatum(now)};

	lp_sql_run(&erased_sql, args, NULL);
	lp_merge_forget(person->ids, person->n);
	lp_personal_erase(person->ids, person->n);
	lp_available_refresh(person->ids, person->n);
}

static void
erase(const LpPerson *person, LpErased *erased, TimestampTz now)
{
	erased->jobs = lp_jobs_erase(person->ids, person->n, now);
	lp_traces_of_answers(person);
	erased->captures = lp_traces_of_captures(person);
	erased->events = lp_traces_of_events(person);
	lp_traces_of_bans(person);
	if (person->n > 0)
		erase_rows(person, now);
	erased->events += lp_notes_clean(person);
	/* A ban that others had by a key of the person is not theirs any more. */
	if (person->n_others > 0)
		lp_bans_unmark(person->others, person->n_others, now);
}

Datum
lp_forget(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *lead_id = lp_arg_uuid_or_null(fcinfo, 0);
	char	   *email = lp_arg_text_or_null(fcinfo, 1);
	char	   *phone = lp_arg_text_or_null(fcinfo, 2);
	LpPerson   *person;
	LpErased	erased = {0};
	TimestampTz now;
	pg_uuid_t	ban_id;
	int			bans;
	Datum		args[1];
	Datum		result;

	lp_call_begin(fcinfo, LP_CALL_WRITES);
	lp_caller_require_operator("lp_forget");
	if (lead_id == NULL && email == NULL && phone == NULL)
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("nobody is named"),
				errhint("Give lead_id, email or phone."));
	lp_bans_require_key(true);
	person = lp_person_lock(lead_id, email, phone);
	now = lp_clock_now();
	args[0] = lp_array_of_uuids(person->ids, person->n);
	lp_sql_run(&count_sql, args, NULL);
	erased.identities = lp_col_int(0, 1, 0);
	erased.claims = lp_touch_fence(person->ids, person->n, NULL, LP_CHANNEL_NONE, now);
	ban_id = ban(person, &bans);
	end_assignments(person, now);
	erase(person, &erased, now);
	result = certificate(person, &erased, &ban_id, bans, now);
	lp_call_end();
	PG_RETURN_DATUM(result);
}
