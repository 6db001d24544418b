/* SPDX-License-Identifier: Apache-2.0 */
/* source.h - which addresses are a guest's. An address is four words in network
 * byte order, IPv4 in the first; what is all zero nobody owns. */
#ifndef WEFT_BPF_SOURCE_H
#define WEFT_BPF_SOURCE_H

#include "bpf/kern/kern.h"

/* What a frame is judged by. */
struct sender {
	struct __sk_buff *skb;
	struct guard_guest *guest;
	__u32 ifindex;
};

inlined bool is_zero(const __u32 a[4])
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

inlined bool is_same(const __u32 a[4], const __u32 b[4])
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

inlined bool is_in(const __u32 a[4], const struct guard_prefix *p)
{
	return !(((a[0] ^ p->addr[0]) & p->mask[0]) |
		 ((a[1] ^ p->addr[1]) & p->mask[1]) |
		 ((a[2] ^ p->addr[2]) & p->mask[2]) |
		 ((a[3] ^ p->addr[3]) & p->mask[3]));
}

inlined bool routes_for(__u32 ifindex, __u32 family,
						 const __u32 *addr)
{
	const struct guard_sources *s = map_find(MAP(GUARD_SOURCES), &ifindex);

	if (!s || !addr)
		return false;
	for (__u32 i = 0; i < GUARD_PREFIXES; i++)
		if (i < s->n && s->prefix[i].family == family &&
		    is_in(addr, &s->prefix[i]))
			return true;
	return false;
}

inlined bool owns_ip4(const struct sender *s, __u32 ip)
{
	const struct guard_guest *g = s->guest;
	const __u32 addr[4] = { ip };

	if (ip && (ip == g->ip4[0] || ip == g->ip4[1] || ip == g->ip4[2] ||
		   ip == g->ip4[3]))
		return true;
	if (g->flags & GUARD_ANY_IP4)
		return true;
	return g->flags & GUARD_ROUTES && routes_for(s->ifindex, 4, addr);
}

inlined bool owns_ip6(const struct sender *s, const __u32 ip[4])
{
	const struct guard_guest *g = s->guest;

	if (is_zero(ip))
		return false;
	if (is_same(ip, g->ip6[0]) || is_same(ip, g->ip6[1]) ||
	    is_same(ip, g->ip6[2]) || is_same(ip, g->ip6[3]))
		return true;
	if (g->flags & GUARD_ANY_IP6)
		return true;
	return g->flags & GUARD_ROUTES && routes_for(s->ifindex, 6, ip);
}

inlined bool is_link_local(const __u32 ip[4])
{
	return (ip[0] & htonl(0xffc00000)) == htonl(0xfe800000);
}

/* First come, first served: RFC 6620, with the oldest given up for a fifth. A
 * guest that tries them all out has no more than four at a time. */
inlined bool claims(struct guard_guest *g,
					     __u32 ifindex, const __u32 *ip)
{
	struct guard_claim claim = {};
	const __u32 *owner;
	__u32 at;

	if (!g || !ip)
		return false;
	claim.network = g->network;
	__builtin_memcpy(claim.addr, ip, sizeof(claim.addr));
	owner = map_find(MAP(GUARD_CLAIMS), &claim);
	if (owner)
		return *owner == ifindex;
	if (map_set(MAP(GUARD_CLAIMS), &claim, &ifindex, BPF_NOEXIST))
		return false;
	/* Each CPU has a place of its own; what a race leaves, GC finds. */
	at = __sync_fetch_and_add(&g->next_ll, 1) & (GUARD_LINK_LOCALS - 1);
	if (!is_zero(g->link_local[at])) {
		__builtin_memcpy(claim.addr, g->link_local[at],
				 sizeof(claim.addr));
		map_drop(MAP(GUARD_CLAIMS), &claim);
	}
	__builtin_memcpy(g->link_local[at], ip, sizeof(claim.addr));
	return true;
}

#endif
