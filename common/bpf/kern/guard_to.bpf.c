/* SPDX-License-Identifier: Apache-2.0 */
/* guard_to.bpf.c - what is sent to a guest. */
#include "bpf/kern/kern.h"

program guard_to(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	const struct guard_guest *g = map_find(MAP(GUARD_GUESTS), &ifindex);
	struct guard_counts *n = map_find(MAP(GUARD_COUNTS), &ifindex);

	if (!g || !n)
		return TC_ACT_SHOT;
	n->to[GUARD_PASS]++;
	n->to_bytes += skb->len;
	return TC_ACT_UNSPEC;
}
