/* SPDX-License-Identifier: Apache-2.0 */
#include "net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/own_netns.h"

enum { LEAVE_TRIES = 8 };

static int refuse(const struct statfs *fs, const char *path,
		  struct cni_err *err)
{
	return err_say(err, CNI_E_NETNS, EINVAL,
		       "failed to open netns \"%s\": unknown FS magic on "
		       "\"%s\": %lx",
		       path, path, (unsigned long)fs->f_type);
}

int netns_open(const char *path, int *ret_fd, struct cni_err *err)
{
	cleanup_close int fd = -1;
	struct statfs fs;
	int type;

	/* Looked at before it is opened, and again: it may be replaced. */
	if (statfs(path, &fs) < 0)
		return err_set(err, CNI_E_NETNS, errno,
			       "failed to open netns \"%s\"", path);
	if (fs.f_type != NSFS_MAGIC)
		return refuse(&fs, path, err);

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return err_set(err, CNI_E_NETNS, errno,
			       "failed to open netns \"%s\"", path);
	if (fs.f_type != NSFS_MAGIC)
		return refuse(&fs, path, err);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_set(err, CNI_E_NETNS, errno,
			       "failed to open netns \"%s\"", path);
	if (type != CLONE_NEWNET)
		return err_say(err, CNI_E_NETNS, EINVAL,
			       "failed to open netns \"%s\": a namespace, but "
			       "not a network namespace",
			       path);

	*ret_fd = TAKE_FD(fd);
	return 0;
}

int netns_enter(int fd, int *ret_home, struct cni_err *err)
{
	cleanup_close int home = own_netns_open();

	if (home < 0)
		return err_set(err, CNI_E_NETNS, -home,
			       "open our own network namespace");
	if (setns(fd, CLONE_NEWNET) < 0)
		return err_set(err, CNI_E_NETNS, errno, "enter a netns");

	*ret_home = TAKE_FD(home);
	return 0;
}

void netns_leave(int *home)
{
	int r = -1;

	if (*home < 0)
		return;
	/* It may lack memory for a moment. */
	for (int i = 0; r < 0 && i < LEAVE_TRIES; i++)
		r = setns(*home, CLONE_NEWNET);
	if (r < 0)
		abort();
	(void)close(*home);
	*home = -1;
}

int netns_is_own(int fd, struct cni_err *err)
{
	cleanup_close int home = own_netns_open();
	struct stat own, other;

	if (home < 0 || fstat(home, &own) < 0 || fstat(fd, &other) < 0)
		return err_set(err, CNI_E_NETNS, home < 0 ? -home : errno,
			       "compare a netns with our own");
	return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int netns_lock(int timeout_s, int *ret_fd, struct cni_err *err)
{
	cleanup_close int fd = own_netns_open();
	int r = fd < 0 ? fd : file_lock_fd(fd, timeout_s);

	if (r == -ETIMEDOUT)
		return err_say(err, CNI_E_RETRY, ETIMEDOUT,
			       "network namespace: locked by another for %d s",
			       timeout_s);
	if (r < 0)
		return err_set(err, CNI_E_NETNS, -r,
			       "lock our own network namespace");
	*ret_fd = TAKE_FD(fd);
	return 0;
}
