/*
 * redact.h
 *	  Taking a person out of JSON text.
 */
#ifndef LP_REDACT_H
#define LP_REDACT_H

#include "core/needles.h"

/*
 * The JSON text without the person, or NULL if nothing of the person is in
 * it.  Values that show the person become null, keys empty; of an object below
 * the root that is about the person every value goes.  With own_root
 * the names at the root are another human's and stay.  Offsets in cuts (may be
 * NULL) are moved with the text, which may have holes there.
 */
extern char *lp_redact_json(const LpNeedles *needles, const char *text, bool own_root,
							int *cuts, int n_cuts);

#endif							/* LP_REDACT_H */
