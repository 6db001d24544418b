/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches is told what does not pass, and why; nobody else pays for it. */
#include <errno.h>
#include <time.h>

#include "../guard/packet.h"
#include "base/json.h"
#include "bpf/guard_watch.h"
#include "bpf/policy_load.h"
#include "guard_lib.h"

#define ALICE "192.0.2.1"
#define BOB "192.0.2.2"

enum { ATTACHMENT = 7, NET = 70 };

static void admit(struct sandbox *s, const struct guard *g)
{
	const struct ip_net addrs[] = { net_of(GUEST_IP "/24"),
					net_of(GUEST_IP6 "/64") };
	const struct guard_rules rules = { .attachment = ATTACHMENT,
					   .network = NET,
					   .antispoof = true,
					   .mac = mac_of(GUEST_MAC),
					   .addrs = addrs,
					   .n = 2 };

	assert_works(guard_admit(g, LO, &rules, &s->err), s->err);
}

static void open_guarded(struct sandbox *s, struct guard *ret)
{
	open_guard(s, ret);
	admit(s, ret);
}

static void apply(struct sandbox *s, const struct guard *g, const char *text)
{
	static const struct policy_endpoint self = { 0 };
	static const struct policy_world world = { &self, NULL, 0 };
	cleanup_tables struct policy_tables t = { 0 };
	cleanup_policy struct policy p = { 0 };
	cleanup_json cJSON *doc = NULL;

	assert_works(json_parse(text, strlen(text), &doc, &s->err), s->err);
	assert_works(policy_parse(doc, &world, &p, &s->err), s->err);
	assert_works(policy_compile(&p, POLICY_ENTRIES_MAX, &t, &s->err),
		     s->err);
	assert_works(guard_police(g, LO, &t, &s->err), s->err);
}

#define WITH_GUARD()                               \
	struct sandbox *s = *state;                \
	cleanup_guard struct guard g = GUARD_NONE; \
	open_guarded(s, &g)

#define WATCHED(w)                                             \
	cleanup_watch struct guard_watch w = GUARD_WATCH_NONE; \
	assert_works(guard_watch_open(&g, &w, &s->err), s->err)

/* Each with a sender of its own, which is not the guest's. */
static void spoof(const struct guard *g, unsigned int n)
{
	char from[IP_STR_SIZE];
	struct frame f;

	(void)snprintf(from, sizeof(from), "198.51.100.%u", n % 250 + 1);
	frame_eth(&f, GUEST_MAC, PEER_MAC, 0x0800);
	frame_ip4(&f, from, ALICE, IPPROTO_UDP, 0, 0);
	frame_ports(&f, 1000, 53, 200);
	frame_end(&f);
	assert_int_equal(run_frame(g, POLICY_EGRESS, &f), TC_ACT_SHOT);
}

static unsigned int count(struct guard_watch *w, uint64_t *missed)
{
	struct guard_event e;
	unsigned int n = 0;

	while (guard_watch_next(w, &e)) {
		*missed += e.missed;
		n++;
	}
	return n;
}

