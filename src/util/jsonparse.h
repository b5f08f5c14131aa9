/*
 * jsonparse.h
 *	  JSON from outside, as jsonb.
 */
#ifndef LP_JSONPARSE_H
#define LP_JSONPARSE_H

#include "utils/jsonb.h"

/*
 * The JSON object that these bytes are; NULL if they are none, or nest too
 * deep, or are not UTF-8.  Never throws.
 */
extern Jsonb *lp_json_parse(const char *bytes, size_t length);

#endif							/* LP_JSONPARSE_H */
