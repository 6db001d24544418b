/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: what a guest may send, run in the kernel by BPF_PROG_TEST_RUN;
 * what is loaded, pinned, attached and forgotten. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "../lib/frame.h"
#include "bpf/filter.h"
#include "bpf/guard.h"
#include "bpf/map.h"
#include "guard_lib.h"
#include "net/veth.h"

#define MINE "02:00:00:00:00:01"
#define OTHERS "02:00:00:00:00:02"
#define ALL "ff:ff:ff:ff:ff:ff"
#define ROUTER "fe:00:00:00:00:09"
#define IP "10.1.0.5"
#define IP6 "fd00:1::5"
#define LL "fe80::ff:fe00:1" /* of MINE */
#define OTHERS_LL "fe80::ff:fe00:2"
#define ALL_NODES "ff02::1"

enum { LO = 1, INDEX = 0x40004000, PORT = INDEX };

enum { IP4 = 0x0800, ARP = 0x0806, RARP = 0x8035, IPV6 = 0x86dd, TAG = 0x8100 };

enum { ICMP = 1, IGMP = 2, TCP = 6, UDP = 17, ICMP6 = 58 };

static struct guard_rules rules_of(const struct ip_net *addrs, size_t n)
{
	return (struct guard_rules){ .attachment = 7,
				     .network = 70,
				     .antispoof = true,
				     .mac = mac_of(MINE),
				     .addrs = addrs,
				     .n = n };
}

/* Return: the program's verdict on a frame of the guest's */
static int run(int prog, const struct frame *f)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog;
	attr.test.data_in = bpf_pointer(f->b);
	attr.test.data_size_in = (uint32_t)f->len;
	attr.test.repeat = 1;
	assert_int_equal(bpf_call(BPF_PROG_TEST_RUN, &attr), 0);
	return (int)attr.test.retval;
}

/* By the counters: exactly one has one more. */
static enum guard_verdict judge(struct sandbox *s, const struct guard *g,
				const struct frame *f)
{
	enum guard_verdict found = GUARD_VERDICTS;
	struct guard_counts before, after;
	int action;

	assert_works(guard_counts(g, LO, &before, &s->err), s->err);
	action = run(g->from, f);
	assert_works(guard_counts(g, LO, &after, &s->err), s->err);
	for (enum guard_verdict v = 0; v < GUARD_VERDICTS; v++) {
		if (after.from[v] == before.from[v])
			continue;
		assert_int_equal(after.from[v], before.from[v] + 1);
		assert_int_equal(found, GUARD_VERDICTS);
		found = v;
	}
	assert_int_equal(action,
			 found == GUARD_PASS ? TC_ACT_UNSPEC : TC_ACT_SHOT);
	return found;
}

static void udp4(struct frame *f, const char *from, unsigned int sport,
		 const char *to, unsigned int dport)
{
	frame_eth(f, MINE, ROUTER, IP4);
	frame_ip4(f, from, to, UDP, 0, 0);
	frame_ports(f, sport, dport, 40);
	frame_end(f);
}

static void tcp4(struct frame *f, unsigned int field, size_t len)
{
	frame_eth(f, MINE, ROUTER, IP4);
	frame_ip4(f, IP, "1.1.1.1", TCP, field, 0);
	frame_fill(f, len);
	frame_end(f);
}

static void arp(struct frame *f, unsigned int op, const char *mac,
		const char *ip)
{
	frame_eth(f, MINE, ALL, ARP);
	frame_arp(f, op, mac, ip, "00:00:00:00:00:00", "10.1.0.1");
}

static void tcp6(struct frame *f, const char *from)
{
	frame_eth(f, MINE, ROUTER, IPV6);
	frame_ip6(f, from, "fd00:1::1", TCP, 64);
	frame_ports(f, 1024, 80, 16);
	frame_end(f);
}

