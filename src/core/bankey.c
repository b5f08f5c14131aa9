/*
 * bankey.c
 *	  The secret under which bans are hashed: a file, never in a dump.
 *
 * The file holds 32 random bytes a key.  It is written beside its final name,
 * synced, and linked into place, so that two sessions that both find none end
 * up with the same one and a crash leaves no half key.  The bytes are kept in
 * the backend and read again when the file changes.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "port.h"
#include "storage/fd.h"

#include "core/bankey.h"
#include "util/errors.h"
#include "util/settings.h"

static LpBanKey ring[LP_BANKEY_MAX];
static int	ring_size;
static struct stat ring_stat;
static char ring_path[MAXPGPATH];

static const char *
key_path(void)
{
	static char path[MAXPGPATH];

	if (is_absolute_path(lp_key_file))
		strlcpy(path, lp_key_file, MAXPGPATH);
	else
		snprintf(path, MAXPGPATH, "%s/%s", DataDir, lp_key_file);
	return path;
}

static void
unreadable(const char *path, const char *why)
{
	ereport(ERROR,
			errcode(ERRCODE_LP_BAN_KEY),
			errmsg("could not read the suppression key \"%s\": %s", path, why),
			errhint("leadpool.key_file must name a file of mode 0600 with 32 bytes a key; bring the one that the bans were made with."));
}

static void
fill_in(LpBanKey *key)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL ||
		pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) "leadpool ban key", 16) < 0 ||
		pg_cryptohash_update(context, key->secret, LP_BANKEY_BYTES) < 0 ||
		pg_cryptohash_final(context, key->fingerprint, LP_BANKEY_BYTES) < 0)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute a fingerprint"));
	pg_cryptohash_free(context);
	for (int i = 0; i < 8; i++)
		snprintf(key->id + 2 * i, 3, "%02x", key->fingerprint[i]);
}

int
lp_bankey_ring(LpBanKey **keys)
{
	const char *path = key_path();
	struct stat now;
	uint8		bytes[LP_BANKEY_BYTES * LP_BANKEY_MAX + 1];
	int			fd;
	ssize_t		got;

	*keys = ring;
	if (stat(path, &now) != 0)
	{
		if (errno != ENOENT)
			unreadable(path, strerror(errno));
		ring_size = 0;
		return 0;
	}
	if (ring_size > 0 && strcmp(path, ring_path) == 0 &&
		now.st_ino == ring_stat.st_ino && now.st_dev == ring_stat.st_dev &&
		now.st_size == ring_stat.st_size &&
		now.st_mtim.tv_sec == ring_stat.st_mtim.tv_sec &&
		now.st_mtim.tv_nsec == ring_stat.st_mtim.tv_nsec)
		return ring_size;

	ring_size = 0;
	if (!S_ISREG(now.st_mode))
		unreadable(path, "not a regular file");
	if (now.st_mode & (S_IRWXG | S_IRWXO))
		unreadable(path, "group or others may read it");
	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (fd < 0)
		unreadable(path, strerror(errno));
	got = read(fd, bytes, sizeof(bytes));
	CloseTransientFile(fd);
	if (got <= 0 || got % LP_BANKEY_BYTES != 0)
		unreadable(path, "not a key file");
	for (int i = 0; i < got / LP_BANKEY_BYTES; i++)
	{
		memcpy(ring[i].secret, bytes + i * LP_BANKEY_BYTES, LP_BANKEY_BYTES);
		fill_in(&ring[i]);
	}
	explicit_bzero(bytes, sizeof(bytes));
	ring_size = got / LP_BANKEY_BYTES;
	ring_stat = now;
	strlcpy(ring_path, path, MAXPGPATH);
	return ring_size;
}

void
lp_bankey_create(void)
{
	const char *path = key_path();
	char		fresh[MAXPGPATH];
	char		folder[MAXPGPATH];
	uint8		secret[LP_BANKEY_BYTES];
	int			fd;
	bool		written;

	if (!pg_strong_random(secret, sizeof(secret)))
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not generate random values"));
	snprintf(fresh, MAXPGPATH, "%s.%d", path, MyProcPid);
	unlink(fresh);				/* left by a crash of a process of this id */
	fd = OpenTransientFilePerm(fresh, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
							   S_IRUSR | S_IWUSR);
	if (fd < 0)
		ereport(ERROR,
				errcode(ERRCODE_LP_BAN_KEY),
				errmsg("could not create the suppression key \"%s\": %m", path),
				errhint("leadpool.key_file must name a place where the server may write."));
	written = write(fd, secret, sizeof(secret)) == sizeof(secret) &&
		pg_fsync(fd) == 0;
	explicit_bzero(secret, sizeof(secret));
	if (CloseTransientFile(fd) != 0 || !written ||
		(link(fresh, path) != 0 && errno != EEXIST))
	{
		int			save_errno = errno;

		unlink(fresh);
		errno = save_errno;
		ereport(ERROR,
				errcode(ERRCODE_LP_BAN_KEY),
				errmsg("could not write the suppression key \"%s\": %m", path));
	}
	unlink(fresh);
	strlcpy(folder, path, MAXPGPATH);
	get_parent_directory(folder);
	fsync_fname(folder, true);
}

void
lp_bankey_hash(const LpBanKey *key, const char *kind, const char *value,
			   uint8 *hash)
{
	/* Contexts belong to a resource owner, so none is kept across calls. */
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);

	if (context == NULL ||
		pg_hmac_init(context, key->secret, LP_BANKEY_BYTES) < 0 ||
		pg_hmac_update(context, (const uint8 *) kind, strlen(kind) + 1) < 0 ||
		pg_hmac_update(context, (const uint8 *) value, strlen(value)) < 0 ||
		pg_hmac_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		ereport(ERROR,
				errcode(ERRCODE_INTERNAL_ERROR),
				errmsg("could not compute a keyed hash"));
	pg_hmac_free(context);
}
