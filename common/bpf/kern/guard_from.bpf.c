/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_from.bpf.c - what a guest sends. A port that is not in the map sends
 * nothing.
 */
#include "bpf/kern/antispoof4.h"
#include "bpf/kern/antispoof6.h"
#include "bpf/kern/policy.h"
#include "bpf/kern/report.h"

enum {
	ETH_NUMBERS = 0x600, /* less is a length: IEEE 802.3 */
};

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

inlined bool asks_arp(struct __sk_buff *skb)
{
	const struct arp *arp = data_of(skb) + ETH_HLEN;

	return (void *)(arp + 1) <= end_of(skb) &&
	       arp->operation == htons(ARP_REQUEST);
}

inlined bool asks_ip4(struct __sk_buff *skb)
{
	const struct iphdr *ip = data_of(skb) + ETH_HLEN;
	const struct udphdr *udp = (const void *)(ip + 1);

	return (void *)(udp + 1) <= end_of(skb) &&
	       ip->protocol == IPPROTO_UDP && ip->ihl == BARE_IHL &&
	       !(ip->frag_off & htons(FRAGMENT_OFFSET | MORE_FRAGMENTS)) &&
	       udp->dest == htons(DHCP_SERVER);
}

inlined bool asks_ip6(struct __sk_buff *skb)
{
	const struct ipv6hdr *ip = data_of(skb) + ETH_HLEN;
	const struct udphdr *udp = (const void *)(ip + 1);
	const __u8 *type = (const void *)udp;

	if ((void *)(udp + 1) > end_of(skb))
		return false;
	if (ip->nexthdr == IPPROTO_ICMPV6)
		return *type == RS || *type == NS;
	return ip->nexthdr == IPPROTO_UDP && udp->dest == htons(DHCP6_SERVER);
}

/* Return: who may answer it, or GUARD_ANSWERERS: nobody */
inlined __u32 find_answerer(struct __sk_buff *skb)
{
	const struct ethhdr *eth;

	make_linear(skb);
	eth = data_of(skb);
	if (skb->vlan_present || (void *)(eth + 1) > end_of(skb))
		return GUARD_ANSWERERS;
	if (eth->h_proto == htons(ETH_P_ARP))
		return asks_arp(skb) ? GUARD_ANSWER4 : GUARD_ANSWERERS;
	if (eth->h_proto == htons(ETH_P_IP))
		return asks_ip4(skb) ? GUARD_ANSWER4 : GUARD_ANSWERERS;
	return eth->h_proto == htons(ETH_P_IPV6) && asks_ip6(skb)
		       ? GUARD_ANSWER6
		       : GUARD_ANSWERERS;
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
	__u32 answerer;

	if (!s.guest || !n)
		return TC_ACT_SHOT;
	skb->cb[CB_RULE] = 0;
	if (s.guest->flags & GUARD_ANTISPOOF)
		v = judge(&s);
	if (!v && s.guest->flags & GUARD_ANSWERS) {
		answerer = find_answerer(skb);
		/* It comes back only where that is not there. */
		if (answerer < GUARD_ANSWERERS) {
			tail_call(skb, MAP(GUARD_TAILS), answerer);
			v = GUARD_FAILED;
		}
	}
	if (!v && s.guest->flags & GUARD_POLICED)
		v = judge_policy(skb, ifindex, true);
	if (v >= GUARD_VERDICTS)
		return TC_ACT_SHOT;
	n->from[v]++;
	if (!v)
		n->from_bytes += skb->len;
	return v || skb->cb[CB_RULE] ? report(skb, v, true) : TC_ACT_UNSPEC;
}
