/* SPDX-License-Identifier: Apache-2.0 */
/* A guest looks for its router, and asks for its addresses by DHCPv6. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "answers_lib.h"

enum {
	SOLICIT = 1,
	ADVERTISE,
	REQUEST,
	CONFIRM,
	RENEW,
	REBIND,
	REPLY,
	RELEASE,
	DECLINE,
	INFORMATION = 11,
};

enum { RS = 133, RA, NS, NA, PLACE = 62 /* of DHCPv6's message */ };

enum { CLIENT = 1, SERVER = 2, RAPID = 14 };

#define OTHER_IP6 "fd00:1::6"
#define SERVERS "ff02::1:2"
#define SERVERS_MAC "33:33:00:01:00:02"
#define ALL_NODES "ff02::1"
#define ALL_NODES_MAC "33:33:00:00:00:01"
#define IAID 0xabcdef01U

/**
 * struct ask - A client's message
 * @ia:		It has an identity,
 * @addr:	in which it wants to keep this address
 * @duid:	Bytes of who it is; 0: it does not say
 * @mac:	Whose server id it names; NULL: nobody's
 */
struct ask {
	unsigned int type;
	int ia, pd, rapid, another_ia;
	const char *addr, *mac;
	size_t duid;
};

static void frame_duid(struct frame *f, size_t len)
{
	frame_u16(f, CLIENT);
	frame_u16(f, (unsigned int)len);
	for (size_t i = 0; i < len; i++)
		frame_u8(f, (unsigned int)(i * 7 + 1));
}

static void frame_server(struct frame *f, const char *mac)
{
	frame_u16(f, SERVER);
	frame_u16(f, 10);
	frame_u16(f, 3);
	frame_u16(f, 1);
	frame_mac(f, mac);
}

static void frame_addr(struct frame *f, const char *ip, uint32_t s)
{
	frame_u16(f, 5);
	frame_u16(f, 24);
	frame_ip(f, ip);
	frame_u32(f, s);
	frame_u32(f, s);
}

static void frame_status(struct frame *f, unsigned int code)
{
	frame_u16(f, 13);
	frame_u16(f, 2);
	frame_u16(f, code);
}

static void frame_ia(struct frame *f, unsigned int option, uint32_t id,
		     unsigned int len)
{
	frame_u16(f, option);
	frame_u16(f, 12 + len);
	frame_u32(f, id);
}

/* The length in the UDP header, too, and the checksum. */
static void finish(struct frame *f)
{
	const size_t n = f->len - 54;

	frame_end(f);
	f->b[58] = (uint8_t)(n >> 8);
	f->b[59] = (uint8_t)n;
	frame_sum(f, 6);
}

static void ask(struct world *w, const struct ask *a)
{
	struct frame *f = &w->f;

	frame_eth(f, MINE, SERVERS_MAC, 0x86dd);
	frame_ip6(f, LL, SERVERS, UDP, 1);
	frame_ports(f, 546, 547, 4);
	frame_u32(f, a->type << 24 | 0x123456);
	if (a->duid)
		frame_duid(f, a->duid);
	if (a->mac)
		frame_server(f, a->mac);
	if (a->another_ia) {
		frame_ia(f, 3, IAID + 1, 0);
		frame_fill(f, 8);
	}
	if (a->ia) {
		frame_ia(f, 3, IAID, a->addr ? 28 : 0);
		frame_fill(f, 8);
		if (a->addr)
			frame_addr(f, a->addr, 100);
	}
	if (a->pd) {
		frame_ia(f, 25, IAID + 2, 0);
		frame_fill(f, 8);
	}
	if (a->rapid) {
		frame_u16(f, RAPID);
		frame_u16(f, 0);
	}
	frame_u16(f, 8);
	frame_u16(f, 2);
	frame_u16(f, 0);
	finish(f);
}

