/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_answer6.bpf.c - a guest looks for a router, or asks for its addresses by
 * DHCPv6. What it asks of somebody else goes on.
 */
#include "bpf/kern/answer_dhcp6.h"
#include "bpf/kern/answer_nd.h"

program guard_answer6(struct __sk_buff *skb)
{
	struct asker who = { .skb = skb };
	enum guard_verdict v = GUARD_PASS;
	struct ipv6hdr ip;

	if (find_asker(&who) && !skb_load(skb, IP6_AT, &ip, sizeof(ip)))
		v = ip.nexthdr == IPPROTO_UDP ? answer_dhcp6(&who, &ip)
					      : answer_nd(&who, &ip);
	return who.guest ? conclude(skb, who.guest, v) : TC_ACT_SHOT;
}
