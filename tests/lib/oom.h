/* SPDX-License-Identifier: Apache-2.0 */
/* oom.h - malloc(3) that fails when told, for the whole process.
 *
 * Interposed by name, not wrapped by the linker: allocations inside libcjson
 * and the C library fail too. */
#ifndef WEFT_TESTS_LIB_OOM_H
#define WEFT_TESTS_LIB_OOM_H

#include <errno.h>

#include "check.h"

#ifdef __SANITIZE_ADDRESS__
#define OOM_REAL(f) __interceptor_##f
#else
#define OOM_REAL(f) __libc_##f
#endif

void *OOM_REAL(malloc)(size_t size);
void *OOM_REAL(calloc)(size_t n, size_t size);
void *OOM_REAL(realloc)(void *p, size_t size);
void OOM_REAL(free)(void *p);

static struct {
	long left; /* allocations until one fails; negative: never */
	long live; /* allocated and not freed */
	int failed;
} oom = { .left = -1 };

static int oom_strikes(void)
{
	if (oom.left < 0 || oom.left-- > 0)
		return 0;
	oom.failed = 1;
	errno = ENOMEM;
	return 1;
}

static void *oom_count(void *p)
{
	oom.live += p != NULL;
	return p;
}

void *malloc(size_t size)
{
	return oom_strikes() ? NULL : oom_count(OOM_REAL(malloc)(size));
}

void *calloc(size_t n, size_t size)
{
	return oom_strikes() ? NULL : oom_count(OOM_REAL(calloc)(n, size));
}

void *realloc(void *p, size_t size)
{
	void *q = oom_strikes() ? NULL : OOM_REAL(realloc)(p, size);

	return p ? q : oom_count(q);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	return realloc(p, n * size);
}

char *strndup(const char *s, size_t n)
{
	const size_t len = strnlen(s, n);
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *strdup(const char *s)
{
	return strndup(s, strlen(s));
}

void free(void *p)
{
	oom.live -= p != NULL;
	OOM_REAL(free)(p);
}

/**
 * oom_sweep() - Fail the first allocation of @fn, then the second, ...
 * @fn:		Returns what the function under test does; frees what it got
 * @err:	That function's error
 *
 * Until it succeeds. A failure must be said and must leave nothing allocated;
 * success in spite of one must leave nothing either.
 */
static inline void oom_sweep(int (*fn)(struct cni_err *err))
{
	for (long n = 0;; n++) {
		struct cni_err err = CNI_ERR_INIT;
		const long live = oom.live;
		int r;

		assert_true(n < 10000);
		oom.failed = 0;
		oom.left = n;
		r = fn(&err);
		oom.left = -1;
		if (oom.live != live)
			fail_msg("allocation %ld: %ld not freed", n,
				 oom.live - live);
		if (!oom.failed) {
			assert_ok(r, &err);
			assert_true(n > 0);
			return;
		}
		if (r < 0 && (!*err.msg || !err.code))
			fail_msg("allocation %ld: failed silently", n);
		if (r < 0 && err.errnum != ENOMEM)
			fail_msg("allocation %ld: %s", n, err.msg);
	}
}

#endif
