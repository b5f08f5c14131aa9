/*
 * available.h
 *	  Statements over lead_available and lead_terms.
 */
#ifndef LP_STORE_AVAILABLE_H
#define LP_STORE_AVAILABLE_H

#include "utils/uuid.h"

/* Bits of lead_available.channels: 1 << LpChannel. */
#define LP_CHANNEL_BIT(channel) (1 << (channel))

/* What separates the words of a title, as lp_term_words sees it. */
#define LP_WORD_SEPARATOR \
	"E'[\\u0001-\\u002F\\u003A-\\u0040\\u005B-\\u0060\\u007B-\\u00BF\\u2000-\\u206F\\u3000-\\u303F]+'"

/* A title as it is matched: folded words, each between blanks of its own. */
#define LP_TITLE_WORDS(title) \
	"'  ' || regexp_replace(@s@.lp_fold(" title "), " LP_WORD_SEPARATOR ", '  ', 'g') || '  '"

/*
 * What lead_available says of a lead, without the conditions for being there,
 * as a subselect with its columns: the parameters are the number of the lead's
 * id and that of the platform's cooling after "not interested".
 */
extern const char *lp_available_row(int lead_param, int cooling_param);

/*
 * All rows of lead_available and of lead_terms as they would be, as subselects:
 * what a search reads that must not write, before they were filled.
 */
extern const char *lp_available_rows(int cooling_param);
extern const char *lp_available_terms(void);

/* Whether the tables were filled in this database. */
extern bool lp_available_is_built(void);

/* Brings the rows of these leads, or with NULL of all, up to date. */
extern void lp_available_store(const pg_uuid_t *ids, int n);

/* The same of leads that are new in this transaction: they have no rows. */
extern void lp_available_store_new(const pg_uuid_t *ids, int n);

/* Adds those of them that may be handed out, and looks at nothing else. */
extern void lp_available_add(const pg_uuid_t *ids, int n);

#endif							/* LP_STORE_AVAILABLE_H */
