/* SPDX-License-Identifier: Apache-2.0 */
/* fd_recv HELPER BR: run a helper as QEMU's -netdev bridge does, print the name
 * of the tap that it sends, hold it until stdin ends. */
#include <err.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int receive(int from)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	const struct cmsghdr *c;
	int fd;

	if (recvmsg(from, &msg, 0) != 1 || !(c = CMSG_FIRSTHDR(&msg)) ||
	    c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int main(int argc, char **argv)
{
	char fd_arg[32], br_arg[512], c;
	struct ifreq req = { 0 };
	int sv[2], fd, status;
	pid_t pid;

	if (argc != 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		return 2;
	pid = fork();
	if (!pid) {
		(void)snprintf(fd_arg, sizeof(fd_arg), "--fd=%d", sv[1]);
		(void)snprintf(br_arg, sizeof(br_arg), "--br=%s", argv[2]);
		(void)close(sv[0]);
		(void)execl(argv[1], argv[1], "--use-vnet", fd_arg, br_arg,
			    (char *)NULL);
		err(127, "%s", argv[1]);
	}
	(void)close(sv[1]);
	fd = receive(sv[0]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 2;
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	if (fd < 0 || ioctl(fd, TUNGETIFF, &req) < 0)
		err(2, "no tap");
	(void)printf("%s%s\n", req.ifr_name,
		     req.ifr_flags & IFF_VNET_HDR ? " vnet_hdr" : "");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
