/* SPDX-License-Identifier: Apache-2.0 */
#include "net/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

enum { KEPT_MAX = 16 };

static bool is_on;
static int kept[KEPT_MAX + 1]; /* and a pipe's end */
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

/* The child: whoever waits for our stdout to close must not wait for it, and it
 * must be the last to have the sockets. */
__attribute__((noreturn)) static void wait_alone(int parent)
{
	char nothing;
	ssize_t n;

	kept[n_kept] = parent;
	close_others(kept, n_kept + 1);
	do
		n = read(parent, &nothing, sizeof(nothing));
	while (n < 0 && errno == EINTR);
	_exit(0);
}

/* Return: the end of a pipe whose other end a child reads, or -1 */
static int start_child(void)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		(void)close(ends[1]);
		wait_alone(ends[0]);
	}
	(void)close(ends[0]);
	if (pid < 0)
		closep(&ends[1]);
	return ends[1];
}

void linger_end(enum link_wait wait)
{
	cleanup_close int child =
		n_kept && link_leaves_child(wait) ? start_child() : -1;

	for (size_t i = 0; i < n_kept; i++)
		(void)close(kept[i]);
	n_kept = 0;
	is_on = false;
}
