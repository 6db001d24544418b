/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "net/bridge.h"
#include "net/macvlan.h"
#include "net/veth.h"
#include "net_lib.h"

enum { INDEX = 0x40003000, PARENT_INDEX = 0x40001000 };

static int elsewhere = -1;

/* A veth end serves as parent. Its other end is in a third namespace. */
static void new_parent(struct sandbox *s)
{
	struct veth_opts o = {
		.host_name = "p0",
		.guest_name = "p1",
		.host_mac = mac_of("fe:00:00:00:00:01"),
		.host_index = PARENT_INDEX,
		.guest_index = PARENT_INDEX,
		.alias = "parent",
	};
	struct veth v;

	elsewhere = o.netns = new_netns();
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
}

static struct macvlan_opts opts_of(struct sandbox *s)
{
	return (struct macvlan_opts){
		.name = "eth0",
		.parent = PARENT_INDEX,
		.netns = s->guest,
		.mode = macvlan_mode("bridge"),
		.mac = mac_of("02:01:02:03:04:05"),
		.mtu = 1400,
		.index = INDEX,
	};
}

static int setup(void **state)
{
	if (sandbox_setup(state))
		return -1;
	new_parent(*state);
	return 0;
}

static int teardown(void **state)
{
	(void)close(elsewhere);
	return sandbox_teardown(state);
}

#define on_parent(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void assert_nothing_left(struct sandbox *s)
{
	cleanup_netlink struct netlink *fresh = NULL;

	assert_works(netlink_open(&fresh, &s->err), s->err);
	assert_int_equal(count_links(fresh), 2);
	assert_int_equal(count_links(s->guest_nl), 1);
}

TEST(it_is_made_in_place_whole_and_down)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	struct macvlan_info info;
	struct link_info l;
	uint32_t index;

	o.bc_queue_len = 5000;
	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_int_equal(index, INDEX);
	assert_works(link_get(s->guest_nl, "eth0", &l, &s->err), s->err);
	assert_int_equal(l.index, INDEX);
	assert_int_equal(l.peer, PARENT_INDEX);
	assert_int_not_equal(l.link_netnsid, -1);
	assert_int_equal(l.mtu, 1400);
	assert_int_equal(l.group, LINK_GROUP_WEFT);
	assert_string_equal(l.kind, "macvlan");
	assert_true(mac_equal(&l.mac, &o.mac));
	assert_false(l.flags & IFF_UP);
	assert_works(macvlan_get(s->guest_nl, "eth0", false, &info, &s->err),
		     s->err);
	assert_int_equal(info.mode, macvlan_mode("bridge"));
	assert_int_equal(info.bc_queue_len, 5000);
	assert_int_equal(count_links(s->nl), 2);
}

TEST(a_hosts_own_is_marked_in_the_same_send)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	struct link_info l;
	uint32_t index;

	o.name = "mvh0";
	o.netns = -1;
	o.alias = "weft1:macvlan-vm:net1";
	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_works(link_get(s->nl, "mvh0", &l, &s->err), s->err);
	assert_string_equal(l.alias, o.alias);
	assert_int_equal(l.peer, PARENT_INDEX);
	assert_int_equal(l.link_netnsid, -1);
}

TEST(every_mode_is_made_and_read_back)
{
	static const char *const names[] = { "private", "vepa", "bridge",
					     "passthru" };
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	struct macvlan_info info;
	uint32_t index;

	for (size_t i = 0; i < 4; i++) {
		o.mode = macvlan_mode(names[i]);
		assert_int_not_equal(o.mode, 0);
		assert_string_equal(macvlan_mode_name(o.mode), names[i]);
		assert_works(macvlan_create(s->nl, &o, &index, &s->err),
			     s->err);
		assert_works(
			macvlan_get(s->guest_nl, "eth0", false, &info, &s->err),
			s->err);
		assert_int_equal(info.mode, o.mode);
		assert_works(link_delete(s->guest_nl, index, &s->err), s->err);
	}
	assert_int_equal(macvlan_mode("source"), 0);
	assert_string_equal(macvlan_mode_name(0), "?");
}

/* The name is looked up in the socket's namespace unless an index is given. */
TEST(a_name_that_the_host_has_too_is_free_in_the_guest)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	struct link_info l;
	uint32_t index;

	o.name = "p0";
	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_works(link_get(s->guest_nl, "p0", &l, &s->err), s->err);
	assert_string_equal(l.kind, "macvlan");
}

