/* SPDX-License-Identifier: Apache-2.0 */
/* tap_open NAME multi|single [hold]: open a tap as a VMM would; with "hold",
 * until stdin ends. TUN_DEVICE names another node than /dev/net/tun. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	const char *node = getenv("TUN_DEVICE");
	int fd = open(node ? node : "/dev/net/tun", O_RDWR | O_CLOEXEC);
	char c;

	if (fd < 0)
		perror("tun");
	if (argc < 3 || fd < 0)
		return 2;
	if (!strcmp(argv[2], "multi"))
		req.ifr_flags |= IFF_MULTI_QUEUE;
	strncpy(req.ifr_name, argv[1], sizeof(req.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &req) < 0) {
		perror(argv[1]);
		return 1;
	}
	if (argc > 3) {
		(void)puts("held");
		(void)fflush(stdout);
		while (read(STDIN_FILENO, &c, 1) > 0)
			;
	}
	return 0;
}
