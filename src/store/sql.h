/*
 * sql.h
 *	  Running SQL from C: kept plans, fresh snapshots.
 *
 * Every statement reads with a snapshot taken when it starts, whatever the
 * isolation level of the caller: it sees what was committed until then, not
 * only what was before the call began.  A level that cannot be honoured shows
 * as 40001, never as an older answer.
 */
#ifndef LP_SQL_H
#define LP_SQL_H

#include "catalog/pg_type_d.h"
#include "executor/spi.h"

#include "store/columns.h"
#include "store/function.h"

#define LP_SQL_MAX_ARGS 40

/* How the rows of a statement are found. */
typedef enum LpSqlLookup
{
	LP_LOOKUP_BY_INDEX,			/* LP_SQL */
	LP_LOOKUP_BY_KEY,			/* LP_SQL_BY_KEY */
	LP_LOOKUP_BY_PLACE,			/* LP_SQL_BY_PLACE */
	LP_LOOKUP_ANYHOW			/* lp_sql_run_once */
} LpSqlLookup;

/*
 * One statement.  In the text "@s@" stands for the extension's schema.  Types
 * of the extension itself have no fixed OID and are named by LP_TYPE_*.
 */
typedef struct LpSql
{
	const char *text;
	Oid			types[LP_SQL_MAX_ARGS];
	LpSqlLookup lookup;
	SPIPlanPtr	plan;
	struct LpSql *next;			/* list of all that have a plan */
} LpSql;

#define LP_SQL(statement, ...) {.text = statement, .types = {__VA_ARGS__}}

/*
 * One that goes through the list that it is given and looks each entry up by a
 * whole key, however long the list and large the tables are: planned once, as
 * nested loops, where the server would otherwise plan it anew for each list,
 * which takes longer than running it.
 */
#define LP_SQL_BY_KEY(statement, ...) \
	{.text = statement, .types = {__VA_ARGS__}, .lookup = LP_LOOKUP_BY_KEY}

/* Likewise, by the place in the table (ctid) of rows that this transaction locked. */
#define LP_SQL_BY_PLACE(statement, ...) \
	{.text = statement, .types = {__VA_ARGS__}, .lookup = LP_LOOKUP_BY_PLACE}

/* Own row types, resolved when the statement is prepared. */
#define LP_TYPE_POOL_ROW		((Oid) 0xFFFFFFF0)
#define LP_TYPE_POOL_ROWS		((Oid) 0xFFFFFFF1)	/* lead_pool[] */

/*
 * Runs a kept statement, which looks rows up by index; nulls is NULL (none) or
 * a string with 'n' at each null.  Returns the number of rows; they are in
 * SPI_tuptable until the next statement.
 */
extern uint64 lp_sql_run(LpSql *sql, const Datum *values, const char *nulls);

/*
 * The same for a statement composed at run time, or over a whole table: planned
 * for these values, as the server thinks best.
 */
extern uint64 lp_sql_run_once(const char *text, int nargs, const Oid *types,
							  const Datum *values, const char *nulls);

/*
 * The same, for a statement over a list of n: a long one is planned for the
 * tables as they are now, never by a plan that was made while they were small.
 */
extern uint64 lp_sql_run_list(LpSql *sql, int n, const Datum *values, const char *nulls);

/* Plans of another schema are forgotten; function.c calls it. */
extern void lp_sql_use_schema(Oid schema);
extern Oid	lp_schema(void);

#endif							/* LP_SQL_H */
