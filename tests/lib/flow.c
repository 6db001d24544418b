/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow sink ADDRESS PORT: takes one TCP connection and prints at how many bits
 *	a second it came, from the first half second on.
 * flow source ADDRESS PORT MS: sends for so long. IPv4.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buf[65536];

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int sink(int listener)
{
	double begin, start = 0, last = 0;
	size_t bytes = 0;
	ssize_t n;
	int fd;

	(void)puts("ready");
	(void)fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		err(2, "accept");
	begin = now();
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		last = now();
		if (start > 0)
			bytes += (size_t)n;
		else if (last - begin > 0.5)
			start = last;
	}
	(void)printf("%.0f\n",
		     start > 0 ? (double)bytes * 8 / (last - start) : 0.0);
	return 0;
}

static int source(int fd, double seconds)
{
	const double end = now() + seconds;

	while (now() < end)
		if (write(fd, buf, sizeof(buf)) < 0)
			err(2, "write");
	return 0;
}

int main(int argc, char **argv)
{
	const int is_sink = argc == 4 && !strcmp(argv[1], "sink");
	struct sockaddr_in a = { .sin_family = AF_INET };
	const int fd = socket(AF_INET, SOCK_STREAM, 0), small = 65536;

	if ((!is_sink && (argc != 5 || strcmp(argv[1], "source") != 0)) ||
	    inet_pton(AF_INET, argv[2], &a.sin_addr) != 1)
		return 2;
	a.sin_port = htons((uint16_t)atoi(argv[3]));
	/* What waits in the sender would come long after its time. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	(void)alarm(20);
	if (is_sink) {
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1))
			err(2, "listen");
		return sink(fd);
	}
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		err(2, "connect");
	return source(fd, atof(argv[4]) / 1000);
}
