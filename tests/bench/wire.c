/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - what goes over a network, how fast, and what it costs the machine.
 *
 *	wire serve ADDRESS PORT PID		answer the next two, until killed
 *	wire stream ADDRESS PORT MS		TCP, one way
 *	wire trip ADDRESS PORT ROUNDS		TCP, a byte there and back
 *	wire flood INTERFACE RATE MS		ARP requests, RATE a second
 *	wire strange INTERFACE RATE MS		broadcasts of no protocol
 *
 * IPv4. Prints one JSON object: "bits" a second; "us" of the median trip; in ns a
 * byte or a frame, "machine", how long all processors were busy with whatever it
 * was, and "cpu", how long the processes that take part were: the two ends, and
 * PID. Who sends does in its own time what the kernel does with a frame up to
 * where it has to wait. Of a stream the first 0.2 s are none of it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS_MAX = 1000000,
	WARM_UP_MS = 200,
	BATCH = 1024,	      /* frames at once, where it fell behind */
	TICK_NS = 1000000,    /* and when it looks again */
	TYPE_NOBODY = 0x88b5, /* for experiments: no protocol takes it */
};

static char buf[262144];

struct moment {
	double at, idle; /* seconds; idle of all processors */
	double cpu;	 /* of those who take part */
};

/* Who takes part beside this process; 0 is nobody. */
static pid_t others[2];

static double clock_of(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) < 0)
		err(1, "clock");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_of_all(void)
{
	double sum = clock_of(CLOCK_PROCESS_CPUTIME_ID);
	clockid_t id;

	for (int i = 0; i < 2; i++) {
		if (!others[i])
			continue;
		if (clock_getcpuclockid(others[i], &id))
			errx(1, "no process %d", others[i]);
		sum += clock_of(id);
	}
	return sum;
}

static struct moment now(void)
{
	unsigned long long idle = 0, iowait = 0, steal = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (!f || fscanf(f, "cpu %*u %*u %*u %llu %llu %*u %*u %llu", &idle,
			 &iowait, &steal) != 3)
		err(1, "/proc/stat");
	(void)fclose(f);
	return (struct moment){
		.at = clock_of(CLOCK_MONOTONIC),
		.cpu = cpu_of_all(),
		.idle = (double)(idle + iowait + steal) /
			(double)sysconf(_SC_CLK_TCK),
	};
}

static double clock_s(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

/* Seconds that the processors were busy. */
static double busy(const struct moment *a, const struct moment *b)
{
	return (b->at - a->at) * (double)sysconf(_SC_NPROCESSORS_ONLN) -
	       (b->idle - a->idle);
}

static unsigned long number(const char *text)
{
	const unsigned long n = strtoul(text, NULL, 10);

	if (!n || n > 100000000)
		errx(2, "%s: not a number from 1", text);
	return n;
}

static int tcp(const char *ip, const char *port, struct sockaddr_in *a)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	*a = (struct sockaddr_in){ .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)number(port)) };
	if (inet_pton(AF_INET, ip, &a->sin_addr) != 1)
		errx(2, "%s is no IPv4 address", ip);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		err(1, "socket");
	return fd;
}

static void no_delay(int fd)
{
	const int yes = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
		err(1, "TCP_NODELAY");
}

/* The receiver counts: what was sent may still be on its way. */
static void take_stream(int fd)
{
	const double begin = clock_s();
	struct moment a = { 0 }, b;
	size_t bytes = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (a.at > 0)
			bytes += (size_t)n;
		else if (clock_s() - begin > WARM_UP_MS / 1e3)
			a = now();
	}
	b = now();
	if (!bytes)
		return;
	(void)dprintf(fd, "{\"bits\":%.0f,\"cpu\":%.4f,\"machine\":%.4f}\n",
		      (double)bytes * 8 / (b.at - a.at),
		      (b.cpu - a.cpu) * 1e9 / (double)bytes,
		      busy(&a, &b) * 1e9 / (double)bytes);
}

static void echo(int fd)
{
	char byte;

	no_delay(fd);
	while (read(fd, &byte, 1) == 1)
		if (write(fd, &byte, 1) != 1)
			break;
}

/* What the caller says first. */
struct hello {
	char what; /* s(tream), t(rip) */
	pid_t pid;
};

static int serve(const char *ip, const char *port, unsigned long pid)
{
	struct sockaddr_in a;
	const int listener = tcp(ip, port, &a);

	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(listener, 1) < 0)
		err(1, "bind %s", ip);
	others[0] = (pid_t)pid;
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		struct hello hello;

		if (fd < 0)
			err(1, "accept");
		if (read(fd, &hello, sizeof(hello)) == sizeof(hello)) {
			others[1] = hello.pid;
			if (hello.what == 's')
				take_stream(fd);
			else
				echo(fd);
		}
		(void)close(fd);
	}
}

