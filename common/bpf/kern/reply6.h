/* SPDX-License-Identifier: Apache-2.0 */
/* reply6.h - an answer over IPv6, which comes from the router. */
#ifndef WEFT_BPF_REPLY6_H
#define WEFT_BPF_REPLY6_H

#include "bpf/kern/answer.h"
#include "bpf/kern/antispoof6.h"

enum {
	IP6_AT = ETH_HLEN,
	UPPER_AT = IP6_AT + sizeof(struct ipv6hdr),
	ICMP6_CHECK = 2,
	ADDRESSES = 32,	 /* of a header, one behind the other */
	LONGEST6 = 1024, /* less than any link takes */
};

/**
 * struct reply6 - What is being put
 * @ip:		Its header: first that of what is answered
 * @at:		Where the next bytes come
 * @partial:	Somebody else completes its checksum
 */
struct reply6 {
	struct ipv6hdr *ip;
	__u32 at;
	bool partial;
};

inlined void copy_ip6(void *to, const void *from)
{
	__builtin_memcpy(to, from, 16);
}

inlined __u32 sum_pseudo6(const struct ipv6hdr *ip, __u32 proto)
{
	return (__u32)csum_add((void *)0, 0, &ip->saddr, ADDRESSES,
			       ip->payload_len + htons(proto));
}

/* To who has no address yet: to all. */
inlined bool begin_reply6(struct reply6 *r, const struct asker *who, __u32 len)
{
	__u8 to[ETH_ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };
	__u32 sender[4];

	copy_ip6(sender, &r->ip->saddr);
	if (is_zero(sender)) {
		sender[0] = htonl(0xff020000);
		sender[3] = htonl(1);
	} else {
		__builtin_memcpy(to, who->eth.h_source, sizeof(to));
	}
	*r->ip = (struct ipv6hdr){ .version = 6, .hop_limit = ND_HOPS };
	r->ip->payload_len = htons(len);
	copy_ip6(&r->ip->saddr, who->a->router6);
	copy_ip6(&r->ip->daddr, sender);
	r->at = UPPER_AT;
	return len <= LONGEST6 && !skb_resize(who->skb, UPPER_AT + len, 0) &&
	       put_eth(who, to);
}

/* Of a constant length. */
#define put6(r, skb, p, len)                                      \
	(skb_store((skb), (r)->at, (p), (len), 0) ? false         \
						  : ((r)->at += (len), true))

/* When all is there. */
inlined bool end_reply6(struct reply6 *r, struct __sk_buff *skb, __u8 proto,
			__u32 check_at)
{
	__u32 sum;
	__u16 check;

	r->ip->nexthdr = proto;
	sum = sum_pseudo6(r->ip, proto);
	check = r->partial ? fold(sum)
			   : check_of(sum_frame(skb, UPPER_AT, sum));
	return !skb_store(skb, IP6_AT, r->ip, sizeof(*r->ip), 0) &&
	       !skb_store(skb, UPPER_AT + check_at, &check, sizeof(check), 0);
}

#endif
