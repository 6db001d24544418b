/* SPDX-License-Identifier: Apache-2.0 */
/* The policy in the kernel: the oracle's verdicts, flows, fragments, and that
 * one policy takes the place of another as a whole. */
#include <errno.h>

#include "../guard/oracle.h"
#include "../guard/packet.h"
#include "base/json.h"
#include "bpf/policy_load.h"
#include "guard_lib.h"

enum { POLICIES = 40, PACKETS = 250, RULES = 10, SEED = 20261124, GRE = 47 };

#define ALICE "192.0.2.1"
#define BOB "192.0.2.2"
#define ALICE6 "2001:db8::1"

struct fixture {
	struct sandbox *s;
	struct guard g;
};

static struct policy_tables compile(struct sandbox *s, const char *text)
{
	static const struct policy_endpoint self = { 0 };
	static const struct policy_world world = { &self, NULL, 0 };
	cleanup_policy struct policy p = { 0 };
	struct policy_tables t = { 0 };
	cleanup_json cJSON *doc = NULL;

	assert_works(json_parse(text, strlen(text), &doc, &s->err), s->err);
	assert_works(policy_parse(doc, &world, &p, &s->err), s->err);
	assert_works(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &s->err),
		     s->err);
	return t;
}

static void apply(struct sandbox *s, const struct guard *g, const char *text)
{
	cleanup_tables struct policy_tables t = compile(s, text);

	assert_works(guard_police(g, LO, &t, &s->err), s->err);
}

static void open_guarded(struct sandbox *s, struct guard *ret)
{
	const struct ip_net addrs[] = { net_of(GUEST_IP "/24"),
					net_of(GUEST_IP6 "/64") };
	const struct guard_rules rules = { .attachment = 7,
					   .network = 70,
					   .antispoof = true,
					   .mac = mac_of(GUEST_MAC),
					   .addrs = addrs,
					   .n = 2 };

	open_guard(s, ret);
	assert_works(guard_admit(ret, LO, &rules, &s->err), s->err);
}

#define WITH_GUARD()                               \
	struct sandbox *s = *state;                \
	cleanup_guard struct guard g = GUARD_NONE; \
	open_guarded(s, &g)

#define IN(...) packet_of(POLICY_INGRESS, __VA_ARGS__)
#define OUT(...) packet_of(POLICY_EGRESS, __VA_ARGS__)
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
#define PING IPPROTO_ICMP, 8 << 8
#define PONG IPPROTO_ICMP, 0

static unsigned int bypasses; /* that were tried */

/* With something changed: it passes or does not. */
#define pass(what, ...)                     \
	do {                                \
		struct packet p_ = what;    \
		struct packet *p = &p_;     \
		(void)p;                    \
		__VA_ARGS__;                \
		assert_true(passes(&g, p)); \
	} while (0)
#define drop(what, ...)                      \
	do {                                 \
		struct packet p_ = what;     \
		struct packet *p = &p_;      \
		(void)p;                     \
		__VA_ARGS__;                 \
		assert_false(passes(&g, p)); \
		bypasses++;                  \
	} while (0)

static struct guard_policy entry_of(const struct guard *g)
{
	struct guard_policy p;

	assert_int_equal(
		bpf_map_get(g->map[GUARD_POLICIES], &(uint32_t){ LO }, &p), 0);
	return p;
}

static void set_quota(const struct guard *g, uint32_t quota)
{
	struct guard_policy p = entry_of(g);

	p.quota = quota;
	p.flows = 0;
	assert_int_equal(bpf_map_put(g->map[GUARD_POLICIES], &(uint32_t){ LO },
				     &p, BPF_EXIST),
			 0);
}

static uint64_t number_of(const char *name, uint64_t or_else)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : or_else;
}

