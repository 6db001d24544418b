/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "net/bridge.h"
#include "net_lib.h"

static struct netlink_req bad_mtu(const char *name)
{
	struct netlink_req q =
		link_req(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, name);
	struct nlattr *info;

	netlink_put_u32(&q, IFLA_MTU, 70000);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(&q, info);
	return q;
}

static struct netlink_req alias_req(const char *name)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, 0, name);

	netlink_put(&q, IFLA_IFALIAS, "x", 1);
	return q;
}

TEST(a_refusal_carries_the_kernels_own_sentence)
{
	struct sandbox *s = *state;
	struct netlink_req q = bad_mtu("br0");

	assert_fails(netlink_do(s->nl, &q, &s->err), EINVAL, s->err, "Inval");
	assert_int_equal(s->err.code, CNI_E_KERNEL);
	assert_string_equal(s->err.details,
			    "kernel=\"mtu greater than device maximum\"");
	assert_false(netlink_is_broken(s->nl));
}

TEST(requests_after_a_refused_one_still_run)
{
	struct sandbox *s = *state;
	struct netlink_req q[] = { alias_req("lo"), bad_mtu("br0"),
				   alias_req("nope"), alias_req("lo") };
	int results[4];

	assert_fails(netlink_do_all(s->nl, q, 4, results, &s->err), EINVAL,
		     s->err, "Inval");
	assert_non_null(strstr(s->err.details, "mtu greater"));
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], -EINVAL);
	assert_int_equal(results[2], -ENODEV);
	assert_int_equal(results[3], 0);
	assert_false(netlink_is_broken(s->nl));
}

TEST(a_request_that_grew_too_big_is_an_error_not_half_sent)
{
	static const char big[70000];
	struct sandbox *s = *state;
	struct netlink_req q = alias_req("lo");

	netlink_put(&q, IFLA_ADDRESS, big, 30000);
	netlink_put_str(&q, IFLA_IFNAME, "lo");
	assert_fails(netlink_do(s->nl, &q, &s->err), ENOMEM, s->err, "build");
	assert_false(netlink_is_broken(s->nl));
}

static void assert_poisoned(struct sandbox *s)
{
	struct link_info l;

	assert_true(netlink_is_broken(s->nl));
	assert_fails(link_get(s->nl, "lo", &l, &s->err), EPIPE, s->err,
		     "out of step");
}

/* 128 acknowledgements do not fit into the smallest receive buffer. */
TEST(lost_answers_poison_the_socket)
{
	struct sandbox *s = *state;
	struct netlink_req q[NETLINK_BATCH_MAX];
	int results[NETLINK_BATCH_MAX];
	const int tiny = 1;
	cleanup_netlink struct netlink *fresh = NULL;
	struct link_info l;

	assert_int_equal(setsockopt(netlink_fd(s->nl), SOL_SOCKET, SO_RCVBUF,
				    &tiny, sizeof(tiny)),
			 0);
	for (size_t i = 0; i < NETLINK_BATCH_MAX; i++)
		q[i] = alias_req("lo");
	assert_fails(
		netlink_do_all(s->nl, q, NETLINK_BATCH_MAX, results, &s->err),
		ENOBUFS, s->err, "answer");
	assert_int_equal(results[NETLINK_BATCH_MAX - 1], -EIO);
	assert_poisoned(s);

	assert_works(netlink_reopen(s->nl, &fresh, &s->err), s->err);
	assert_works(link_get(fresh, "lo", &l, &s->err), s->err);
	assert_string_equal(l.alias, "x"); /* done, though never heard */
}

TEST(a_reopened_socket_is_in_the_same_namespace)
{
	struct sandbox *s = *state;
	cleanup_netlink struct netlink *fresh = NULL;
	struct link_info l;
	uint32_t index;

	assert_works(bridge_create(s->guest_nl, "br7",
				   &(struct bridge_opts){ 0 }, &index, &s->err),
		     s->err);
	assert_works(netlink_reopen(s->guest_nl, &fresh, &s->err), s->err);
	assert_works(link_get(fresh, "br7", &l, &s->err), s->err);
	assert_fails(link_get(s->nl, "br7", &l, &s->err), ENODEV, s->err,
		     "br7");
}

TEST(a_socket_closed_underneath_is_an_error_and_stays_one)
{
	struct sandbox *s = *state;
	struct netlink_req q = alias_req("lo");
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(dup2(fd, netlink_fd(s->nl)) >= 0);
	(void)close(fd);
	assert_fails(netlink_do(s->nl, &q, &s->err), ENOTSOCK, s->err, "send");
	assert_poisoned(s);
}

TEST(a_kernel_that_does_not_answer_is_a_timeout)
{
	struct sandbox *s = *state;
	const struct timeval soon = { .tv_usec = 50000 };
	struct netlink_req q = alias_req("lo"); /* no answer without ACK */
	struct timeval tv;
	socklen_t len = sizeof(tv);
	const int fd = netlink_fd(s->nl);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
	assert_int_equal(tv.tv_sec, NETLINK_TIMEOUT_S);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)),
		0);
	assert_fails(netlink_get(s->nl, &q, NULL, NULL, &s->err), ETIMEDOUT,
		     s->err, "answer");
	assert_poisoned(s);
}

