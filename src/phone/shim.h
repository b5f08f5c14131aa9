/*
 * shim.h
 *	  The seam between leadpool (C) and libphonenumber (C++).
 *
 * Plain C on both sides: no PostgreSQL header is included by the C++ part, no
 * exception leaves it.
 */
#ifndef LP_SHIM_H
#define LP_SHIM_H

#define LP_SHIM_INVALID 0
#define LP_SHIM_POSSIBLE 1
#define LP_SHIM_VALID 2
#define LP_SHIM_FAILED (-1)

typedef struct LpShimPhone
{
	char		e164[20];
	char		region[3];		/* ISO 3166, empty if unknown */
} LpShimPhone;

#ifdef __cplusplus
extern "C"
{
#endif

/* region is an ISO 3166 code, "ZZ" for none; the result is one of the codes. */
extern int	lp_shim_parse(const char *number, const char *region,
						  LpShimPhone *result);

#ifdef __cplusplus
}
#endif

#endif							/* LP_SHIM_H */
