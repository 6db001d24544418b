/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy [RULES...]: what the guard costs a frame, by BPF_PROG_TEST_RUN, in
 * nanoseconds. One line a number of rules; 0: without a policy. In namespaces of
 * its own, as root.
 *
 * The least of seven rounds: known, known6, in: of a flow, IPv4 and IPv6 from the
 * guest, IPv4 to it. new: each begins one, with a random port, which is written
 * into the frame. again: one that is opened
 * again and again. denied: what no rule allows.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <time.h>

#include "../guard/packet.h"
#include "base/mem.h"
#include "bpf/policy_load.h"
#include "bpf/prog.h"

enum {
	ROUNDS = 7,
	REPEAT = 200000,
	TO_DENY = 81,
	TO_ALLOW = 443,
};

static void check(int r, const struct cni_err *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "policy: %s\n", err->msg);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Each its own peer, and a port: none of them is like another. */
static struct policy make_policy(size_t n)
{
	struct policy p = { 0 };

	for (int d = 0; d < POLICY_DIRS; d++) {
		struct policy_side *s = &p.side[d];

		s->selected = true;
		s->n = n ? n + 1 : 0;
		s->rules = calloc(n + 1, sizeof(*s->rules));
		for (size_t i = 0; i < s->n; i++) {
			struct policy_rule *r = &s->rules[i];

			r->number = (uint32_t)i + 1;
			r->n_peers = r->n_ports = 1;
			r->peers = calloc(1, sizeof(*r->peers));
			r->ports = calloc(1, sizeof(*r->ports));
			*r->ports = (struct policy_port){ IPPROTO_TCP, TO_ALLOW,
							  TO_ALLOW };
			r->peers->net = (struct ip_net){
				{ AF_INET,
				  { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				    (uint8_t)i } },
				32
			};
			if (i == n)
				r->peers->net =
					(struct ip_net){ addr_of("2001:db8::1"),
							 128 };
		}
	}
	return p;
}

/* Return: ns of one run */
static unsigned int run(const struct guard *g, const struct packet *p, int want,
			unsigned int repeat)
{
	union bpf_attr attr;
	struct frame f;

	put_packet(&f, p);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd =
		(uint32_t)(p->k.dir == POLICY_EGRESS ? g->from : g->to);
	attr.test.data_in = bpf_pointer(f.b);
	attr.test.data_size_in = (uint32_t)f.len;
	attr.test.repeat = repeat;
	if (bpf_call(BPF_PROG_TEST_RUN, &attr) ||
	    (int)attr.test.retval != want) {
		fprintf(stderr, "policy: the verdict is %d, not %d\n",
			(int)attr.test.retval, want);
		exit(1);
	}
	return attr.test.duration;
}

static unsigned int least(const struct guard *g, const struct packet *p,
			  int want)
{
	unsigned int min = UINT32_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		const unsigned int ns = run(g, p, want, REPEAT);

		min = ns < min ? ns : min;
	}
	return min;
}

/* As guard_load.c does. */
static int load_new_flow(const struct guard *g, struct cni_err *err)
{
	static uint64_t insns[] = {
#include "new_flow.insns"
	};
	struct bpf_insn *i = (struct bpf_insn *)insns;
	const struct bpf_code code = { "new_flow", insns,
				       sizeof(insns) / sizeof(*insns) };
	int fd = -1;

	for (size_t k = 0; k + 1 < code.n; k++) {
		if (i[k].code != (BPF_LD | BPF_DW | BPF_IMM) ||
		    (uint32_t)i[k + 1].imm != GUARD_MAP_MARK)
			continue;
		i[k].src_reg = BPF_PSEUDO_MAP_FD;
		i[k].imm = g->map[i[k].imm];
		i[k + 1].imm = 0;
	}
	check(bpf_prog_load(&code, &fd, err), err);
	return fd;
}

static void set_quota(const struct guard *g, uint32_t quota)
{
	const uint32_t lo = LO;
	struct guard_policy p;

	if (bpf_map_get(g->map[GUARD_POLICIES], &lo, &p))
		return;
	p.quota = quota;
	(void)bpf_map_put(g->map[GUARD_POLICIES], &lo, &p, BPF_EXIST);
}

static void measure(const struct guard *g, int begun, size_t n,
		    struct cni_err *err)
{
	cleanup_policy struct policy p = make_policy(n);
	cleanup_tables struct policy_tables t = { 0 };
	const size_t last = n ? n - 1 : 0;
	struct packet k = { .k = { .dir = POLICY_EGRESS,
				   .proto = IPPROTO_TCP,
				   .port = TO_ALLOW,
				   .peer = { AF_INET,
					     { 10, (uint8_t)(last >> 16),
					       (uint8_t)(last >> 8),
					       (uint8_t)last } } },
			    .sport = 1024 },
		      back;
	double begin = now_ms(), compiled, applied;
	unsigned int known, known6, in, opened, again, denied = 0;
	struct guard new = *g;

	if (n)
		check(policy_compile(&p, POLICY_ENTRIES_MAX, &t, err), err);
	compiled = now_ms();
	check(guard_police(g, LO, &t, err), err);
	applied = now_ms();
	set_quota(g, UINT32_MAX);
	new.from = begun;
	opened = least(&new, &k, TC_ACT_UNSPEC);
	again = least(g, &k, TC_ACT_UNSPEC);
	k.tcp = ACK;
	known = least(g, &k, TC_ACT_UNSPEC);
	back = k;
	back.k.dir = POLICY_INGRESS;
	back.sport = TO_ALLOW;
	back.k.port = 1024;
	in = least(g, &back, TC_ACT_UNSPEC);
	k.k.peer = addr_of("2001:db8::1");
	known6 = least(g, &k, TC_ACT_UNSPEC);
	if (n) {
		k.k.port = TO_DENY;
		denied = least(g, &k, TC_ACT_SHOT);
	}
	printf("%8zu %8u %8u %8u %8u %8u %8u %10.1f %10.1f\n", n, known, known6,
	       in, opened, again, denied, compiled - begin, applied - compiled);
}

int main(int argc, char **argv)
{
	const struct ip_net addrs[] = { { addr_of(GUEST_IP), 24 },
					{ addr_of(GUEST_IP6), 64 } };
	const struct guard_rules rules = {
		.attachment = 7,
		.network = 70,
		.antispoof = true,
		.addrs = addrs,
		.n = 2,
		.mac = { { 2, 0, 0, 0, 0, 1 } },
	};
	struct cni_err err = CNI_ERR_INIT;
	cleanup_guard struct guard g = GUARD_NONE;
	double begin;
	int begun;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL)) {
		perror("policy");
		return 1;
	}
	begin = now_ms();
	check(guard_open(&g, &err), &err);
	printf("loaded in %.0f ms\n", now_ms() - begin);
	check(guard_admit(&g, LO, &rules, &err), &err);
	begun = load_new_flow(&g, &err);
	printf("%8s %8s %8s %8s %8s %8s %8s %10s %10s\n", "rules", "known",
	       "known6", "in", "new", "again", "denied", "compile,ms",
	       "apply,ms");
	for (int i = 1; i < argc; i++)
		measure(&g, begun, strtoul(argv[i], NULL, 10), &err);
	return 0;
}
