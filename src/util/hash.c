/*
 * hash.c
 *	  SHA-256 of bytes, and of lists of texts.
 */
#include "postgres.h"

#include "common/cryptohash.h"

#include "util/hash.h"

static pg_cryptohash_ctx *
begin(void)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0)
		elog(ERROR, "could not begin SHA-256");
	return context;
}

static void
add(pg_cryptohash_ctx *context, const void *data, size_t len)
{
	if (pg_cryptohash_update(context, data, len) < 0)
		elog(ERROR, "could not compute SHA-256");
}

static void
end(pg_cryptohash_ctx *context, uint8 *hash)
{
	if (pg_cryptohash_final(context, hash, LP_SHA256_BYTES) < 0)
		elog(ERROR, "could not finish SHA-256");
	pg_cryptohash_free(context);
}

void
lp_sha256(const char *data, int len, uint8 *hash)
{
	pg_cryptohash_ctx *context = begin();

	add(context, data, len);
	end(context, hash);
}

void
lp_sha256_texts(int n, const char *const *texts, uint8 *hash)
{
	pg_cryptohash_ctx *context = begin();

	for (int i = 0; i < n; i++)
	{
		uint32		length = texts[i] != NULL ? strlen(texts[i]) : PG_UINT32_MAX;

		add(context, &length, sizeof(length));
		if (texts[i] != NULL)
			add(context, texts[i], length);
	}
	end(context, hash);
}
