/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trip.c - how long a packet takes there and back, each in a flow of its own.
 *
 *	trip serve PORT			echo UDP, IPv4, until killed
 *	trip ask ROUNDS ADDRESS PORT	print the median in us
 *
 * A new flow meets the rules of a firewall; the packets after it do not.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS_MAX = 100000 };

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", ip);
	return a;
}

static int udp(void)
{
	const struct timeval limit = { .tv_sec = 2 };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		err(1, "socket");
	return fd;
}

static int serve(const char *port)
{
	const struct sockaddr_in here = address("0.0.0.0", port);
	const int fd = udp();
	struct sockaddr_in from;
	socklen_t len;
	char byte;

	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0)
		err(1, "bind");
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		len = sizeof(from);
		if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &len) >
		    0)
			(void)sendto(fd, &byte, 1, 0, (struct sockaddr *)&from,
				     len);
	}
}

static double once(const struct sockaddr_in *to)
{
	const int fd = udp();
	struct timespec a, b;
	char byte = 1;

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		err(1, "connect");
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
		err(1, "no answer");
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	(void)close(fd);
	return (double)(b.tv_sec - a.tv_sec) * 1e6 +
	       (double)(b.tv_nsec - a.tv_nsec) / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int ask(const char *rounds, const char *ip, const char *port)
{
	const struct sockaddr_in to = address(ip, port);
	const size_t n = strtoul(rounds, NULL, 10);
	double *us = n && n <= ROUNDS_MAX ? calloc(n, sizeof(*us)) : NULL;

	if (!us)
		errx(2, "%s rounds: 1 to %d", rounds, ROUNDS_MAX);
	for (size_t i = 0; i < n; i++)
		us[i] = once(&to);
	qsort(us, n, sizeof(*us), compare);
	(void)printf("%.2f\n", us[n / 2]);
	free(us);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv[2], argv[3], argv[4]);
	errx(2, "see the head of trip.c");
}