/* Up to the options that are for this kind of answer alone. */
static void begin_reply(struct frame *f, unsigned int type, size_t duid)
{
	frame_eth(f, GATEWAY, MINE, 0x86dd);
	frame_ip6(f, ROUTER_LL, LL, UDP, 255);
	frame_ports(f, 547, 546, 4);
	frame_u32(f, type << 24 | 0x123456);
	frame_server(f, GATEWAY);
	if (duid)
		frame_duid(f, duid);
}

/* @lost: an address that it has no more; NULL: none */
static void frame_ia_told(struct frame *f, const char *lost)
{
	frame_ia(f, 3, IAID, lost ? 56 : 28);
	frame_u32(f, 1800);
	frame_u32(f, 2880);
	frame_addr(f, IP6, 3600);
	if (lost)
		frame_addr(f, lost, 0);
}

static void frame_dns(struct frame *f)
{
	frame_u16(f, 23);
	frame_u16(f, 16);
	frame_ip(f, "fd00:1::53");
}

static void expect_reply(struct world *w, struct frame *want)
{
	expect(w, GUARD_ANSWERED);
	finish(want);
	assert_frame(&w->replied, want);
	assert_int_equal(sum_upper(&w->replied), 0xffff);
}

static void expect_addresses(struct world *w, const char *lost)
{
	struct frame want;

	begin_reply(&want, REPLY, 14);
	frame_ia_told(&want, lost);
	frame_dns(&want);
	expect_reply(w, &want);
}

/* Every length of who asks: odd ones move what follows. */
WORLD(a_solicit_is_answered_by_an_advertisement)
{
	static const uint8_t preference[] = { 0, 7, 0, 1, 255 };
	struct frame want;

	for (size_t duid = 3; duid <= 130; duid++) {
		ask(w, &(struct ask){ .type = SOLICIT, .ia = 1, .duid = duid });
		begin_reply(&want, ADVERTISE, duid);
		frame_ia_told(&want, NULL);
		frame_put(&want, preference, sizeof(preference));
		frame_dns(&want);
		expect_reply(w, &want);
	}
	ask(w, &(struct ask){ .type = SOLICIT, .ia = 1, .duid = 131 });
	expect_silence(w);
	ask(w, &(struct ask){ .type = SOLICIT, .ia = 1, .duid = 2 });
	expect_silence(w);
}

WORLD(a_rapid_commit_is_a_reply_at_once)
{
	struct frame want;

	ask(w,
	    &(struct ask){ .type = SOLICIT, .ia = 1, .rapid = 1, .duid = 14 });
	begin_reply(&want, REPLY, 14);
	frame_ia_told(&want, NULL);
	frame_u16(&want, RAPID);
	frame_u16(&want, 0);
	frame_dns(&want);
	expect_reply(w, &want);
}

WORLD(addresses_are_given_and_prolonged)
{
	ask(w, &(struct ask){ .type = REQUEST,
			      .ia = 1,
			      .addr = OTHER_IP6,
			      .mac = GATEWAY,
			      .duid = 14 });
	expect_addresses(w, NULL);
	ask(w, &(struct ask){ .type = RENEW,
			      .ia = 1,
			      .addr = IP6,
			      .mac = GATEWAY,
			      .duid = 14 });
	expect_addresses(w, NULL);
	ask(w,
	    &(struct ask){ .type = REBIND, .ia = 1, .addr = IP6, .duid = 14 });
	expect_addresses(w, NULL);
}

WORLD(an_address_that_was_never_given_is_taken_away)
{
	ask(w, &(struct ask){ .type = RENEW,
			      .ia = 1,
			      .addr = OTHER_IP6,
			      .mac = GATEWAY,
			      .duid = 14 });
	expect_addresses(w, OTHER_IP6);
	ask(w,
	    &(struct ask){
		    .type = REBIND, .ia = 1, .addr = OTHER_IP6, .duid = 14 });
	expect_addresses(w, OTHER_IP6);
}

static void expect_status(struct world *w, unsigned int code)
{
	struct frame want;

	begin_reply(&want, REPLY, 14);
	frame_status(&want, code);
	expect_reply(w, &want);
}

