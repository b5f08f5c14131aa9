/*
 * compat.h
 *	  What PostgreSQL 15 to 18 call by different names.
 */
#ifndef LP_COMPAT_H
#define LP_COMPAT_H

/* Stands before the declaration, as from 18 on. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* What a check hook keeps in *extra is freed by the server. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(elevel, size) malloc(size)
#define guc_free(pointer) free(pointer)
#endif

#endif							/* LP_COMPAT_H */