static void compare(const struct guard *g, const struct policy *p,
		    struct dice *d)
{
	for (int i = 0; i < PACKETS; i++) {
		struct packet k = { .k = dice_packet(d, p), .sport = 40000 };
		const bool is_6 = k.k.peer.family == AF_INET6;
		char text[IP_STR_SIZE];
		bool want;

		/* Of the other family's it is no ICMP. */
		if (k.k.proto == (is_6 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
			k.k.port = 0;
		want = oracle_judge(p, &k.k) == POLICY_ALLOW;
		if (passes(g, &k) != want)
			fail_msg("direction %d, %s, protocol %u, port %u",
				 k.k.dir, ip_format(&k.k.peer, text), k.k.proto,
				 k.k.port);
	}
}

TEST(kernel_and_oracle_agree)
{
	const uint64_t policies =
		number_of("WEFT_ORACLE", POLICIES * PACKETS) / PACKETS;
	struct dice d = { number_of("WEFT_SEED", SEED) };
	const struct guard_rules rules = { .attachment = 7,
					   .network = 70,
					   .mac = mac_of(GUEST_MAC) };
	uint64_t n;
	WITH_GUARD();

	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	for (n = 0; n < policies; n++) {
		cleanup_policy struct policy p = dice_policy(&d, RULES);
		cleanup_tables struct policy_tables t = { 0 };

		assert_works(
			policy_compile(&p, POLICY_ENTRIES_MAX, &t, &s->err),
			s->err);
		assert_works(guard_police(&g, LO, &t, &s->err), s->err);
		/* What is remembered is not what the oracle speaks of. */
		if (t.flags)
			set_quota(&g, 0);
		compare(&g, &p, &d);
	}
	print_message("oracle: %llu verdicts in the kernel, 0 differ\n",
		      (unsigned long long)(n * PACKETS));
}

#define BLOCK(c) "[{\"ipBlock\":{\"cidr\":\"" c "\"}}]"
#define WEB_ONLY                                                            \
	"{\"ingress\":[{\"from\":" BLOCK(                                   \
		ALICE "/32") ",\"ports\":["                                 \
			     "{\"port\":80}]}],\"egress\":[{\"to\":" BLOCK( \
				     BOB "/32") "}]}"

TEST(answers_pass_and_nothing_else_does)
{
	WITH_GUARD();

	pass(IN(ALICE, TCP, 81));
	apply(s, &g, WEB_ONLY);
	drop(IN(ALICE, TCP, 81));
	drop(OUT(ALICE, TCP, 40000), p->sport = 80, p->tcp = SYN | ACK);
	pass(IN(ALICE, TCP, 80));
	pass(OUT(ALICE, TCP, 40000), p->sport = 80, p->tcp = SYN | ACK);
	pass(IN(ALICE, TCP, 80), p->tcp = ACK);
	/* Another flow, or the same one opened from the other end. */
	drop(OUT(ALICE, TCP, 40001), p->sport = 80, p->tcp = ACK);
	drop(OUT(ALICE, TCP, 40000), p->sport = 80, p->tcp = SYN);
	drop(OUT(ALICE, UDP, 40000), p->sport = 80);
	drop(IN(BOB, TCP, 80));
	pass(OUT(BOB, UDP, 53));
	pass(IN(BOB, UDP, 40000), p->sport = 53);
	drop(IN(BOB, UDP, 40001), p->sport = 53);
	/* Who may not open it does not end it. */
	pass(IN(ALICE, TCP, 80), p->tcp = ACK);
}

TEST(a_flow_may_be_opened_anew_from_the_other_end)
{
	WITH_GUARD();

	apply(s, &g, "{\"policyTypes\":[\"Egress\"],\"egress\":[{}]}");
	pass(OUT(BOB, TCP, 22));
	pass(IN(BOB, TCP, 40000), p->sport = 22, p->tcp = SYN);
	/* The guest may no more send of its own, but it may answer. */
	apply(s, &g, "{\"policyTypes\":[\"Egress\"]}");
	pass(OUT(BOB, TCP, 22), p->tcp = ACK);
	drop(OUT(BOB, TCP, 22), p->sport = 7, p->tcp = ACK);
}

TEST(an_echo_is_answered_but_not_turned_around)
{
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	pass(OUT(BOB, PING));
	pass(IN(BOB, PONG));
	drop(IN(BOB, PING));
	drop(IN(BOB, PONG), p->sport = 40001);
	drop(IN(ALICE, PONG));
}

/* About a packet of a flow; a router is its sender. */
static void error_about(struct frame *f, const struct packet *about,
			unsigned int type, const char *from)
{
	const bool is_6 = about->k.peer.family == AF_INET6;
	struct frame inner;

	put_packet(&inner, about);
	frame_eth(f, PEER_MAC, GUEST_MAC, is_6 ? 0x86dd : 0x0800);
	if (is_6)
		frame_ip6(f, from, GUEST_IP6, IPPROTO_ICMPV6, 64);
	else
		frame_ip4(f, from, GUEST_IP, IPPROTO_ICMP, 0, 0);
	frame_u8(f, type);
	frame_fill(f, 7);
	frame_put(f, inner.b + inner.ip, inner.len - inner.ip);
	frame_end(f);
}

TEST(an_error_passes_if_it_is_about_a_flow)
{
	struct packet known = OUT(BOB, UDP, 53), other = OUT(BOB, UDP, 54);
	struct packet ping = OUT(BOB, PING);
	struct frame f;
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	assert_true(passes(&g, &known));
	assert_true(passes(&g, &ping));
	error_about(&f, &known, 3, "198.51.100.1");
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_UNSPEC);
	error_about(&f, &ping, 11, "198.51.100.1");
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_UNSPEC);
	error_about(&f, &other, 3, "198.51.100.1");
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	/* No error, whatever is in it. */
	error_about(&f, &known, 8, "198.51.100.1");
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	/* It goes where that came from, and nowhere else. */
	error_about(&f, &known, 3, "198.51.100.1");
	memcpy(f.b + f.ip + 16, addr_of("10.1.0.6").b, 4);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	/* What it is about went the other way. */
	known.k.dir = POLICY_INGRESS;
	error_about(&f, &known, 3, "198.51.100.1");
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
}