static void nd(struct frame *f, const char *from, unsigned int type,
	       const char *target, unsigned int option, const char *mac)
{
	frame_eth(f, MINE, "33:33:00:00:00:01", IPV6);
	frame_ip6(f, from, ALL_NODES, ICMP6, 255);
	frame_nd(f, type, target, option, mac);
	frame_end(f);
}

/* Behind extension headers of one kind, eight bytes each. */
static void nd_behind(struct frame *f, unsigned int header, int n,
		      unsigned int type)
{
	frame_eth(f, MINE, "33:33:00:00:00:01", IPV6);
	frame_ip6(f, LL, ALL_NODES, header, 255);
	for (int i = 0; i < n; i++) {
		frame_u8(f, i + 1 < n ? header : ICMP6);
		frame_fill(f, 7);
	}
	frame_nd(f, type, "fd00:1::99", 2, MINE);
	frame_end(f);
}

static void fragment6(struct frame *f, unsigned int proto, unsigned int field,
		      size_t len)
{
	frame_eth(f, MINE, ROUTER, IPV6);
	frame_ip6(f, IP6, "fd00:1::1", 44, 255);
	frame_u8(f, proto);
	frame_u8(f, 0);
	frame_u16(f, field);
	frame_u32(f, 7);
	frame_u8(f, proto == ICMP6 ? 134 : 4);
	frame_fill(f, len - 1);
	frame_end(f);
}

static void igmp(struct frame *f, unsigned int type, uint32_t option)
{
	frame_eth(f, MINE, "01:00:5e:00:00:16", IP4);
	frame_ip4(f, IP, "224.0.0.22", IGMP, 0, option ? 1 : 0);
	if (option)
		frame_u32(f, option);
	frame_u8(f, type);
	frame_fill(f, 7);
	frame_end(f);
}

static unsigned int bypasses; /* that were tried */

#define expect(f, want)                                                \
	do {                                                           \
		const enum guard_verdict v_ = judge(s, &g, &(f));      \
		if (v_ != (want))                                      \
			fail_msg("%s, not %s", guard_verdict_name(v_), \
				 guard_verdict_name(want));            \
		bypasses += v_ != GUARD_PASS;                          \
	} while (0)

#define WITH_GUEST(...)                                          \
	struct sandbox *s = *state;                              \
	cleanup_guard struct guard g = GUARD_NONE;               \
	const struct ip_net addrs[] = { __VA_ARGS__ };           \
	struct guard_rules rules =                               \
		rules_of(addrs, sizeof(addrs) / sizeof(*addrs)); \
	__attribute__((unused)) struct frame f;                  \
	open_guard(s, &g);                                       \
	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err)

#define BOTH net_of(IP "/24"), net_of(IP6 "/64")

TEST(what_is_the_guests_own_passes)
{
	WITH_GUEST(BOTH);

	udp4(&f, IP, 5000, "1.1.1.1", 53);
	expect(f, GUARD_PASS);
	tcp4(&f, 0, 20);
	expect(f, GUARD_PASS);
	arp(&f, 1, MINE, IP);
	expect(f, GUARD_PASS);
	arp(&f, 2, MINE, IP);
	expect(f, GUARD_PASS);
	tcp6(&f, IP6);
	expect(f, GUARD_PASS);
	tcp6(&f, LL);
	expect(f, GUARD_PASS);
	nd(&f, LL, 135, "fd00:1::99", 1, MINE);
	expect(f, GUARD_PASS);
	nd(&f, LL, 136, IP6, 2, MINE);
	expect(f, GUARD_PASS);
	nd(&f, LL, 133, NULL, 1, MINE);
	expect(f, GUARD_PASS);
	igmp(&f, 0x22, 0x94040000);
	expect(f, GUARD_PASS);
}

