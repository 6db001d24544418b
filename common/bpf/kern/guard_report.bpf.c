/* SPDX-License-Identifier: Apache-2.0 */
/* guard_report.bpf.c - tells whoever watches of a frame. However many there are,
 * of one guest and one reason only so many are told. */
#include "bpf/kern/report.h"
#include "bpf/policy_abi.h"

inlined bool is_told(struct guard_counts *n, __u32 verdict)
{
	const __u32 now = (__u32)(ktime() >> GUARD_TICK);

	if (n->tick != now) {
		n->tick = now;
		__builtin_memset(n->reported, 0, sizeof(n->reported));
	}
	if (verdict >= GUARD_REASONS ||
	    n->reported[verdict] >= GUARD_REASON_MAX) {
		n->missed++;
		return false;
	}
	n->reported[verdict]++;
	return true;
}

inlined void fill(struct guard_event *e, struct __sk_buff *skb,
		  const struct guard_guest *g, struct guard_counts *n)
{
	const __u32 said = skb->cb[CB_VERDICT];
	__u32 len = skb->len;

	e->time = boot_time();
	e->attachment = g->attachment;
	e->network = g->network;
	e->missed = n->missed;
	e->ifindex = skb->ifindex;
	e->len = len;
	e->rule = skb->cb[CB_RULE] & ~JUDGED_AUDIT;
	e->tag = skb->vlan_present ? (__u16)skb->vlan_tci : 0;
	e->verdict = (__u8)said;
	e->flags = (said & REPORT_SENT ? GUARD_SENT : 0) |
		   (skb->vlan_present ? GUARD_TAGGED : 0);
	__builtin_memset(e->frame, 0, sizeof(e->frame));
	if (len > GUARD_FRAME)
		len = GUARD_FRAME;
	if (is_some(&len, GUARD_FRAME))
		skb_load(skb, 0, e->frame, len);
}

inlined void tell(struct __sk_buff *skb, const struct guard_guest *g,
		  struct guard_counts *n, struct guard_watcher *w, __u32 i)
{
	void *ring = map_find(MAP(GUARD_WATCHERS), &i);
	struct guard_event *e;

	if (!ring)
		return;
	e = ring_reserve(ring, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&w->lost, 1);
		return;
	}
	fill(e, skb, g, n);
	ring_submit(e, 0);
}

program guard_report(struct __sk_buff *skb)
{
	const __u32 ifindex = skb->ifindex, only = 0;
	const __u32 verdict = skb->cb[CB_VERDICT] & 0xff;
	const int action = verdict ? TC_ACT_SHOT : TC_ACT_UNSPEC;
	const struct guard_guest *g = map_find(MAP(GUARD_GUESTS), &ifindex);
	struct guard_counts *n = map_find(MAP(GUARD_COUNTS), &ifindex);
	struct guard_watched *w = map_find(MAP(GUARD_WATCHED), &only);
	const __u64 now = ktime();

	if (!g || !n || !w || !is_told(n, verdict))
		return action;
	for (__u32 i = 0; i < GUARD_WATCHING; i++)
		if (w->by[i].until > now)
			tell(skb, g, n, &w->by[i], i);
	n->missed = 0;
	return action;
}
