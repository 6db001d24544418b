/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/own_netns.h"
#include "net/netns.h"

static int make_in_new(const char *path)
{
	if (unshare(CLONE_NEWNET) < 0 ||
	    mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		return -errno;
	return 0;
}

int netns_pin(const char *path, struct cni_err *err)
{
	cleanup_netns_leave int home = own_netns_open();
	cleanup_close int file = -1;
	int r;

	if (home < 0)
		return err_set(err, CNI_E_NETNS, -home,
			       "open our own network namespace");
	file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (file < 0)
		return err_set(err, CNI_E_NETNS, errno, "create %s", path);
	r = make_in_new(path);
	if (r < 0) {
		(void)unlink(path);
		return err_set(err, CNI_E_NETNS, -r,
			       "make a network namespace at %s", path);
	}
	return 0;
}

int netns_unpin(const char *path, struct cni_err *err)
{
	while (!umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
		;
	if (errno != EINVAL && errno != ENOENT)
		return err_set(err, CNI_E_NETNS, errno, "unmount %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_set(err, CNI_E_NETNS, errno, "remove %s", path);
	return 0;
}
