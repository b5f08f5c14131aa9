/*
 * differ.c
 *	  Where a value that was told and the one that is shown differ.
 *
 * Paths are written as lp_field_map() writes them: "a.b" for a member, "a[]"
 * for the entries of a list.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "core/differ.h"
#include "util/jsonwalk.h"

static List *
add_path(List *paths, const char *path)
{
	ListCell   *cell;

	foreach(cell, paths)
	{
		if (strcmp(lfirst(cell), path) == 0)
			return paths;
	}
	return lappend(paths, pstrdup(path));
}

static bool
is_same(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type == jbvBinary && b->type == jbvBinary)
		return compareJsonbContainers(a->val.binary.data, b->val.binary.data) == 0;
	if (a->type == jbvBinary || b->type == jbvBinary)
		return false;
	return compareJsonbContainers(&JsonbValueToJsonb(unconstify(JsonbValue *, a))->root,
								  &JsonbValueToJsonb(unconstify(JsonbValue *, b))->root) == 0;
}

static List *compare(List *paths, const char *path, const LpField *field,
					 const JsonbValue *told, const JsonbValue *shown);

static List *
compare_members(List *paths, const char *path, const LpShape *shape,
				const JsonbContainer *told, const JsonbContainer *shown)
{
	LpWalk		each;
	JsonbValue	key;
	JsonbValue	value;
	JsonbValue	other;

	lp_walk_begin(&each, told);
	while (lp_walk_next(&each, &key, &value))
	{
		const LpField *field = lp_shape_find(shape, key.val.string.val, key.val.string.len);
		char	   *name = pnstrdup(key.val.string.val, key.val.string.len);

		if (value.type == jbvNull)
			continue;
		if (!lp_json_get(shown, name, &other))
			other.type = jbvNull;
		if (is_same(&value, &other))
			continue;
		paths = field == NULL ? add_path(paths, path) :
			compare(paths, psprintf("%s.%s", path, name), field, &value, &other);
	}
	return paths;
}

/* Entry by entry, in their order. */
static List *
compare_entries(List *paths, const char *path, const LpField *field,
				const JsonbContainer *told, const JsonbContainer *shown)
{
	LpField		entry = {.inside = field->inside};
	LpWalk		one;
	LpWalk		other;
	JsonbValue	key;
	JsonbValue	told_entry;
	JsonbValue	shown_entry;
	char	   *inside = psprintf("%s[]", path);

	lp_walk_begin(&one, told);
	lp_walk_begin(&other, shown);
	while (lp_walk_next(&one, &key, &told_entry))
	{
		if (!lp_walk_next(&other, &key, &shown_entry))
			return add_path(paths, inside);
		if (!is_same(&told_entry, &shown_entry))
			paths = compare(paths, inside, &entry, &told_entry, &shown_entry);
	}
	return paths;
}

/* Two values that are not the same. */
static List *
compare(List *paths, const char *path, const LpField *field, const JsonbValue *told,
		const JsonbValue *shown)
{
	int			n = list_length(paths);

	check_stack_depth();
	if (field != NULL && field->list && lp_json_is_list(told) && lp_json_is_list(shown))
		paths = compare_entries(paths, path, field, told->val.binary.data,
								shown->val.binary.data);
	else if (field != NULL && !field->list && field->inside != NULL &&
			 lp_json_is_object(told) && lp_json_is_object(shown))
		paths = compare_members(paths, path, field->inside, told->val.binary.data,
								shown->val.binary.data);
	return list_length(paths) > n ? paths : add_path(paths, path);
}

static void
as_value(Jsonb *json, JsonbValue *value)
{
	if (JB_ROOT_IS_SCALAR(json))
	{
		JsonbExtractScalar(&json->root, value);
		return;
	}
	value->type = jbvBinary;
	value->val.binary.data = &json->root;
	value->val.binary.len = VARSIZE(json) - VARHDRSZ;
}

List *
lp_differ_json(const char *path, const LpField *field, Jsonb *told, Jsonb *shown)
{
	JsonbValue	one;
	JsonbValue	other;

	as_value(told, &one);
	as_value(shown, &other);
	return compare(NIL, path, field, &one, &other);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The entries, sorted; a null is no entry. */
static char **
sorted_texts(ArrayType *array, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **texts;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	texts = palloc(sizeof(char *) * Max(count, 1));
	*n = 0;
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			texts[(*n)++] = TextDatumGetCString(values[i]);
	qsort(texts, *n, sizeof(char *), compare_texts);
	return texts;
}

List *
lp_differ_texts(const char *path, ArrayType *told, ArrayType *shown)
{
	int			n_told;
	int			n_shown;
	char	  **one = sorted_texts(told, &n_told);
	char	  **other = sorted_texts(shown, &n_shown);
	int			k = 0;

	for (int i = 0; i < n_told; i++)
	{
		while (k < n_shown && strcmp(other[k], one[i]) < 0)
			k++;
		if (k == n_shown || strcmp(other[k++], one[i]) != 0)
			return list_make1(psprintf("%s[]", path));
	}
	return list_make1(pstrdup(path));
}
