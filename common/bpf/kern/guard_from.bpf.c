/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_from.bpf.c - what a guest sends. A port that is not in the map sends
 * nothing.
 */
#include "bpf/kern/antispoof4.h"
#include "bpf/kern/antispoof6.h"

enum {
	LOOKED_AT = ETH_HLEN + 40 + 8, /* of most frames all that is */
	ETH_NUMBERS = 0x600,	       /* less is a length: IEEE 802.3 */
};

/* Headers may lie in pages of the guest's: then they are copied first. */
inlined void make_linear(struct __sk_buff *skb)
{
	const __u32 len = skb->len;

	if (data_of(skb) + LOOKED_AT > end_of(skb) &&
	    end_of(skb) - data_of(skb) < len)
		skb_pull(skb, len < LOOKED_AT ? len : LOOKED_AT);
}

inlined bool is_bridges(const __u8 mac[ETH_ALEN])
{
	return mac[0] == 0x01 && mac[1] == 0x80 && mac[2] == 0xc2 && !mac[3] &&
	       !mac[4] && mac[5] < 0x10;
}

inlined enum guard_verdict judge_other(const struct sender *s, __u16 proto)
{
	const __u32 any = GUARD_ANY_IP4 | GUARD_ANY_IP6;

	if (proto == htons(ETH_P_RARP))
		return judge_rarp(s);
	if (proto == htons(ETH_P_8021Q) || proto == htons(ETH_P_8021AD))
		return GUARD_VLAN;
	return (s->guest->flags & any) == any &&
			       __builtin_bswap16(proto) >= ETH_NUMBERS
		       ? GUARD_PASS
		       : GUARD_ETHERTYPE;
}

inlined enum guard_verdict judge(const struct sender *s)
{
	const struct ethhdr *eth;

	make_linear(s->skb);
	eth = data_of(s->skb);
	if ((void *)(eth + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	if (s->skb->vlan_present && !(s->guest->flags & GUARD_TRUNK))
		return GUARD_VLAN;
	if (!is_mac(eth->h_source, s->guest->mac))
		return GUARD_MAC;
	if (is_bridges(eth->h_dest))
		return GUARD_BRIDGE;
	if (eth->h_proto == htons(ETH_P_IP))
		return judge_ip4(s);
	if (eth->h_proto == htons(ETH_P_IPV6))
		return judge_ip6(s);
	return eth->h_proto == htons(ETH_P_ARP) ? judge_arp(s)
						: judge_other(s, eth->h_proto);
}

program guard_from(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	const struct sender s = {
		.skb = skb,
		.guest = map_find(MAP(GUARD_GUESTS), &ifindex),
		.ifindex = ifindex,
	};
	struct guard_counts *n = map_find(MAP(GUARD_COUNTS), &ifindex);
	enum guard_verdict v = GUARD_PASS;

	if (!s.guest || !n)
		return TC_ACT_SHOT;
	if (s.guest->flags & GUARD_ANTISPOOF)
		v = judge(&s);
	if (v >= GUARD_VERDICTS)
		return TC_ACT_SHOT;
	n->from[v]++;
	if (v)
		return TC_ACT_SHOT;
	n->from_bytes += skb->len;
	return TC_ACT_UNSPEC;
}