/* The guest answers with one. */
TEST(an_error_goes_to_whom_it_is_about)
{
	struct packet known = IN(ALICE, TCP, 80);
	struct frame f;
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	assert_true(passes(&g, &known));
	error_about(&f, &known, 3, GUEST_IP);
	memcpy(f.b, mac_of(PEER_MAC).b, MAC_LEN);
	memcpy(f.b + MAC_LEN, mac_of(GUEST_MAC).b, MAC_LEN);
	memcpy(f.b + f.ip + 16, addr_of(ALICE).b, 4);
	assert_int_equal(run_frame(&g, POLICY_EGRESS, &f), TC_ACT_UNSPEC);
	memcpy(f.b + f.ip + 16, addr_of("192.0.2.3").b, 4);
	assert_int_equal(run_frame(&g, POLICY_EGRESS, &f), TC_ACT_SHOT);
}

TEST(ipv6_is_judged_as_ipv4_is)
{
	struct packet known = OUT(ALICE6, UDP, 53);
	struct frame f;
	WITH_GUARD();

	apply(s, &g,
	      "{\"egress\":[{\"to\":" BLOCK(
		      "2001:db8::/64") ",\"ports\":[{\"protocol\":\"UDP\",\"port\":53},"
				       "{\"protocol\":\"ICMPv6\",\"type\":128}]}]}");
	assert_true(passes(&g, &known));
	error_about(&f, &known, 2, "2001:db8:9::1");
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_UNSPEC);
	pass(IN(ALICE6, UDP, 40000), p->sport = 53);
	drop(OUT("2001:db8:0:1::1", UDP, 53));
	drop(OUT("::ffff:192.0.2.1", UDP, 53));
	pass(OUT(ALICE6, IPPROTO_ICMPV6, 128 << 8));
	pass(IN(ALICE6, IPPROTO_ICMPV6, 129 << 8));
	drop(IN(ALICE6, IPPROTO_ICMPV6, 128 << 8));
	/* A neighbour asks, from this link. */
	pass(IN("fe80::9", IPPROTO_ICMPV6, 135 << 8), p->hops = 255);
	drop(IN("fe80::9", IPPROTO_ICMPV6, 135 << 8), p->hops = 254);
	drop(IN("fe80::9", IPPROTO_ICMPV6, 137 << 8), p->hops = 255);
}

#define FIRST 0x2000
#define MIDDLE (0x2000 | 8)
#define LAST 8