WORLD(a_confirm_is_for_the_addresses_that_it_names)
{
	ask(w,
	    &(struct ask){ .type = CONFIRM, .ia = 1, .addr = IP6, .duid = 14 });
	expect_status(w, 0);
	ask(w,
	    &(struct ask){
		    .type = CONFIRM, .ia = 1, .addr = OTHER_IP6, .duid = 14 });
	expect_status(w, 4);
	ask(w, &(struct ask){ .type = CONFIRM, .ia = 1, .duid = 14 });
	expect_silence(w);
}

WORLD(what_is_given_back_is_heard)
{
	ask(w, &(struct ask){ .type = RELEASE,
			      .ia = 1,
			      .addr = IP6,
			      .mac = GATEWAY,
			      .duid = 14 });
	expect_status(w, 0);
	ask(w, &(struct ask){ .type = DECLINE,
			      .ia = 1,
			      .addr = IP6,
			      .mac = GATEWAY,
			      .duid = 14 });
	expect_status(w, 0);
}

WORLD(who_only_informs_itself_gets_no_address)
{
	struct frame want;

	ask(w, &(struct ask){ .type = INFORMATION, .duid = 14 });
	begin_reply(&want, REPLY, 14);
	frame_dns(&want);
	expect_reply(w, &want);
	ask(w, &(struct ask){ .type = INFORMATION });
	begin_reply(&want, REPLY, 0);
	frame_dns(&want);
	expect_reply(w, &want);
	ask(w, &(struct ask){ .type = INFORMATION, .ia = 1, .duid = 14 });
	expect_silence(w);
}

/* RFC 8415 section 18.3: nothing for these, and the client must hear it. */
WORLD(a_second_identity_and_prefixes_get_nothing)
{
	struct frame want;

	ask(w, &(struct ask){ .type = REBIND,
			      .ia = 1,
			      .another_ia = 1,
			      .pd = 1,
			      .duid = 14 });
	begin_reply(&want, REPLY, 14);
	frame_ia_told(&want, NULL);
	frame_ia(&want, 3, IAID + 1, 6);
	frame_fill(&want, 8);
	frame_status(&want, 2);
	frame_ia(&want, 25, IAID + 2, 6);
	frame_fill(&want, 8);
	frame_status(&want, 6);
	frame_dns(&want);
	expect_reply(w, &want);
}

WORLD(what_is_anothers_to_answer_goes_on)
{
	static const struct ask asks[] = {
		{ .type = REQUEST, .ia = 1, .mac = OTHERS, .duid = 14 },
		{ .type = RENEW, .ia = 1, .mac = OTHERS, .duid = 14 },
		{ .type = RELEASE, .ia = 1, .mac = OTHERS, .duid = 14 },
		{ .type = INFORMATION, .mac = OTHERS, .duid = 14 },
		{ .type = REQUEST, .ia = 1, .duid = 14 },
		{ .type = RENEW, .ia = 1, .duid = 14 },
		{ .type = RELEASE, .ia = 1, .duid = 14 },
		{ .type = SOLICIT, .ia = 1, .mac = GATEWAY, .duid = 14 },
		{ .type = REBIND, .ia = 1, .mac = GATEWAY, .duid = 14 },
		{ .type = SOLICIT, .duid = 14 },
		{ .type = SOLICIT, .ia = 1 },
		{ .type = ADVERTISE, .ia = 1, .duid = 14 },
		{ .type = REPLY, .ia = 1, .duid = 14 },
		{ .type = 12, .ia = 1, .duid = 14 },
		{ .type = 255, .ia = 1, .duid = 14 },
		{ .type = 0, .ia = 1, .duid = 14 },
	};

	for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++) {
		ask(w, &asks[i]);
		if (world_judge(w) != GUARD_PASS)
			fail_msg("message %zu is answered", i);
	}
	ask(w, &(struct ask){ .type = SOLICIT, .ia = 1, .duid = 14 });
	w->f.b[ETH + 39] = 3; /* not to all servers */
	expect_silence(w);
}

