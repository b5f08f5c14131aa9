/*
 * databases.h
 *	  Statements that need a database for themselves.
 */
#ifndef LP_DATABASES_H
#define LP_DATABASES_H

/* _PG_init: hooks into utility statements when preloaded. */
extern void lp_databases_init(void);

#endif							/* LP_DATABASES_H */
