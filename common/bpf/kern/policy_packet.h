/* SPDX-License-Identifier: Apache-2.0 */
/* policy_packet.h - a packet as the policy sees it: whose flow it is of. */
#ifndef WEFT_BPF_POLICY_PACKET_H
#define WEFT_BPF_POLICY_PACKET_H

#include "bpf/kern/antispoof6.h"
#include "bpf/policy_abi.h"

enum {
	TCP_FLAGS = 13, /* where they are */
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
	ICMP_HEADER = 8, /* and UDP's, and of SCTP's what is read */
	ICMP_ECHOREPLY = 0,
	ICMP_DEST_UNREACH = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETERPROB = 12,
	ECHO6_REQUEST = 128,
	ECHO6_REPLY = 129,
	ERRORS6 = 4, /* the types up to it */
	LINK_SCOPE = 0xff02,
	GUEST_ASKED = 1,
	GUEST_WAS_ASKED = 2,
};

/**
 * struct talk - A packet that is judged
 * @egress:	The guest sends it
 * @flow:	Whose part it is
 * @port:	What a rule calls its port, in network byte order
 * @tcp:	Its flags
 * @at:		Where the header behind IP is
 * @id, @offset: Of a fragment
 * @fragment:	It is but a part
 * @rest:	And not the first
 * @alone:	It begins no flow
 * @error:	It is about another one, which is in it
 * @neighbour:	Without it there is no IPv6
 */
struct talk {
	struct __sk_buff *skb;
	bool egress, fragment, rest, alone, error, neighbour;
	struct guard_flow flow;
	__u8 port[2], tcp, hops;
	__u32 at, id, offset;
};

inlined void set_ends(struct guard_flow *f, const void *from, const void *to,
		      __u32 len, bool egress)
{
	__builtin_memcpy(f->local, egress ? from : to, len);
	__builtin_memcpy(f->remote, egress ? to : from, len);
}

inlined enum guard_verdict read_ip4(struct talk *t)
{
	const struct iphdr *ip = data_of(t->skb) + ETH_HLEN;
	__u16 field;

	if ((void *)(ip + 1) > end_of(t->skb) || ip->version != 4 ||
	    ip->ihl < BARE_IHL)
		return GUARD_TRUNCATED;
	/* A route that the sender gives ends where the header does not say. */
	if (ip->ihl != BARE_IHL && ip->protocol != IPPROTO_IGMP)
		return GUARD_OPTIONS;
	field = __builtin_bswap16(ip->frag_off);
	t->flow.family = 4;
	t->flow.proto = ip->protocol;
	t->flow.local[0] = t->egress ? ip->saddr : ip->daddr;
	t->flow.remote[0] = t->egress ? ip->daddr : ip->saddr;
	t->offset = (field & FRAGMENT_OFFSET) * 8;
	t->rest = t->offset;
	t->fragment = field & (FRAGMENT_OFFSET | MORE_FRAGMENTS);
	t->id = ip->id;
	t->hops = ip->ttl;
	t->at = ETH_HLEN + ip->ihl * 4U;
	return GUARD_PASS;
}

inlined enum guard_verdict read_ip6(struct talk *t)
{
	const struct ipv6hdr *ip = data_of(t->skb) + ETH_HLEN;
	struct upper u = { .at = ETH_HLEN + sizeof(*ip) };
	enum guard_verdict v = GUARD_PASS;

	if ((void *)(ip + 1) > end_of(t->skb) || ip->version != 6)
		return GUARD_TRUNCATED;
	t->flow.family = 6;
	set_ends(&t->flow, &ip->saddr, &ip->daddr, sizeof(ip->saddr),
		 t->egress);
	t->hops = ip->hop_limit;
	u.proto = ip->nexthdr;
	if (u.proto != IPPROTO_TCP && u.proto != IPPROTO_UDP)
		v = find_upper(t->skb, &u);
	t->flow.proto = (__u8)u.proto;
	t->at = u.at;
	t->fragment = u.fragment;
	t->rest = u.rest;
	t->id = u.id;
	t->offset = u.offset;
	return !v && u.routed ? GUARD_OPTIONS : v;
}

inlined void set_ports(struct talk *t, const __u8 h[4])
{
	__u16 from, to;

	__builtin_memcpy(&from, h, sizeof(from));
	__builtin_memcpy(&to, h + 2, sizeof(to));
	t->flow.local_port = t->egress ? from : to;
	t->flow.remote_port = t->egress ? to : from;
	t->port[0] = h[2];
	t->port[1] = h[3];
}

/* Who has asked is part of what an echo is: or else a request would pass for an
 * answer to the one that went the other way. */
