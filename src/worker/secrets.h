/*
 * secrets.h
 *	  Keys of providers: from Vault, else from a file.
 */
#ifndef LP_SECRETS_H
#define LP_SECRETS_H

/*
 * The secret of that name (in a transaction), in the current memory context;
 * NULL if there is none.  Whoever asks wipes it with lp_secret_wipe.
 */
extern char *lp_secret_read(const char *name);
extern void lp_secret_wipe(char *secret);

#endif							/* LP_SECRETS_H */
