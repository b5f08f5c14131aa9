/*
 * channel.c
 *	  The channels, mapped between the SQL enum lp_channel and C by label.
 *
 * In SQL texts a channel is passed as text and cast there, so that no OID of
 * the enum is kept here.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "util/channel.h"

static const char *const names[LP_CHANNELS] = {
	[LP_CHANNEL_EMAIL] = "email",
	[LP_CHANNEL_LINKEDIN] = "linkedin",
	[LP_CHANNEL_SMS] = "sms",
	[LP_CHANNEL_VOICE] = "voice",
	[LP_CHANNEL_MAIL] = "mail",
};

const char *
lp_channel_name(LpChannel channel)
{
	return channel == LP_CHANNEL_NONE ? NULL : names[channel];
}

LpChannel
lp_channel_from_name(const char *name)
{
	if (name != NULL)
		for (int i = 0; i < LP_CHANNELS; i++)
			if (strcmp(names[i], name) == 0)
				return i;
	return LP_CHANNEL_NONE;
}

static LpChannel
from_datum(Datum value)
{
	return lp_channel_from_name(DatumGetCString(DirectFunctionCall1(enum_out, value)));
}

LpChannel
lp_arg_channel(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"%s\" must not be null", name));
	return from_datum(PG_GETARG_DATUM(n));
}

LpChannel
lp_arg_channel_or_none(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? LP_CHANNEL_NONE : from_datum(PG_GETARG_DATUM(n));
}
