/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link_remove.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "net/linger.h"
#include "net/link.h"

#define TIMEOUT_MS 10000 /* RTNL may be busy; a device that stays is an error */

/* These reap orphans, and an orphan of a namespace is theirs. */
bool link_init_reaps(void)
{
	static const char *const inits[] = {
		"systemd",   "init",	    "tini",    "docker-init",
		"dumb-init", "catatonit",   "runit",   "s6-svscan",
		"procd",     "openrc-init", "busybox", "finit",
	};
	char comm[32];

	if (file_read_at(AT_FDCWD, "/proc/1/comm", comm, sizeof(comm)) < 0)
		return false;
	comm[strcspn(comm, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(inits) / sizeof(inits[0]); i++)
		if (!strcmp(comm, inits[i]))
			return true;
	return false;
}

bool link_leaves_child(enum link_wait wait)
{
	return wait == LINK_WAIT_EVENT ||
	       (wait == LINK_WAIT_AUTO && link_init_reaps());
}

/* Wakes for the one event: on a busy host there are thousands. */
static int listen_for(struct netlink *ev, uint32_t index, struct cni_err *err)
{
	enum { TYPE = 4, FAMILY = 16, INDEX = 20 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, INDEX),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(index), 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FAMILY),
		/* A port also leaves its bridge with such an event, AF_BRIDGE. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNSPEC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };
	/* Bound: to a socket without an address the kernel tells nothing. */
	const struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
					  .nl_groups = RTMGRP_LINK };
	const int fd = netlink_fd(ev);

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ||
	    bind(fd, (const struct sockaddr *)&addr, sizeof(addr)))
		return err_set(err, CNI_E_KERNEL, errno,
			       "listen for the end of interface %u", index);
	return 0;
}

/* The child: whoever waits for our stdout to close must not wait for it. */
__attribute__((noreturn)) static void delete_alone(struct netlink *nl,
						   uint32_t index)
{
	struct cni_err err = CNI_ERR_INIT;
	int r;

	linger_keep_with(netlink_fd(nl));
	r = link_delete(nl, index, &err);
	_exit(r < 0);
}

/* Return: 1 at the event, 0 if the child ended, or a negative errno */
static int await(int events, int child)
{
	struct pollfd fds[] = { { .fd = events, .events = POLLIN },
				{ .fd = child, .events = POLLIN } };
	char buf[64];
	int r;

	do
		r = poll(fds, 2, TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r ? -errno : -ETIMEDOUT;
	/* An overrun would be one event among many: the child tells then. */
	if (fds[0].revents && recv(events, buf, sizeof(buf), MSG_TRUNC) >= 0)
		return 1;
	fds[0].fd = -1;
	do
		r = fds[1].revents ? 1 : poll(fds, 2, TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	return r > 0 ? 0 : r ? -errno : -ETIMEDOUT;
}

static int remove_at_event(struct netlink *nl, uint32_t index,
			   struct cni_err *err)
{
	cleanup_netlink struct netlink *events = NULL, *own = NULL;
	cleanup_close int fd = -1;
	int r, status = 1;
	pid_t pid;

	r = netlink_reopen(nl, &events, err);
	if (!r)
		r = netlink_reopen(nl, &own, err);
	if (!r)
		r = listen_for(events, index, err);
	if (r < 0)
		return r;

	pid = fork();
	if (!pid)
		delete_alone(own, index);
	if (pid < 0)
		return link_delete(nl, index, err);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = fd < 0 ? 0 : await(netlink_fd(events), fd);
	if (r > 0)
		return 0;
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r, "delete interface %u",
			       index);

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	/* Its error is lost with it: hear it from the kernel once more. */
	return status ? link_delete(nl, index, err) : 0;
}

int link_remove(struct netlink *nl, uint32_t index, enum link_wait wait,
		struct cni_err *err)
{
	return link_leaves_child(wait) ? remove_at_event(nl, index, err)
				       : link_delete(nl, index, err);
}
