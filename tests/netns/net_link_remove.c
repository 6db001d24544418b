/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "net/bridge.h"
#include "net/link_remove.h"
#include "net/tap.h"
#include "net/veth.h"
#include "net_lib.h"

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t make_pair(struct sandbox *s, uint32_t bridge)
{
	const struct veth_opts o = {
		.host_name = "vethweft",
		.guest_name = "eth0",
		.netns = s->guest,
		.master = bridge,
		.alias = "weft1:test",
	};
	struct veth v = { 0 };

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	return v.host_index;
}

static uint32_t make_bridge(struct sandbox *s)
{
	const struct bridge_opts o = { .mac = mac_of("02:00:00:00:00:01") };
	uint32_t index = 0;

	assert_works(bridge_create(s->nl, "br0", &o, &index, &s->err), s->err);
	return index;
}

static void assert_gone(struct sandbox *s, uint32_t index)
{
	struct link_info l;

	assert_fails(link_get_index(s->nl, index, &l, &s->err), ENODEV, s->err,
		     "");
}

/* The children are ours here: a plugin would have ended and left them. */
static void reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

TEST(at_the_event_the_device_is_gone_and_its_name_free)
{
	struct sandbox *s = *state;
	const uint32_t bridge = make_bridge(s);

	for (int i = 0; i < 100; i++) {
		const uint32_t index = make_pair(s, bridge);

		assert_works(
			link_remove(s->nl, index, LINK_WAIT_EVENT, &s->err),
			s->err);
		assert_gone(s, index);
	}
	reap_all();
	assert_int_equal(count_links(s->nl), 2);
	assert_int_equal(count_links(s->guest_nl), 1);
}

TEST(a_tap_goes_at_the_event_too)
{
	struct sandbox *s = *state;
	const struct tap_opts o = { .name = "tap0",
				    .owner = TAP_ANYONE,
				    .group = TAP_ANYONE };
	uint32_t index = 0;
	int fd = -1;

	assert_works(tap_open(&o, &fd, &index, &s->err), s->err);
	assert_works(tap_persist(fd, &s->err), s->err);
	(void)close(fd);
	assert_works(link_remove(s->nl, index, LINK_WAIT_EVENT, &s->err),
		     s->err);
	assert_gone(s, index);
	reap_all();
}

/* How long either takes depends on the machine; who is still at work does not.
 */
TEST(the_event_comes_before_the_kernel_is_done)
{
	struct sandbox *s = *state;
	const uint32_t bridge = make_bridge(s);
	int64_t early = INT64_MAX, late = INT64_MAX;
	int at_work = 0;

	for (int i = 0; i < 10; i++) {
		uint32_t index = make_pair(s, bridge);
		int64_t t = now_us();

		assert_works(
			link_remove(s->nl, index, LINK_WAIT_EVENT, &s->err),
			s->err);
		t = now_us() - t;
		early = t < early ? t : early;
		at_work += waitpid(-1, NULL, WNOHANG) == 0;
		reap_all();

		index = make_pair(s, bridge);
		t = now_us();
		assert_works(
			link_remove(s->nl, index, LINK_WAIT_KERNEL, &s->err),
			s->err);
		t = now_us() - t;
		late = t < late ? t : late;
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	printf("at the event %lld us, with the clean-up %lld us\n",
	       (long long)early, (long long)late);
	assert_in_range(at_work, 5, 10);
}

/* An engine reads a plugin's output to its end. */
TEST(the_child_that_is_at_work_holds_no_descriptor_of_ours)
{
	struct sandbox *s = *state;
	const uint32_t bridge = make_bridge(s);
	int low[2], high[2], at_work = 0;

	for (int i = 0; i < 10; i++) {
		const uint32_t index = make_pair(s, bridge);
		struct pollfd ends[2];

		assert_int_equal(pipe(low), 0);
		assert_int_equal(pipe(high), 0);
		assert_int_equal(dup2(high[1], 200), 200);
		(void)close(high[1]);
		assert_works(
			link_remove(s->nl, index, LINK_WAIT_EVENT, &s->err),
			s->err);
		(void)close(low[1]);
		(void)close(200);
		ends[0] = (struct pollfd){ .fd = low[0] };
		ends[1] = (struct pollfd){ .fd = high[0] };
		assert_int_equal(poll(ends, 2, 0), 2);
		at_work += waitpid(-1, NULL, WNOHANG) == 0;
		(void)close(low[0]);
		(void)close(high[0]);
		reap_all();
	}
	assert_true(at_work > 0);
}

TEST(a_device_that_is_not_there_is_enodev_either_way)
{
	struct sandbox *s = *state;

	assert_fails(link_remove(s->nl, 4711, LINK_WAIT_EVENT, &s->err), ENODEV,
		     s->err, "4711");
	assert_fails(link_remove(s->nl, 4711, LINK_WAIT_KERNEL, &s->err),
		     ENODEV, s->err, "4711");
	reap_all();
}

TEST(what_the_kernel_refuses_is_reported_with_its_reason)
{
	struct sandbox *s = *state;

	/* Loopback cannot be deleted. */
	assert_fails(link_remove(s->nl, 1, LINK_WAIT_EVENT, &s->err),
		     EOPNOTSUPP, s->err, "lo");
	reap_all();
	assert_int_equal(count_links(s->nl), 1);
}

/* Kills the child that deletes at some moment of its short life. */
static void remove_and_kill(struct sandbox *s, uint32_t index, int wait_us)
{
	const struct timespec pause = { .tv_nsec = wait_us * 1000 };
	struct link_info l;
	char path[64], text[64] = "";
	FILE *f;
	int r;

	r = link_remove(s->nl, index, LINK_WAIT_EVENT, &s->err);
	assert_int_equal(r, 0);
	(void)nanosleep(&pause, NULL);
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		       (int)getpid());
	f = fopen(path, "r");
	if (f) {
		if (fgets(text, sizeof(text), f) && atoi(text) > 1)
			(void)kill(atoi(text), SIGKILL);
		(void)fclose(f);
	}
	reap_all();
	assert_int_equal(link_get_index(s->nl, index, &l, &s->err), -ENODEV);
}

TEST(killing_the_child_after_the_event_brings_nothing_back)
{
	struct sandbox *s = *state;
	const uint32_t bridge = make_bridge(s);

	for (int i = 0; i < 60; i++)
		remove_and_kill(s, make_pair(s, bridge), i * 20);
	assert_int_equal(count_links(s->nl), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(at_the_event_the_device_is_gone_and_its_name_free),
		in_sandbox(a_tap_goes_at_the_event_too),
		in_sandbox(the_event_comes_before_the_kernel_is_done),
		in_sandbox(
			the_child_that_is_at_work_holds_no_descriptor_of_ours),
		in_sandbox(a_device_that_is_not_there_is_enodev_either_way),
		in_sandbox(what_the_kernel_refuses_is_reported_with_its_reason),
		in_sandbox(
			killing_the_child_after_the_event_brings_nothing_back),
	};

	return RUN(tests);
}