static uint64_t ns_of(clockid_t clock)
{
	struct timespec t;

	assert_int_equal(clock_gettime(clock, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

TEST(an_event_says_when_who_what_and_why)
{
	const uint64_t begin = ns_of(CLOCK_BOOTTIME);
	struct guard_event e;
	struct frame f;
	WITH_GUARD();
	WATCHED(w);

	assert_false(guard_watch_next(&w, &e));
	spoof(&g, 0);
	assert_true(guard_watch_next(&w, &e));
	assert_in_range(e.time, begin, ns_of(CLOCK_BOOTTIME));
	assert_int_equal(e.attachment, ATTACHMENT);
	assert_int_equal(e.network, NET);
	assert_int_equal(e.ifindex, LO);
	assert_int_equal(e.missed, 0);
	assert_int_equal(e.rule, 0);
	assert_int_equal(e.verdict, GUARD_IP4_SOURCE);
	assert_int_equal(e.flags, GUARD_SENT);
	assert_int_equal(e.len, 14 + 20 + 4 + 200);
	frame_eth(&f, GUEST_MAC, PEER_MAC, 0x0800);
	assert_memory_equal(e.frame, f.b, f.len);
	assert_memory_equal(e.frame + 26, addr_of("198.51.100.1").b, 4);
	assert_false(guard_watch_next(&w, &e));
}

/* The rest of what there is room for is zero. */
TEST(a_short_frame_is_told_as_it_is)
{
	static const uint8_t zero[GUARD_FRAME];
	struct guard_event e;
	struct frame f;
	WITH_GUARD();
	WATCHED(w);

	frame_eth(&f, GUEST_MAC, PEER_MAC, 0x88b5);
	frame_fill(&f, 4);
	assert_int_equal(run_frame(&g, POLICY_EGRESS, &f), TC_ACT_SHOT);
	assert_true(guard_watch_next(&w, &e));
	assert_int_equal(e.len, f.len);
	assert_int_equal(e.verdict, GUARD_ETHERTYPE);
	assert_memory_equal(e.frame, f.b, f.len);
	assert_memory_equal(e.frame + f.len, zero, GUARD_FRAME - f.len);
}

#define RULES                                                               \
	"{\"ingress\":[{\"from\":[{\"ipBlock\":{\"cidr\":\"192.0.2.0/24\"," \
	"\"except\":[\"" ALICE "/32\"]}}],\"ports\":[{\"port\":80}]}]"

TEST(a_policys_verdict_is_told_whichever_way_the_packet_goes)
{
	const struct packet in =
		packet_of(POLICY_INGRESS, BOB, IPPROTO_TCP, 81);
	const struct packet out =
		packet_of(POLICY_EGRESS, BOB, IPPROTO_TCP, 81);
	struct packet ok = packet_of(POLICY_INGRESS, BOB, IPPROTO_TCP, 80);
	struct guard_event e;
	WITH_GUARD();
	WATCHED(w);

	apply(s, &g, RULES ",\"policyTypes\":[\"Ingress\",\"Egress\"]}");
	assert_true(passes(&g, &ok));
	assert_false(guard_watch_next(&w, &e));
	assert_false(passes(&g, &in));
	assert_true(guard_watch_next(&w, &e));
	assert_int_equal(e.verdict, GUARD_POLICY);
	assert_int_equal(e.flags, 0);
	assert_false(passes(&g, &out));
	assert_true(guard_watch_next(&w, &e));
	assert_int_equal(e.verdict, GUARD_POLICY);
	assert_int_equal(e.flags, GUARD_SENT);
	/* A part of nothing: no rule has been asked. */
	ok.field = 8;
	assert_false(passes(&g, &ok));
	assert_true(guard_watch_next(&w, &e));
	assert_int_equal(e.verdict, GUARD_PART);
	assert_int_equal(e.rule, 0);
}

TEST(what_is_only_audited_passes_and_is_told)
{
	const struct packet bad =
		packet_of(POLICY_INGRESS, BOB, IPPROTO_TCP, 81);
	const struct packet ok =
		packet_of(POLICY_INGRESS, BOB, IPPROTO_TCP, 80);
	struct guard_event e;
	WITH_GUARD();
	WATCHED(w);

	apply(s, &g, RULES ",\"audit\":true}");
	assert_true(passes(&g, &ok));
	assert_false(guard_watch_next(&w, &e));
	assert_true(passes(&g, &bad));
	assert_true(guard_watch_next(&w, &e));
	assert_int_equal(e.verdict, GUARD_PASS);
	/* What was said of one packet is not said of the next. */
	assert_true(passes(&g, &ok));
	assert_false(guard_watch_next(&w, &e));
}

TEST(of_one_reason_so_many_are_told_and_none_is_forgotten)
{
	enum { N = 1000 };

	uint64_t missed = 0;
	unsigned int told;
	WITH_GUARD();
	WATCHED(w);

	/* On one CPU, within a unit of time or two. */
	for (unsigned int i = 0; i < N; i++)
		spoof(&g, i);
	told = count(&w, &missed);
	assert_in_range(told, 1, 8 * GUARD_REASON_MAX);
	/* Another reason has a share of its own; and tells what was missed. */
	{
		struct guard_event e;
		struct frame f;

		frame_eth(&f, PEER_MAC, GUEST_MAC, 0x0800);
		frame_fill(&f, 46);
		assert_int_equal(run_frame(&g, POLICY_EGRESS, &f), TC_ACT_SHOT);
		assert_true(guard_watch_next(&w, &e));
		assert_int_equal(e.verdict, GUARD_MAC);
		missed += e.missed;
	}
	assert_in_range(told + missed, N - 2 * GUARD_REASON_MAX, N);
}

TEST(every_watcher_is_told_and_only_so_many_may_be)
{
	struct guard_watch w[GUARD_WATCHING + 1];
	struct guard_event e;
	WITH_GUARD();

	for (int i = 0; i < GUARD_WATCHING; i++)
		assert_works(guard_watch_open(&g, &w[i], &s->err), s->err);
	assert_fails(guard_watch_open(&g, &w[GUARD_WATCHING], &s->err), EBUSY,
		     s->err, "8 others");
	guard_watch_close(&w[GUARD_WATCHING]);
	spoof(&g, 1);
	for (int i = 0; i < GUARD_WATCHING; i++) {
		assert_true(guard_watch_next(&w[i], &e));
		guard_watch_close(&w[i]);
	}
}

static size_t count_rings(const struct guard *g)
{
	size_t n = 0;

	for (uint32_t i = 0, id; i < GUARD_WATCHING; i++)
		n += !bpf_map_get(g->map[GUARD_WATCHERS], &i, &id);
	return n;
}

TEST(who_ends_leaves_nothing_and_who_is_killed_nothing_for_long)
{
	struct guard_watch killed;
	struct guard_event e;
	uint64_t lost;
	WITH_GUARD();

	{
		WATCHED(w);
		assert_int_equal(count_rings(&g), 1);
	}
	assert_int_equal(count_rings(&g), 0);
	spoof(&g, 1);
	assert_works(guard_watch_open(&g, &killed, &s->err), s->err);
	/* As it is when it has not said for long that it is there. */
	killed.shared->by[killed.slot].until = killed.until = 1;
	spoof(&g, 2);
	assert_false(guard_watch_next(&killed, &e));
	{
		WATCHED(w);
		assert_int_equal(count_rings(&g), 1);
		assert_int_equal(w.slot, killed.slot);
		assert_fails(guard_watch_stay(&killed, &lost, &s->err), ESTALE,
			     s->err, "another watches");
		guard_watch_close(&killed);
		spoof(&g, 3);
		assert_true(guard_watch_next(&w, &e));
	}
	assert_int_equal(count_rings(&g), 0);
}

TEST(what_there_is_no_room_for_is_counted)
{
	enum { ROUNDS = 100 };

	const uint64_t room = GUARD_RING / (8 + sizeof(struct guard_event));
	uint64_t missed = 0, lost = 0;
	unsigned int told;
	WITH_GUARD();
	WATCHED(w);

	/* Admitted once more it has its whole share again. */
	for (int i = 0; i < ROUNDS; i++) {
		for (unsigned int k = 0; k < GUARD_REASON_MAX; k++)
			spoof(&g, k);
		admit(s, &g);
	}
	assert_works(guard_watch_stay(&w, &lost, &s->err), s->err);
	told = count(&w, &missed);
	assert_int_equal(missed, 0);
	assert_in_range(told, room - 1, room);
	assert_int_equal(told + lost, ROUNDS * GUARD_REASON_MAX);
	assert_works(guard_watch_stay(&w, &lost, &s->err), s->err);
	assert_int_equal(lost, 0);
	/* Read, it is free; across the end of the ring, too. */
	for (int i = 0; i < ROUNDS; i++) {
		admit(s, &g);
		for (unsigned int k = 0; k < GUARD_REASON_MAX; k++)
			spoof(&g, k);
		assert_int_equal(count(&w, &missed), GUARD_REASON_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_sandbox(an_event_says_when_who_what_and_why),
		in_sandbox(a_short_frame_is_told_as_it_is),
		in_sandbox(
			a_policys_verdict_is_told_whichever_way_the_packet_goes),
		in_sandbox(what_is_only_audited_passes_and_is_told),
		in_sandbox(
			of_one_reason_so_many_are_told_and_none_is_forgotten),
		in_sandbox(every_watcher_is_told_and_only_so_many_may_be),
		in_sandbox(
			who_ends_leaves_nothing_and_who_is_killed_nothing_for_long),
		in_sandbox(what_there_is_no_room_for_is_counted),
	};

	return RUN(tests);
}
