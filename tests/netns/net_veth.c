/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "net/addr.h"
#include "net/bridge.h"
#include "net/veth.h"
#include "net_lib.h"

enum { HOST_INDEX = 0x40001000, GUEST_INDEX = 0x40002000 };

static const char alias[] = "weft1:bridge-vm:hybrid:c1:eth0";

static struct veth_opts opts_of(const struct sandbox *s)
{
	return (struct veth_opts){
		.host_name = "veth0123456789a",
		.guest_name = "eth0",
		.netns = s->guest,
		.host_mac = mac_of("fe:01:02:03:04:05"),
		.guest_mac = mac_of("02:01:02:03:04:05"),
		.mtu = 1400,
		.host_index = HOST_INDEX,
		.guest_index = GUEST_INDEX,
		.alias = alias,
	};
}

static uint32_t new_bridge(struct sandbox *s)
{
	const struct bridge_opts o = { .mac = mac_of("fe:00:00:00:00:01") };
	uint32_t index;

	assert_works(bridge_create(s->nl, "br0", &o, &index, &s->err), s->err);
	return index;
}

static void assert_nothing_left(struct sandbox *s, size_t host)
{
	assert_int_equal(count_links(s->nl), host);
	assert_int_equal(count_links(s->guest_nl), 1);
}

TEST(veth_create_makes_both_ends_in_place_marked_and_down)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	struct link_info host, guest;
	struct veth v;

	o.master = new_bridge(s);
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_int_equal(v.host_index, HOST_INDEX);
	assert_int_equal(v.guest_index, GUEST_INDEX);

	assert_works(link_get(s->nl, o.host_name, &host, &s->err), s->err);
	assert_int_equal(host.index, HOST_INDEX);
	assert_int_equal(host.peer, GUEST_INDEX);
	assert_int_not_equal(host.link_netnsid, -1);
	assert_int_equal(host.master, o.master);
	assert_int_equal(host.mtu, 1400);
	assert_int_equal(host.group, LINK_GROUP_WEFT);
	assert_string_equal(host.kind, "veth");
	assert_string_equal(host.alias, alias);
	assert_true(mac_equal(&host.mac, &o.host_mac));
	assert_false(host.flags & IFF_UP);

	assert_works(link_get(s->guest_nl, "eth0", &guest, &s->err), s->err);
	assert_int_equal(guest.index, GUEST_INDEX);
	assert_int_equal(guest.peer, HOST_INDEX);
	assert_int_equal(guest.mtu, 1400);
	assert_int_equal(guest.group, LINK_GROUP_WEFT);
	assert_true(mac_equal(&guest.mac, &o.guest_mac));
	assert_false(guest.flags & IFF_UP);
}

static int read_queues(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct rtattr *a = (void *)((char *)NLMSG_DATA(h) +
				    NLMSG_ALIGN(sizeof(struct ifinfomsg)));
	int len = (int)IFLA_PAYLOAD(h);
	uint32_t *queues = arg;

	(void)err;
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_NUM_TX_QUEUES)
			memcpy(&queues[0], RTA_DATA(a), sizeof(queues[0]));
		if (a->rta_type == IFLA_NUM_RX_QUEUES)
			memcpy(&queues[1], RTA_DATA(a), sizeof(queues[1]));
	}
	return 0;
}

static void assert_queues(struct netlink *nl, const char *name, uint32_t want)
{
	struct netlink_req q = link_req(RTM_GETLINK, 0, 0, name);
	struct cni_err err;
	uint32_t queues[2] = { 0, 0 };

	assert_works(netlink_get(nl, &q, read_queues, queues, &err), err);
	assert_int_equal(queues[0], want);
	assert_int_equal(queues[1], want);
}

TEST(both_ends_have_one_queue_unless_told_otherwise)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_queues(s->nl, o.host_name, 1);
	assert_queues(s->guest_nl, "eth0", 1);
	assert_works(link_delete(s->nl, v.host_index, &s->err), s->err);

	o.queues = 4;
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_queues(s->nl, o.host_name, 4);
	assert_queues(s->guest_nl, "eth0", 4);
}

TEST(the_host_end_gets_no_link_local_address_the_guest_does)
{
	struct sandbox *s = *state;
	const struct veth_opts o = opts_of(s);
	cleanup_free struct ip_net *host = NULL, *guest = NULL;
	size_t n_host, n_guest;
	struct veth v;

	if (access("/proc/sys/net/ipv6", F_OK))
		skip();
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_works(link_set_up(s->nl, v.host_index, true, &s->err), s->err);
	assert_works(link_set_up(s->guest_nl, v.guest_index, true, &s->err),
		     s->err);
	assert_works(addr_list(s->nl, v.host_index, &host, &n_host, &s->err),
		     s->err);
	assert_works(addr_list(s->guest_nl, v.guest_index, &guest, &n_guest,
			       &s->err),
		     s->err);
	assert_int_equal(n_host, 0);
	assert_int_equal(n_guest, 1);
	assert_true(ip_is_link_local(&guest[0].addr));
}