TEST(where_a_vm_has_moved_is_told)
{
	WITH_GUEST(net_of(IP6 "/64"));

	frame_eth(&f, MINE, ALL, RARP);
	frame_arp(&f, 3, MINE, "0.0.0.0", MINE, "0.0.0.0");
	frame_fill(&f, 18);
	expect(f, GUARD_PASS);
	frame_eth(&f, MINE, ALL, RARP);
	frame_arp(&f, 3, MINE, "0.0.0.0", OTHERS, "0.0.0.0");
	expect(f, GUARD_ARP);
	frame_eth(&f, MINE, ALL, RARP);
	frame_arp(&f, 4, MINE, "0.0.0.0", MINE, "0.0.0.0");
	expect(f, GUARD_ARP);
	frame_eth(&f, MINE, ALL, RARP);
	frame_arp(&f, 3, MINE, "0.0.0.0", MINE, "10.1.0.1");
	expect(f, GUARD_ARP);
	f.len--;
	expect(f, GUARD_TRUNCATED);
}

TEST(the_hosts_link_local_address_is_nobodys)
{
	WITH_GUEST(BOTH);

	tcp6(&f, "fe80::fc00:ff:fe00:9");
	expect(f, GUARD_PASS);
	rules.host_mac = mac_of(ROUTER);
	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	tcp6(&f, "fe80::fc00:ff:fe00:9");
	expect(f, GUARD_LINK_LOCAL);
	nd(&f, LL, 136, "fe80::fc00:ff:fe00:9", 2, MINE);
	expect(f, GUARD_ND);
}

TEST(another_mac_does_not)
{
	WITH_GUEST(BOTH);

	udp4(&f, IP, 5000, "1.1.1.1", 53);
	memcpy(f.b + 6, mac_of(OTHERS).b, MAC_LEN);
	expect(f, GUARD_MAC);
	arp(&f, 1, OTHERS, IP);
	expect(f, GUARD_ARP);
	nd(&f, LL, 135, "fd00:1::99", 1, OTHERS);
	expect(f, GUARD_ND);
	nd(&f, LL, 136, IP6, 2, OTHERS);
	expect(f, GUARD_ND);
	nd(&f, LL, 133, NULL, 1, OTHERS);
	expect(f, GUARD_ND);
}

TEST(another_address_does_not)
{
	WITH_GUEST(BOTH);

	udp4(&f, "10.1.0.6", 5000, "1.1.1.1", 53);
	expect(f, GUARD_IP4_SOURCE);
	arp(&f, 1, MINE, "10.1.0.1");
	expect(f, GUARD_ARP);
	arp(&f, 2, MINE, "10.1.0.1");
	expect(f, GUARD_ARP);
	arp(&f, 2, MINE, "0.0.0.0");
	expect(f, GUARD_ARP);
	tcp6(&f, "fd00:1::6");
	expect(f, GUARD_IP6_SOURCE);
	tcp6(&f, "::1");
	expect(f, GUARD_IP6_SOURCE);
	tcp6(&f, "::");
	expect(f, GUARD_IP6_SOURCE);
	tcp6(&f, ALL_NODES);
	expect(f, GUARD_IP6_SOURCE);
	nd(&f, LL, 136, "fd00:1::1", 2, MINE);
	expect(f, GUARD_ND);
}

TEST(who_has_no_address_yet_may_look_for_one)
{
	WITH_GUEST(BOTH);

	udp4(&f, "0.0.0.0", 68, "255.255.255.255", 67);
	expect(f, GUARD_PASS);
	arp(&f, 1, MINE, "0.0.0.0");
	expect(f, GUARD_PASS);
	nd(&f, "::", 135, IP6, 14, NULL);
	expect(f, GUARD_PASS);
	nd(&f, "::", 135, LL, 14, NULL);
	expect(f, GUARD_PASS);
	nd(&f, "::", 133, NULL, 0, NULL);
	expect(f, GUARD_PASS);

	udp4(&f, "0.0.0.0", 68, "10.1.0.1", 67);
	expect(f, GUARD_IP4_SOURCE);
	udp4(&f, "0.0.0.0", 5000, "255.255.255.255", 67);
	expect(f, GUARD_IP4_SOURCE);
	tcp4(&f, 0, 20);
	memset(f.b + f.ip + 12, 0, 4);
	expect(f, GUARD_IP4_SOURCE);
	nd(&f, "::", 135, "fd00:1::99", 14, NULL);
	expect(f, GUARD_ND);
}

