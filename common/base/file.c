/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "base/mem.h"

int file_read_fd(int fd, size_t max, char **ret, size_t *ret_len)
{
	cleanup_free char *buf = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (size - len < 2) {
			char *more =
				realloc(buf, size = size ? 2 * size : 4096);

			if (!more)
				return -ENOMEM;
			buf = more;
		}
		n = read(fd, buf + len, size - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
	buf[len] = '\0';
	*ret = TAKE_PTR(buf);
	*ret_len = len;
	return 0;
}

ssize_t file_read_at(int dirfd, const char *name, char *buf, size_t size)
{
	/* O_NONBLOCK: a FIFO that someone planted must not hang us. */
	cleanup_close int fd = openat(
		dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;

	while ((n = read(fd, buf + len, size - len)) > 0) {
		len += (size_t)n;
		if (len == size)
			return -EFBIG;
	}
	if (n < 0)
		return -errno;
	buf[len] = '\0';
	return (ssize_t)len;
}

int file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		const ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int mkdir_parents(char *path, mode_t mode)
{
	for (char *p = path; *p && (p = strchr(p + 1, '/')); *p = '/') {
		*p = '\0';
		if (mkdir(path, mode) < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

int file_mkdirs(const char *path, mode_t mode, int *ret_fd, struct cni_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	cleanup_free char *copy = NULL;
	int fd = open(path, flags), r;

	if (fd < 0 && errno == ENOENT) {
		copy = strdup(path);
		r = copy ? mkdir_parents(copy, mode) : -ENOMEM;
		if (r < 0)
			return err_set(err, CNI_E_IO, -r, "create directory %s",
				       path);
		fd = open(path, flags);
	}
	if (fd < 0)
		return err_set(err, CNI_E_IO, errno, "open directory %s", path);

	*ret_fd = fd;
	return 0;
}

int file_opendir_at(int dirfd, DIR **ret)
{
	/* A duplicate would share its position with @dirfd. */
	cleanup_close int fd =
		openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return -errno;
	(void)TAKE_FD(fd);
	*ret = d;
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* flock(2) knows no timeout; a signal without SA_RESTART ends its wait. */
static int flock_timed(int fd, int timeout_s)
{
	const struct sigaction wake = { .sa_handler = on_alarm };
	/* Repeating: a first tick that comes before flock() must not be lost. */
	const struct itimerval on = { .it_value.tv_sec = timeout_s,
				      .it_interval.tv_sec = 1 };
	const struct itimerval off = { 0 };
	struct sigaction old;
	int r;

	if (sigaction(SIGALRM, &wake, &old) < 0)
		return -errno;
	(void)setitimer(ITIMER_REAL, &on, NULL);
	r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	(void)setitimer(ITIMER_REAL, &off, NULL);
	(void)sigaction(SIGALRM, &old, NULL);
	return r == -EINTR ? -ETIMEDOUT : r;
}

int file_lock_fd(int fd, int timeout_s)
{
	const int r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;

	return r == -EWOULDBLOCK ? flock_timed(fd, timeout_s) : r;
}

int file_lock_at(int dirfd, const char *name, mode_t mode, int timeout_s,
		 int *ret_fd, struct cni_err *err)
{
	cleanup_close int fd = openat(
		dirfd, name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
	int r;

	if (fd < 0)
		return err_set(err, CNI_E_IO, errno, "open lock %s", name);

	r = file_lock_fd(fd, timeout_s);
	if (r == -ETIMEDOUT)
		return err_say(err, CNI_E_RETRY, ETIMEDOUT,
			       "lock %s: held by another for %d s", name,
			       timeout_s);
	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "lock %s", name);

	*ret_fd = TAKE_FD(fd);
	return 0;
}
