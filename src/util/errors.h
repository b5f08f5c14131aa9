/*
 * errors.h
 *	  leadpool's own SQLSTATEs.
 *
 * An expected refusal must not have a class that PostgREST turns into HTTP
 * 500 (53400, 54, 55, XX), so these have a class of their own.  Once released
 * a code keeps its meaning; the README lists them.
 */
#ifndef LP_ERRORS_H
#define LP_ERRORS_H

#define ERRCODE_LP_NO_LEAD		MAKE_SQLSTATE('L','P','0','0','1')
#define ERRCODE_LP_LEASE_LOST	MAKE_SQLSTATE('L','P','0','0','2')
#define ERRCODE_LP_STATE		MAKE_SQLSTATE('L','P','0','0','3')
#define ERRCODE_LP_BANNED		MAKE_SQLSTATE('L','P','0','0','4')
#define ERRCODE_LP_OWNED		MAKE_SQLSTATE('L','P','0','0','5')
#define ERRCODE_LP_INACTIVE		MAKE_SQLSTATE('L','P','0','0','6')
#define ERRCODE_LP_CAPACITY		MAKE_SQLSTATE('L','P','0','0','7')
#define ERRCODE_LP_BAN_KEY		MAKE_SQLSTATE('L','P','0','0','8')
#define ERRCODE_LP_TOO_LARGE	MAKE_SQLSTATE('L','P','0','0','9')
#define ERRCODE_LP_UNAVAILABLE	MAKE_SQLSTATE('L','P','0','1','0')

#endif							/* LP_ERRORS_H */