TEST(without_wishes_the_kernel_chooses_and_tells)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	struct link_info host, guest;
	struct veth v;

	o.host_index = o.guest_index = o.mtu = 0;
	o.host_mac = o.guest_mac = (struct mac){ 0 };
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_works(link_get(s->nl, o.host_name, &host, &s->err), s->err);
	assert_works(link_get(s->guest_nl, "eth0", &guest, &s->err), s->err);
	assert_int_equal(host.index, v.host_index);
	assert_int_equal(guest.index, v.guest_index);
	assert_int_equal(host.mtu, 1500);
	assert_true(mac_is_unicast(&host.mac));
}

TEST(veth_create_with_a_taken_host_name_is_eexist_and_leaves_nothing)
{
	struct sandbox *s = *state;
	const struct veth_opts o = opts_of(s);
	struct veth_opts second = opts_of(s);
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	second.guest_name = "eth1";
	assert_fails(veth_create(s->nl, &second, &v, &s->err), EEXIST, s->err,
		     "interface veth0123456789a exists already");
	assert_int_equal(s->err.code, CNI_E_TAKEN);
	assert_int_equal(count_links(s->nl), 2);
	assert_int_equal(count_links(s->guest_nl), 2);
}

TEST(veth_create_with_a_taken_guest_name_is_eexist_and_leaves_nothing)
{
	struct sandbox *s = *state;
	const struct veth_opts o = opts_of(s);
	struct link_info l;
	struct veth_opts second = opts_of(s);
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	second.host_name = "veth-second";
	second.host_index++;
	second.guest_index++;
	assert_fails(veth_create(s->nl, &second, &v, &s->err), EEXIST, s->err,
		     "interface eth0 exists already in the guest's");
	assert_fails(link_get(s->nl, "veth-second", &l, &s->err), ENODEV,
		     s->err, "veth-second");
	assert_int_equal(count_links(s->guest_nl), 2);
}

TEST(taken_ifindexes_move_on_to_the_next)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	char guest[IFNAMSIZ], host[IFNAMSIZ];
	struct veth v;

	for (uint32_t i = 0; i < 4; i++) {
		(void)snprintf(host, sizeof(host), "vethh%u", i);
		(void)snprintf(guest, sizeof(guest), "eth%u", i);
		o.host_name = host;
		o.guest_name = guest;
		assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
		assert_int_equal(v.host_index, HOST_INDEX + i);
		assert_int_equal(v.guest_index, GUEST_INDEX + i);
	}
}

TEST(one_taken_ifindex_moves_only_that_end)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	o.host_name = "veth-two";
	o.guest_name = "eth1";
	o.host_index += 10;
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_int_equal(v.host_index, HOST_INDEX + 10);
	assert_int_equal(v.guest_index, GUEST_INDEX + 1);

	o.host_name = "veth-three";
	o.guest_name = "eth2";
	o.guest_index += 10;
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_int_equal(v.host_index, HOST_INDEX + 11);
	assert_int_equal(v.guest_index, GUEST_INDEX + 10);
}

TEST(the_last_ifindex_wraps_to_the_first_of_ours)
{
	assert_int_equal(link_next_index(0x7fffffff), 0x40000000);
	assert_int_equal(link_next_index(0x40000000), 0x40000001);
}

TEST(ifindexes_that_are_all_taken_end_in_an_error)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	char name[IFNAMSIZ], guest[IFNAMSIZ];
	struct veth v;

	for (uint32_t i = 0; i < 16; i++) {
		(void)snprintf(name, sizeof(name), "v%u", i);
		(void)snprintf(guest, sizeof(guest), "g%u", i);
		o.host_name = name;
		o.guest_name = guest;
		o.host_index = HOST_INDEX + i;
		o.guest_index = GUEST_INDEX + i;
		assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	}
	o = opts_of(s);
	assert_fails(veth_create(s->nl, &o, &v, &s->err), EEXIST, s->err,
		     "create veth veth0123456789a");
	assert_int_equal(count_links(s->nl), 17);
}

TEST(a_refused_option_leaves_nothing_and_says_why)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	struct veth v;

	o.mtu = 70000;
	assert_fails(veth_create(s->nl, &o, &v, &s->err), EINVAL, s->err,
		     "create veth veth0123456789a");
	o = opts_of(s);
	o.master = 4711;
	assert_fails(veth_create(s->nl, &o, &v, &s->err), EINVAL, s->err,
		     "create veth");
	o = opts_of(s);
	o.netns = 99;
	assert_fails(veth_create(s->nl, &o, &v, &s->err), EBADF, s->err,
		     "create veth");
	assert_nothing_left(s, 1);
}

/* 256 bytes: the pair is made, its alias refused, the pair removed. */
TEST(a_refused_alias_takes_the_pair_with_it)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	char longer[LINK_ALIAS_SIZE + 1];
	struct veth v;

	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	o.alias = longer;
	assert_fails(veth_create(s->nl, &o, &v, &s->err), ERANGE, s->err,
		     "create veth");
	assert_nothing_left(s, 1);

	longer[LINK_ALIAS_SIZE - 1] = '\0'; /* 255 are fine */
	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
}