TEST(nobody_plays_the_router)
{
	WITH_GUEST(BOTH);

	nd(&f, LL, 134, NULL, 1, MINE);
	expect(f, GUARD_ROUTER);
	nd(&f, LL, 137, "fd00:1::99", 2, MINE);
	expect(f, GUARD_ROUTER);
	nd(&f, LL, 130, NULL, 0, NULL);
	expect(f, GUARD_QUERIER);
	igmp(&f, 0x11, 0x94040000);
	expect(f, GUARD_QUERIER);
	igmp(&f, 0x11, 0);
	expect(f, GUARD_QUERIER);
	udp4(&f, IP, 67, "255.255.255.255", 68);
	expect(f, GUARD_DHCP_SERVER);
	frame_eth(&f, MINE, ROUTER, IPV6);
	frame_ip6(&f, LL, "fe80::9", UDP, 64);
	frame_ports(&f, 547, 546, 40);
	frame_end(&f);
	expect(f, GUARD_DHCP_SERVER);
}

TEST(headers_hide_nothing)
{
	WITH_GUEST(BOTH);

	for (int n = 1; n <= 5; n++) {
		nd_behind(&f, 60, n, 134);
		expect(f, GUARD_ROUTER);
		nd_behind(&f, 60, n, 136);
		expect(f, GUARD_ND);
	}
	nd_behind(&f, 60, 7, 134);
	expect(f, GUARD_OPTIONS);
	nd_behind(&f, 0, 1, 134);
	expect(f, GUARD_ROUTER);
	nd_behind(&f, 43, 1, 134);
	expect(f, GUARD_OPTIONS); /* a route by the sender, type 0 */
	igmp(&f, 0x22, 0x83040000);
	expect(f, GUARD_OPTIONS);
	frame_eth(&f, MINE, ROUTER, IP4);
	frame_ip4(&f, IP, "1.1.1.1", UDP, 0, 1);
	frame_u32(&f, 0x94040000);
	frame_ports(&f, 67, 68, 40);
	frame_end(&f);
	expect(f, GUARD_OPTIONS);
}

TEST(fragments_hide_nothing)
{
	WITH_GUEST(BOTH);

	tcp4(&f, 0x2000, 40);
	expect(f, GUARD_PASS);
	tcp4(&f, 5, 40);
	expect(f, GUARD_PASS);
	tcp4(&f, 0x2000, 8);
	expect(f, GUARD_FRAGMENT);
	tcp4(&f, 1, 40);
	expect(f, GUARD_FRAGMENT);
	tcp4(&f, 2, 40);
	expect(f, GUARD_FRAGMENT);
	udp4(&f, IP, 67, "1.1.1.1", 68);
	f.b[f.ip + 6] = 0x20;
	expect(f, GUARD_DHCP_SERVER);
	fragment6(&f, ICMP6, 1, 64);
	expect(f, GUARD_ROUTER);
	fragment6(&f, ICMP6, 0, 64);
	expect(f, GUARD_ROUTER);
	fragment6(&f, ICMP6, 64, 64);
	expect(f, GUARD_PASS); /* of a whole that has no beginning */
	fragment6(&f, TCP, 1, 64);
	expect(f, GUARD_PASS);
	fragment6(&f, TCP, 1, 16);
	expect(f, GUARD_FRAGMENT);
	fragment6(&f, 60, 1, 2);
	expect(f, GUARD_FRAGMENT);
	nd(&f, LL, 136, IP6, 2, MINE);
	memmove(f.b + 62, f.b + 54, f.len - 54);
	memset(f.b + 54, 0, 8);
	f.b[54] = ICMP6;
	f.b[57] = 1;
	f.b[20] = 44;
	f.len += 8;
	frame_end(&f);
	expect(f, GUARD_FRAGMENT); /* RFC 6980 */
}

