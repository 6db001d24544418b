/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - cmocka, and assertions about struct cni_err. */
#ifndef WEFT_TESTS_LIB_CHECK_H
#define WEFT_TESTS_LIB_CHECK_H

/* clang-format off */
/* cmocka's header needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A test: its name is the sentence that it proves. */
#define TEST(name) static void name(__attribute__((unused)) void **state)

#define assert_ok(r, err) check_ok((r), (err), __FILE__, __LINE__)
#define assert_error(r, err, code, msg) \
	check_error((r), (err), (code), (msg), __FILE__, __LINE__)
#define assert_says(err, part) check_says((err), (part), __FILE__, __LINE__)

static inline void check_ok(int r, const struct cni_err *err, const char *file,
			    int line)
{
	if (r >= 0)
		return;
	print_error("returned %d, code %d: %s %s\n", r, err->code, err->msg,
		    err->details);
	_fail(file, line);
}

/* Failed with this very code and message. */
static inline void check_error(int r, const struct cni_err *err, int code,
			       const char *msg, const char *file, int line)
{
	if (r < 0 && (int)err->code == code && !strcmp(err->msg, msg))
		return;
	print_error("returned %d, code %d: %s\n  expected code %d: %s\n", r,
		    err->code, err->msg, code, msg);
	_fail(file, line);
}

static inline void check_says(const struct cni_err *err, const char *part,
			      const char *file, int line)
{
	if (strstr(err->msg, part) || strstr(err->details, part))
		return;
	print_error("\"%s\" is not in: %s %s\n", part, err->msg, err->details);
	_fail(file, line);
}

/* For functions that take a text over. */
static inline char *dup_text(const char *s)
{
	char *copy = strdup(s);

	assert_non_null(copy);
	return copy;
}

/* @n times @c, NUL-terminated; free with free(). */
static inline char *repeat(char c, size_t n)
{
	char *s = malloc(n + 1);

	assert_non_null(s);
	memset(s, c, n);
	s[n] = '\0';
	return s;
}

/* RFC 3629, as a strict decoder reads it; not our own code's opinion. */
static inline int is_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		unsigned int v;
		int more;

		if (*s < 0x80) {
			s++;
			continue;
		}
		more = (*s & 0xe0) == 0xc0   ? 1
		       : (*s & 0xf0) == 0xe0 ? 2
		       : (*s & 0xf8) == 0xf0 ? 3
					     : -1;
		if (more < 0)
			return 0;
		v = *s++ & (0x3fU >> more);
		for (int i = 0; i < more; i++, s++) {
			if ((*s & 0xc0) != 0x80)
				return 0;
			v = v << 6 | (*s & 0x3f);
		}
		if (v < (more == 1   ? 0x80U
			 : more == 2 ? 0x800U
				     : 0x10000U) ||
		    v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
			return 0;
	}
	return 1;
}

#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