TEST(a_taken_name_is_eexist_and_what_has_it_stays)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	uint32_t index = 7;

	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	o.mac = mac_of("02:01:02:03:04:06");
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), EEXIST, s->err,
		     "interface eth0 exists already");
	assert_int_equal(s->err.code, CNI_E_TAKEN);
	o.index++;
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), EEXIST, s->err,
		     "interface eth0 exists already");
	assert_int_equal(count_links(s->guest_nl), 2);
}

TEST(a_taken_ifindex_moves_on_to_the_next)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	uint32_t index;

	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	o.name = "eth1";
	o.mac.b[5]++;
	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_int_equal(index, INDEX + 1);

	/* Taken on the host alone: some kernels look there. */
	o.name = "eth2";
	o.mac.b[5]++;
	o.index = PARENT_INDEX;
	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_in_range(index, PARENT_INDEX, PARENT_INDEX + 1);
}

TEST(a_refused_option_leaves_nothing_and_says_why)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	uint32_t index;

	o.mtu = 9000;
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), EINVAL, s->err,
		     "create macvlan eth0");
	o = opts_of(s);
	o.parent = 4711;
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), ENODEV, s->err,
		     "create macvlan eth0");
	o = opts_of(s);
	o.netns = 99;
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), EBADF, s->err,
		     "create macvlan eth0");
	o = opts_of(s);
	o.name = "eth%d";
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), EINVAL, s->err,
		     "\"eth%d\" is not an interface name");
	assert_nothing_left(s);
}

TEST(a_refused_alias_takes_the_device_with_it)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	char longer[LINK_ALIAS_SIZE + 1];
	uint32_t index;

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	o.netns = -1;
	o.alias = longer;
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), ERANGE, s->err,
		     "create macvlan");
	assert_nothing_left(s);
}

TEST(a_parent_on_a_bridge_is_named)
{
	struct sandbox *s = *state;
	const struct bridge_opts b = { .mac = mac_of("fe:00:00:00:00:02") };
	struct macvlan_opts o = opts_of(s);
	uint32_t bridge, index;

	assert_works(bridge_create(s->nl, "br0", &b, &bridge, &s->err), s->err);
	assert_works(link_set_master(s->nl, PARENT_INDEX, bridge, &s->err),
		     s->err);
	assert_fails(macvlan_create(s->nl, &o, &index, &s->err), EBUSY, s->err,
		     "parent p0 is a port of another device");
	assert_int_equal(count_links(s->guest_nl), 1);
}

/* Notifications fill the buffer: the kernel did it, we cannot hear it. */
TEST(a_lost_answer_leaves_nothing)
{
	struct sandbox *s = *state;
	struct macvlan_opts o = opts_of(s);
	const int tiny = 1, links = RTNLGRP_LINK, fd = netlink_fd(s->nl);
	uint32_t index;

	o.netns = -1; /* the notifications are of its namespace */
	o.alias = "weft1:macvlan-vm:net1";
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)), 0);
	assert_int_equal(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
				    &links, sizeof(links)),
			 0);
	assert_true(macvlan_create(s->nl, &o, &index, &s->err) < 0);
	assert_true(netlink_is_broken(s->nl));
	assert_nothing_left(s);
}

TEST(what_is_no_macvlan_is_said)
{
	struct sandbox *s = *state;
	struct macvlan_info info;

	assert_fails(macvlan_get(s->nl, "p0", false, &info, &s->err),
		     EMEDIUMTYPE, s->err, "not a macvlan but a veth");
	assert_fails(macvlan_get(s->nl, "lo", false, &info, &s->err),
		     EMEDIUMTYPE, s->err, "not a macvlan");
	assert_fails(macvlan_get(s->nl, "no", false, &info, &s->err), ENODEV,
		     s->err, "find macvlan no");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_parent(it_is_made_in_place_whole_and_down),
		on_parent(a_hosts_own_is_marked_in_the_same_send),
		on_parent(every_mode_is_made_and_read_back),
		on_parent(a_name_that_the_host_has_too_is_free_in_the_guest),
		on_parent(a_taken_name_is_eexist_and_what_has_it_stays),
		on_parent(a_taken_ifindex_moves_on_to_the_next),
		on_parent(a_refused_option_leaves_nothing_and_says_why),
		on_parent(a_refused_alias_takes_the_device_with_it),
		on_parent(a_parent_on_a_bridge_is_named),
		on_parent(a_lost_answer_leaves_nothing),
		on_parent(what_is_no_macvlan_is_said),
	};

	return RUN(tests);
}