TEST(frames_shorter_than_they_say_are_dropped)
{
	WITH_GUEST(BOTH);

	/* Without a whole IP header the kernel runs no test. */
	udp4(&f, IP, 5000, "1.1.1.1", 53);
	for (f.len = 41; f.len >= 34; f.len--)
		expect(f, GUARD_TRUNCATED);
	arp(&f, 1, MINE, IP);
	for (f.len = 41; f.len > 14; f.len--)
		expect(f, GUARD_TRUNCATED);
	nd(&f, LL, 136, IP6, 2, MINE);
	for (f.len = 77; f.len >= 54; f.len--)
		expect(f, GUARD_TRUNCATED);
	nd(&f, LL, 136, IP6, 2, MINE);
	f.len--;
	expect(f, GUARD_ND);
}

TEST(only_arp_and_ip_and_only_without_a_tag)
{
	WITH_GUEST(BOTH);

	frame_eth(&f, MINE, ALL, 0x88b5);
	frame_fill(&f, 46);
	expect(f, GUARD_ETHERTYPE);
	frame_eth(&f, MINE, "01:80:c2:00:00:00", 38);
	frame_fill(&f, 46);
	expect(f, GUARD_BRIDGE);
	frame_eth(&f, MINE, "01:80:c2:00:00:0e", 0x88cc);
	frame_fill(&f, 46);
	expect(f, GUARD_BRIDGE);
	frame_eth(&f, MINE, ALL, TAG);
	frame_u16(&f, 5);
	frame_u16(&f, IP4);
	frame_fill(&f, 46);
	expect(f, GUARD_VLAN);
}

TEST(a_family_without_an_address_is_closed)
{
	WITH_GUEST(net_of(IP "/24"));

	arp(&f, 1, MINE, IP);
	expect(f, GUARD_PASS);
	tcp6(&f, LL);
	expect(f, GUARD_FAMILY);
	nd(&f, "::", 133, NULL, 0, NULL);
	expect(f, GUARD_FAMILY);
}

TEST(without_an_ipam_addresses_are_free_but_roles_are_not)
{
	WITH_GUEST(net_of(IP "/24"));

	rules.n = 0;
	rules.layer2 = true;
	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	udp4(&f, "192.0.2.1", 5000, "1.1.1.1", 53);
	expect(f, GUARD_PASS);
	tcp6(&f, "2001:db8::1");
	expect(f, GUARD_PASS);
	frame_eth(&f, MINE, ALL, 0x88b5);
	frame_fill(&f, 46);
	expect(f, GUARD_PASS);
	arp(&f, 2, OTHERS, "192.0.2.1");
	expect(f, GUARD_ARP);
	nd(&f, LL, 134, NULL, 1, MINE);
	expect(f, GUARD_ROUTER);
	udp4(&f, IP, 67, "255.255.255.255", 68);
	expect(f, GUARD_DHCP_SERVER);
}

TEST(a_router_sends_from_its_networks_too)
{
	const struct ip_net routed[] = { net_of("192.0.2.128/25"),
					 net_of("fd00:9::/32") };
	WITH_GUEST(BOTH);

	rules.routed = routed;
	rules.n_routed = 2;
	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	udp4(&f, "192.0.2.129", 5000, "1.1.1.1", 53);
	expect(f, GUARD_PASS);
	udp4(&f, "192.0.2.127", 5000, "1.1.1.1", 53);
	expect(f, GUARD_IP4_SOURCE);
	tcp6(&f, "fd00:9:8::1");
	expect(f, GUARD_PASS);
	tcp6(&f, "fd00:8::1");
	expect(f, GUARD_IP6_SOURCE);
}

