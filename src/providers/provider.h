/*
 * provider.h
 *	  What the payloads of a provider look like, as data.
 *
 * A shape names the keys of one kind of JSON object: which column of
 * lead_pool takes the value, and which keys are known inside it.  Nothing but
 * these tables knows a provider's spelling of a field.
 */
#ifndef LP_PROVIDER_H
#define LP_PROVIDER_H

typedef struct LpShape LpShape;
typedef struct LpField LpField;

struct LpField
{
	const char *key;
	const char *column;			/* of lead_pool; NULL: none of its own */
	const LpShape *inside;		/* of the object, or of each one in the list */
	bool		list;
	bool		open;			/* the keys inside are data */
};

/*
 * Keys without a column or a shape of their own are given as words: plain
 * ones, lists of plain values, and objects whose keys are data.
 */
struct LpShape
{
	const LpField *fields;
	const char *plain;
	const char *lists;
	const char *open;
	LpField   **sorted;			/* all keys by name, made at the first use */
	int			n_sorted;
};

typedef struct LpProvider
{
	const char *name;
	LpShape    *person;
	LpShape    *organization;
	LpShape    *contact;
	LpShape    *envelope;		/* of a body, without its elements */
} LpProvider;

extern const LpProvider lp_apollo;

/* The field of that name, or NULL.  The key need not be terminated. */
extern const LpField *lp_shape_find(const LpShape *shape, const char *key, int len);

/* The field at a path ("a.b"), or NULL. */
extern const LpField *lp_shape_at(const LpShape *shape, const char *path);

/*
 * Calls back for every known path below a shape, with the column that takes
 * or contains its value.
 */
typedef void (*LpPathVisit) (void *state, const char *path, const char *column);

extern void lp_shape_paths(const LpShape *shape, const char *prefix,
						   const char *column, LpPathVisit visit, void *state);

#endif							/* LP_PROVIDER_H */
