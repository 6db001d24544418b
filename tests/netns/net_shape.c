/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "net/qdisc.h"
#include "net/shape.h"
#include "net/veth.h"
#include "net_lib.h"

enum { PORT = 0x40003000 };

static struct shape shape_of(uint64_t out, uint64_t in)
{
	return (struct shape){
		.out = { .rate = out, .burst = 100000 },
		.in = { .rate = in, .burst = 200000 },
		.ifb = "ifb0123",
		.ifb_altname = "weft-other-name",
		.ifb_mac = mac_of("fa:01:02:03:04:05"),
		.alias = "weft1:test:n:c:i",
	};
}

static int setup(void **state)
{
	struct sandbox *s;
	struct veth_opts o = { .host_name = "p0",
			       .guest_name = "p1",
			       .host_index = PORT,
			       .guest_index = PORT,
			       .alias = "port" };
	struct veth v;

	if (sandbox_setup(state))
		return -1;
	s = *state;
	o.netns = s->guest;
	return veth_create(s->nl, &o, &v, &s->err);
}

#define on_port(test) \
	cmocka_unit_test_setup_teardown(test, setup, sandbox_teardown)

static void change(struct sandbox *s, struct netlink_req q)
{
	assert_works(netlink_do(s->nl, &q, &s->err), s->err);
}

TEST(both_ways_are_limited_and_read_back)
{
	struct sandbox *s = *state;
	const struct shape shape = shape_of(2500000, UINT64_C(1) << 33);
	struct qdisc_tbf tbf;
	struct link_info ifb;
	uint32_t to;

	assert_works(shape_set(s->nl, PORT, &shape, &s->err), s->err);
	assert_works(shape_check(s->nl, PORT, &shape, &s->err), s->err);
	assert_works(qdisc_tbf_get(s->nl, PORT, &tbf, &s->err), s->err);
	assert_true(tbf.rate == 2500000);
	assert_int_equal(tbf.limit, 2500000 / 40 + 100000);
	assert_works(link_get_altname(s->nl, shape.ifb_altname, &ifb, &s->err),
		     s->err);
	assert_string_equal(ifb.name, shape.ifb);
	assert_string_equal(ifb.kind, "ifb");
	assert_string_equal(ifb.alias, shape.alias);
	assert_int_equal(ifb.group, LINK_GROUP_WEFT);
	assert_true(mac_equal(&ifb.mac, &shape.ifb_mac));
	assert_true(ifb.flags & IFF_UP);
	assert_works(qdisc_tbf_get(s->nl, ifb.index, &tbf, &s->err), s->err);
	assert_true(tbf.rate == UINT64_C(1) << 33);
	assert_works(qdisc_redirect_get(s->nl, PORT, SHAPE_PRIO, &to, &s->err),
		     s->err);
	assert_int_equal(to, ifb.index);
}

TEST(nothing_is_made_where_nothing_is_limited)
{
	struct sandbox *s = *state;
	const struct shape none = shape_of(0, 0), out = shape_of(1000, 0);
	const size_t before = count_links(s->nl);
	struct qdisc_tbf tbf;
	uint32_t to;

	assert_works(shape_set(s->nl, PORT, &none, &s->err), s->err);
	assert_works(shape_check(s->nl, PORT, &none, &s->err), s->err);
	assert_fails(qdisc_tbf_get(s->nl, PORT, &tbf, &s->err), ENOENT, s->err,
		     "no token bucket");
	assert_works(shape_set(s->nl, PORT, &out, &s->err), s->err);
	assert_int_equal(count_links(s->nl), before);
	assert_fails(qdisc_redirect_get(s->nl, PORT, SHAPE_PRIO, &to, &s->err),
		     ENOENT, s->err, "no filter of prio");
}

/* A guard's hook, with a filter of its own. */
TEST(the_hook_is_shared)
{
	struct sandbox *s = *state;
	const struct shape shape = shape_of(0, 1000000);
	uint32_t to;

	change(s, qdisc_clsact_req(PORT));
	change(s, qdisc_redirect_req(PORT, 1, PORT));
	assert_works(shape_set(s->nl, PORT, &shape, &s->err), s->err);
	assert_works(shape_check(s->nl, PORT, &shape, &s->err), s->err);
	assert_works(qdisc_redirect_get(s->nl, PORT, 1, &to, &s->err), s->err);
	assert_int_equal(to, PORT);
	assert_fails(qdisc_redirect_get(s->nl, PORT, 2, &to, &s->err), ENOENT,
		     s->err, "no filter of prio 2");
}

TEST(a_small_burst_is_a_frame)
{
	struct sandbox *s = *state;
	struct shape shape = shape_of(1000000, 0);
	struct qdisc_tbf tbf;

	shape.out.burst = 0;
	shape.mtu = 9000;
	assert_works(shape_set(s->nl, PORT, &shape, &s->err), s->err);
	assert_works(qdisc_tbf_get(s->nl, PORT, &tbf, &s->err), s->err);
	assert_in_range(tbf.burst, 9010, 9018);
	assert_works(shape_check(s->nl, PORT, &shape, &s->err), s->err);
	shape.mtu = 1500;
	assert_fails(shape_check(s->nl, PORT, &shape, &s->err), ENOENT, s->err,
		     "not 1518");
}

/* What could not be found again must not stay. */
TEST(a_name_that_is_taken_leaves_nothing)
{
	struct sandbox *s = *state;
	struct shape shape = shape_of(0, 1000000);
	const size_t before = count_links(s->nl);

	shape.ifb_altname = "p0";
	assert_fails(shape_set(s->nl, PORT, &shape, &s->err), EEXIST, s->err,
		     "create ifb ifb0123");
	assert_int_equal(count_links(s->nl), before);
	shape.ifb = "p0";
	assert_fails(shape_set(s->nl, PORT, &shape, &s->err), EEXIST, s->err,
		     "create ifb p0");
	assert_int_equal(count_links(s->nl), before);
}

TEST(check_says_what_differs)
{
	struct sandbox *s = *state;
	const struct shape shape = shape_of(1000000, 2000000);
	struct shape other = shape;

	assert_fails(shape_check(s->nl, PORT, &shape, &s->err), ENOENT, s->err,
		     "its rate is not limited");
	assert_int_equal(s->err.code, CNI_E_CHECK);
	assert_works(shape_set(s->nl, PORT, &shape, &s->err), s->err);
	other.in.rate++;
	assert_fails(shape_check(s->nl, PORT, &other, &s->err), ENOENT, s->err,
		     "2000000 bytes a second, not 2000001");
	other = shape;
	other.out.burst += 1000;
	assert_fails(shape_check(s->nl, PORT, &other, &s->err), ENOENT, s->err,
		     "not 101000");
	other = shape;
	other.ifb = "ifb9";
	assert_fails(shape_check(s->nl, PORT, &other, &s->err), ENOENT, s->err,
		     "ifb ifb9: not found");
	other.ifb = "p0";
	assert_fails(shape_check(s->nl, PORT, &other, &s->err), ENOENT, s->err,
		     "is another device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_port(both_ways_are_limited_and_read_back),
		on_port(nothing_is_made_where_nothing_is_limited),
		on_port(the_hook_is_shared),
		on_port(a_small_burst_is_a_frame),
		on_port(a_name_that_is_taken_leaves_nothing),
		on_port(check_says_what_differs),
	};

	return RUN(tests);
}
