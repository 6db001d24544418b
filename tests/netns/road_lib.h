/* SPDX-License-Identifier: Apache-2.0 */
/* road_lib.h - a bridge with a guest's port and a peer, for real packets. */
#ifndef WEFT_TESTS_ROAD_LIB_H
#define WEFT_TESTS_ROAD_LIB_H

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "../guard/packet.h"
#include "guard_lib.h"
#include "net/bridge.h"
#include "net/veth.h"

enum { PORT = 0x40002000 };

/**
 * struct end - Where frames go in and come out
 * @fd:		A packet socket, or a VMM's side of a tap
 * @is_tap:	That
 */
struct end {
	int fd;
	bool is_tap;
};

/* Where br_netfilter is, it looks at that of IPv4. */
static inline void put_checksum(struct frame *f)
{
	uint8_t *ip = f->b + f->ip;
	uint32_t sum = 0;

	if (*ip >> 4 != 4)
		return;
	for (size_t i = 0; i < (*ip & 0xfU) * 4; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static inline int packet_socket(struct sandbox *s, int netns, const char *dev)
{
	cleanup_netns_leave int home = -1;
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL) };
	int fd;

	assert_works(netns_enter(netns, &home, &s->err), s->err);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	a.sll_ifindex = (int)if_nametoindex(dev);
	assert_int_not_equal(a.sll_ifindex, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* @name on the host, its other end "x" in a namespace of the peer's. */
static inline struct end make_peer(struct sandbox *s, const char *name,
				   uint32_t master, uint32_t *ret_index)
{
	cleanup_close int netns = new_netns();
	cleanup_netlink struct netlink *nl = NULL;
	const struct veth_opts o = { .host_name = name,
				     .guest_name = "x",
				     .netns = netns,
				     .guest_mac = mac_of(PEER_MAC),
				     .master = master,
				     .alias = "peer" };
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_works(netlink_open_in(netns, &nl, &s->err), s->err);
	assert_works(link_set_up(nl, v.guest_index, true, &s->err), s->err);
	assert_works(link_set_up(s->nl, v.host_index, true, &s->err), s->err);
	*ret_index = v.host_index;
	return (struct end){ packet_socket(s, netns, "x"), false };
}

static inline uint32_t make_bridge(struct sandbox *s)
{
	const struct bridge_opts o = { .alias = "bridge" };
	uint32_t index;

	assert_works(bridge_create(s->nl, "br0", &o, &index, &s->err), s->err);
	assert_works(link_set_up(s->nl, index, true, &s->err), s->err);
	return index;
}

static inline struct end veth_road(struct sandbox *s, uint32_t bridge)
{
	const struct veth_opts o = { .host_name = "port",
				     .guest_name = "eth0",
				     .netns = s->guest,
				     .guest_mac = mac_of(GUEST_MAC),
				     .host_index = PORT,
				     .guest_index = PORT,
				     .master = bridge,
				     .alias = "guest" };
	struct veth v;

	assert_works(veth_create(s->nl, &o, &v, &s->err), s->err);
	assert_works(link_set_up(s->guest_nl, PORT, true, &s->err), s->err);
	return (struct end){ packet_socket(s, s->guest, "eth0"), false };
}

#endif
