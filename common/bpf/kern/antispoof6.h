/* SPDX-License-Identifier: Apache-2.0 */
/* antispoof6.h - IPv6: is the sender who it says it is? Whatever headers stand
 * in front, the last one is found: RFC 7112, RFC 7113, RFC 6980. */
#ifndef WEFT_BPF_ANTISPOOF6_H
#define WEFT_BPF_ANTISPOOF6_H

#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "bpf/kern/antispoof4.h"

enum {
	DHCP6_SERVER = 547,
	HEADERS = 6,	 /* extension headers: more is no traffic of anyone */
	ND_OPTIONS = 8,	 /* Linux sends three at most */
	ND_HOPS = 255,	 /* RFC 4861: never through a router */
	ND_TARGET = 8,	 /* where it is in NS and NA */
	FRAGMENT6 = 0xfff8,
	ROUTING_SOURCE = 0, /* RFC 5095 has done away with it */
	MOBILITY = 135,
	HIP = 139,
	SHIM6 = 140,
	AUTH = 51,
	RS = 133,
	RA,
	NS,
	NA,
	REDIRECT,
	MLD_QUERY = 130,
	MLD_REPORT,
	MLD_DONE,
	MLD2_REPORT = 143,
	SOURCE_MAC = 1, /* RFC 4861 section 4.6 */
	TARGET_MAC = 2,
};

/**
 * struct upper - What comes behind the extension headers
 * @proto:	Which it is
 * @at:		Where, from the beginning of the frame
 * @fragment:	It is but a part
 * @rest:	And not the first
 */
struct upper {
	__u32 proto, at;
	bool fragment, rest;
};

/* Return: does another header come? */
inlined bool is_extension(__u32 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_DSTOPTS ||
	       proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == AUTH || proto == MOBILITY || proto == HIP ||
	       proto == SHIM6;
}

inlined void skip_fragment(const __u8 h[8], struct upper *u)
{
	const __u16 field = (__u16)((__u16)(h[2] << 8) | h[3]);

	u->rest = field & FRAGMENT6;
	u->fragment |= u->rest || field & 1;
	u->at += 8;
}

inlined int find_upper(struct __sk_buff *skb,
						struct upper *u)
{
	__u8 h[8];

	if (!u)
		return GUARD_TRUNCATED;
	for (int i = 0; i < HEADERS; i++) {
		if (u->rest || !is_extension(u->proto))
			return GUARD_PASS;
		if (skb_load(skb, u->at, h, sizeof(h)))
			return u->fragment ? GUARD_FRAGMENT : GUARD_TRUNCATED;
		if (u->proto == IPPROTO_ROUTING && h[2] == ROUTING_SOURCE)
			return GUARD_OPTIONS;
		if (u->proto == IPPROTO_FRAGMENT)
			skip_fragment(h, u);
		else if (u->proto == AUTH)
			u->at += (h[1] + 2U) * 4;
		else
			u->at += (h[1] + 1U) * 8;
		u->proto = h[0];
	}
	return u->rest || !is_extension(u->proto) ? GUARD_PASS : GUARD_OPTIONS;
}

/* Each that says where somebody is says: here. */
inlined int judge_nd_options(struct __sk_buff *skb,
						      __u32 at, __u32 end,
						      struct guard_guest *g)
{
	__u8 o[8];

	if (!g)
		return GUARD_ND;
	for (int i = 0; i < ND_OPTIONS; i++) {
		if (at >= end)
			return GUARD_PASS;
		if (skb_load(skb, at, o, sizeof(o)) || !o[1])
			return GUARD_ND;
		if ((o[0] == SOURCE_MAC || o[0] == TARGET_MAC) &&
		    (o[1] != 1 || !is_mac(o + 2, g->mac)))
			return GUARD_ND;
		at += o[1] * 8U;
	}
	return at >= end ? GUARD_PASS : GUARD_ND;
}

