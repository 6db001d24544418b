/* SPDX-License-Identifier: Apache-2.0 */
/* tap_arp TAP MAC IP TARGET [VID]: as a VM with that address, ask who has
 * TARGET, in frames tagged VID or without a tag. A TAP with a slash is a
 * macvtap's character device. Status 0: it answered, to us,
 * tagged alike; 1: nothing came in two seconds. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { VNET = 10, MAC = 6, TAG = 4, ARP = 28, TIMEOUT_MS = 2000 };

static unsigned char mac[MAC], ip[4], target[4];
static int vid;

static size_t build(unsigned char *f)
{
	static const unsigned char request[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	unsigned char *p = f + VNET;

	memset(f, 0, VNET);
	memset(p, 0xff, MAC);
	memcpy(p + MAC, mac, MAC);
	p += 2 * MAC;
	if (vid) {
		*p++ = 0x81;
		*p++ = 0;
		*p++ = (unsigned char)(vid >> 8);
		*p++ = (unsigned char)vid;
	}
	*p++ = 8;
	*p++ = 6;
	memcpy(p, request, sizeof(request));
	memcpy(p + 8, mac, MAC);
	memcpy(p + 14, ip, 4);
	memset(p + 18, 0, MAC);
	memcpy(p + 24, target, 4);
	return (size_t)(p + ARP - f);
}

static int is_answer(const unsigned char *f, ssize_t len)
{
	const unsigned char *p = f + VNET + 2 * MAC;
	const int tag = p[0] == 0x81 && p[1] == 0 ? (p[2] & 15) << 8 | p[3] : 0;

	if (len < VNET + 2 * MAC + 2 + ARP || tag != vid ||
	    memcmp(f + VNET, mac, MAC) != 0)
		return 0;
	p += tag ? TAG : 0;
	return p[0] == 8 && p[1] == 6 && p[9] == 2 &&
	       !memcmp(p + 2 + 14, target, 4);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int ask(int fd)
{
	const long end = now_ms() + TIMEOUT_MS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char f[2048];
	long next = 0;

	while (now_ms() < end) {
		if (now_ms() >= next) {
			const size_t len = build(f);

			if (write(fd, f, len) != (ssize_t)len)
				perror("write");
			next = now_ms() + 200;
		}
		if (poll(&p, 1, 50) > 0 && is_answer(f, read(fd, f, sizeof(f))))
			return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd;

	if (argc < 5)
		return 2;
	if (strchr(argv[1], '/')) {
		fd = open(argv[1], O_RDWR | O_CLOEXEC);
	} else {
		fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
		strncpy(req.ifr_name, argv[1], sizeof(req.ifr_name) - 1);
	}
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	if (sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1,
		   mac + 2, mac + 3, mac + 4, mac + 5) != MAC ||
	    inet_pton(AF_INET, argv[3], ip) != 1 ||
	    inet_pton(AF_INET, argv[4], target) != 1)
		return 2;
	vid = argc > 5 ? atoi(argv[5]) : 0;
	if (ioctl(fd, TUNSETIFF, &req) < 0) {
		perror(argv[1]);
		return 2;
	}
	return ask(fd);
}
