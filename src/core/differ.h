/*
 * differ.h
 *	  Where a value that was told and the one that is shown differ.
 */
#ifndef LP_DIFFER_H
#define LP_DIFFER_H

#include "nodes/pg_list.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "providers/provider.h"

/*
 * The paths (char *), as deep as the field is known, at which something that
 * was told is missing or another value; path itself if the difference is in
 * what is not known.  field NULL: nothing is known of the inside.
 */
extern List *lp_differ_json(const char *path, const LpField *field, Jsonb *told, Jsonb *shown);

/* The same for lists of texts: entries that are missing, else the list. */
extern List *lp_differ_texts(const char *path, ArrayType *told, ArrayType *shown);

#endif							/* LP_DIFFER_H */
