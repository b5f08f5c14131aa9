/*
 * hash.h
 *	  SHA-256 of bytes, and of lists of texts.
 */
#ifndef LP_HASH_H
#define LP_HASH_H

#include "common/sha2.h"

#define LP_SHA256_BYTES PG_SHA256_DIGEST_LENGTH

extern void lp_sha256(const char *data, int len, uint8 *hash);

/*
 * Each text goes in with its length, so that two texts never read as one; NULL
 * is not the empty text.  Such hashes are stored.
 */
extern void lp_sha256_texts(int n, const char *const *texts, uint8 *hash);

#endif							/* LP_HASH_H */
