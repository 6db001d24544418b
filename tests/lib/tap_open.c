/* SPDX-License-Identifier: Apache-2.0 */
/* tap_open NAME multi|single|QUEUES [hold]: open a tap as a VMM would, or, by a
 * NAME with a slash, a macvtap's character device, and then say whose frames
 * these are, "INTERFACE MAC"; with "hold", until stdin ends. TUN_DEVICE names
 * another node than /dev/net/tun. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int is_node(const char *name)
{
	return !!strchr(name, '/');
}

static int open_queue(const char *name, int multi)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	const char *tun = getenv("TUN_DEVICE");
	const char *path = is_node(name) ? name : tun ? tun : "/dev/net/tun";
	const int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		return -2;
	}
	if (multi)
		req.ifr_flags |= IFF_MULTI_QUEUE;
	if (!is_node(name))
		strncpy(req.ifr_name, name, sizeof(req.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &req) < 0) {
		perror(name);
		return -1;
	}
	return fd;
}

static void introduce(int fd)
{
	struct ifreq req = { 0 };
	const unsigned char *b = (unsigned char *)req.ifr_hwaddr.sa_data;

	if (ioctl(fd, TUNGETIFF, &req) < 0)
		perror("TUNGETIFF");
	printf("%s ", req.ifr_name);
	if (ioctl(fd, SIOCGIFHWADDR, &req) < 0)
		perror("SIOCGIFHWADDR");
	printf("%02x:%02x:%02x:%02x:%02x:%02x\n", b[0], b[1], b[2], b[3], b[4],
	       b[5]);
}

int main(int argc, char **argv)
{
	int fd = -2, queues, multi;
	char c;

	if (argc < 3)
		return 2;
	multi = !strcmp(argv[2], "multi");
	queues = multi || !strcmp(argv[2], "single") ? 1 : atoi(argv[2]);
	for (int i = 0; i < queues; i++) {
		fd = open_queue(argv[1], multi || queues > 1);
		if (fd < 0)
			return -fd;
	}
	if (is_node(argv[1]) && fd >= 0)
		introduce(fd);
	if (argc > 3) {
		(void)puts("held");
		(void)fflush(stdout);
		while (read(STDIN_FILENO, &c, 1) > 0)
			;
	}
	return 0;
}
