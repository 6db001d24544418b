/* SPDX-License-Identifier: Apache-2.0 */
/* The static build's malloc(), under names of its own. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/check.h"

#define malloc weft_malloc
#define calloc weft_calloc
#define realloc weft_realloc
#define free weft_free
#define aligned_alloc weft_aligned_alloc
void *weft_malloc(size_t size);
void *weft_calloc(size_t n, size_t size);
void *weft_realloc(void *p, size_t size);
void weft_free(void *p);
void *weft_aligned_alloc(size_t align, size_t size);

#include "../../static/malloc.c"
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef aligned_alloc

enum { SLOTS = 97, STEPS = 20000, PAGES = 3 };

struct slot {
	unsigned char *p;
	size_t size;
	unsigned char fill;
};

static uint32_t pick(uint32_t below)
{
	static uint32_t seed = 1;

	seed = seed * 1664525 + 1013904223; /* Numerical Recipes, 7.1 */
	return (seed >> 8) % below;
}

static void assert_filled(const struct slot *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s->p[i] != s->fill)
			fail_msg("byte %zu of %zu is another's", i, s->size);
}

static size_t some_size(void)
{
	const uint32_t most[] = { 40, 600, 5000, 300000 };

	return pick(most[pick(sizeof(most) / sizeof(most[0]))]);
}

TEST(blocks_of_every_size_are_aligned_and_nobody_elses)
{
	struct slot slots[SLOTS] = { 0 };

	for (int i = 0; i < STEPS; i++) {
		struct slot *s = &slots[pick(SLOTS)];
		const size_t size = some_size(), had = s->size;

		assert_filled(s, s->p ? had : 0);
		if (s->p && pick(2)) {
			weft_free(s->p);
			s->p = weft_malloc(size);
		} else {
			s->p = weft_realloc(s->p, size);
			assert_filled(s, had < size ? had : size);
		}
		assert_non_null(s->p);
		assert_int_equal((uintptr_t)s->p % 16, 0);
		s->size = size;
		s->fill = (unsigned char)i;
		memset(s->p, s->fill, size);
	}
	for (size_t i = 0; i < SLOTS; i++) {
		assert_filled(&slots[i], slots[i].p ? slots[i].size : 0);
		weft_free(slots[i].p);
	}
}

TEST(what_is_freed_serves_the_next_of_its_size)
{
	const size_t sizes[] = { 1, 16, 1000, 1024, 1025, 4096, 131072 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		void *p = weft_malloc(sizes[i]);

		weft_free(p);
		assert_ptr_equal(weft_malloc(sizes[i]), p);
		weft_free(p);
	}
}

TEST(calloc_gives_zeros_also_where_something_was)
{
	const size_t sizes[] = { 24, 4096, 131072, 131073 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned char *p = weft_malloc(sizes[i]);

		memset(p, 0xff, sizes[i]);
		weft_free(p);
		p = weft_calloc(1, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(p[k], 0);
		weft_free(p);
	}
}

TEST(what_cannot_be_had_is_ENOMEM)
{
	volatile size_t all = SIZE_MAX; /* compilers warn of what they see */

	errno = 0;
	assert_null(weft_calloc(all / 2, 3));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(weft_malloc(all));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(weft_malloc((size_t)1 << 60));
	assert_int_equal(errno, ENOMEM);
}

TEST(a_failed_realloc_leaves_the_block)
{
	volatile size_t all = SIZE_MAX;
	char *p = weft_malloc(32);

	strcpy(p, "still here");
	assert_null(weft_realloc(p, all));
	assert_string_equal(p, "still here");
	weft_free(p);
}

TEST(a_large_block_goes_back_to_the_kernel)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = weft_malloc(SMALL + 1);
	unsigned char there[1];

	errno = 17;
	weft_free(p);
	assert_int_equal(errno, 17);
	assert_int_equal(mincore((void *)((uintptr_t)p & -page), page, there),
			 -1);
	assert_int_equal(errno, ENOMEM);
}

static int signal_of(void (*f)(void))
{
	const pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (!pid) {
		(void)signal(SIGABRT, SIG_DFL);
		f();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void free_twice(void)
{
	void *p = weft_malloc(40);

	weft_free(p);
	weft_free(p);
}

static void free_what_is_none(void)
{
	static max_align_t none[4];

	weft_free(&none[2]);
}

TEST(freeing_twice_or_what_is_none_ends_the_process)
{
	assert_int_equal(signal_of(free_twice), SIGABRT);
	assert_int_equal(signal_of(free_what_is_none), SIGABRT);
}

TEST(more_than_16_bytes_of_alignment_is_refused_not_ignored)
{
	void *p = weft_aligned_alloc(16, 100);

	assert_int_equal((uintptr_t)p % 16, 0);
	weft_free(p);
	assert_null(weft_aligned_alloc(64, 100));
	assert_int_equal(errno, EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			blocks_of_every_size_are_aligned_and_nobody_elses),
		cmocka_unit_test(what_is_freed_serves_the_next_of_its_size),
		cmocka_unit_test(calloc_gives_zeros_also_where_something_was),
		cmocka_unit_test(what_cannot_be_had_is_ENOMEM),
		cmocka_unit_test(a_failed_realloc_leaves_the_block),
		cmocka_unit_test(a_large_block_goes_back_to_the_kernel),
		cmocka_unit_test(
			freeing_twice_or_what_is_none_ends_the_process),
		cmocka_unit_test(
			more_than_16_bytes_of_alignment_is_refused_not_ignored),
	};

	return RUN(tests);
}
