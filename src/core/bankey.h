/*
 * bankey.h
 *	  The secret under which bans are hashed.
 */
#ifndef LP_BANKEY_H
#define LP_BANKEY_H

#define LP_BANKEY_BYTES 32
#define LP_BANKEY_MAX 16

typedef struct LpBanKey
{
	uint8		secret[LP_BANKEY_BYTES];
	uint8		fingerprint[LP_BANKEY_BYTES];
	char		id[17];			/* first 8 bytes of the fingerprint in hex */
} LpBanKey;

/*
 * The keys of the file: the first is the one that new bans use, those after it
 * are older and still checked.  Returns their number, 0 if there is no file.
 * Throws LP008 for a file that cannot be read or is no key file.
 */
extern int	lp_bankey_ring(LpBanKey **keys);

/* Makes the file with one random key, on disk before it returns. */
extern void lp_bankey_create(void);

/* HMAC-SHA-256 under a key of kind, a zero byte and value. */
extern void lp_bankey_hash(const LpBanKey *key, const char *kind,
						   const char *value, uint8 *hash);

#endif							/* LP_BANKEY_H */