TEST(more_addresses_than_fit_are_kept_apart)
{
	struct ip_net addrs[GUARD_ADDRS + GUARD_PREFIXES + 1];
	struct sandbox *s = *state;
	cleanup_guard struct guard g = GUARD_NONE;
	struct guard_rules rules;
	struct frame f;
	char text[32];

	for (unsigned int i = 0; i < GUARD_ADDRS + GUARD_PREFIXES + 1; i++) {
		(void)snprintf(text, sizeof(text), "10.1.0.%u/24", i + 1);
		addrs[i] = net_of(text);
	}
	open_guard(s, &g);
	rules = rules_of(addrs, GUARD_ADDRS + GUARD_PREFIXES);
	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	udp4(&f, "10.1.0.4", 5000, "1.1.1.1", 53);
	expect(f, GUARD_PASS);
	udp4(&f, "10.1.0.20", 5000, "1.1.1.1", 53);
	expect(f, GUARD_PASS);
	udp4(&f, "10.1.0.21", 5000, "1.1.1.1", 53);
	expect(f, GUARD_IP4_SOURCE);
	rules.n++;
	assert_fails(guard_admit(&g, LO, &rules, &s->err), E2BIG, s->err,
		     "more than 16");
}

TEST(a_link_local_address_is_whose_it_was_first)
{
	const struct ip_net addr = net_of(IP6 "/64");
	struct guard_rules second = rules_of(&addr, 1);
	WITH_GUEST(BOTH);

	second.attachment = 8;
	second.mac = mac_of(OTHERS);
	assert_works(guard_admit(&g, PORT, &second, &s->err), s->err);
	tcp6(&f, OTHERS_LL);
	expect(f, GUARD_LINK_LOCAL);
	nd(&f, "::", 135, OTHERS_LL, 14, NULL);
	expect(f, GUARD_ND);
	nd(&f, "::", 135, "fe80::1:2:3:4", 14, NULL);
	expect(f, GUARD_PASS);
	tcp6(&f, "fe80::1:2:3:4");
	expect(f, GUARD_PASS);
	/* Four more, and the first one is anybody's again. */
	for (unsigned int i = 5; i < 9; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "fe80::1:2:3:%x", i);
		tcp6(&f, text);
		expect(f, GUARD_PASS);
	}
	assert_works(guard_dismiss(&g, PORT, 8, &s->err), s->err);
	tcp6(&f, OTHERS_LL);
	expect(f, GUARD_PASS);
}

TEST(a_port_without_an_entry_sends_and_gets_nothing)
{
	WITH_GUEST(BOTH);

	udp4(&f, IP, 5000, "1.1.1.1", 53);
	expect(f, GUARD_PASS);
	assert_int_equal(run(g.to, &f), TC_ACT_UNSPEC);
	assert_works(guard_dismiss(&g, LO, 7, &s->err), s->err);
	assert_int_equal(run(g.from, &f), TC_ACT_SHOT);
	assert_int_equal(run(g.to, &f), TC_ACT_SHOT);
}

static size_t count_keys(const struct guard *g, enum guard_map map)
{
	struct guard_claim key, next;
	size_t n = 0;
	int r = bpf_map_next(g->map[map], NULL, &next);

	for (; !r; n++) {
		key = next;
		r = bpf_map_next(g->map[map], &key, &next);
	}
	return n;
}

