/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tests/guard/conformance.json as real packets, on a veth, a tap and a
 * macvtap: what is sent at one end comes out at the other, or does not. */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "../guard/conformance.h"
#include "net/macvlan.h"
#include "net/macvtap.h"
#include "net/tap.h"
#include "road_lib.h"

enum {
	ROWS_LEAST = 100,
	VNET_HEADER = 10, /* struct virtio_net_hdr: nothing is left to us */
	FRAME_MAX = 2048,
	PATIENCE_MS = 2000,
	TRY_MS = 20,
	TRIES = 200,
	FIRST = 0x8000, /* beacons of their own */
};

struct road {
	struct end guest, peer;
};

static void send_frame(const struct end *e, const struct frame *f)
{
	unsigned char header[VNET_HEADER] = { 0 };
	struct iovec v[] = { { header, sizeof(header) },
			     { (void *)f->b, f->len } };
	const struct iovec *from = e->is_tap ? v : v + 1;
	const ssize_t n = writev(e->fd, from, e->is_tap ? 2 : 1);

	assert_int_equal(n, f->len + (e->is_tap ? sizeof(header) : 0));
}

/* Return: -1 if nothing comes */
static ssize_t receive(const struct end *e, unsigned char b[FRAME_MAX], int ms)
{
	struct sockaddr_ll from = { 0 };
	socklen_t size = sizeof(from);
	struct pollfd p = { .fd = e->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return -1;
	if (e->is_tap) {
		n = read(e->fd, b, FRAME_MAX);
		assert_true(n >= VNET_HEADER);
		memmove(b, b + VNET_HEADER, (size_t)n - VNET_HEADER);
		return n - VNET_HEADER;
	}
	n = recvfrom(e->fd, b, FRAME_MAX, 0, (struct sockaddr *)&from, &size);
	assert_true(n >= 0);
	return from.sll_pkttype == PACKET_OUTGOING ? 0 : n;
}

static bool is_frame(const unsigned char *b, ssize_t n, const struct frame *f)
{
	return n >= (ssize_t)f->len && !memcmp(b, f->b, f->len);
}

/* What always passes, sent behind it: it is out when that is. */
static void make_beacon(struct frame *f, enum policy_dir dir, unsigned int n)
{
	const bool out = dir == POLICY_EGRESS;
	char addr[IP_STR_SIZE];

	*f = (struct frame){ 0 };
	(void)snprintf(addr, sizeof(addr), "10.9.%u.%u", n >> 8 & 0xff,
		       n & 0xff);
	frame_eth(f, out ? GUEST_MAC : PEER_MAC, out ? PEER_MAC : GUEST_MAC,
		  ETHERTYPE_ARP);
	frame_arp(f, 1, out ? GUEST_MAC : PEER_MAC, addr, "00:00:00:00:00:00",
		  addr);
}

static const struct end *way_in(const struct road *r, enum policy_dir dir)
{
	return dir == POLICY_EGRESS ? &r->guest : &r->peer;
}

static const struct end *way_out(const struct road *r, enum policy_dir dir)
{
	return dir == POLICY_EGRESS ? &r->peer : &r->guest;
}

/* A port is up before its bridge forwards. */
static void wait_for(const struct road *r, enum policy_dir dir)
{
	unsigned char b[FRAME_MAX];
	struct frame beacon;
	ssize_t n = -1;

	for (unsigned int i = 0; i < TRIES; i++) {
		make_beacon(&beacon, dir, FIRST + i);
		send_frame(way_in(r, dir), &beacon);
		do
			n = receive(way_out(r, dir), b, TRY_MS);
		while (n >= 0 && !is_frame(b, n, &beacon));
		if (n > 0)
			return;
	}
	fail_msg("no way %s", dir == POLICY_EGRESS ? "out" : "in");
}

static bool comes_out(const struct road *r, const struct packet *p)
{
	unsigned char b[FRAME_MAX];
	static unsigned int sent;
	struct frame f, beacon;
	bool seen = false;
	ssize_t n;

	put_packet(&f, p);
	put_checksum(&f);
	make_beacon(&beacon, p->k.dir, sent++);
	send_frame(way_in(r, p->k.dir), &f);
	send_frame(way_in(r, p->k.dir), &beacon);
	do {
		n = receive(way_out(r, p->k.dir), b, PATIENCE_MS);
		if (n < 0)
			fail_msg("what always passes does not come out");
		seen |= is_frame(b, n, &f);
	} while (!is_frame(b, n, &beacon));
	return seen;
}

static void check(struct table *t, const char *row, struct packet *p, bool want)
{
	const bool is = comes_out(t->road, p);
	char text[IP_STR_SIZE];

	t->rows++;
	if (is == want)
		return;
	t->wrong++;
	print_error("%s: %s, %s: %d, not %d\n", t->name, row,
		    ip_format(&p->k.peer, text), is, want);
}

/* --- the roads --- */

static struct end tap_road(struct sandbox *s, uint32_t bridge)
{
	const struct tap_opts o = { .name = "port",
				    .owner = TAP_ANYONE,
				    .group = TAP_ANYONE,
				    .index = PORT };
	const struct tap_conf c = { .master = bridge, .alias = "guest" };
	struct end e = { .is_tap = true };
	uint32_t index;

	assert_works(tap_open(&o, &e.fd, &index, &s->err), s->err);
	assert_int_equal(index, PORT);
	assert_works(tap_configure(s->nl, "port", &c, &s->err), s->err);
	return e;
}

static struct end macvtap_road(struct sandbox *s, uint32_t parent)
{
	const struct macvlan_opts o = { .name = "port",
					.parent = parent,
					.netns = -1,
					.mode = macvlan_mode("bridge"),
					.mac = mac_of(GUEST_MAC),
					.index = PORT,
					.tap_queues = 1 };
	struct end e = { .is_tap = true };
	uint32_t index;
	dev_t number;

	assert_works(macvlan_create(s->nl, &o, &index, &s->err), s->err);
	assert_works(macvtap_number("port", index, &number, &s->err), s->err);
	assert_int_equal(mount("dev", "/mnt", "tmpfs", 0, "mode=755"), 0);
	assert_int_equal(mknod("/mnt/port", S_IFCHR | 0600, number), 0);
	e.fd = open("/mnt/port", O_RDWR | O_CLOEXEC);
	assert_true(e.fd >= 0);
	return e;
}

/* In one order, whoever has sent it. */
static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((unsigned int)sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void travel(struct sandbox *s, const char *name, struct road *r,
		   bool mirrored)
{
	const struct guard_rules rules = { .attachment = 7,
					   .network = 70,
					   .mirrored = mirrored,
					   .mac = mac_of(GUEST_MAC) };
	struct table t = { .s = s,
			   .g = GUARD_NONE,
			   .ifindex = PORT,
			   .road = r,
			   .check = check };

	stay_on_one_cpu();
	open_guard(s, &t.g);
	assert_works(guard_admit(&t.g, PORT, &rules, &s->err), s->err);
	assert_works(guard_attach(&t.g, s->nl, PORT, mirrored, &s->err),
		     s->err);
	assert_works(link_set_up(s->nl, PORT, true, &s->err), s->err);
	for (int d = 0; d < POLICY_DIRS; d++)
		wait_for(r, (enum policy_dir)d);
	check_table(&t, ROWS_LEAST);
	assert_works(guard_dismiss(&t.g, PORT, 7, &s->err), s->err);
	guard_close(&t.g);
	(void)close(r->guest.fd);
	(void)close(r->peer.fd);
	print_message(
		"conformance: real packets of %s: %u policies, %u rows, %u wrong\n",
		name, t.cases, t.rows, t.wrong);
	assert_int_equal(t.wrong, 0);
	assert_true(t.rows >= ROWS_LEAST);
}

TEST(real_packets_of_a_veth)
{
	struct sandbox *s = *state;
	const uint32_t bridge = make_bridge(s);
	struct road r;
	uint32_t unused;

	r.peer = make_peer(s, "p0", bridge, &unused);
	r.guest = veth_road(s, bridge);
	travel(s, "a veth", &r, false);
}

TEST(real_packets_of_a_tap)
{
	struct sandbox *s = *state;
	const uint32_t bridge = make_bridge(s);
	struct road r;
	uint32_t unused;

	r.peer = make_peer(s, "p0", bridge, &unused);
	r.guest = tap_road(s, bridge);
	travel(s, "a tap", &r, false);
}

TEST(real_packets_of_a_macvtap)
{
	struct sandbox *s = *state;
	struct road r;
	uint32_t parent;

	r.peer = make_peer(s, "p0", 0, &parent);
	r.guest = macvtap_road(s, parent);
	travel(s, "a macvtap", &r, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(real_packets_of_a_veth),
		in_sandbox(real_packets_of_a_tap),
		in_sandbox(real_packets_of_a_macvtap),
	};

	return RUN(tests);
}
