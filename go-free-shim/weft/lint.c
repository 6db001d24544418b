/* SPDX-License-Identifier: Apache-2.0 */
/* weft lint: are these configurations what they are meant to be? */
#include "weft/lint.h"

#include <errno.h>
#include <stdio.h>

#include "weft/show.h"
#include "weft/weft.h"

static int by_place(const cJSON *a, const cJSON *b)
{
	for (size_t i = 0; i < 2; i++) {
		const char *key = i ? "column" : "line";
		const double p = cJSON_GetNumberValue(json_get(a, key));
		const double q = cJSON_GetNumberValue(json_get(b, key));

		if (p != q)
			return p < q ? -1 : 1;
	}
	return 0;
}

/* A file's findings in the order of the file; stable where one place has two. */
static int sort_from(cJSON *found, int first)
{
	const int n = cJSON_GetArraySize(found) - first;
	cleanup_free cJSON **v = calloc((size_t)n + 1, sizeof(cJSON *));
	int r = 0;

	if (!v)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		cJSON *o = cJSON_DetachItemFromArray(found, first);
		int k = i;

		for (; k && by_place(v[k - 1], o) > 0; k--)
			v[k] = v[k - 1];
		v[k] = o;
	}
	for (int i = 0; i < n; i++)
		r |= json_add(found, NULL, v[i]);
	return r;
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(json_get(o, key));

	return s ? s : "";
}

static void print(const cJSON *found)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, found)(void)
		printf("%s:%.0f:%.0f: %s: %s\n", text_of(o, "file"),
		       cJSON_GetNumberValue(json_get(o, "line")),
		       cJSON_GetNumberValue(json_get(o, "column")),
		       text_of(o, "severity"), text_of(o, "message"));
}

int weft_lint(const struct weft_args *a, struct cni_err *err)
{
	struct lint all = { .found = cJSON_CreateArray() };
	int r = 0;

	all.failed = !all.found;
	for (size_t i = 0; !all.failed && i < a->n; i++) {
		const int first = cJSON_GetArraySize(all.found);

		lint_file(&all, a->positional[i]);
		all.failed |= sort_from(all.found, first) < 0;
	}
	if (all.failed)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "lint");
	else if (a->json)
		r = show_json(all.found, err);
	else
		print(all.found);
	if (!r && all.errors)
		r = WEFT_FOUND;
	free(all.nets);
	cJSON_Delete(all.found);
	return r;
}
