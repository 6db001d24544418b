/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/wait.h>

#include "net/linger.h"
#include "net/portmap.h"
#include "net_lib.h"

#define OWNER "0123456789abcdef net:c1:eth0"

enum { TRIES = 50 };

static int read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = 0;

	assert_non_null(f);
	if (fscanf(f, "%d", &n) != 1)
		n = 0;
	(void)fclose(f);
	return n;
}

/* Return: NULL if it has just ended */
static DIR *open_fds_of(int pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	return opendir(path);
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

/* What is removed, with somebody who reads our stdout until its end, wherever that
 * stands; he has heard it. */
static void remove_port(struct sandbox *s, enum link_wait wait)
{
	const int high = 300;
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fcntl(ends[1], F_DUPFD_CLOEXEC, high), high);
	linger_begin();
	assert_works(portmap_remove(is_own, (void *)OWNER, &s->err), s->err);
	linger_end(wait);
	(void)close(ends[1]);
	(void)close(high);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	(void)close(ends[0]);
}

/* Return: how many sockets our child has, and nothing else; 0 if it is gone */
static int count_childs_sockets(void)
{
	char path[64], to[64];
	siginfo_t who = { 0 };
	struct dirent *e;
	int sockets = 0;
	DIR *d;

	assert_int_equal(waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT),
			 0);
	if (who.si_pid)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		       getpid());
	d = open_fds_of(read_number(path));
	while (d && (e = readdir(d))) {
		const ssize_t n =
			readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		if (n < 0)
			continue;
		to[n] = '\0';
		assert_memory_equal(to, "socket:", strlen("socket:"));
		sockets++;
	}
	if (d)
		(void)closedir(d);
	return sockets;
}

/* The last close is the child's; it does not live long, and a busy machine may
 * look too late. */
TEST(the_child_closes_in_our_place)
{
	struct sandbox *s = *state;
	int status = -1, sockets = 0;

	for (int i = 0; i < TRIES && !sockets; i++) {
		forward_port(s);
		remove_port(s, LINK_WAIT_EVENT);
		sockets = count_childs_sockets();
		assert_true(waitpid(-1, &status, 0) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(waitpid(-1, NULL, 0), -1);
	}
	assert_true(sockets > 0);
}

TEST(who_is_to_wait_has_no_child)
{
	struct sandbox *s = *state;

	forward_port(s);
	remove_port(s, LINK_WAIT_KERNEL);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
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
		in_sandbox(the_child_closes_in_our_place),
		in_sandbox(who_is_to_wait_has_no_child),
		in_sandbox(without_anything_removed_there_is_no_child),
		in_sandbox(sockets_are_closed_at_once_outside_of_it),
	};

	return RUN(tests);
}