TEST(parts_follow_their_first)
{
	static const char *const peers[][2] = { { BOB, ALICE },
						{ ALICE6, "2001:db8:9::1" } };
	WITH_GUARD();

	apply(s, &g,
	      "{\"egress\":[{\"to\":[{\"ipBlock\":{\"cidr\":\"192.0.2.2/32\"}},"
	      "{\"ipBlock\":{\"cidr\":\"2001:db8::/64\"}}],\"ports\":["
	      "{\"protocol\":\"UDP\",\"port\":53},{\"port\":53}]}]}");
	for (int i = 0; i < 2; i++) {
		const char *good = peers[i][0], *bad = peers[i][1];

		drop(OUT(good, UDP, 53), p->field = LAST, p->id = 1);
		pass(OUT(good, UDP, 53), p->field = FIRST, p->id = 1);
		pass(OUT(good, UDP, 53), p->field = MIDDLE, p->id = 1);
		pass(OUT(good, UDP, 53), p->field = LAST, p->id = 1);
		drop(OUT(good, UDP, 53), p->field = LAST, p->id = 2);
		drop(OUT(good, UDP, 54), p->field = FIRST, p->id = 3);
		drop(OUT(good, UDP, 54), p->field = LAST, p->id = 3);
		drop(OUT(bad, UDP, 53), p->field = FIRST, p->id = 1);
		drop(OUT(bad, UDP, 53), p->field = LAST, p->id = 1);
		drop(IN(good, UDP, 40000), p->field = LAST, p->id = 1);
		/* Without all that tells what it is of. */
		drop(OUT(good, UDP, 53), p->field = FIRST, p->id = 4,
		     p->cut = 5);
		drop(OUT(good, TCP, 53), p->field = FIRST, p->id = 5,
		     p->cut = 1);
		pass(OUT(good, TCP, 53), p->field = FIRST, p->id = 5);
		drop(OUT(good, TCP, 53), p->field = 0x2000 | 1, p->id = 5);
		pass(OUT(good, TCP, 53), p->field = LAST, p->id = 5);
	}
}

TEST(another_policy_holds_for_flows_that_are_known)
{
	struct packet known = OUT(BOB, UDP, 53);
	struct frame f;
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	pass(IN(ALICE, TCP, 80));
	pass(OUT(BOB, UDP, 53));
	/* The one is still allowed, the other is not, from either end. */
	apply(s, &g,
	      "{\"ingress\":[{\"ports\":[{\"port\":80}]}],\"policyTypes\":"
	      "[\"Ingress\",\"Egress\"]}");
	pass(OUT(ALICE, TCP, 40000), p->sport = 80, p->tcp = ACK);
	error_about(&f, &known, 3, BOB);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	drop(IN(BOB, UDP, 40000), p->sport = 53);
	drop(OUT(BOB, UDP, 53));
	/* Whoever was dropped is not remembered. */
	apply(s, &g, WEB_ONLY);
	drop(IN(BOB, UDP, 40000), p->sport = 53);
	pass(OUT(BOB, UDP, 53));
	apply(s, &g, "[]");
	pass(IN(BOB, TCP, 22));
}

static void age_flows(const struct guard *g, uint32_t by)
{
	struct guard_flow key, next;
	struct guard_flow_state v;
	int r = bpf_map_next(g->map[GUARD_FLOWS], NULL, &next);

	for (; !r; r = bpf_map_next(g->map[GUARD_FLOWS], &key, &next)) {
		key = next;
		assert_int_equal(bpf_map_get(g->map[GUARD_FLOWS], &key, &v), 0);
		v.last -= by;
		assert_int_equal(
			bpf_map_put(g->map[GUARD_FLOWS], &key, &v, BPF_EXIST),
			0);
	}
}

TEST(a_flow_is_forgotten_in_its_time)
{
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	pass(OUT(BOB, UDP, 53));
	age_flows(&g, 29);
	pass(IN(BOB, UDP, 40000), p->sport = 53);
	age_flows(&g, 179); /* answered */
	pass(IN(BOB, UDP, 40000), p->sport = 53);
	age_flows(&g, 182);
	drop(IN(BOB, UDP, 40000), p->sport = 53);
	pass(OUT(BOB, UDP, 53), p->sport = 2);
	age_flows(&g, 32);
	drop(IN(BOB, UDP, 2), p->sport = 53);

	pass(OUT(BOB, TCP, 22));
	pass(IN(BOB, TCP, 40000), p->sport = 22, p->tcp = SYN | ACK);
	age_flows(&g, 86000);
	pass(IN(BOB, TCP, 40000), p->sport = 22, p->tcp = ACK);
	pass(IN(BOB, TCP, 40000), p->sport = 22, p->tcp = FIN | ACK);
	age_flows(&g, 59);
	pass(IN(BOB, TCP, 40000), p->sport = 22, p->tcp = ACK);
	age_flows(&g, 62);
	drop(IN(BOB, TCP, 40000), p->sport = 22, p->tcp = ACK);
}

