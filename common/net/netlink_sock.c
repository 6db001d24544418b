/* SPDX-License-Identifier: Apache-2.0 */
/* netlink_sock.c - open and close netlink sockets. */
#include "net/netlink_sock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/linger.h"
#include "net/netlink.h"
#include "net/netns.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h; musl 1.2.3 lacks it */
#endif

static int open_fd(int protocol, int *ret_fd)
{
	const int opts[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK,
			     NETLINK_GET_STRICT_CHK };
	const struct timeval timeout = { .tv_sec = NETLINK_TIMEOUT_S };
	cleanup_close int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	const int on = 1;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(opts) / sizeof(opts[0]); i++)
		if (setsockopt(fd, SOL_NETLINK, opts[i], &on, sizeof(on)) < 0)
			return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
	    0)
		return -errno;

	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int sock_open(int protocol, struct netlink **ret, struct cni_err *err)
{
	const char *name =
		protocol == NETLINK_ROUTE ? "rtnetlink" : "nfnetlink";
	cleanup_close int fd = -1;
	struct netlink *nl;
	int r = open_fd(protocol, &fd);

	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r, "open %s", name);
	nl = malloc(sizeof(*nl));
	if (!nl)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "open %s", name);
	nl->fd = TAKE_FD(fd);
	nl->seq = 1;
	nl->broken = false;
	nl->is_nfnl = protocol == NETLINK_NETFILTER;

	*ret = nl;
	return 0;
}

int netlink_open(struct netlink **ret, struct cni_err *err)
{
	return sock_open(NETLINK_ROUTE, ret, err);
}

int netlink_open_nfnl(struct netlink **ret, struct cni_err *err)
{
	return sock_open(NETLINK_NETFILTER, ret, err);
}

int netlink_open_in(int netns, struct netlink **ret, struct cni_err *err)
{
	cleanup_netns_leave int home = -1;
	int r = netns_enter(netns, &home, err);

	return r < 0 ? r : sock_open(NETLINK_ROUTE, ret, err);
}

/* Each namespace has its cookie, which costs no descriptor to ask for. */
static bool same_netns(int a, int b)
{
	uint64_t x = 0, y = 1;
	socklen_t len = sizeof(x);

	return !getsockopt(a, SOL_SOCKET, SO_NETNS_COOKIE, &x, &len) &&
	       !getsockopt(b, SOL_SOCKET, SO_NETNS_COOKIE, &y, &len) && x == y;
}

int netlink_reopen(const struct netlink *nl, struct netlink **ret,
		   struct cni_err *err)
{
	cleanup_netlink struct netlink *here = NULL;
	cleanup_close int netns = -1;
	int r = netlink_open(&here, err);

	if (r || !here)
		return r;
	if (same_netns(nl->fd, here->fd)) {
		*ret = TAKE_PTR(here);
		return 0;
	}
	netns = ioctl(nl->fd, SIOCGSKNS);
	if (netns < 0)
		return err_set(err, CNI_E_KERNEL, errno,
			       "find the namespace of a socket");
	return netlink_open_in(netns, ret, err);
}

void netlink_close(struct netlink *nl)
{
	if (nl && !(nl->is_nfnl && linger_take(nl->fd)))
		(void)close(nl->fd);
	free(nl);
}

int netlink_fd(const struct netlink *nl)
{
	return nl->fd;
}

bool netlink_is_broken(const struct netlink *nl)
{
	return nl->broken;
}
