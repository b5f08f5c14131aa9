/*
 * uncaptured.c
 *	  The proof that no field got lost: what was told last, yet is not in its
 *	  column.
 *
 * For each lead all its captures are read as capture.c read them (told.c), and
 * each column is compared with the newest capture that gave a value for it.
 * A value is in its place if the column shows it, or shows what the fold of
 * all captures makes of it (fold.c): an address, a number or what goes with
 * them may rightly be an older one.  A pinned column shows the pin.
 *
 * Nothing is locked.  A lead that seems to lack something is read again, and
 * looked at anew if somebody changed it meanwhile.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "core/batch.h"
#include "core/differ.h"
#include "core/fold.h"
#include "core/pins.h"
#include "core/told.h"
#include "store/sql.h"
#include "util/uuid.h"

PG_FUNCTION_INFO_V1(lp_proof_uncaptured_fields);

/* Leads that are looked at together. */
#define PART 200

/* How often a lead is looked at anew that changes all the time. */
#define TRIES 10

/* Ids begin with the time: none is all zeroes. */
static LpSql leads_sql = LP_SQL(
	"SELECT p.id FROM @s@.lead_pool p WHERE p.state = 'active' AND p.id > $1"
	" ORDER BY p.id LIMIT $2",
	UUIDOID, INT4OID);

typedef struct Finding
{
	int			lead;			/* index into ids */
	pg_uuid_t	capture_id;
	const char *path;
	int			column;
} Finding;

typedef struct Walk
{
	LpRows	   *rows;
	LpPool	   *pool;
	const char **paths;			/* in a payload of Apollo, by column; NULL =
								 * none */
} Walk;

/* A part of the leads, while it is looked at. */
typedef struct Part
{
	const Walk *walk;
	const pg_uuid_t *ids;
	int			n;
	LpPoolRow **shown;
	LpPoolRow **expected;
	LpPins	  **pins;
	LpTelling  *tellings;
	int			n_tellings;
	LpOrganization *companies;
	int			n_companies;
	LpTelling  *answers;		/* about the companies */
	int			n_answers;
	Finding    *findings;
	int			n_findings;
	int			room;
} Part;

static void
remember_path(void *state, const char *path, const char *column)
{
	Walk	   *walk = state;
	int			at = lp_pool_column(walk->pool, column, strlen(column));

	if (at >= 0 && walk->paths[at] == NULL)
		walk->paths[at] = path;
}

/* Where in its payload a telling says what the column takes. */
static const char *
path_of(const Walk *walk, const LpTelling *telling, int column)
{
	const LpPool *pool = walk->pool;

	if (telling->kind == LP_ELEMENT_CONTACT && column == pool->at[LP_COL_CONTACT_ID])
		return "contact.id";
	if (telling->kind == LP_ELEMENT_CONTACT && column == pool->at[LP_COL_ACCOUNT_ID])
		return "contact.account_id";
	if (telling->kind == LP_ELEMENT_CONTACT && column == pool->at[LP_COL_APOLLO_ID])
		return "contact.person_id";
	if (lp_provider_of(telling->source) != NULL && walk->paths[column] != NULL)
		return walk->paths[column];
	return NameStr(TupleDescAttr(pool->desc, column)->attname);
}

static void
find(Part *part, int lead, const LpTelling *telling, const char *path, int column)
{
	Finding    *finding;

	for (int i = 0; i < part->n_findings; i++)
		if (part->findings[i].lead == lead && part->findings[i].column == column &&
			strcmp(part->findings[i].path, path) == 0)
			return;
	if (part->n_findings == part->room)
	{
		part->room = Max(16, part->room * 2);
		part->findings = part->findings == NULL ? palloc(sizeof(Finding) * part->room) :
			repalloc(part->findings, sizeof(Finding) * part->room);
	}
	finding = &part->findings[part->n_findings++];
	finding->lead = lead;
	finding->capture_id = telling->capture_id;
	finding->path = path;
	finding->column = column;
}

/* Equal to the byte, or as JSON. */
static bool
same(const LpPool *pool, int column, const LpPoolRow *a, const LpPoolRow *b)
{
	if (lp_pool_same(pool, column, a, b))
		return true;
	return TupleDescAttr(pool->desc, column)->atttypid == JSONBOID &&
		!a->nulls[column] && !b->nulls[column] &&
		compareJsonbContainers(&DatumGetJsonbP(a->values[column])->root,
							   &DatumGetJsonbP(b->values[column])->root) == 0;
}