TEST(who_opens_too_many_is_not_remembered)
{
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	assert_int_equal(entry_of(&g).quota, POLICY_QUOTA);
	set_quota(&g, 2);
	for (unsigned int i = 1; i <= 3; i++)
		pass(OUT(BOB, UDP, 53), p->sport = i);
	pass(IN(BOB, UDP, 2), p->sport = 53);
	drop(IN(BOB, UDP, 3), p->sport = 53);
}

TEST(who_only_looks_counts_and_lets_pass)
{
	WITH_GUARD();

	apply(s, &g, "{\"audit\":true,\"ingress\":[]}");
	pass(IN(ALICE, TCP, 80));
	pass(OUT(BOB, TCP, 80));
	assert_int_equal(entry_of(&g).audited, 1);
	pass(IN(ALICE, UDP, 80), p->field = LAST);
	assert_int_equal(entry_of(&g).audited, 2);
	apply(s, &g, "[{\"audit\":true},{}]");
	drop(IN(ALICE, TCP, 80));
}

TEST(only_ip_and_arp_pass_where_there_is_a_policy)
{
	const struct guard_rules rules = { .attachment = 7,
					   .network = 70,
					   .mac = mac_of(GUEST_MAC) };
	struct guard_counts n;
	struct frame f;
	WITH_GUARD();

	assert_works(guard_admit(&g, LO, &rules, &s->err), s->err);
	apply(s, &g, WEB_ONLY);
	frame_eth(&f, PEER_MAC, GUEST_MAC, 0x0806);
	frame_fill(&f, 46);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_UNSPEC);
	assert_int_equal(run_frame(&g, POLICY_EGRESS, &f), TC_ACT_UNSPEC);
	frame_eth(&f, PEER_MAC, GUEST_MAC, 0x88b5);
	frame_fill(&f, 46);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	frame_eth(&f, PEER_MAC, GUEST_MAC, 0x8100);
	frame_fill(&f, 46);
	assert_int_equal(run_frame(&g, POLICY_EGRESS, &f), TC_ACT_SHOT);
	drop(IN(ALICE, TCP, 81));
	drop(IN(ALICE, UDP, 81), p->field = LAST);
	assert_works(guard_counts(&g, LO, &n, &s->err), s->err);
	assert_int_equal(n.to[GUARD_PASS], 1);
	assert_int_equal(n.to[GUARD_ETHERTYPE], 1);
	assert_int_equal(n.from[GUARD_VLAN], 1);
	assert_int_equal(n.to[GUARD_POLICY], 1);
	assert_int_equal(n.to[GUARD_PART], 1);
}

/* TCP to port 80 from ALICE6, behind an extension header. */
static void put_behind(struct frame *f, unsigned int header, unsigned int third,
		       unsigned int fourth)
{
	frame_eth(f, PEER_MAC, GUEST_MAC, 0x86dd);
	frame_ip6(f, ALICE6, GUEST_IP6, header, 64);
	frame_u8(f, TCP);
	frame_u8(f, 0);
	frame_u8(f, third);
	frame_u8(f, fourth);
	frame_fill(f, 4);
	frame_ports(f, 40000, 80, 9);
	frame_u8(f, SYN);
	frame_fill(f, 6);
	frame_end(f);
}