/* Each byte of what must be so, changed. */
WORLD(what_is_garbled_goes_on)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = {
		{ 58, 1 },	   /* the datagram's length */
		{ ETH + 4, 1 },	   /* the packet's */
		{ PLACE + 7, 15 }, /* an option's: the next begins amidst */
		{ PLACE + 7, 255 }, { PLACE + 6, 1 },
		{ PLACE + 25, 11 }, /* the identity's */
		{ PLACE + 41, 23 }, /* the address's */
		{ PLACE + 41, 25 }, { PLACE + 69, 3 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		ask(w,
		    &(struct ask){
			    .type = REBIND, .ia = 1, .addr = IP6, .duid = 14 });
		if (w->f.b[wrong[i].at] == wrong[i].value)
			fail_msg("byte %zu is so", wrong[i].at);
		w->f.b[wrong[i].at] = wrong[i].value;
		if (world_judge(w) != GUARD_PASS)
			fail_msg("byte %zu = %u: answered", wrong[i].at,
				 wrong[i].value);
	}
}

WORLD(a_checksum_that_is_to_be_completed_stays_so)
{
	unsigned int sum;

	ask(w, &(struct ask){ .type = SOLICIT, .ia = 1, .duid = 14 });
	sum = sum_pseudo(&w->f);
	w->f.b[60] = (uint8_t)(sum >> 8);
	w->f.b[61] = (uint8_t)sum;
	expect(w, GUARD_ANSWERED);
	sum = sum_pseudo(&w->replied);
	assert_int_equal(w->replied.b[60] << 8 | w->replied.b[61], sum);
}

WORLD(what_is_cut_off_goes_on_or_is_dropped)
{
	size_t whole;

	ask(w, &(struct ask){ .type = RENEW,
			      .ia = 1,
			      .addr = IP6,
			      .mac = GATEWAY,
			      .duid = 14 });
	whole = w->f.len;
	for (w->f.len = whole - 1; w->f.len >= 54; w->f.len--)
		if (world_judge(w) == GUARD_ANSWERED)
			fail_msg("answered with %zu of %zu bytes", w->f.len,
				 whole);
}

WORLD(garbled_messages_are_answered_soundly_or_not_at_all)
{
	unsigned int answered = 0, seed = 1;

	for (unsigned int i = 0; i < GARBLED; i++) {
		static const unsigned int types[] = { SOLICIT, REQUEST,
						      CONFIRM, RENEW,
						      REBIND,  RELEASE,
						      DECLINE, INFORMATION };
		const unsigned int type = types[i % 8];
		const int asks_us = type == REQUEST || type == RENEW ||
				    type == RELEASE || type == DECLINE;

		ask(w, &(struct ask){ .type = type,
				      .ia = type != INFORMATION,
				      .pd = i % 5 == 0,
				      .addr = i % 3 ? IP6 : NULL,
				      .mac = asks_us ? GATEWAY : NULL,
				      .duid = 3 + i % 128 });
		for (unsigned int k = 0; k <= i % 3; k++)
			w->f.b[14 +
			       (unsigned int)rand_r(&seed) % (w->f.len - 14)] ^=
				(uint8_t)(1U << rand_r(&seed) % 8);
		if (world_run(w) != TC_ACT_REDIRECT)
			continue;
		answered++;
		assert_int_equal(sum_upper(&w->replied), 0xffff);
		assert_memory_equal(w->replied.b, mac_of(MINE).b, MAC_LEN);
		assert_true(w->replied.b[PLACE] == REPLY ||
			    w->replied.b[PLACE] == ADVERTISE);
		assert_memory_equal(w->replied.b + PLACE + 1,
				    w->f.b + PLACE + 1, 3);
	}
	assert_in_range(answered, GARBLED / 5, GARBLED - 1);
}

