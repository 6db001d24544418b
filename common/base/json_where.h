/* SPDX-License-Identifier: Apache-2.0 */
/* json_where.h - from a node of a tree to its line and column in the text. */
#ifndef WEFT_BASE_JSON_WHERE_H
#define WEFT_BASE_JSON_WHERE_H

#include "base/json.h"

/**
 * struct json_path - The way from the root, by the order in the text
 * @n:		Steps; 0: the root itself
 * @at:		Which child, from 0, on each level. Keys would not do: one may
 *		stand there twice
 */
struct json_path {
	size_t n;
	size_t at[JSON_MAX_DEPTH];
};

/**
 * json_path_find() - How to get to a node
 * @root:	Of a tree of json_parse()
 * @node:	Looked for by its address
 * @ret:	Unchanged on failure
 *
 * Return: whether @node is in the tree
 */
bool json_path_find(const cJSON *root, const cJSON *node,
		    struct json_path *ret);

/** json_path_get() - The node at the end of the way, or NULL */
cJSON *json_path_get(cJSON *root, const struct json_path *path);

/**
 * struct json_where - A place in a text, both from 1
 * @line:	Lines end at "\n"
 * @column:	In characters of UTF-8, a tab being one
 */
struct json_where {
	size_t line;
	size_t column;
};

/** json_where_at() - The place of an offset; past the end is the end */
struct json_where json_where_at(const char *text, size_t len, size_t offset);

/**
 * json_where() - The place of a node
 * @text:	What json_parse() accepted
 * @len:	Its bytes
 * @path:	The node
 * @key:	Its key's place, if it has one, rather than the value's
 *
 * Return: the place; of the text's end, if the way ends before
 */
struct json_where json_where(const char *text, size_t len,
			     const struct json_path *path, bool key);

/**
 * json_span() - Where the text of a node's value is
 * @text:	What json_parse() accepted
 * @len:	Its bytes
 * @path:	The node
 * @ret_len:	Its bytes, without space around it; unchanged on failure
 *
 * Return: its first byte, or NULL if the text has no such node
 */
const char *json_span(const char *text, size_t len,
		      const struct json_path *path, size_t *ret_len);

#endif