/* The paths of what the column should take from a telling and does not show. */
static void
find_differences(Part *part, int lead, const LpTelling *telling, int column)
{
	const LpPool *pool = part->walk->pool;
	const LpPoolRow *row = telling->facts->row;
	const LpPoolRow *shown = part->shown[lead];
	const char *path = path_of(part->walk, telling, column);
	Oid			type = TupleDescAttr(pool->desc, column)->atttypid;
	const LpProvider *provider = lp_provider_of(telling->source);
	ListCell   *cell;
	List	   *paths = NIL;

	if (!row->nulls[column] && !shown->nulls[column] && type == JSONBOID)
		paths = lp_differ_json(path, provider == NULL ? NULL :
							   lp_shape_at(provider->person, path),
							   DatumGetJsonbP(row->values[column]),
							   DatumGetJsonbP(shown->values[column]));
	else if (!row->nulls[column] && !shown->nulls[column] && type == TEXTARRAYOID)
		paths = lp_differ_texts(path, DatumGetArrayTypeP(row->values[column]),
								DatumGetArrayTypeP(shown->values[column]));
	else
		paths = list_make1(unconstify(char *, path));
	foreach(cell, paths)
		find(part, lead, telling, lfirst(cell), column);
}

/* One column of a lead against the newest telling that gave a value for it. */
static void
look_at_column(Part *part, int lead, int column, const LpTelling *telling)
{
	const LpPool *pool = part->walk->pool;
	const LpPoolRow *shown = part->shown[lead];
	const LpPoolRow *expected = part->expected[lead];
	LpHeard		heard = telling->facts->heard[column];
	const char *path = path_of(part->walk, telling, column);
	LpPoolRow  *alone = NULL;

	if (heard == LP_HEARD_UNFIT)
	{
		find(part, lead, telling, path, column);
		return;
	}
	if (heard == LP_HEARD_PARTLY)
		find(part, lead, telling, psprintf("%s[]", path), column);
	if (same(pool, column, expected, shown) && column != pool->at[LP_COL_PHONE])
		return;
	if (telling->kind != LP_ELEMENT_ORGANIZATION)
		alone = lp_told_alone(pool, telling->facts, shown);
	/* Whether a text is a number shows only when it is laid. */
	if (column == pool->at[LP_COL_PHONE] && alone->nulls[column])
		find(part, lead, telling, path, column);
	if (same(pool, column, expected, shown) ||
		(alone != NULL && same(pool, column, alone, shown)))
		return;
	/* The status is that of an address which no capture told. */
	if (column == pool->at[LP_COL_EMAIL_STATUS] &&
		expected->nulls[pool->at[LP_COL_EMAIL]] && !shown->nulls[pool->at[LP_COL_EMAIL]])
		return;
	find_differences(part, lead, telling, column);
}

/* The newest telling about somebody for each column, not over what is there. */
static void
newest_by_column(const LpPool *pool, LpTelling *tellings, int n, const pg_uuid_t *about,
				 const LpTelling **newest)
{
	for (int i = n - 1; i >= 0; i--)
	{
		if (!lp_uuid_equal(&tellings[i].about, about))
			continue;
		for (int column = 0; column < pool->desc->natts; column++)
			if (newest[column] == NULL && tellings[i].facts->heard[column] != LP_HEARD_NOTHING)
				newest[column] = &tellings[i];
	}
}

static void
look_at_lead(Part *part, int lead)
{
	const LpPool *pool = part->walk->pool;
	const LpTelling **newest = palloc0(sizeof(LpTelling *) * pool->desc->natts);
	char	   *company = lp_fold_company(pool, part->expected[lead]);

	newest_by_column(pool, part->tellings, part->n_tellings, &part->ids[lead], newest);
	for (int i = 0; i < part->n_companies; i++)
		if (company != NULL && strcmp(company, part->companies[i].apollo_id) == 0)
			newest_by_column(pool, part->answers, part->n_answers, &part->companies[i].id,
							 newest);
	for (int column = 0; column < pool->desc->natts; column++)
		if (newest[column] != NULL &&
			(part->pins[lead] == NULL || !part->pins[lead]->pinned[column]))
			look_at_column(part, lead, column, newest[column]);
}

/* What the archive says of the companies, where it has answers about them. */
static void
load_companies(Part *part)
{
	const LpPool *pool = part->walk->pool;
	pg_uuid_t  *ids;

	part->companies = lp_told_companies(pool, part->expected, part->n, &part->n_companies);
	ids = palloc(sizeof(pg_uuid_t) * Max(part->n_companies, 1));
	for (int i = 0; i < part->n_companies; i++)
		ids[i] = part->companies[i].id;
	part->answers = lp_told_of_companies(pool, ids, part->n_companies, &part->n_answers);
	for (int i = 0; i < part->n_companies; i++)
	{
		Jsonb	   *facts = NULL;

		for (int k = 0; k < part->n_answers; k++)
			if (lp_uuid_equal(&part->answers[k].about, &ids[i]))
				facts = lp_organization_lay(facts, part->answers[k].json);
		if (facts != NULL)
			part->companies[i].facts = facts;
	}
}