static void nd(struct world *w, const char *from, unsigned int type,
	       const char *target)
{
	struct frame *f = &w->f;

	frame_eth(f, MINE, ALL_NODES_MAC, 0x86dd);
	frame_ip6(f, from, ALL_NODES, ICMP6, 255);
	frame_nd(f, type, target, 1, strcmp(from, "::") != 0 ? MINE : NULL);
	frame_end(f);
	frame_sum(f, 2);
}

static void begin_nd(struct frame *f, const char *to)
{
	const int is_all = !strcmp(to, ALL_NODES);

	frame_eth(f, GATEWAY, is_all ? ALL_NODES_MAC : MINE, 0x86dd);
	frame_ip6(f, ROUTER_LL, to, ICMP6, 255);
}

static void frame_ra(struct frame *f, unsigned int lifetime)
{
	frame_u16(f, RA << 8);
	frame_u16(f, 0);
	frame_u16(f, 64 << 8 | 0xc0);
	frame_u16(f, lifetime);
	frame_fill(f, 8);
	frame_u16(f, 0x0101);
	frame_mac(f, GATEWAY);
	frame_u32(f, 0x05010000);
	frame_u32(f, 1400);
	frame_u32(f, 0x03044080);
	frame_u32(f, ~0U);
	frame_u32(f, ~0U);
	frame_u32(f, 0);
	frame_ip(f, "fd00:1::");
	frame_u32(f, 0x19030000);
	frame_u32(f, ~0U);
	frame_ip(f, "fd00:1::53");
}

static void expect_ra(struct world *w, const char *to, unsigned int lifetime)
{
	struct frame want;

	expect(w, GUARD_ANSWERED);
	begin_nd(&want, to);
	frame_ra(&want, lifetime);
	frame_end(&want);
	frame_sum(&want, 2);
	assert_frame(&w->replied, &want);
}

static void make_na(struct frame *f, const char *to, unsigned int flags,
		    const char *target)
{
	begin_nd(f, to);
	frame_u32(f, (uint32_t)NA << 24);
	frame_u32(f, flags << 24);
	frame_ip(f, target);
	frame_u16(f, 0x0201);
	frame_mac(f, GATEWAY);
	frame_end(f);
	frame_sum(f, 2);
}

WORLD(who_looks_for_a_router_finds_it)
{
	nd(w, LL, RS, NULL);
	expect_ra(w, LL, 65535);
	nd(w, "::", RS, NULL);
	expect_ra(w, ALL_NODES, 65535);
	w->told.n_routes = 1; /* that of IPv4 */
	world_admit(w);
	nd(w, LL, RS, NULL);
	expect_ra(w, LL, 0);
}

WORLD(who_asks_for_the_gateway_is_told)
{
	struct frame want;

	nd(w, LL, NS, GATEWAY_IP6);
	expect(w, GUARD_ANSWERED);
	make_na(&want, LL, 0xe0, GATEWAY_IP6);
	assert_frame(&w->replied, &want);
	nd(w, IP6, NS, GATEWAY_IP6);
	expect(w, GUARD_ANSWERED);
	make_na(&want, IP6, 0xe0, GATEWAY_IP6);
	assert_frame(&w->replied, &want);
}

/* Return: a socket that sees what is sent by the port */
static int listen_port(void)
{
	const struct timeval limit = { .tv_sec = 2 };
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_ALL),
					.sll_ifindex = LO };
	const int fd =
		socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)),
		0);
	return fd;
}

static void up_port(struct world *w)
{
	assert_works(link_set_up(w->s->nl, LO, true, &w->s->err), w->s->err);
}

/* It asks whether its router is there: it hears that it is, and all that the
 * router has to say, before it forgets it. */
WORLD(who_probes_its_router_hears_all_of_it_again)
{
	struct frame want, got;
	int fd;

	up_port(w);
	fd = listen_port();
	nd(w, LL, NS, ROUTER_LL);
	expect_ra(w, LL, 65535);
	make_na(&want, LL, 0xe0, ROUTER_LL);
	do {
		const ssize_t n = recv(fd, got.b, sizeof(got.b), 0);

		if (n < 0)
			fail_msg("no advertisement: %s", strerror(errno));
		got.len = (size_t)n;
	} while (memcmp(got.b + 6, mac_of(GATEWAY).b, MAC_LEN) != 0);
	assert_frame(&got, &want);
	(void)close(fd);
}