TEST(an_entry_is_its_attachments_and_goes_whole)
{
	const struct ip_net routed = net_of("192.0.2.0/24");
	struct guard_rules other;
	WITH_GUEST(BOTH);

	rules.routed = &routed;
	rules.n_routed = 1;
	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	tcp6(&f, "fe80::1:2:3:4");
	expect(f, GUARD_PASS);
	other = rules;
	other.attachment = 9;
	assert_fails(guard_admit(&g, LO, &other, &s->err), EEXIST, s->err,
		     "another attachment's");
	assert_int_equal(s->err.code, CNI_E_TAKEN);
	assert_int_equal(guard_index(&g, 7, LO), LO);
	assert_int_not_equal(guard_index(&g, 9, LO), LO);
	assert_works(guard_dismiss(&g, LO, 9, &s->err), s->err);
	assert_int_equal(count_keys(&g, GUARD_GUESTS), 1);
	assert_int_equal(count_keys(&g, GUARD_SOURCES), 1);
	assert_int_equal(count_keys(&g, GUARD_COUNTS), 1);
	assert_int_equal(count_keys(&g, GUARD_CLAIMS), 2);
	assert_works(guard_dismiss_all(&g, 7, LO, 0, &s->err), s->err);
	for (enum guard_map m = 0; m < GUARD_KEPT; m++)
		assert_int_equal(count_keys(&g, m), 0);
	assert_works(guard_dismiss_all(&g, 7, LO, 0, &s->err), s->err);
}

static bool is_seven(uint64_t attachment, void *arg)
{
	(void)arg;
	return attachment == 7;
}

TEST(what_is_stale_of_a_network_is_collected)
{
	const struct guard_claim lost = { .network = 70, .addr = { 1 } };
	struct guard_rules other;
	WITH_GUEST(BOTH);

	tcp6(&f, "fe80::1:2:3:4");
	expect(f, GUARD_PASS);
	assert_int_equal(bpf_map_put(g.map[GUARD_CLAIMS], &lost,
				     &(uint32_t){ LO }, BPF_ANY),
			 0);

	other = rules;
	other.attachment = 8;
	assert_works(guard_admit(&g, PORT, &other, &s->err), s->err);
	other.attachment = 9;
	other.network = 71;
	assert_works(guard_admit(&g, PORT + 1, &other, &s->err), s->err);
	assert_works(guard_collect(70, is_seven, NULL, &s->err), s->err);
	assert_int_equal(count_keys(&g, GUARD_GUESTS), 2);
	assert_works(guard_collect(71, is_seven, NULL, &s->err), s->err);
	assert_int_equal(count_keys(&g, GUARD_GUESTS), 1);
	assert_int_equal(count_keys(&g, GUARD_COUNTS), 1);
	assert_int_equal(count_keys(&g, GUARD_CLAIMS), 1);
}

static void make_pair(struct sandbox *s)
{
	const struct veth_opts opts = { .host_name = "va",
					.guest_name = "vb",
					.netns = s->host,
					.host_index = PORT,
					.guest_index = PORT + 1,
					.alias = "weft1:t:n:c:i" };
	struct veth made;

	assert_works(veth_create(s->nl, &opts, &made, &s->err), s->err);
}

static void assert_stale(struct sandbox *s, const struct guard_rules *rules,
			 const char *words)
{
	assert_fails(guard_check(s->nl, PORT, false, rules, &s->err), ESTALE,
		     s->err, words);
	assert_int_equal(s->err.code, CNI_E_CHECK);
}

TEST(it_is_attached_again_and_again_and_every_damage_is_seen)
{
	struct bpf_filter to = { .ifindex = PORT,
				 .prio = BPF_FILTER_GUARD,
				 .egress = true,
				 .name = "weft_guard_to" };
	WITH_GUEST(BOTH);

	make_pair(s);
	assert_stale(s, &rules, "missing");
	assert_works(guard_admit(&g, PORT, &rules, &s->err), s->err);
	assert_stale(s, &rules, "weft_guard_from is missing");
	for (int i = 0; i < 3; i++)
		assert_works(guard_attach(&g, s->nl, PORT, false, &s->err),
			     s->err);
	assert_works(guard_check(s->nl, PORT, false, &rules, &s->err), s->err);
	assert_stale(s, &(struct guard_rules){ .attachment = 7 }, "changed");
	assert_works(bpf_filter_detach(s->nl, &to, &s->err), s->err);
	assert_stale(s, &rules, "weft_guard_to is missing");
	to.name = "other";
	assert_works(bpf_filter_attach(s->nl, &to, g.to, &s->err), s->err);
	assert_stale(s, &rules, "other is in the place of weft_guard_to");
	assert_works(guard_attach(&g, s->nl, PORT, false, &s->err), s->err);
	assert_int_equal(
		bpf_map_remove(g.map[GUARD_COUNTS], &(uint32_t){ PORT }), 0);
	assert_stale(s, &rules, "counters");
}

