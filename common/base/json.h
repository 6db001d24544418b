/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - bounded JSON input, decoded by tables as Go's encoding/json does. */
#ifndef WEFT_BASE_JSON_H
#define WEFT_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define JSON_MAX_SIZE (1U << 20) /* bytes of one document */
#define JSON_MAX_DEPTH 64	 /* nested arrays and objects */

DEFINE_CLEANUP(cJSON *, cJSON_Delete)
#define cleanup_json CLEANUP(cJSON_Deletep)

/**
 * json_parse() - Parse one document from a hostile source
 * @text:	Bytes; at most JSON_MAX_SIZE
 * @len:	Their number
 * @ret:	The tree; unchanged on failure. Free with cJSON_Delete()
 * @err:	CNI_E_DECODE with line and column; CNI_E_INTERNAL: out of memory
 *
 * Refused beyond what cJSON refuses: deeper than JSON_MAX_DEPTH, control
 * characters, a NUL written as \u0000 (it would cut a C string), anything after
 * the value.
 *
 * Return: 0, -EINVAL, -E2BIG or -ENOMEM
 */
int json_parse(const char *text, size_t len, cJSON **ret, struct cni_err *err);

/**
 * json_parse_at() - The same, and where a failure is
 * @ret_at:	Offset in @text of what was refused; unchanged on success
 */
int json_parse_at(const char *text, size_t len, cJSON **ret, size_t *ret_at,
		  struct cni_err *err);

enum json_type {
	JSON_STR,  /* const char *, pointing into the tree */
	JSON_BOOL, /* bool */
	JSON_INT,  /* int64_t; min and max are checked if they differ */
	JSON_OBJ,  /* const cJSON *, an object */
	JSON_ARR,  /* const cJSON *, an array */
	JSON_FUNC, /* whatever @decode makes of it */
};

/**
 * struct json_field - One key of an object and where its value goes
 * @name:	Key; found as Go finds it: any case, the last one given wins
 * @type:	What it must be. null leaves the field as it is
 * @offset:	offsetof() in the struct that is filled
 * @min:	Least value of a JSON_INT
 * @max:	Greatest value of a JSON_INT
 * @decode:	JSON_FUNC only: gets the value and the field's address
 */
struct json_field {
	const char *name;
	enum json_type type;
	size_t offset;
	int64_t min, max;
	int (*decode)(const cJSON *value, void *field, struct cni_err *err);
};

/**
 * json_decode() - Fill a struct from an object
 * @obj:	The object; NULL or null fills nothing
 * @fields:	Table, ended by a zero entry
 * @ret:	The struct; partly filled on failure
 * @err:	CNI_E_DECODE for a wrong type, CNI_E_CONFIG for a bad value; the
 *		message names the key and the value
 *
 * Unknown keys are ignored.
 *
 * Return: 0 or a negative errno
 */
int json_decode(const cJSON *obj, const struct json_field *fields, void *ret,
		struct cni_err *err);

/** json_decode_value() - One value, into @at; for a JSON_FUNC of two types */
int json_decode_value(const cJSON *v, const struct json_field *f, void *at,
		      struct cni_err *err);

/**
 * struct json_watch - Who wants to see what json_decode() does, as lint does
 * @decoded:	An object and a table that it is decoded by
 * @refused:	The value that a decoding fails at, then those around it
 * @arg:	Passed to both
 */
struct json_watch {
	void (*decoded)(const cJSON *obj, const struct json_field *fields,
			void *arg);
	void (*refused)(const cJSON *value, void *arg);
	void *arg;
};

/**
 * json_watch() - Watch every json_decode() of this process from now on
 * @w:		Must stay as long as it is watched; NULL ends it
 *
 * So that what a parser knows is never written down a second time. Plugins
 * never watch.
 */
void json_watch(const struct json_watch *w);

/** json_get() - The value of a key as Go finds it, or NULL; null is NULL */
const cJSON *json_get(const cJSON *obj, const char *key);

/**
 * json_text() - A value as one line for an error message
 *
 * Cut to the buffer's size. Return: @buf
 */
const char *json_text(const cJSON *value, char *buf, size_t size);

/**
 * json_print() - Indented by four spaces, as the reference plugins print
 *
 * Bytes that are no UTF-8 become '?'.
 *
 * Return: the text, free with free(); NULL: out of memory
 */
char *json_print(const cJSON *value);

/**
 * json_expected() - Record a value of the wrong type
 * @want:	"a string", "an array of objects"
 *
 * Return: -EINVAL
 */
int json_expected(const cJSON *value, const char *want, struct cni_err *err);

/**
 * json_add() - Add @item to @to under @key, or to the array @to without one
 *
 * Takes @item in every case; a NULL item or container is -ENOMEM, so building
 * calls can be chained and their results or-ed.
 *
 * Return: 0 or -ENOMEM
 */
int json_add(cJSON *to, const char *key, cJSON *item);

/** json_add_str() - Add a string, nothing if @s is NULL or empty */
int json_add_str(cJSON *to, const char *key, const char *s);

#endif
