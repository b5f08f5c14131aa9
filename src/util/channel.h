/*
 * channel.h
 *	  The channels, mapped between the SQL enum lp_channel and C by label.
 */
#ifndef LP_CHANNEL_H
#define LP_CHANNEL_H

#include "fmgr.h"

typedef enum LpChannel
{
	LP_CHANNEL_NONE = -1,
	LP_CHANNEL_EMAIL,
	LP_CHANNEL_LINKEDIN,
	LP_CHANNEL_SMS,
	LP_CHANNEL_VOICE,
	LP_CHANNEL_MAIL,
	LP_CHANNELS
} LpChannel;

extern const char *lp_channel_name(LpChannel channel);	/* NULL for none */
extern LpChannel lp_channel_from_name(const char *name);	/* none if unknown or
															 * NULL */

/* Argument n, which must not be null / may be (then LP_CHANNEL_NONE). */
extern LpChannel lp_arg_channel(FunctionCallInfo fcinfo, int n, const char *name);
extern LpChannel lp_arg_channel_or_none(FunctionCallInfo fcinfo, int n);

#endif							/* LP_CHANNEL_H */
