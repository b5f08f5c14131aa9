/*
 * shmem.h
 *	  Pieces of the server's shared memory.
 */
#ifndef LP_SHMEM_H
#define LP_SHMEM_H

#include "datatype/timestamp.h"
#include "storage/condition_variable.h"

/* The memory begins with its LWLock, and is zero after that when it is made. */
typedef struct LpShmem
{
	const char *name;			/* of the memory and of its lock */
	Size		size;
	void	  **memory;			/* the caller's pointer; NULL: not attached */
	void		(*made) (void); /* readies what must not be zero; may be NULL */
	struct LpShmem *next;
} LpShmem;

/* _PG_init: where the library is preloaded, the server sets it aside. */
extern void lp_shmem_declare(LpShmem *piece);

/* Throws if there is no memory for it. */
extern void lp_shmem_attach(LpShmem *piece);

/* For those who can do without: false if there is none; never throws. */
extern bool lp_shmem_try_attach(LpShmem *piece);

/*
 * Sleeps until others say that something changed, or for a while; false when
 * the time is over.  The caller prepared to sleep, and looks again.
 */
extern bool lp_shmem_sleep(ConditionVariable *changed, TimestampTz until);

#endif							/* LP_SHMEM_H */