TEST(it_is_loaded_once_and_what_is_missing_is_made_again)
{
	struct sandbox *s = *state;
	cleanup_guard struct guard a = GUARD_NONE, b = GUARD_NONE;
	cleanup_guard struct guard c = GUARD_NONE;
	uint8_t ta[BPF_TAG_SIZE], tb[BPF_TAG_SIZE];
	const uint32_t key = LO;
	struct guard_guest guest = { .attachment = 7 };

	mount_bpffs();
	assert_int_equal(guard_find(&c, &s->err), 0);
	assert_works(guard_open(&a, &s->err), s->err);
	assert_int_equal(bpf_map_put(a.map[GUARD_GUESTS], &key, &guest, 0), 0);
	assert_works(guard_open(&b, &s->err), s->err);
	assert_int_equal(bpf_map_get(b.map[GUARD_GUESTS], &key, &guest), 0);
	assert_works(bpf_prog_tag(a.from, ta, &s->err), s->err);
	assert_works(bpf_prog_tag(b.from, tb, &s->err), s->err);
	assert_memory_equal(ta, tb, sizeof(ta));
	assert_int_equal(unlink("/sys/fs/bpf/weft/v4/weft_counts"), 0);
	guard_close(&b);
	assert_works(guard_open(&b, &s->err), s->err);
	assert_int_equal(bpf_map_get(b.map[GUARD_GUESTS], &key, &guest), 0);
	guard_close(&c);
	assert_int_equal(guard_find(&c, &s->err), 1);
}

int main(void)
{
	int r;
	const struct CMUnitTest tests[] = {
		in_sandbox(what_is_the_guests_own_passes),
		in_sandbox(where_a_vm_has_moved_is_told),
		in_sandbox(the_hosts_link_local_address_is_nobodys),
		in_sandbox(another_mac_does_not),
		in_sandbox(another_address_does_not),
		in_sandbox(who_has_no_address_yet_may_look_for_one),
		in_sandbox(nobody_plays_the_router),
		in_sandbox(headers_hide_nothing),
		in_sandbox(fragments_hide_nothing),
		in_sandbox(frames_shorter_than_they_say_are_dropped),
		in_sandbox(only_arp_and_ip_and_only_without_a_tag),
		in_sandbox(a_family_without_an_address_is_closed),
		in_sandbox(
			without_an_ipam_addresses_are_free_but_roles_are_not),
		in_sandbox(a_router_sends_from_its_networks_too),
		in_sandbox(more_addresses_than_fit_are_kept_apart),
		in_sandbox(a_link_local_address_is_whose_it_was_first),
		in_sandbox(a_port_without_an_entry_sends_and_gets_nothing),
		in_sandbox(an_entry_is_its_attachments_and_goes_whole),
		in_sandbox(what_is_stale_of_a_network_is_collected),
		in_sandbox(
			it_is_attached_again_and_again_and_every_damage_is_seen),
		in_sandbox(it_is_loaded_once_and_what_is_missing_is_made_again),
	};

	r = RUN(tests);
	/* One that is not dropped has ended its test. */
	print_message("bypasses: spoofing: %u frames, %d tests failed\n",
		      bypasses, r);
	return r;
}