inlined __u8 opener_of(bool is_request, bool egress)
{
	return is_request == egress ? GUEST_ASKED : GUEST_WAS_ASKED;
}

inlined bool is_link_scope(const __u32 to[4])
{
	return (to[0] & htonl(0xffff0000)) == htonl((__u32)LINK_SCOPE << 16);
}

/* Neighbours and routers, from this very link; who listens to which group. */
inlined bool is_neighbour(const struct talk *t, __u8 type)
{
	if (t->fragment)
		return false;
	if (type >= RS && type <= NA)
		return t->hops == ND_HOPS;
	return ((type >= MLD_QUERY && type <= MLD_DONE) ||
		type == MLD2_REPORT) &&
	       t->hops == 1 &&
	       is_link_scope(t->egress ? t->flow.remote : t->flow.local);
}

inlined void read_icmp(struct talk *t, const __u8 h[ICMP_HEADER])
{
	const bool is_6 = t->flow.family == 6;
	const __u8 type = h[0];

	t->port[0] = type;
	t->port[1] = h[1];
	if (type == (is_6 ? ECHO6_REQUEST : ICMP_ECHO) ||
	    type == (is_6 ? ECHO6_REPLY : ICMP_ECHOREPLY)) {
		t->flow.opener = opener_of(
			type == (is_6 ? ECHO6_REQUEST : ICMP_ECHO), t->egress);
		__builtin_memcpy(&t->flow.local_port, h + 4,
				 sizeof(t->flow.local_port));
		return;
	}
	t->alone = true;
	t->error = is_6 ? type && type <= ERRORS6
			: type == ICMP_DEST_UNREACH ||
				   type == ICMP_TIME_EXCEEDED ||
				   type == ICMP_PARAMETERPROB;
	t->neighbour = is_6 && is_neighbour(t, type);
}

/* The part that tells what a packet is is whole, or it is no packet. */
inlined enum guard_verdict read_upper(struct talk *t)
{
	const __u8 proto = t->flow.proto;
	__u8 h[TCP_HEADER];

	if (proto == IPPROTO_TCP) {
		if (skb_load(t->skb, t->at, h, TCP_HEADER))
			return t->fragment ? GUARD_FRAGMENT : GUARD_TRUNCATED;
		t->tcp = h[TCP_FLAGS];
		set_ports(t, h);
		return GUARD_PASS;
	}
	if (proto != IPPROTO_UDP && proto != IPPROTO_SCTP &&
	    proto != (t->flow.family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return GUARD_PASS;
	if (skb_load(t->skb, t->at, h, ICMP_HEADER))
		return t->fragment ? GUARD_FRAGMENT : GUARD_TRUNCATED;
	if (proto == IPPROTO_UDP || proto == IPPROTO_SCTP)
		set_ports(t, h);
	else
		read_icmp(t, h);
	return GUARD_PASS;
}

/* What an ICMP error is about: it went the other way, and the error goes back
 * there, or else it would be a way to anybody. */
inlined bool read_inner(const struct talk *t, struct guard_flow *f)
{
	const bool is_6 = t->flow.family == 6, egress = !t->egress;
	__u32 at = t->at + ICMP_HEADER;
	__u8 h[40];
	bool is_request;

	if (skb_load(t->skb, at, h, is_6 ? 40 : 20))
		return false;
	f->family = t->flow.family;
	f->proto = is_6 ? h[6] : h[9];
	if (is_6) {
		set_ends(f, h + 8, h + 24, 16, egress);
		at += 40;
	} else {
		set_ends(f, h + 12, h + 16, 4, egress);
		if (h[6] & 0x1f || h[7])
			return false;
		at += (h[0] & 0xfU) * 4;
	}
	if (!is_same(egress ? f->local : f->remote,
		     egress ? t->flow.local : t->flow.remote) ||
	    skb_load(t->skb, at, h, ICMP_HEADER))
		return false;
	if (f->proto == (is_6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		is_request = h[0] == (is_6 ? ECHO6_REQUEST : ICMP_ECHO);
		if (!is_request &&
		    h[0] != (is_6 ? ECHO6_REPLY : ICMP_ECHOREPLY))
			return false;
		f->opener = opener_of(is_request, egress);
		__builtin_memcpy(&f->local_port, h + 4, sizeof(f->local_port));
		return true;
	}
	if (f->proto != IPPROTO_TCP && f->proto != IPPROTO_UDP &&
	    f->proto != IPPROTO_SCTP)
		return false;
	__builtin_memcpy(egress ? &f->local_port : &f->remote_port, h, 2);
	__builtin_memcpy(egress ? &f->remote_port : &f->local_port, h + 2, 2);
	return true;
}

#endif