TEST(headers_hide_nothing)
{
	struct frame f;
	WITH_GUARD();

	apply(s, &g,
	      "{\"ingress\":[{\"ports\":[{\"port\":80}]},{\"ports\":["
	      "{\"protocol\":\"ICMP\"}]}]}");
	put_behind(&f, 60, 0, 0);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_UNSPEC);
	put_behind(&f, 43, 2, 0);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_UNSPEC);
	put_behind(&f, 43, 2, 1); /* and then to somebody else */
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	put_behind(&f, 43, 0, 0);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);
	apply(s, &g, "{\"ingress\":[{\"ports\":[{\"port\":81}]}]}");
	put_behind(&f, 60, 0, 0);
	assert_int_equal(run_frame(&g, POLICY_INGRESS, &f), TC_ACT_SHOT);

	/* Options, which look like port 81, or stand before that. */
	for (unsigned int port = 80; port <= 81; port++) {
		frame_eth(&f, PEER_MAC, GUEST_MAC, 0x0800);
		frame_ip4(&f, ALICE, GUEST_IP, TCP, 0, 1);
		frame_u16(&f, 0);
		frame_u16(&f, 81);
		frame_ports(&f, 40000, port, 9);
		frame_u8(&f, SYN);
		frame_fill(&f, 6);
		frame_end(&f);
		assert_int_equal(run_frame(&g, POLICY_INGRESS, &f),
				 TC_ACT_SHOT);
	}
	/* Too short for what tells. */
	for (unsigned int i = 1; i <= 20; i++)
		drop(IN(ALICE, TCP, 81), p->cut = i);
	pass(IN(ALICE, TCP, 81));
}

TEST(rules_count_what_they_were_asked_for)
{
	cleanup_free struct guard_hits *hits = NULL;
	size_t n;
	WITH_GUARD();

	apply(s, &g,
	      "{\"ingress\":[{\"from\":" BLOCK(
		      ALICE
		      "/32") "},"
			     "{\"ports\":[{\"port\":80,\"endPort\":90}]},"
			     "{\"action\":\"Deny\",\"from\":" BLOCK(
				     BOB
				     "/32") "}],"
					    "\"egress\":[{\"ports\":[{\"protocol\":\"UDP\",\"port\":1,"
					    "\"endPort\":65535}]}]}");
	pass(IN(ALICE, TCP, 80));
	pass(IN(ALICE, TCP, 80), p->tcp = ACK); /* of a flow: not asked */
	pass(IN("192.0.2.3", TCP, 80));
	pass(IN("192.0.2.3", TCP, 81));
	pass(IN("192.0.2.3", TCP, 82));
	drop(IN(BOB, TCP, 80));
	drop(IN("192.0.2.3", TCP, 91)); /* by none */
	pass(OUT(BOB, UDP, 1));
	assert_works(guard_hits(&g, LO, &hits, &n, &s->err), s->err);
	assert_int_equal(n, 4);
	assert_int_equal(hits[0].rule, 1);
	assert_int_equal(hits[0].n, 1);
	assert_int_equal(hits[1].rule, 2);
	assert_int_equal(hits[1].n, 3);
	assert_int_equal(hits[2].rule, 3);
	assert_int_equal(hits[2].n, 1);
	assert_true(hits[3].egress);
	assert_int_equal(hits[3].n, 1);
}

static size_t count_keys(const struct guard *g, enum guard_map map)
{
	uint8_t key[64], next[64];
	size_t n = 0;
	int r = bpf_map_next(g->map[map], NULL, next);

	for (; !r; n++) {
		memcpy(key, next, sizeof(key));
		r = bpf_map_next(g->map[map], key, next);
	}
	return n;
}

static unsigned int slot_of(const struct guard *g, uint32_t ifindex)
{
	struct guard_policy p;

	assert_int_equal(bpf_map_get(g->map[GUARD_POLICIES], &ifindex, &p), 0);
	return p.generation & 1;
}

