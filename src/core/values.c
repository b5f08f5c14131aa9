/*
 * values.c
 *	  lp_normalize and lp_contact_hours: values and places, asked from SQL.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/quiet.h"
#include "store/sql.h"
#include "util/clock.h"
#include "util/country.h"
#include "util/key.h"

PG_FUNCTION_INFO_V1(lp_normalize);
PG_FUNCTION_INFO_V1(lp_contact_hours);

/* The ISO code of argument n, or NULL for a null. */
static const char *
arg_region(FunctionCallInfo fcinfo, int n)
{
	char	   *given = lp_arg_text_or_null(fcinfo, n);
	const char *code;

	if (given == NULL || *given == '\0')
		return NULL;
	code = lp_country_code(given);
	if (code == NULL)
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("country \"%s\" is not known", given),
				errhint("Use an ISO 3166 code or an English name."));
	return code;
}

Datum
lp_normalize(PG_FUNCTION_ARGS)
{
	char	   *name = lp_arg_text(fcinfo, 0, "kind");
	char	   *value = lp_arg_text_or_null(fcinfo, 1);
	const char *region = arg_region(fcinfo, 2);
	LpKeyKind	kind;
	LpKey		key;

	if (!lp_key_kind_from_name(name, &kind))
		ereport(ERROR,
				errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("kind \"%s\" is not known", name),
				errhint("Use email, phone, domain, linkedin or apollo_id."));
	if (value == NULL || !lp_key_make(kind, value, region, &key))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(key.value));
}

Datum
lp_contact_hours(PG_FUNCTION_ARGS)
{
	LpRows	   *rows = lp_rows_begin(fcinfo);
	LpChannel	channel = lp_arg_channel(fcinfo, 0, "channel");
	char	   *country = lp_arg_text_or_null(fcinfo, 1);
	TimestampTz at = lp_arg_time(fcinfo, 4, DT_NOBEGIN);
	TimestampTz next = DT_NOEND;
	LpPlace		place = {0};
	LpQuiet    *rules;
	bool		lawful;

	lp_call_begin(fcinfo, LP_CALL_READS);
	if (PG_ARGISNULL(4))
		at = lp_clock_now();
	place.country_code = country == NULL ? NULL : lp_country_code(country);
	place.state = lp_arg_text_or_null(fcinfo, 2);
	place.zone = lp_arg_text_or_null(fcinfo, 3);
	rules = lp_quiet_rules(&place, channel, NULL);
	lawful = lp_quiet_allows(rules, at, &next);
	lp_rows_set(rows, "lawful", BoolGetDatum(lawful));
	if (!lawful)
		lp_rows_set_time(rows, "next_at", next);
	lp_rows_set_text(rows, "rule", lp_quiet_describe(rules, at));
	lp_rows_emit(rows);
	lp_call_end();
	return (Datum) 0;
}
