/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Of lint, which has a process of its own: NULL in a plugin. */
static const struct json_watch *watch;

/* What cJSON would accept and we must not: see json_parse(). */
static const char *find_fault(const char *s, size_t len, size_t *at)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		*at = i;
		if (!s[i])
			return "NUL byte";
		if ((unsigned char)s[i] < ' ' &&
		    (in_string || !strchr(" \t\r\n", s[i])))
			return "control character";
		if (in_string) {
			if (s[i] == '\\' && len - i > 5 &&
			    !strncmp(s + i + 1, "u0000", 5))
				return "NUL character";
			if (s[i] == '\\')
				i++;
			else if (s[i] == '"')
				in_string = false;
			continue;
		}
		if (s[i] == '"')
			in_string = true;
		else if (s[i] == '{' || s[i] == '[')
			depth++;
		else if (s[i] == '}' || s[i] == ']')
			depth--;
		if (depth > JSON_MAX_DEPTH)
			return "too many levels";
	}
	return NULL;
}

static int syntax_error(const char *text, const char *at, struct cni_err *err)
{
	size_t line = 1, column = 1;

	for (; text < at; text++) {
		column++;
		if (*text == '\n') {
			line++;
			column = 1;
		}
	}
	return err_say(err, CNI_E_DECODE, EINVAL,
		       "JSON syntax error at line %zu, column %zu", line,
		       column);
}

static const char *skip_space(const char *s, const char *end)
{
	while (s < end && strchr(" \t\r\n", *s))
		s++;
	return s;
}

int json_parse_at(const char *text, size_t len, cJSON **ret, size_t *ret_at,
		  struct cni_err *err)
{
	const char *fault, *end = text;
	size_t at = 0;
	cJSON *doc;

	if (len > JSON_MAX_SIZE)
		return err_say(err, CNI_E_DECODE, E2BIG,
			       "JSON of %zu bytes: at most %u", len,
			       JSON_MAX_SIZE);
	fault = find_fault(text, len, &at);
	if (fault) {
		*ret_at = at;
		return err_say(err, CNI_E_DECODE, EINVAL, "JSON with %s",
			       fault);
	}

	errno = 0;
	doc = cJSON_ParseWithLengthOpts(text, len, &end, 0);
	if (!doc && errno == ENOMEM)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "JSON");
	if (doc)
		end = skip_space(end, text + len);
	if (!doc || end != text + len) {
		cJSON_Delete(doc);
		*ret_at = (size_t)(end - text);
		return syntax_error(text, end, err);
	}

	*ret = doc;
	return 0;
}

int json_parse(const char *text, size_t len, cJSON **ret, struct cni_err *err)
{
	size_t at = 0;

	return json_parse_at(text, len, ret, &at, err);
}

const char *json_text(const cJSON *value, char *buf, size_t size)
{
	char *all = cJSON_PrintUnformatted(value);

	/* cJSON prints null, which is not what the user wrote. */
	if (cJSON_IsNumber(value) && isinf(value->valuedouble)) {
		(void)snprintf(buf, size, "a number out of range");
		cJSON_free(all);
		return buf;
	}
	(void)snprintf(buf, size, "%s", all ? all : "?");
	if (all && strlen(all) >= size)
		memcpy(buf + size - sizeof("..."), "...", sizeof("..."));
	cJSON_free(all);
	return buf;
}

/* What is printed, as it grows. */
struct text {
	char *s;
	size_t len, size;
	bool oom;
};

