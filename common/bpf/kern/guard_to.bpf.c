/* SPDX-License-Identifier: Apache-2.0 */
/* guard_to.bpf.c - what is sent to a guest. */
#include "bpf/kern/policy.h"
#include "bpf/kern/report.h"

program guard_to(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	const struct guard_guest *g = map_find(MAP(GUARD_GUESTS), &ifindex);
	struct guard_counts *n = map_find(MAP(GUARD_COUNTS), &ifindex);
	enum guard_verdict v = GUARD_PASS;

	if (!g || !n)
		return TC_ACT_SHOT;
	skb->cb[CB_RULE] = 0;
	if (g->flags & GUARD_POLICED)
		v = judge_policy(skb, ifindex, false);
	if (v >= GUARD_VERDICTS)
		return TC_ACT_SHOT;
	n->to[v]++;
	if (!v)
		n->to_bytes += skb->len;
	return v || skb->cb[CB_RULE] ? report(skb, v, false) : TC_ACT_UNSPEC;
}
