/*
 * text.h
 *	  Text as it is compared: blanks, case, composition.
 */
#ifndef LP_TEXT_H
#define LP_TEXT_H

/* A copy without the blanks around it, Unicode's and zero-width ones too. */
extern char *lp_text_trim(const char *text);

/* Length in bytes of the blank at text (ASCII or Unicode), 0 if none. */
extern int	lp_text_blank(const char *text);

/*
 * A copy in lower case and composed form (NFC), the same under every locale.
 * Case pairs of Latin, Greek, Cyrillic, Armenian and the full-width letters
 * are known; other scripts have none that mail uses.  For short values.
 */
extern char *lp_text_fold(const char *text);

/* Trimmed, folded, and without accents: for names of places. */
extern char *lp_text_plain(const char *text);

extern bool lp_text_is_ascii(const char *text);

/* Whether a word is in a sorted list of n words. */
extern bool lp_text_in(const char *word, const char *const *list, int n);

#endif							/* LP_TEXT_H */
