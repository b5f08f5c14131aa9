/*
 * extension.h
 *	  Whether the extension is there for the worker to work with.
 */
#ifndef LP_EXTENSION_H
#define LP_EXTENSION_H

typedef struct LpExtension
{
	Oid			oid;			/* InvalidOid: not installed */
	Oid			schema;
	Oid			owner;			/* leadpool_owner, or InvalidOid */
	char		version[NAMEDATALEN];
} LpExtension;

/* Reads the catalog, in a transaction of its own, and becomes the owner. */
extern LpExtension lp_extension_look(void);

/*
 * In a transaction that has locked nothing yet: keeps the extension from being
 * dropped until it ends; throws if it is gone.
 */
extern void lp_extension_hold(const LpExtension *extension);

/*
 * Why the worker must not work; NULL if it may.  Exits, to be started again,
 * where a new process loads the library of the version that was updated to.
 */
extern const char *lp_extension_reason(const LpExtension *extension);

#endif							/* LP_EXTENSION_H */
