/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmm TAP|FD NETNS MAC: what a virtual machine is to the network, without one. It
 * opens the tap as a VMM would, with the offloads of a guest's virtio-net, or is
 * given it open; what comes and goes there is that of a device eth0, made in the
 * namespace that plays the guest. Prints "ready".
 */
#include <ctype.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { VNET_HDR = 10 };

/* Frames come and go with their header, which says what is still to be done. */
static void set_offloads(int fd, const char *name)
{
	const unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	int size = VNET_HDR;

	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
		err(2, "%s", name);
}

static int open_tap(const char *name, short flags, struct ifreq *req)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	*req = (struct ifreq){ .ifr_flags = flags };
	strncpy(req->ifr_name, name, sizeof(req->ifr_name) - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, req) < 0)
		err(2, "%s", name);
	return fd;
}

/* What one device gives, the other takes: headers or none. */
static int take_tap(const char *fd, short *flags)
{
	struct ifreq req = { 0 };
	const int n = atoi(fd);

	if (ioctl(n, TUNGETIFF, &req) < 0)
		err(2, "%s", fd);
	*flags &= (short)~IFF_VNET_HDR;
	*flags |= req.ifr_flags & IFF_VNET_HDR;
	return n;
}

static void set_mac(int fd, struct ifreq *req, const char *mac)
{
	unsigned char b[6];

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &b[0], &b[1], &b[2],
		   &b[3], &b[4], &b[5]) != 6)
		errx(2, "%s", mac);
	req->ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(req->ifr_hwaddr.sa_data, b, sizeof(b));
	if (ioctl(fd, SIOCSIFHWADDR, req) < 0)
		err(2, "%s", mac);
}

int main(int argc, char **argv)
{
	static char frame[VNET_HDR + 65536];
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };
	short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	struct ifreq req;
	int ns;

	if (argc != 4)
		return 2;
	p[0].fd = isdigit(*argv[1]) ? take_tap(argv[1], &flags)
				    : open_tap(argv[1], flags, &req);
	ns = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		err(2, "%s", argv[2]);
	p[1].fd = open_tap("eth0", flags, &req);
	set_mac(p[1].fd, &req, argv[3]);
	for (int i = 0; i < 2 && flags & IFF_VNET_HDR; i++)
		set_offloads(p[i].fd, argv[1]);
	(void)puts("ready");
	(void)fflush(stdout);
	while (poll(p, 2, -1) > 0)
		for (int i = 0; i < 2; i++) {
			ssize_t n = p[i].revents & POLLIN ? read(p[i].fd, frame,
								 sizeof(frame))
							  : 0;

			if (n > 0 && write(p[!i].fd, frame, (size_t)n) < 0)
				continue; /* a guest that is down */
		}
	return 1;
}