/* Root may send to our port; a forged "done" must not be believed. */
TEST(an_answer_from_another_process_is_ignored)
{
	struct sandbox *s = *state;

	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} forged = { .h = { .nlmsg_len = sizeof(forged),
			    .nlmsg_type = NLMSG_ERROR,
			    .nlmsg_seq = 2 } };
	struct sockaddr_nl us = { 0 };
	socklen_t len = sizeof(us);
	cleanup_netlink struct netlink *other = NULL;
	struct netlink_req q;
	struct link_info l;

	assert_works(netlink_open(&other, &s->err), s->err);
	assert_works(link_get(s->nl, "lo", &l, &s->err), s->err); /* binds */
	assert_int_equal(getsockname(netlink_fd(s->nl), (void *)&us, &len), 0);
	assert_int_equal(sendto(netlink_fd(other), &forged, sizeof(forged), 0,
				(void *)&us, sizeof(us)),
			 sizeof(forged));

	q = bad_mtu("br0");
	assert_fails(netlink_do(s->nl, &q, &s->err), EINVAL, s->err, "Inval");
	assert_false(netlink_is_broken(s->nl));
}

/* Few: removing them holds up every namespace of the machine. */
enum { STAYING = 60, PASSING = 60 };

/* A process of its own: netlink.c is for one thread. */
static int churn(const struct sandbox *s)
{
	struct cni_err err = CNI_ERR_INIT;
	cleanup_netlink struct netlink *nl = NULL;
	const struct bridge_opts o = { 0 };
	char name[IFNAMSIZ];
	uint32_t index;
	int made = 0;

	if (netlink_open_in(s->host, &nl, &err) < 0)
		return 1;
	for (int i = 0; i < PASSING; i++) {
		(void)snprintf(name, sizeof(name), "passing%d", i);
		made += !bridge_create(nl, name, &o, &index, &err);
		(void)usleep(500);
	}
	return made != PASSING;
}

static size_t count_staying(const struct link_info *v, size_t n)
{
	size_t staying = 0;

	for (size_t i = 0; i < n; i++)
		staying += !strncmp(v[i].name, "staying", 7);
	return staying;
}

/* NLM_F_DUMP_INTR: what came is forgotten, nothing is listed twice. */
TEST(a_list_taken_while_devices_come_is_whole)
{
	struct sandbox *s = *state;
	const struct bridge_opts o = { 0 };
	int whole = 0, refused = 0, status = -1;
	pid_t pid;

	for (int i = 0; i < STAYING; i++) {
		char name[IFNAMSIZ];
		uint32_t index;

		(void)snprintf(name, sizeof(name), "staying%d", i);
		assert_works(bridge_create(s->nl, name, &o, &index, &s->err),
			     s->err);
	}
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(churn(s));
	while (!waitpid(pid, &status, WNOHANG)) {
		cleanup_free struct link_info *v = NULL;
		size_t n = 0;
		const int r = link_list(s->nl, 0, &v, &n, &s->err);

		if (r == -EAGAIN) {
			refused++;
			continue;
		}
		assert_works(r, s->err);
		assert_int_equal(count_staying(v, n), STAYING);
		whole++;
	}
	assert_int_equal(status, 0);
	print_message("%d lists whole, %d given up\n", whole, refused);
	assert_true(whole > 0);
	assert_false(netlink_is_broken(s->nl));
}

struct asker {
	struct netlink *other;
	unsigned int seen, wrong;
	int deeper;
};

static int ask_deeper(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *third = NULL;
	struct cni_err refusal = CNI_ERR_INIT;
	struct link_info l;
	int r = netlink_open(&third, err);

	(void)h;
	if (!r)
		*(int *)arg = link_get_index(third, 1, &l, &refusal);
	return r;
}

/* The message must be what it was before. */
static int ask_another(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct asker *a = arg;
	struct netlink_req q;
	char before[256];
	struct link_info l;
	size_t len;

	if (!h)
		return 0;
	len = h->nlmsg_len < sizeof(before) ? h->nlmsg_len : sizeof(before);
	memcpy(before, h, len);
	a->seen++;
	if (link_get_index(a->other, 1, &l, err) < 0 || strcmp(l.name, "lo"))
		a->wrong++;
	q = link_req(RTM_GETLINK, 0, 1, "");
	if (netlink_get(a->other, &q, ask_deeper, &a->deeper, err) < 0)
		a->wrong++;
	a->wrong += memcmp(before, h, len) != 0;
	return 0;
}

TEST(a_callback_may_ask_by_another_socket_but_not_deeper)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct netlink_req q = netlink_req(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	struct sandbox *s = *state;
	struct asker a = { .other = s->guest_nl };
	const struct bridge_opts o = { 0 };
	uint32_t index;

	assert_works(bridge_create(s->nl, "br0", &o, &index, &s->err), s->err);
	assert_works(netlink_dump(s->nl, &q, ask_another, &a, &s->err), s->err);
	assert_int_equal(a.seen, 2);
	assert_int_equal(a.wrong, 0);
	assert_int_equal(a.deeper, -EDEADLK);
}

TEST(no_descriptor_survives_exec)
{
	struct sandbox *s = *state;

	assert_true((unsigned)fcntl(netlink_fd(s->nl), F_GETFD) &
		    (unsigned)FD_CLOEXEC);
	assert_true((unsigned)fcntl(netlink_fd(s->guest_nl), F_GETFD) &
		    (unsigned)FD_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(a_refusal_carries_the_kernels_own_sentence),
		in_sandbox(requests_after_a_refused_one_still_run),
		in_sandbox(
			a_request_that_grew_too_big_is_an_error_not_half_sent),
		in_sandbox(lost_answers_poison_the_socket),
		in_sandbox(a_reopened_socket_is_in_the_same_namespace),
		in_sandbox(
			a_socket_closed_underneath_is_an_error_and_stays_one),
		in_sandbox(a_kernel_that_does_not_answer_is_a_timeout),
		in_sandbox(an_answer_from_another_process_is_ignored),
		in_sandbox(a_list_taken_while_devices_come_is_whole),
		in_sandbox(a_callback_may_ask_by_another_socket_but_not_deeper),
		in_sandbox(no_descriptor_survives_exec),
	};

	return RUN(tests);
}
