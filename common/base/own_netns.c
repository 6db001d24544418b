/* SPDX-License-Identifier: Apache-2.0 */
#include "base/own_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/mem.h"

int own_netns_open(void)
{
	cleanup_close int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	int fd = sock < 0 ? -1 : ioctl(sock, SIOCGSKNS);

	if (fd < 0)
		fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool own_netns_is(const struct stat *other)
{
	cleanup_close int fd = own_netns_open();
	struct stat own;

	return fd >= 0 && !fstat(fd, &own) && own.st_dev == other->st_dev &&
	       own.st_ino == other->st_ino;
}
