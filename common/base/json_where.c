/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_where.h"

#include <string.h>

struct scan {
	const char *p, *end;
};

/* No deeper than JSON_MAX_DEPTH. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static bool find(const cJSON *at, const cJSON *node, struct json_path *path)
{
	const size_t depth = path->n;
	const cJSON *child;
	size_t i = 0;

	if (at == node)
		return true;
	if (depth == JSON_MAX_DEPTH)
		return false;
	cJSON_ArrayForEach(child, at)
	{
		path->at[depth] = i++;
		path->n = depth + 1;
		if (find(child, node, path))
			return true;
	}
	path->n = depth;
	return false;
}

bool json_path_find(const cJSON *root, const cJSON *node, struct json_path *ret)
{
	struct json_path path = { 0 };

	if (!root || !node || !find(root, node, &path))
		return false;
	*ret = path;
	return true;
}

cJSON *json_path_get(cJSON *root, const struct json_path *path)
{
	for (size_t i = 0; root && i < path->n; i++)
		root = cJSON_GetArrayItem(root, (int)path->at[i]);
	return root;
}

struct json_where json_where_at(const char *text, size_t len, size_t offset)
{
	struct json_where w = { 1, 1 };
	size_t i = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	for (; i < len && i < offset; i++) {
		/* Bytes 10xxxxxx continue a character. */
		w.column += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (text[i] == '\n') {
			w.line++;
			w.column = 1;
		}
	}
	return w;
}

static void skip_space(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\r\n", *s->p))
		s->p++;
}

static void skip_string(struct scan *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
	if (s->p < s->end)
		s->p++;
}

/* Any value: brackets are counted, which in a text that was accepted match. */
static void skip_value(struct scan *s)
{
	size_t depth = 0;

	while (s->p < s->end) {
		const char c = *s->p;

		if (!depth && (c == ',' || c == ']' || c == '}'))
			return;
		if (c == '"') {
			skip_string(s);
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		s->p++;
	}
}

/* From the bracket to the child's key, or to its value in an array. */
static bool enter(struct scan *s, size_t child)
{
	if (s->p == s->end || (*s->p != '{' && *s->p != '['))
		return false;
	do {
		s->p++;
		skip_space(s);
		if (!child--)
			return s->p < s->end;
		skip_value(s);
	} while (s->p < s->end && *s->p == ',');
	return false;
}

static void skip_key(struct scan *s)
{
	skip_string(s);
	skip_space(s);
	if (s->p < s->end && *s->p == ':')
		s->p++;
	skip_space(s);
}

static bool locate(struct scan *s, const struct json_path *path, bool key)
{
	if (s->end - s->p >= 3 && !memcmp(s->p, "\xef\xbb\xbf", 3))
		s->p += 3;
	skip_space(s);
	for (size_t i = 0; i < path->n; i++) {
		const bool in_object = s->p < s->end && *s->p == '{';

		if (!enter(s, path->at[i]))
			return false;
		if (in_object && !(key && i + 1 == path->n))
			skip_key(s);
	}
	return true;
}

struct json_where json_where(const char *text, size_t len,
			     const struct json_path *path, bool key)
{
	struct scan s = { text, text + len };
	const bool found = locate(&s, path, key);

	return json_where_at(text, len, found ? (size_t)(s.p - text) : len);
}

const char *json_span(const char *text, size_t len,
		      const struct json_path *path, size_t *ret_len)
{
	struct scan s = { text, text + len };
	const char *start, *end;

	if (!locate(&s, path, false))
		return NULL;
	start = s.p;
	skip_value(&s);
	end = s.p;
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	*ret_len = (size_t)(end - start);
	return start;
}
