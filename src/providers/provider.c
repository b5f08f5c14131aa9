/*
 * provider.c
 *	  Looking keys up in the shapes of payloads.
 *
 * A shape is indexed once a process, in TopMemoryContext, when it is first
 * asked.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "providers/provider.h"

static int
compare_fields(const void *a, const void *b)
{
	return strcmp((*(LpField *const *) a)->key, (*(LpField *const *) b)->key);
}

static int
count_words(const char *words)
{
	int			n = 0;

	for (const char *p = words; p != NULL && *p != '\0'; p++)
		if (*p != ' ' && (p[1] == ' ' || p[1] == '\0'))
			n++;
	return n;
}

/* Appends a field for each word. */
static void
add_words(LpShape *shape, const char *words, bool list, bool open)
{
	char	   *copy;

	if (words == NULL)
		return;
	copy = pstrdup(words);
	for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
	{
		LpField    *field = palloc0(sizeof(LpField));

		field->key = word;
		field->list = list;
		field->open = open;
		shape->sorted[shape->n_sorted++] = field;
	}
}

static void
index_shape(LpShape *shape)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	int			n = 0;

	while (shape->fields != NULL && shape->fields[n].key != NULL)
		n++;
	shape->sorted = palloc(sizeof(LpField *) *
						   (n + 1 + count_words(shape->plain) +
							count_words(shape->lists) + count_words(shape->open)));
	shape->n_sorted = 0;
	for (int i = 0; i < n; i++)
		shape->sorted[shape->n_sorted++] = unconstify(LpField *, &shape->fields[i]);
	add_words(shape, shape->plain, false, false);
	add_words(shape, shape->lists, true, false);
	add_words(shape, shape->open, false, true);
	qsort(shape->sorted, shape->n_sorted, sizeof(LpField *), compare_fields);
	MemoryContextSwitchTo(old);
}

static const LpShape *
indexed(const LpShape *shape)
{
	if (shape->sorted == NULL)
		index_shape(unconstify(LpShape *, shape));
	return shape;
}

const LpField *
lp_shape_find(const LpShape *shape, const char *key, int len)
{
	int			low = 0;
	int			high;

	if (shape == NULL)
		return NULL;
	high = indexed(shape)->n_sorted - 1;
	while (low <= high)
	{
		int			middle = (low + high) / 2;
		const LpField *field = shape->sorted[middle];
		int			order = strncmp(key, field->key, len);

		if (order == 0 && field->key[len] != '\0')
			order = -1;
		if (order == 0)
			return field;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return NULL;
}

const LpField *
lp_shape_at(const LpShape *shape, const char *path)
{
	const LpField *field = NULL;

	do
	{
		int			len = strcspn(path, ".");

		field = lp_shape_find(shape, path, len);
		shape = field == NULL ? NULL : field->inside;
		path += len + (path[len] == '.');
	} while (*path != '\0' && shape != NULL);
	return *path == '\0' ? field : NULL;
}

void
lp_shape_paths(const LpShape *shape, const char *prefix, const char *column,
			   LpPathVisit visit, void *state)
{
	indexed(shape);
	for (int i = 0; i < shape->n_sorted; i++)
	{
		const LpField *field = shape->sorted[i];
		const char *holder = column != NULL ? column : field->column;
		char	   *path = psprintf("%s%s", prefix, field->key);

		if (holder != NULL)
			visit(state, path, holder);
		if (field->list)
			path = psprintf("%s[]", path);
		if (field->list && holder != NULL)
			visit(state, path, holder);
		if (field->open && holder != NULL)
			visit(state, psprintf("%s.*", path), holder);
		if (field->inside != NULL)
			lp_shape_paths(field->inside, psprintf("%s.", path), holder,
						   visit, state);
	}
}