/* The first of its addresses is the one that its MAC gives. */
inlined enum guard_verdict judge_address6(const struct sender *s,
					  const __u32 ip[4])
{
	if (is_link_local(ip))
		return is_same(ip, s->guest->ip6[0]) ||
				       claims(s->guest, s->ifindex, ip)
			       ? GUARD_PASS
			       : GUARD_LINK_LOCAL;
	return owns_ip6(s, ip) ? GUARD_PASS : GUARD_IP6_SOURCE;
}

inlined enum guard_verdict judge_nd(const struct sender *s, __u32 type,
				    const struct upper *u, __u32 end,
				    bool unspecified)
{
	__u32 target[4], options = u->at + ND_TARGET;

	if (u->fragment)
		return GUARD_FRAGMENT;
	if (type != RS) {
		options += sizeof(target);
		if (skb_load(s->skb, u->at + ND_TARGET, target, sizeof(target)))
			return GUARD_TRUNCATED;
		/* Of others' it may only ask where they are. */
		if ((type == NA || unspecified) && judge_address6(s, target))
			return GUARD_ND;
	}
	return judge_nd_options(s->skb, options, end, s->guest);
}

inlined enum guard_verdict judge_icmp6(const struct sender *s,
				       const struct upper *u, __u32 end,
				       bool unspecified)
{
	__u8 h[8];

	if (skb_load(s->skb, u->at, h, sizeof(h)))
		return u->fragment ? GUARD_FRAGMENT : GUARD_TRUNCATED;
	switch (h[0]) {
	case RA:
	case REDIRECT:
		return GUARD_ROUTER;
	case RS:
	case NS:
	case NA:
		return judge_nd(s, h[0], u, end, unspecified);
	case MLD_QUERY:
		return GUARD_QUERIER;
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT:
		return GUARD_PASS;
	}
	return unspecified ? GUARD_IP6_SOURCE : GUARD_PASS;
}

inlined enum guard_verdict judge_upper6(const struct sender *s,
					const struct upper *u, __u32 end,
					bool unspecified)
{
	__u8 h[TCP_HEADER];

	if (!u->rest && u->proto == IPPROTO_ICMPV6)
		return judge_icmp6(s, u, end, unspecified);
	if (unspecified)
		return GUARD_IP6_SOURCE;
	if (u->rest)
		return GUARD_PASS;
	if (u->proto == IPPROTO_TCP)
		return u->fragment && skb_load(s->skb, u->at, h, TCP_HEADER)
			       ? GUARD_FRAGMENT
			       : GUARD_PASS;
	if (u->proto != IPPROTO_UDP)
		return GUARD_PASS;
	if (skb_load(s->skb, u->at, h, 8))
		return u->fragment ? GUARD_FRAGMENT : GUARD_TRUNCATED;
	return h[0] == DHCP6_SERVER >> 8 && h[1] == (DHCP6_SERVER & 0xff)
		       ? GUARD_DHCP_SERVER
		       : GUARD_PASS;
}

inlined enum guard_verdict judge_ip6(const struct sender *s)
{
	const struct ipv6hdr *ip = data_of(s->skb) + ETH_HLEN;
	struct upper u = { .at = ETH_HLEN + sizeof(*ip) };
	enum guard_verdict v;
	bool unspecified;
	__u32 from[4], end;

	if ((void *)(ip + 1) > end_of(s->skb))
		return GUARD_TRUNCATED;
	if (!(s->guest->flags & GUARD_IP6))
		return GUARD_FAMILY;
	if (ip->version != 6)
		return GUARD_TRUNCATED;
	__builtin_memcpy(from, &ip->saddr, sizeof(from));
	end = u.at + __builtin_bswap16(ip->payload_len);
	u.proto = ip->nexthdr;
	unspecified = is_zero(from);
	v = unspecified ? GUARD_PASS : judge_address6(s, from);
	if (v || (u.proto == IPPROTO_TCP && !unspecified))
		return v;
	v = find_upper(s->skb, &u);
	return v ? v : judge_upper6(s, &u, end, unspecified);
}

#endif