static int call(const char *ip, const char *port, char what)
{
	struct sockaddr_in a;
	const struct hello hello = { .what = what, .pid = getpid() };
	const int fd = tcp(ip, port, &a);

	(void)alarm(60);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		err(1, "connect to %s", ip);
	no_delay(fd);
	if (write(fd, &hello, sizeof(hello)) != sizeof(hello))
		err(1, "write");
	return fd;
}

static int stream(const char *ip, const char *port, unsigned long ms)
{
	const int fd = call(ip, port, 's');
	const double end = clock_s() + (double)ms / 1e3;
	ssize_t n;

	while (clock_s() < end)
		if (write(fd, buf, sizeof(buf)) < 0)
			err(1, "write");
	if (shutdown(fd, SHUT_WR) < 0)
		err(1, "shutdown");
	n = read(fd, buf, sizeof(buf));
	if (n <= 0)
		errx(1, "nothing arrived");
	return fwrite(buf, (size_t)n, 1, stdout) != 1;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A tenth is warming up. */
static int trip(const char *ip, const char *port, unsigned long rounds)
{
	const int fd = call(ip, port, 't');
	const size_t warm = rounds / 10 + 1;
	double *us = rounds <= ROUNDS_MAX ? calloc(rounds, sizeof(*us)) : NULL;
	char byte = 1;

	if (!us)
		errx(2, "%lu rounds: 1 to %d", rounds, ROUNDS_MAX);
	for (size_t i = 0; i < rounds + warm; i++) {
		const double start = clock_s();

		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			err(1, "no answer");
		if (i >= warm)
			us[i - warm] = (clock_s() - start) * 1e6;
	}
	qsort(us, rounds, sizeof(*us), compare);
	(void)printf("{\"us\":%.3f}\n", us[rounds / 2]);
	free(us);
	return 0;
}

struct frame {
	struct ether_header eth;
	struct ether_arp arp;
	unsigned char rest[18];
};

static int packets(const char *interface)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || !to.sll_ifindex ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "%s", interface);
	return fd;
}

/* Who has 10.1.0.254? Or, of a protocol that is none, the same. */
static void frame_make(struct frame *f, bool is_strange)
{
	static const unsigned char from[] = { 2, 0, 0, 0, 0x88, 0xb5 };

	*f = (struct frame){
		.eth.ether_type =
			htons(is_strange ? TYPE_NOBODY : ETHERTYPE_ARP),
		.arp = { .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
				     .ar_pro = htons(ETHERTYPE_IP),
				     .ar_hln = ETH_ALEN,
				     .ar_pln = 4,
				     .ar_op = htons(ARPOP_REQUEST) },
			 .arp_spa = { 10, 1, 0, 2 },
			 .arp_tpa = { 10, 1, 0, 254 } },
	};
	memset(f->eth.ether_dhost, 0xff, ETH_ALEN);
	memcpy(f->eth.ether_shost, from, ETH_ALEN);
	memcpy(f->arp.arp_sha, from, ETH_ALEN);
}

/* What is due by now, no more; then it sleeps to the next tick. */
static unsigned long keep_pace(int fd, const struct frame *frame, double rate,
			       double seconds)
{
	static struct mmsghdr batch[BATCH];
	struct iovec v = { (void *)frame, sizeof(*frame) };
	const double begin = clock_s();
	const struct timespec tick = { .tv_nsec = TICK_NS };
	unsigned long sent = 0;
	double t;

	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr =
			(struct msghdr){ .msg_iov = &v, .msg_iovlen = 1 };
	while ((t = clock_s() - begin) < seconds) {
		const unsigned long due = (unsigned long)(t * rate);

		while (sent < due) {
			const unsigned long n = due - sent;
			const int r = sendmmsg(
				fd, batch, n < BATCH ? (unsigned int)n : BATCH,
				0);

			if (r < 0)
				err(1, "send");
			sent += (unsigned long)r;
		}
		(void)nanosleep(&tick, NULL);
	}
	return sent;
}

static int flood(const char *interface, unsigned long rate, unsigned long ms,
		 bool is_strange)
{
	struct frame frame;
	const int fd = packets(interface);
	struct moment a, b;
	unsigned long sent;

	frame_make(&frame, is_strange);
	a = now();
	sent = keep_pace(fd, &frame, (double)rate, (double)ms / 1e3);
	b = now();
	(void)printf("{\"rate\":%.0f,\"cpu\":%.4f,\"machine\":%.4f}\n",
		     (double)sent / (b.at - a.at),
		     (b.cpu - a.cpu) * 1e9 / (double)sent,
		     busy(&a, &b) * 1e9 / (double)sent);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc != 5)
		errx(2, "see the head of wire.c");
	if (!strcmp(what, "serve"))
		return serve(argv[2], argv[3], number(argv[4]));
	if (!strcmp(what, "stream"))
		return stream(argv[2], argv[3], number(argv[4]));
	if (!strcmp(what, "trip"))
		return trip(argv[2], argv[3], number(argv[4]));
	if (!strcmp(what, "flood") || !strcmp(what, "strange"))
		return flood(argv[2], number(argv[3]), number(argv[4]),
			     *what == 's');
	errx(2, "%s? see the head of wire.c", what);
}
