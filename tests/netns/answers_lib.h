/* SPDX-License-Identifier: Apache-2.0 */
/* answers_lib.h - a guest asks, BPF_PROG_TEST_RUN shows what it is told. */
#ifndef WEFT_TESTS_ANSWERS_LIB_H
#define WEFT_TESTS_ANSWERS_LIB_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "../lib/frame.h"
#include "bpf/answers.h"
#include "bpf/guard.h"
#include "bpf/map.h"
#include "guard_lib.h"

#define MINE "02:00:00:00:00:01"
#define OTHERS "02:00:00:00:00:02"
#define GATEWAY "fe:00:00:00:00:09"
#define ALL "ff:ff:ff:ff:ff:ff"
#define NOBODY "00:00:00:00:00:00"
#define IP "10.1.0.5"
#define GATEWAY_IP "10.1.0.1"
#define IP6 "fd00:1::5"
#define LL "fe80::ff:fe00:1" /* of MINE */
#define GATEWAY_IP6 "fd00:1::1"
#define ROUTER_LL "fe80::fc00:ff:fe00:9" /* of GATEWAY */

enum { LO = 1, ETH = 14, UDP = 17, ICMP6 = 58, GARBLED = 5000 };

/**
 * struct world - One guest, and what it is told
 * @replied:	The last answer
 */
struct world {
	struct sandbox *s;
	struct guard g;
	struct ip_net addrs[2];
	struct answers_route routes[2];
	struct ip_addr dns[2];
	struct answers told;
	struct guard_rules rules;
	struct frame f, replied;
};

static inline void world_admit(struct world *w)
{
	assert_works(guard_admit(&w->g, LO, &w->rules, &w->s->err), w->s->err);
}

static inline void world_begin(struct world *w, void **state)
{
	memset(w, 0, sizeof(*w));
	w->s = *state;
	w->addrs[0] = net_of(IP "/24");
	w->addrs[1] = net_of(IP6 "/64");
	w->routes[0].dst = net_of("0.0.0.0/0");
	w->routes[1].dst = net_of("::/0");
	w->dns[0] = ip_of("10.1.0.53");
	w->dns[1] = ip_of("fd00:1::53");
	w->told = (struct answers){ .mac = mac_of(GATEWAY),
				    .neighbour = true,
				    .addrs = w->addrs,
				    .n = 2,
				    .gateway4 = ip_of(GATEWAY_IP),
				    .gateway6 = ip_of(GATEWAY_IP6),
				    .routes = w->routes,
				    .n_routes = 2,
				    .dns = w->dns,
				    .n_dns = 2,
				    .mtu = 1400,
				    .lease_s = 3600 };
	w->rules = (struct guard_rules){ .attachment = 7,
					 .network = 70,
					 .antispoof = true,
					 .mac = mac_of(MINE),
					 .addrs = w->addrs,
					 .n = 2,
					 .answers = &w->told };
	open_guard(w->s, &w->g);
	world_admit(w);
}

static inline void world_end(struct world *w)
{
	guard_close(&w->g);
}

/* A test with a world in it. */
#define WORLD(name)                             \
	static void name##_in(struct world *w); \
	TEST(name)                              \
	{                                       \
		struct world w;                 \
		world_begin(&w, state);         \
		name##_in(&w);                  \
		world_end(&w);                  \
	}                                       \
	static void name##_in(struct world *w)

static inline int world_run(struct world *w)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)w->g.from;
	attr.test.data_in = bpf_pointer(w->f.b);
	attr.test.data_size_in = (uint32_t)w->f.len;
	attr.test.data_out = bpf_pointer(w->replied.b);
	attr.test.data_size_out = sizeof(w->replied.b);
	attr.test.repeat = 1;
	assert_int_equal(bpf_call(BPF_PROG_TEST_RUN, &attr), 0);
	w->replied.len = attr.test.data_size_out;
	return (int)attr.test.retval;
}

