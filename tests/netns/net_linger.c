/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>

#include "net/linger.h"
#include "net/portmap.h"
#include "net_lib.h"

#define OWNER "0123456789abcdef net:c1:eth0"

enum { ROUNDS = 8, TRIES = 8 };

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool is_own(const char *owner, void *arg)
{
	return !strcmp(owner, arg);
}

static void forward_port(struct sandbox *s)
{
	const struct portmap_forward f = { .proto = IPPROTO_TCP,
					   .host_port = 8080,
					   .guest_ip = ip_of("10.1.0.2"),
					   .guest_port = 80 };
	const struct portmap p = { .owner = OWNER, .v = &f, .n = 1 };
	bool adopted;

	assert_works(portmap_ensure(&p, &adopted, &s->err), s->err);
	assert_false(adopted);
}

/* Until whoever reads our stdout hears its end, wherever that stands. */
static int64_t remove_port(struct sandbox *s, enum link_wait wait)
{
	const int high = 300;
	int64_t start;
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(ends[1], F_DUPFD_CLOEXEC, high), high);
	start = now_us();
	linger_begin();
	assert_works(portmap_remove(is_own, (void *)OWNER, &s->err), s->err);
	linger_end(wait);
	(void)close(ends[1]);
	(void)close(high);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	start = now_us() - start;
	(void)close(ends[0]);
	return start;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The least of some: @ret_here without a child, @ret_child with one. */
static void measure(struct sandbox *s, int64_t *ret_here, int64_t *ret_child)
{
	int status = -1;

	*ret_here = *ret_child = INT64_MAX;
	for (int i = 0; i < ROUNDS; i++) {
		forward_port(s);
		*ret_here = least(*ret_here, remove_port(s, LINK_WAIT_KERNEL));
		assert_int_equal(waitpid(-1, NULL, 0), -1);
		assert_int_equal(errno, ECHILD);

		forward_port(s);
		*ret_child = least(*ret_child, remove_port(s, LINK_WAIT_EVENT));
		assert_true(waitpid(-1, &status, 0) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(waitpid(-1, NULL, 0), -1);
	}
}

/* By a quarter and more: that is no accident, on a busy machine either, but it
 * may take a while until that lets us see it. */
TEST(the_child_waits_for_the_kernel_in_our_place)
{
	struct sandbox *s = *state;
	int64_t here = 0, child = 0;
	int tries = 0;

	do
		measure(s, &here, &child);
	while (child * 4 >= here * 3 && ++tries < TRIES);
	if (tries == TRIES)
		fail_msg("%lld us with a child, %lld us without",
			 (long long)child, (long long)here);
}

TEST(without_anything_removed_there_is_no_child)
{
	linger_begin();
	linger_end(LINK_WAIT_EVENT);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
	(void)state;
}

TEST(sockets_are_closed_at_once_outside_of_it)
{
	struct sandbox *s = *state;
	struct netlink *nl = NULL;
	int fd;

	assert_works(netlink_open_nfnl(&nl, &s->err), s->err);
	fd = netlink_fd(nl);
	netlink_close(nl);
	assert_int_equal(fcntl(fd, F_GETFD), -1);

	linger_begin();
	nl = NULL;
	assert_works(netlink_open_nfnl(&nl, &s->err), s->err);
	fd = netlink_fd(nl);
	netlink_close(nl);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	linger_end(LINK_WAIT_KERNEL);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(the_child_waits_for_the_kernel_in_our_place),
		in_sandbox(without_anything_removed_there_is_no_child),
		in_sandbox(sockets_are_closed_at_once_outside_of_it),
	};

	return RUN(tests);
}
