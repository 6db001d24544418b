/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask serve NAME PROTO:PORT...: answer whoever asks with "NAME ADDRESS", that of
 * the one who asks. PROTO is tcp, udp or sctp; prints "ready".
 * ask PROTO ADDRESS PORT [FROM-PORT]: print the answer, or fail in 1.5 s.
 */
#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX = 4096 };

static struct pollfd fds[MAX];
static int is_stream[MAX], n_fds;

static int proto_of(const char *name)
{
	return !strcmp(name, "tcp")   ? IPPROTO_TCP
	       : !strcmp(name, "udp") ? IPPROTO_UDP
				      : IPPROTO_SCTP;
}

static int open_socket(int family, int proto)
{
	const int type = proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	const int on = 1;
	const int fd = socket(family, type | SOCK_CLOEXEC, proto);

	if (fd < 0)
		err(3, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static void listen_on(const char *what)
{
	char name[8] = "";
	unsigned int port = 0;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

	if (sscanf(what, "%7[a-z]:%u", name, &port) != 2 || n_fds == MAX)
		errx(2, "%s", what);
	const int proto = proto_of(name);
	const int fd = open_socket(AF_INET6, proto);

	a.sin6_port = htons((uint16_t)port);
	if (bind(fd, (void *)&a, sizeof(a)))
		err(2, "bind %s", what);
	is_stream[n_fds] = proto != IPPROTO_UDP;
	if (is_stream[n_fds] && listen(fd, 64))
		err(2, "listen %s", what);
	fds[n_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static void answer(int i, const char *name)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);
	char from[INET6_ADDRSTRLEN], text[128], buf[64];
	int fd = fds[i].fd, n;

	if (is_stream[i])
		fd = accept(fds[i].fd, (void *)&peer, &len);
	else if (recvfrom(fd, buf, sizeof(buf), 0, (void *)&peer, &len) < 0)
		return;
	if (fd < 0)
		return;
	(void)inet_ntop(AF_INET6, &peer.sin6_addr, from, sizeof(from));
	n = snprintf(text, sizeof(text), "%s %s\n", name,
		     !strncmp(from, "::ffff:", 7) ? from + 7 : from);
	(void)sendto(fd, text, (size_t)n, MSG_NOSIGNAL,
		     is_stream[i] ? NULL : (void *)&peer,
		     is_stream[i] ? 0 : len);
	if (is_stream[i])
		(void)close(fd);
}

static int serve(int argc, char **argv)
{
	for (int i = 3; i < argc; i++)
		listen_on(argv[i]);
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		if (poll(fds, (nfds_t)n_fds, -1) < 0)
			err(2, "poll");
		for (int i = 0; i < n_fds; i++)
			if (fds[i].revents)
				answer(i, argv[2]);
	}
}

static int ask(int argc, char **argv)
{
	const struct timeval wait = { .tv_sec = 1, .tv_usec = 500000 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const int is6 = strchr(argv[2], ':') != NULL;
	const int proto = proto_of(argv[1]);
	const int fd = open_socket(is6 ? AF_INET6 : AF_INET, proto);
	void *a = is6 ? (void *)&v6 : (void *)&v4;
	const socklen_t len = is6 ? sizeof(v6) : sizeof(v4);
	char text[256];
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (argc > 4) {
		v4.sin_port = v6.sin6_port = htons((uint16_t)atoi(argv[4]));
		if (bind(fd, a, len))
			err(2, "bind");
	}
	v4.sin_port = v6.sin6_port = htons((uint16_t)atoi(argv[3]));
	if (inet_pton(is6 ? AF_INET6 : AF_INET, argv[2],
		      is6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1)
		errx(2, "%s", argv[2]);
	if (connect(fd, a, len) ||
	    (proto == IPPROTO_UDP && send(fd, "?", 1, 0) < 0))
		err(1, "%s", argv[2]);
	n = recv(fd, text, sizeof(text), 0);
	if (n <= 0)
		err(1, "no answer");
	return fwrite(text, (size_t)n, 1, stdout) != 1;
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "serve"))
		return serve(argc, argv);
	return argc > 3 ? ask(argc, argv) : 2;
}