/* Folds what the leads should show. */
static void
load(Part *part)
{
	const LpPool *pool = part->walk->pool;

	part->shown = lp_pool_load(pool, part->ids, part->n);
	part->expected = palloc(sizeof(LpPoolRow *) * part->n);
	for (int i = 0; i < part->n; i++)
	{
		if (part->shown[i] == NULL)
			part->shown[i] = lp_pool_row_new(pool);
		part->expected[i] = lp_fold_restart(pool, part->shown[i]);
	}
	part->pins = lp_pins_load(pool, part->ids, part->n);
	part->tellings = lp_told_of_leads(pool, part->ids, part->n, &part->n_tellings);
	lp_told_lay(pool, part->tellings, part->n_tellings, part->ids, part->expected, part->n);
	load_companies(part);
	lp_told_fill(pool, part->companies, part->n_companies, part->expected, part->n);
	for (int i = 0; i < part->n; i++)
		if (part->pins[i] != NULL)
			lp_fold_pin(pool, part->expected[i], part->pins[i]);
}

static void
emit(const Part *part, const Finding *finding)
{
	const Walk *walk = part->walk;

	lp_rows_set_uuid(walk->rows, "capture_id", &finding->capture_id);
	lp_rows_set_uuid(walk->rows, "lead_id", &part->ids[finding->lead]);
	lp_rows_set_text(walk->rows, "json_path", finding->path);
	lp_rows_set_text(walk->rows, "column_name",
					 NameStr(TupleDescAttr(walk->pool->desc, finding->column)->attname));
	lp_rows_emit(walk->rows);
}

static bool
is_unchanged(const LpPool *pool, const LpPoolRow *before, const LpPoolRow *now)
{
	if (now == NULL)
		return false;
	for (int i = 0; i < pool->desc->natts; i++)
		if (!lp_pool_same(pool, i, before, now))
			return false;
	return true;
}

static bool
is_active(const LpPool *pool, const LpPoolRow *row)
{
	char	   *state = lp_pool_text(pool, row, LP_COL_STATE);

	return state != NULL && strcmp(state, "active") == 0;
}

/* Looks at leads, and again at those that were written while we read. */
static void
look_at(const Walk *walk, const pg_uuid_t *ids, int n, int tries)
{
	Part		part = {.walk = walk, .ids = ids, .n = n};
	LpPoolRow **now;
	pg_uuid_t  *again;
	int			n_again = 0;

	load(&part);
	for (int i = 0; i < n; i++)
		if (is_active(walk->pool, part.shown[i]))
			look_at_lead(&part, i);
	if (part.n_findings == 0)
		return;
	now = lp_pool_load(walk->pool, ids, n);
	again = palloc(sizeof(pg_uuid_t) * n);
	for (int i = 0; i < part.n_findings; i++)
	{
		int			lead = part.findings[i].lead;

		if (tries == 0 || is_unchanged(walk->pool, part.shown[lead], now[lead]))
			emit(&part, &part.findings[i]);
		else if (n_again == 0 || !lp_uuid_equal(&again[n_again - 1], &ids[lead]))
			again[n_again++] = ids[lead];
	}
	if (n_again > 0)
		look_at(walk, again, n_again, tries - 1);
}

Datum
lp_proof_uncaptured_fields(PG_FUNCTION_ARGS)
{
	Walk		walk = {.rows = lp_rows_begin(fcinfo)};
	pg_uuid_t	last = {{0}};
	int			n;

	lp_call_begin(fcinfo, LP_CALL_READS);
	walk.pool = lp_pool_open();
	walk.paths = palloc0(sizeof(char *) * walk.pool->desc->natts);
	lp_shape_paths(lp_apollo.person, "", NULL, remember_path, &walk);
	do
	{
		Datum		values[] = {UUIDPGetDatum(&last), Int32GetDatum(PART)};
		pg_uuid_t  *ids;

		CHECK_FOR_INTERRUPTS();
		/* What a part reads is gone with the part. */
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "could not connect to SPI");
		n = lp_sql_run(&leads_sql, values, NULL);
		ids = palloc(sizeof(pg_uuid_t) * Max(n, 1));
		for (int i = 0; i < n; i++)
			ids[i] = *DatumGetUUIDP(lp_col(i, 1));
		if (n > 0)
		{
			last = ids[n - 1];
			look_at(&walk, ids, n, TRIES);
		}
		SPI_finish();
	} while (n == PART);
	lp_call_end();
	return (Datum) 0;
}
