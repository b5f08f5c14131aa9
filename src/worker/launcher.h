/*
 * launcher.h
 *	  Workers for the databases of leadpool.databases.
 */
#ifndef LP_LAUNCHER_H
#define LP_LAUNCHER_H

/* _PG_init, after the settings: registers the launcher when preloaded. */
extern void lp_launcher_init(void);

extern bool lp_launcher_is_preloaded(void);

/* Whether the launcher cares for a database of that name. */
extern bool lp_launcher_lists(const char *database);

extern PGDLLEXPORT void lp_launcher_main(Datum main_arg);

#endif							/* LP_LAUNCHER_H */
