/* SPDX-License-Identifier: Apache-2.0 */
/* node_held.c - the part of node.h that looks at other processes. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "net/array.h"

/* Not sys/stat.h's: musl's has no struct statx, and cannot be had beside it. */
int node_list_held(unsigned int major, dev_t **ret, size_t *ret_n,
		   struct cni_err *err);

enum { TYPE = 0170000, CHARACTER = 0020000 }; /* of stx_mode, inode(7) */

struct held {
	unsigned int major;
	struct array numbers; /* dev_t */
};

/* Never asks a file's server: one that hangs is not ours to wait for. */
static int look(struct held *h, int fds, const char *fd, struct cni_err *err)
{
	struct statx st = { 0 };
	dev_t number;

	if (syscall(SYS_statx, fds, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		    STATX_TYPE, &st) < 0 ||
	    (st.stx_mode & TYPE) != CHARACTER || st.stx_rdev_major != h->major)
		return 0;
	number = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	return array_append(&h->numbers, &number, sizeof(number), err);
}

/* A process that ends meanwhile has nothing open. */
static int look_at_process(struct held *h, int proc, const char *pid,
			   struct cni_err *err)
{
	cleanup_close int fds = -1;
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;
	char path[64];
	int r = 0;

	(void)snprintf(path, sizeof(path), "%.32s/fd", pid);
	fds = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds < 0 || file_opendir_at(fds, &dir) < 0)
		return 0;
	while (!r && (e = readdir(dir)))
		if (isdigit((unsigned char)*e->d_name))
			r = look(h, fds, e->d_name, err);
	return r;
}

int node_list_held(unsigned int major, dev_t **ret, size_t *ret_n,
		   struct cni_err *err)
{
	cleanup_close int proc =
		open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct held h = { .major = major };
	cleanup_dir DIR *dir = NULL;
	const struct dirent *e;
	int r = proc < 0 ? -errno : file_opendir_at(proc, &dir);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "list processes");
	while (!r && (e = readdir(dir)))
		if (isdigit((unsigned char)*e->d_name))
			r = look_at_process(&h, proc, e->d_name, err);
	if (r < 0) {
		free(h.numbers.v);
		return r;
	}
	*ret = h.numbers.v;
	*ret_n = h.numbers.n;
	return 0;
}
