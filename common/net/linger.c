/* SPDX-License-Identifier: Apache-2.0 */
#include "net/linger.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_MAX = 16 };

static bool is_on;
static int kept[KEPT_MAX + 1]; /* and another */
static size_t n_kept;

void linger_begin(void)
{
	is_on = true;
}

bool linger_take(int fd)
{
	if (!is_on || n_kept == KEPT_MAX)
		return false;
	kept[n_kept++] = fd;
	return true;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void close_others(int *fds, size_t n)
{
	unsigned int low = 0;

	qsort(fds, n, sizeof(*fds), compare);
	for (size_t i = 0; i < n; low = (unsigned int)fds[i++] + 1)
		if ((unsigned int)fds[i] > low)
			(void)syscall(SYS_close_range, low,
				      (unsigned int)fds[i] - 1, 0U);
	(void)syscall(SYS_close_range, low, ~0U, 0U);
}

void linger_keep_with(int fd)
{
	kept[n_kept] = fd;
	close_others(kept, n_kept + 1);
}

/* The child: whoever waits for our stdout to close must not wait for it. A close
 * while the kernel still frees memory waits with a lock held that the end of any
 * device needs: so not before that is over. */
__attribute__((noreturn)) static void wait_alone(void)
{
	const struct timespec enough = { .tv_nsec = 100L * 1000 * 1000 };

	close_others(kept, n_kept);
	(void)nanosleep(&enough, NULL);
	_exit(0);
}

void linger_end(enum link_wait wait)
{
	if (n_kept && link_leaves_child(wait) && !fork())
		wait_alone();
	for (size_t i = 0; i < n_kept; i++)
		(void)close(kept[i]);
	n_kept = 0;
	is_on = false;
}