/* By the counters: exactly one has one more, and the frame goes where that
 * says. */
static inline enum guard_verdict world_judge(struct world *w)
{
	enum guard_verdict found = GUARD_VERDICTS;
	struct guard_counts before, after;
	int action;

	assert_works(guard_counts(&w->g, LO, &before, &w->s->err), w->s->err);
	action = world_run(w);
	assert_works(guard_counts(&w->g, LO, &after, &w->s->err), w->s->err);
	for (enum guard_verdict v = 0; v < GUARD_VERDICTS; v++) {
		if (after.from[v] == before.from[v])
			continue;
		assert_int_equal(after.from[v], before.from[v] + 1);
		assert_int_equal(found, GUARD_VERDICTS);
		found = v;
	}
	assert_int_equal(action, found == GUARD_PASS	   ? TC_ACT_UNSPEC
				 : found == GUARD_ANSWERED ? TC_ACT_REDIRECT
							   : TC_ACT_SHOT);
	assert_int_equal(after.from_bytes - before.from_bytes,
			 found == GUARD_PASS ? w->f.len : 0);
	return found;
}

#define expect(w, want)                                                \
	do {                                                           \
		const enum guard_verdict v_ = world_judge(w);          \
		if (v_ != (want))                                      \
			fail_msg("%s, not %s", guard_verdict_name(v_), \
				 guard_verdict_name(want));            \
	} while (0)

/* What is not answered goes on as it was. */
#define expect_silence(w)                                                  \
	do {                                                               \
		expect(w, GUARD_PASS);                                     \
		assert_int_equal((w)->replied.len, (w)->f.len);            \
		assert_memory_equal((w)->replied.b, (w)->f.b, (w)->f.len); \
	} while (0)

/* RFC 1071; the place of the checksum itself is in there. */
static inline unsigned int sum16(const uint8_t *b, size_t n, unsigned int sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? b[i] : (unsigned int)b[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* What of the frame is not in its datagram, but in its checksum. */
static inline unsigned int sum_pseudo(const struct frame *f)
{
	const uint8_t *ip = f->b + ETH;
	const int is_6 = ip[0] >> 4 == 6;
	const unsigned int total = (unsigned int)(ip[2] << 8 | ip[3]);
	const unsigned int payload = (unsigned int)(ip[4] << 8 | ip[5]);

	return is_6 ? sum16(ip + 8, 32, payload + ip[6])
		    : sum16(ip + 12, 8, total - 20 + ip[9]);
}

static inline unsigned int sum_upper(const struct frame *f)
{
	const size_t at = ETH + (f->b[ETH] >> 4 == 6 ? 40 : 20);

	return sum16(f->b + at, f->len - at, sum_pseudo(f));
}

/* Store the checksum at so many bytes into what is behind the IP header. */
static inline void frame_sum(struct frame *f, size_t at)
{
	unsigned int sum;

	at += ETH + (f->b[ETH] >> 4 == 6 ? 40 : 20);
	f->b[at] = f->b[at + 1] = 0;
	sum = ~sum_upper(f) & 0xffff;
	f->b[at] = (uint8_t)(sum >> 8);
	f->b[at + 1] = (uint8_t)sum;
	if (f->b[ETH] >> 4 == 6)
		return;
	f->b[ETH + 10] = f->b[ETH + 11] = 0;
	sum = ~sum16(f->b + ETH, 20, 0) & 0xffff;
	f->b[ETH + 10] = (uint8_t)(sum >> 8);
	f->b[ETH + 11] = (uint8_t)sum;
}

/* Both frames are the same to the byte. */
static inline void assert_frame(const struct frame *got,
				const struct frame *want)
{
	const size_t n = got->len < want->len ? got->len : want->len;

	for (size_t i = 0; i < n; i++)
		if (got->b[i] != want->b[i])
			fail_msg("byte %zu is %02x, not %02x", i, got->b[i],
				 want->b[i]);
	assert_int_equal(got->len, want->len);
}

#endif