static void put(struct text *t, const char *s, size_t len)
{
	const size_t need = t->len + len + 1;

	if (need > t->size) {
		const size_t size = need > 2048 ? 2 * need : 2048;
		char *more = t->oom ? NULL : realloc(t->s, size);

		t->oom = !more;
		if (!more)
			return;
		t->s = more;
		t->size = size;
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

/* A line of its own, so deep, after @before. */
static void put_line(struct text *t, const char *before, int depth)
{
	put(t, before, strlen(before));
	put(t, "\n", 1);
	for (int i = 0; i < depth; i++)
		put(t, "    ", 4);
}

static void print_compact(struct text *t, const cJSON *value)
{
	char *s = cJSON_PrintUnformatted(value);

	if (s)
		put(t, s, strlen(s));
	t->oom |= !s;
	cJSON_free(s);
}

/* As deep as JSON_MAX_DEPTH at most. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void print_tree(struct text *t, const cJSON *value, int depth)
{
	const bool is_object = cJSON_IsObject(value);
	const char *before = is_object ? "{" : "[";
	const cJSON *child;
	cJSON key = { .type = cJSON_String };

	if (!value->child) {
		print_compact(t, value);
		return;
	}
	cJSON_ArrayForEach(child, value)
	{
		put_line(t, before, depth + 1);
		before = ",";
		if (is_object) {
			key.valuestring = child->string;
			print_compact(t, &key);
			put(t, ": ", 2);
		}
		print_tree(t, child, depth + 1);
	}
	put_line(t, "", depth);
	put(t, is_object ? "}" : "]", 1);
}

/* Bytes of the character at @s, 0 if it is none. RFC 3629, section 4. */
static size_t utf8_len(const unsigned char *s)
{
	const unsigned char c = s[0];
	const unsigned char lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	const unsigned char hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	const size_t n = c < 0x80   ? 1
			 : c < 0xc2 ? 0
			 : c < 0xe0 ? 2
			 : c < 0xf0 ? 3
			 : c < 0xf5 ? 4
				    : 0;

	if (n > 1 && (s[1] < lo || s[1] > hi))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* A name cut in the middle of a character, or an attacker's bytes, must not
 * make a whole document unreadable for a strict decoder. */
static void make_utf8(char *s)
{
	while (*s) {
		const size_t n = utf8_len((const unsigned char *)s);

		if (!n)
			*s = '?';
		s += n ? n : 1;
	}
}

char *json_print(const cJSON *value)
{
	struct text t = { 0 };

	print_tree(&t, value, 0);
	if (t.oom) {
		free(t.s);
		return NULL;
	}
	make_utf8(t.s);
	return t.s;
}

int json_expected(const cJSON *value, const char *want, struct cni_err *err)
{
	char text[64];

	return err_say(err, CNI_E_DECODE, EINVAL, "%s is not %s",
		       json_text(value, text, sizeof(text)), want);
}

static int decode_int(const cJSON *v, const struct json_field *f, int64_t *ret,
		      struct cni_err *err)
{
	/* 2^53: beyond it a double no longer holds every integer. */
	const double limit = 9007199254740992.0;
	const double d = cJSON_IsNumber(v) ? v->valuedouble : limit;

	if (d <= -limit || d >= limit || (double)(int64_t)d != d)
		return json_expected(v, "an integer", err);
	if (f->min != f->max && (d < (double)f->min || d > (double)f->max))
		return err_say(err, CNI_E_CONFIG, ERANGE,
			       "%.0f is not within %lld..%lld", d,
			       (long long)f->min, (long long)f->max);
	*ret = (int64_t)d;
	return 0;
}

int json_decode_value(const cJSON *v, const struct json_field *f, void *at,
		      struct cni_err *err)
{
	switch (f->type) {
	case JSON_STR:
		if (!cJSON_IsString(v))
			return json_expected(v, "a string", err);
		*(const char **)at = v->valuestring;
		return 0;
	case JSON_BOOL:
		if (!cJSON_IsBool(v))
			return json_expected(v, "true or false", err);
		*(bool *)at = cJSON_IsTrue(v);
		return 0;
	case JSON_INT:
		return decode_int(v, f, at, err);
	case JSON_OBJ:
		if (!cJSON_IsObject(v))
			return json_expected(v, "an object", err);
		*(const cJSON **)at = v;
		return 0;
	case JSON_ARR:
		if (!cJSON_IsArray(v))
			return json_expected(v, "an array", err);
		*(const cJSON **)at = v;
		return 0;
	case JSON_FUNC:
		return f->decode(v, at, err);
	}
	return 0;
}

static const struct json_field *find_field(const struct json_field *fields,
					   const char *name)
{
	const struct json_field *folded = NULL;

	for (; fields->name; fields++) {
		if (!strcmp(fields->name, name))
			return fields;
		if (!folded && !strcasecmp(fields->name, name))
			folded = fields;
	}
	return folded;
}

void json_watch(const struct json_watch *w)
{
	watch = w;
}

int json_decode(const cJSON *obj, const struct json_field *fields, void *ret,
		struct cni_err *err)
{
	const struct json_field *f;
	const cJSON *v;
	int r;

	if (!obj || cJSON_IsNull(obj))
		return 0;
	if (!cJSON_IsObject(obj))
		return json_expected(obj, "an object", err);
	if (watch)
		watch->decoded(obj, fields, watch->arg);

	cJSON_ArrayForEach(v, obj)
	{
		f = find_field(fields, v->string);
		if (!f || cJSON_IsNull(v))
			continue;
		r = json_decode_value(v, f, (char *)ret + f->offset, err);
		if (r < 0 && watch)
			watch->refused(v, watch->arg);
		if (r < 0)
			return err_ctx(err, r, "key \"%s\"", f->name);
	}
	return 0;
}

const cJSON *json_get(const cJSON *obj, const char *key)
{
	const cJSON *v, *found = NULL;

	cJSON_ArrayForEach(v, obj) if (v->string && !strcasecmp(v->string, key))
		found = v;
	return found && !cJSON_IsNull(found) ? found : NULL;
}

int json_add(cJSON *to, const char *key, cJSON *item)
{
	const bool ok = to && item &&
			(key ? cJSON_AddItemToObject(to, key, item)
			     : cJSON_AddItemToArray(to, item));

	if (!ok)
		cJSON_Delete(item);
	return ok ? 0 : -ENOMEM;
}

int json_add_str(cJSON *to, const char *key, const char *s)
{
	return s && *s ? json_add(to, key, cJSON_CreateString(s)) : 0;
}
