/* SPDX-License-Identifier: Apache-2.0 */
/* weft lint: the keys that no parser asks for. */
#include <string.h>
#include <strings.h>

#include "weft/lint.h"

static struct json_watch watching;

static void decoded(const cJSON *obj, const struct json_field *fields,
		    void *arg)
{
	struct lint_watch *w = arg;

	if (!w->root)
		w->root = obj;
	if (w->n == LINT_TABLES)
		return;
	w->seen[w->n].obj = obj;
	w->seen[w->n].fields = fields;
	w->n++;
}

static void refused(const cJSON *value, void *arg)
{
	struct lint_watch *w = arg;

	if (!w->refused)
		w->refused = value;
}

void lint_watch(struct lint_watch *w)
{
	*w = (struct lint_watch){ 0 };
	watching = (struct json_watch){ decoded, refused, w };
	json_watch(&watching);
}

void lint_watch_end(void)
{
	json_watch(NULL);
}

enum { WORD = 48, WORDS = 128, SLIPS = 2 };

static size_t least(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Levenshtein's distance, over any case. */
static size_t distance(const char *a, const char *b)
{
	const size_t n = strlen(a), m = strlen(b);
	size_t row[WORD + 1];

	if (n > WORD || m > WORD)
		return WORD;
	for (size_t k = 0; k <= m; k++)
		row[k] = k;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= m; k++) {
			const bool same = !strncasecmp(a + i - 1, b + k - 1, 1);
			const size_t up = row[k];

			row[k] =
				least(up + 1, row[k - 1] + 1, diagonal + !same);
			diagonal = up;
		}
	}
	return row[m];
}

const char *lint_near(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t least_far = SLIPS + 1;

	for (size_t i = 0; i < n; i++) {
		const size_t far = distance(word, words[i]);

		/* A word of two letters is not near every other one. */
		if (far < least_far && far < strlen(word) &&
		    far < strlen(words[i])) {
			least_far = far;
			best = words[i];
		}
	}
	return best;
}

/* All tables that decode @obj, as one list of words. */
static size_t words_of(const struct lint_watch *w, const cJSON *obj,
		       const char *words[WORDS])
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		for (const struct json_field *f = w->seen[i].fields;
		     w->seen[i].obj == obj && f->name && n < WORDS; f++)
			words[n++] = f->name;
	return n;
}

static bool is_among(const char *key, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(words[i], key))
			return true;
	return false;
}

static bool given_again(const cJSON *child)
{
	for (const cJSON *v = child->next; v; v = v->next)
		if (!strcasecmp(v->string, child->string))
			return true;
	return false;
}

/* @here is in the file what @obj is in the parser's tree. */
static void check_object(struct lint_file *f, const cJSON *here,
			 const char *const *words, size_t n,
			 bool (*is_known)(const char *object, const char *key))
{
	const cJSON *child;

	cJSON_ArrayForEach(child, here)
	{
		const char *near = lint_near(child->string, words, n);

		if (given_again(child))
			lint_say(
				f, false, child, true,
				"key \"%s\" is given again below, and the last one counts",
				child->string);
		if (is_among(child->string, words, n) ||
		    is_known(here->string ? here->string : "", child->string))
			continue;
		lint_say(f, false, child, true,
			 near ? "unknown key \"%s\", did you mean \"%s\"?"
			      : "unknown key \"%s\": nobody reads it%.0s",
			 child->string, near ? near : "");
	}
}

void lint_keys(struct lint_file *f, const cJSON *at, const struct lint_watch *w,
	       bool (*is_known)(const char *object, const char *key))
{
	const char *words[WORDS];
	struct json_path path;

	for (size_t i = 0; i < w->n; i++) {
		const cJSON *obj = w->seen[i].obj;
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= w->seen[k].obj == obj;
		if (again || !json_path_find(w->root, obj, &path))
			continue;
		check_object(f, json_path_get((cJSON *)at, &path), words,
			     words_of(w, obj, words), is_known);
	}
}