/* Duplicate address detection, of an address that is not to be had. */
WORLD(the_gateways_address_is_defended)
{
	struct frame want;

	w->rules.antispoof = false;
	world_admit(w);
	nd(w, "::", NS, GATEWAY_IP6);
	expect(w, GUARD_ANSWERED);
	make_na(&want, ALL_NODES, 0xa0, GATEWAY_IP6);
	assert_frame(&w->replied, &want);
	nd(w, "::", NS, ROUTER_LL);
	expect(w, GUARD_ANSWERED);
	make_na(&want, ALL_NODES, 0xa0, ROUTER_LL);
	assert_frame(&w->replied, &want);
}

WORLD(nobody_is_told_of_his_own_address_or_of_others)
{
	nd(w, "::", NS, IP6);
	expect_silence(w);
	nd(w, "::", NS, LL);
	expect_silence(w);
	nd(w, LL, NS, OTHER_IP6);
	expect_silence(w);
	w->told.neighbour = false;
	world_admit(w);
	nd(w, LL, NS, GATEWAY_IP6);
	expect_silence(w);
	w->told.neighbour = true;
	w->told.gateway6 = ip_of(IP6);
	world_admit(w);
	nd(w, "::", NS, IP6);
	expect_silence(w);
}

WORLD(what_came_through_a_router_goes_on)
{
	nd(w, LL, RS, NULL);
	w->f.b[ETH + 7] = 254;
	expect_silence(w);
	nd(w, LL, NS, GATEWAY_IP6);
	w->f.b[ETH + 7] = 254;
	expect_silence(w);
	nd(w, LL, RS, NULL);
	w->f.b[55] = 1; /* its code */
	expect_silence(w);
	nd(w, LL, NS, GATEWAY_IP6);
	w->f.b[ETH + 5] = 16; /* cut off in the target, says the header */
	if (world_judge(w) == GUARD_ANSWERED)
		fail_msg("half a target is answered");
}

WORLD(a_guest_without_ipv6_finds_no_router)
{
	w->rules.antispoof = false;
	w->told.n = 1;
	world_admit(w);
	nd(w, LL, RS, NULL);
	expect_silence(w);
	ask(w, &(struct ask){ .type = SOLICIT, .ia = 1, .duid = 14 });
	expect_silence(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(a_solicit_is_answered_by_an_advertisement),
		in_sandbox(a_rapid_commit_is_a_reply_at_once),
		in_sandbox(addresses_are_given_and_prolonged),
		in_sandbox(an_address_that_was_never_given_is_taken_away),
		in_sandbox(a_confirm_is_for_the_addresses_that_it_names),
		in_sandbox(what_is_given_back_is_heard),
		in_sandbox(who_only_informs_itself_gets_no_address),
		in_sandbox(a_second_identity_and_prefixes_get_nothing),
		in_sandbox(what_is_anothers_to_answer_goes_on),
		in_sandbox(what_is_garbled_goes_on),
		in_sandbox(a_checksum_that_is_to_be_completed_stays_so),
		in_sandbox(what_is_cut_off_goes_on_or_is_dropped),
		in_sandbox(garbled_messages_are_answered_soundly_or_not_at_all),
		in_sandbox(who_looks_for_a_router_finds_it),
		in_sandbox(who_asks_for_the_gateway_is_told),
		in_sandbox(who_probes_its_router_hears_all_of_it_again),
		in_sandbox(the_gateways_address_is_defended),
		in_sandbox(nobody_is_told_of_his_own_address_or_of_others),
		in_sandbox(what_came_through_a_router_goes_on),
		in_sandbox(a_guest_without_ipv6_finds_no_router),
	};

	return RUN(tests);
}