/* Of other guests', whose keys stand around it, nothing is lost. */
TEST(what_is_left_of_a_policy_goes_with_it)
{
	const struct guard_rules rules = { .attachment = 8, .network = 70 };
	size_t peers, ports;
	WITH_GUARD();

	for (uint32_t i = 0; i < 4; i++) {
		cleanup_tables struct policy_tables t = compile(s, WEB_ONLY);

		/* Before and behind. */
		if (i != LO)
			assert_works(guard_admit(&g, i, &rules, &s->err),
				     s->err);
		assert_works(guard_police(&g, i, &t, &s->err), s->err);
		/* In the set that stands next to the others'. */
		while (!slot_of(&g, i))
			assert_works(guard_police(&g, i, &t, &s->err), s->err);
	}
	peers = count_keys(&g, GUARD_PEERS);
	ports = count_keys(&g, GUARD_PORTS);
	for (int i = 0; i < 5; i++) {
		apply(s, &g,
		      "{\"ingress\":[{\"ports\":[{\"port\":1,\"endPort\":"
		      "65535}]}]}");
		apply(s, &g, WEB_ONLY);
	}
	assert_int_equal(count_keys(&g, GUARD_PEERS), peers);
	assert_int_equal(count_keys(&g, GUARD_PORTS), ports);
	assert_works(guard_dismiss(&g, LO, 7, &s->err), s->err);
	assert_int_equal(count_keys(&g, GUARD_PEERS), peers / 4 * 3);
	assert_int_equal(count_keys(&g, GUARD_PORTS), ports / 4 * 3);
	for (uint32_t i = 0; i < 4; i++)
		assert_works(guard_dismiss(&g, i, 8, &s->err), s->err);
	assert_int_equal(count_keys(&g, GUARD_PEERS), 0);
	assert_int_equal(count_keys(&g, GUARD_PORTS), 0);
	assert_int_equal(count_keys(&g, GUARD_POLICIES), 0);
}

/* Killed in the middle of it, in either of the two sets. */
TEST(what_was_never_in_force_goes_first)
{
	const struct guard_class allow = { .rule.says = GUARD_ALLOWS };
	struct guard_peer any = { .plen = GUARD_PEER_BITS,
				  .id = LO,
				  .family = 4 };
	struct guard_peer anchor = { .plen = GUARD_PEER_BITS + 128, .id = LO };
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	anchor.slot = any.slot = !(entry_of(&g).generation & 1);
	assert_int_equal(bpf_map_put(g.map[GUARD_PEERS], &anchor, &allow, 0),
			 0);
	assert_int_equal(bpf_map_put(g.map[GUARD_PEERS], &any, &allow, 0), 0);
	drop(IN(BOB, TCP, 80));
	apply(s, &g, WEB_ONLY);
	drop(IN(BOB, TCP, 80));
	pass(IN(ALICE, TCP, 80));
}

TEST(without_an_entry_there_is_no_traffic)
{
	WITH_GUARD();

	apply(s, &g, WEB_ONLY);
	pass(IN(ALICE, TCP, 80));
	assert_int_equal(
		bpf_map_remove(g.map[GUARD_POLICIES], &(uint32_t){ LO }), 0);
	drop(IN(ALICE, TCP, 80));
	drop(OUT(BOB, TCP, 80));
	assert_fails(
		guard_police(&g, 99, &(struct policy_tables){ 0 }, &s->err),
		ENOENT, s->err, "interface 99");
}

int main(void)
{
	int r;
	const struct CMUnitTest tests[] = {
		in_sandbox(kernel_and_oracle_agree),
		in_sandbox(answers_pass_and_nothing_else_does),
		in_sandbox(a_flow_may_be_opened_anew_from_the_other_end),
		in_sandbox(an_echo_is_answered_but_not_turned_around),
		in_sandbox(an_error_passes_if_it_is_about_a_flow),
		in_sandbox(an_error_goes_to_whom_it_is_about),
		in_sandbox(headers_hide_nothing),
		in_sandbox(ipv6_is_judged_as_ipv4_is),
		in_sandbox(parts_follow_their_first),
		in_sandbox(another_policy_holds_for_flows_that_are_known),
		in_sandbox(a_flow_is_forgotten_in_its_time),
		in_sandbox(who_opens_too_many_is_not_remembered),
		in_sandbox(who_only_looks_counts_and_lets_pass),
		in_sandbox(only_ip_and_arp_pass_where_there_is_a_policy),
		in_sandbox(rules_count_what_they_were_asked_for),
		in_sandbox(what_is_left_of_a_policy_goes_with_it),
		in_sandbox(what_was_never_in_force_goes_first),
		in_sandbox(without_an_entry_there_is_no_traffic),
	};

	r = RUN(tests);
	print_message("bypasses: of a policy: %u frames, %d tests failed\n",
		      bypasses, r);
	return r;
}
