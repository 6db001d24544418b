/* SPDX-License-Identifier: Apache-2.0 */
/* A library to be preloaded: the n-th allocation fails, in whatever code. */
#include "fail_alloc.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static struct fail_alloc *plan;

__attribute__((constructor)) static void begin(void)
{
	const char *fd = getenv("WEFT_FAIL_ALLOC");
	void *p = MAP_FAILED;

	if (fd)
		p = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE,
			 MAP_SHARED, atoi(fd), 0);
	plan = p == MAP_FAILED ? NULL : p;
}

static int fails(void)
{
	unsigned int n;

	if (!plan)
		return 0;
	n = atomic_fetch_add(&plan->count, 1) + 1;
	if (n != plan->at && !(plan->ever_after && n > plan->at))
		return 0;
	atomic_fetch_add(&plan->failed, 1);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
