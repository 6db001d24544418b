/* SPDX-License-Identifier: Apache-2.0 */
/* answer_nd.h - a guest looks for its router, or asks whether that is still
 * there: RFC 4861. */
#ifndef WEFT_BPF_ANSWER_ND_H
#define WEFT_BPF_ANSWER_ND_H

#include "bpf/kern/reply6.h"

enum {
	RA_LEAST = 16,
	ROUTER_SOLICITED = 0xe0, /* and its word counts */
	ROUTER = 0xa0,
};

/* RFC 4861 section 4.4, with the option that there is. */
struct advertisement {
	__u8 type, code;
	__u16 check;
	__u8 flags, unused[3];
	__u32 target[4];
	__u8 option, units;
	__u8 mac[ETH_ALEN];
};

inlined bool advertise_router(const struct asker *who,
			      struct ipv6hdr *ip)
{
	struct reply6 r = { .ip = ip };
	__u32 len = who->a->ra_len;

	hide(len);
	if (len < RA_LEAST || len > GUARD_RA ||
	    !begin_reply6(&r, who, len) ||
	    skb_store(who->skb, r.at, who->a->ra, len, 0))
		return false;
	r.at += len;
	return end_reply6(&r, who->skb, IPPROTO_ICMPV6, ICMP6_CHECK);
}

inlined bool advertise(const struct asker *who, struct ipv6hdr *ip,
		       const __u32 target[4])
{
	struct advertisement na = { .type = NA, .option = TARGET_MAC };
	struct reply6 r = { .ip = ip };
	__u32 sender[4];

	copy_ip6(sender, &ip->saddr);
	na.flags = is_zero(sender) ? ROUTER : ROUTER_SOLICITED;
	na.units = 1;
	copy_ip6(na.target, target);
	__builtin_memcpy(na.mac, who->a->mac, ETH_ALEN);
	return begin_reply6(&r, who, sizeof(na)) &&
	       put6(&r, who->skb, &na, sizeof(na)) &&
	       end_reply6(&r, who->skb, IPPROTO_ICMPV6, ICMP6_CHECK);
}

/* A router that nobody hears of any more is given up after its lifetime, and
 * most guests never ask again. But they ask whether it is there: who asks hears
 * all of it again. */
inlined enum guard_verdict answer_ns(const struct asker *who,
				     struct ipv6hdr *ip)
{
	const struct guard_answer *a = who->a;
	__u32 target[4], sender[4];
	bool is_router;

	copy_ip6(sender, &ip->saddr);
	if (skb_load(who->skb, UPPER_AT + ND_TARGET, target, sizeof(target)) ||
	    is_zero(target) || !(a->flags & GUARD_NEIGHBOUR))
		return GUARD_PASS;
	is_router = is_same(target, a->router6);
	if (!is_router && !is_same(target, a->gateway6))
		return GUARD_PASS;
	if (is_same(target, who->guest->ip6[0]) ||
	    is_same(target, a->ia[0].addr))
		return GUARD_PASS;
	if (!advertise(who, ip, target))
		return GUARD_FAILED;
	if (!is_router || is_zero(sender) || !a->ra_len)
		return GUARD_ANSWERED;
	/* Its header is that of the answer now: the same but for the sender. */
	copy_ip6(&ip->saddr, sender);
	send_copy(who->skb, who->skb->ifindex, back(who->guest));
	return advertise_router(who, ip) ? GUARD_ANSWERED : GUARD_FAILED;
}

inlined enum guard_verdict answer_nd(const struct asker *who,
				     struct ipv6hdr *ip)
{
	__u8 type[2];
	const __u32 len = __builtin_bswap16(ip->payload_len);

	if (ip->hop_limit != ND_HOPS || len < ND_TARGET ||
	    UPPER_AT + len > who->skb->len ||
	    skb_load(who->skb, UPPER_AT, type, sizeof(type)) || type[1])
		return GUARD_PASS;
	if (type[0] == NS)
		return len < ND_TARGET + 16 ? GUARD_PASS : answer_ns(who, ip);
	if (!who->a->ra_len)
		return GUARD_PASS;
	return advertise_router(who, ip) ? GUARD_ANSWERED : GUARD_FAILED;
}

#endif
