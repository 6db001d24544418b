/* SPDX-License-Identifier: Apache-2.0 */
/* node_held.c - the part of node.h that looks at other processes. Apart from it:
 * musl's sys/stat.h has no struct statx, and linux/stat.h cannot be had beside
 * it. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "net/array.h"
#include "net/node.h"

enum { TYPE = 0170000, CHARACTER = 0020000 }; /* of stx_mode, inode(7) */

struct held {
	unsigned int major;
	struct array numbers; /* dev_t */
};

/* What ends while we look has nothing open. */
static bool has_ended(int e)
{
	return e == ENOENT || e == ESRCH;
}

/* Never asks a file's server: one that hangs is not ours to wait for. */
static int look(struct held *h, int fds, const char *fd, struct cni_err *err)
{
	struct statx st = { 0 };
	dev_t number;

	if (syscall(SYS_statx, fds, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		    STATX_TYPE, &st) < 0)
		return has_ended(errno)
			       ? 0
			       : err_set(err, CNI_E_IO, errno, "fd %s", fd);
	if ((st.stx_mode & TYPE) != CHARACTER || st.stx_rdev_major != h->major)
		return 0;
	number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	return array_append(&h->numbers, &number, sizeof(number), err);
}

static int each_fd(struct held *h, int fds, struct cni_err *err)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;
	int r = file_opendir_at(fds, &dir);

	if (r < 0)
		return has_ended(-r) ? 0 : err_set(err, CNI_E_IO, -r, "list");
	errno = 0;
	while (!r && (e = readdir(dir))) {
		if (isdigit((unsigned char)*e->d_name))
			r = look(h, fds, e->d_name, err);
		errno = 0;
	}
	if (!r && errno && !has_ended(errno))
		r = err_set(err, CNI_E_IO, errno, "list");
	return r;
}

static int look_at_process(struct held *h, int proc, const char *pid,
			   struct cni_err *err)
{
	cleanup_close int fds = -1;
	char path[64];
	int r;

	(void)snprintf(path, sizeof(path), "%.32s/fd", pid);
	fds = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0)
		r = has_ended(errno) ? 0
				     : err_set(err, CNI_E_IO, errno, "open");
	else
		r = each_fd(h, fds, err);
	return r < 0 ? err_ctx(err, r, "/proc/%s/fd", pid) : 0;
}

static int each_process(struct held *h, int proc, struct cni_err *err)
{
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;
	int r = file_opendir_at(proc, &dir);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "list processes");
	errno = 0;
	while (!r && (e = readdir(dir))) {
		if (isdigit((unsigned char)*e->d_name))
			r = look_at_process(h, proc, e->d_name, err);
		errno = 0;
	}
	return r || !errno ? r
			   : err_set(err, CNI_E_IO, errno, "list processes");
}

int node_list_held(unsigned int major, dev_t **ret, size_t *ret_n,
		   struct cni_err *err)
{
	cleanup_close int proc =
		open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct held h = { .major = major };
	int r = proc < 0 ? err_set(err, CNI_E_IO, errno, "open /proc")
			 : each_process(&h, proc, err);

	if (r < 0) {
		free(h.numbers.v);
		return r;
	}
	*ret = h.numbers.v;
	*ret_n = h.numbers.n;
	return 0;
}

int node_is_held(dev_t number, struct cni_err *err)
{
	cleanup_free dev_t *held = NULL;
	size_t n = 0, i = 0;
	const int r = node_list_held(major(number), &held, &n, err);

	while (!r && i < n && held[i] != number)
		i++;
	return r ? r : i < n;
}