/* Notifications fill the buffer: the kernel did it, we cannot hear it. */
TEST(a_lost_answer_leaves_nothing)
{
	struct sandbox *s = *state;
	const struct sockaddr_nl links = { .nl_family = AF_NETLINK,
					   .nl_groups = RTMGRP_LINK };
	const struct veth_opts o = opts_of(s);
	const int tiny = 1, fd = netlink_fd(s->nl);
	cleanup_netlink struct netlink *fresh = NULL;
	struct veth v;

	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)), 0);
	assert_int_equal(bind(fd, (const void *)&links, sizeof(links)), 0);
	assert_true(veth_create(s->nl, &o, &v, &s->err) < 0);
	assert_true(netlink_is_broken(s->nl));
	assert_works(netlink_open(&fresh, &s->err), s->err);
	assert_int_equal(count_links(fresh), 1);
	assert_int_equal(count_links(s->guest_nl), 1);
}

/* Killed at any moment: all of it, all marked, or nothing. */
TEST(a_killed_creation_leaves_a_marked_pair_or_nothing)
{
	enum { ROUNDS = 60 };
	struct sandbox *s = *state;
	const struct veth_opts o = opts_of(s);
	struct link_info l;
	int made = 0;

	for (int i = 0; i < ROUNDS; i++) {
		const pid_t child = fork();
		int status, r;

		if (!child) {
			struct veth v;

			_exit(veth_create(s->nl, &o, &v, &s->err) < 0);
		}
		(void)usleep((useconds_t)(i * 20));
		(void)kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);

		netlink_close(s->nl);
		s->nl = NULL;
		assert_works(netlink_open(&s->nl, &s->err), s->err);
		r = link_get(s->nl, o.host_name, &l, &s->err);
		if (r == -ENODEV)
			continue;
		assert_int_equal(r, 0);
		assert_int_equal(l.group, LINK_GROUP_WEFT);
		assert_string_equal(l.alias, alias);
		assert_works(link_delete(s->nl, l.index, &s->err), s->err);
		made++;
	}
	print_message("%d of %d killed creations had made the pair\n", made,
		      ROUNDS);
	assert_nothing_left(s, 1);
}

TEST(a_bridge_at_1023_ports_says_that_it_is_full)
{
	struct sandbox *s = *state;
	struct veth_opts o = opts_of(s);
	char host[IFNAMSIZ], guest[IFNAMSIZ];
	struct veth v;
	uint32_t spare;

	o.master = new_bridge(s);
	o.netns = s->host; /* both ends become ports: half the pairs */
	for (uint32_t i = 0; i < LINK_BRIDGE_PORTS / 2 + 1; i++) {
		(void)snprintf(host, sizeof(host), "vh%u", i);
		(void)snprintf(guest, sizeof(guest), "vg%u", i);
		o.host_name = host;
		o.guest_name = guest;
		o.host_index = HOST_INDEX + i;
		o.guest_index = GUEST_INDEX + i;
		assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
		if (i < LINK_BRIDGE_PORTS / 2)
			assert_works(link_set_master(s->nl, v.guest_index,
						     o.master, &s->err),
				     s->err);
	}
	spare = v.guest_index;
	assert_fails(link_set_master(s->nl, spare, o.master, &s->err), EXFULL,
		     s->err,
		     "bridge br0 is full: the kernel allows 1023 ports");

	o = opts_of(s);
	o.master = if_nametoindex("br0");
	o.host_index = HOST_INDEX + 5000;
	assert_fails(veth_create(s->nl, &o, &v, &s->err), EXFULL, s->err,
		     "bridge br0 is full: the kernel allows 1023 ports");
	assert_nothing_left(s, 2 + 2 * (LINK_BRIDGE_PORTS / 2 + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(
			veth_create_makes_both_ends_in_place_marked_and_down),
		in_sandbox(both_ends_have_one_queue_unless_told_otherwise),
		in_sandbox(
			the_host_end_gets_no_link_local_address_the_guest_does),
		in_sandbox(without_wishes_the_kernel_chooses_and_tells),
		in_sandbox(
			veth_create_with_a_taken_host_name_is_eexist_and_leaves_nothing),
		in_sandbox(
			veth_create_with_a_taken_guest_name_is_eexist_and_leaves_nothing),
		in_sandbox(taken_ifindexes_move_on_to_the_next),
		in_sandbox(one_taken_ifindex_moves_only_that_end),
		in_sandbox(the_last_ifindex_wraps_to_the_first_of_ours),
		in_sandbox(ifindexes_that_are_all_taken_end_in_an_error),
		in_sandbox(a_refused_option_leaves_nothing_and_says_why),
		in_sandbox(a_refused_alias_takes_the_pair_with_it),
		in_sandbox(a_lost_answer_leaves_nothing),
		in_sandbox(a_killed_creation_leaves_a_marked_pair_or_nothing),
		in_sandbox(a_bridge_at_1023_ports_says_that_it_is_full),
	};

	return RUN(tests);
}
