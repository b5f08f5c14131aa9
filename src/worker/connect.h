/*
 * connect.h
 *	  How the worker connects to its database.
 */
#ifndef LP_CONNECT_H
#define LP_CONNECT_H

/* Exits with code 0 if the database is gone. */
extern void lp_worker_connect(Oid database);

#endif							/* LP_CONNECT_H */
