/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard_answer4.bpf.c - a guest asks for its gateway by ARP, or for its address
 * by DHCPv4: RFC 2131. What it asks of somebody else goes on.
 */
#include "bpf/kern/answer.h"
#include "bpf/kern/antispoof4.h"

enum {
	UDP_AT = ETH_HLEN + sizeof(struct iphdr),
	BOOTP_AT = UDP_AT + UDP_HEADER,
	NAMES_AT = BOOTP_AT + 44,
	MAGIC_AT = BOOTP_AT + 236,
	OPTIONS_AT = BOOTP_AT + 240,
	BOOT_REQUEST = 1,
	BOOT_REPLY = 2,
	OPTIONS = 64, /* more has no client */
	TTL = 64,
	HEAD_TYPE = 2, /* of guard_answer.head4: where the message's type is, */
	HEAD_LEASE = 9, /* where what an INFORM is not told begins */
	HEAD_END = 9,	/* and what a NAK does not have */
	NAK_REST = 32,	/* of 300 bytes, which every message of BOOTP has */
};

#define MAGIC 0x63825363U
#define BROADCAST_FLAG 0x8000U

enum dhcp_option {
	OPTION_PAD = 0,
	OPTION_ADDRESS = 50,
	OPTION_TYPE = 53,
	OPTION_SERVER = 54,
	OPTION_END = 255,
};

enum dhcp_type {
	DISCOVER = 1,
	OFFER,
	REQUEST,
	DECLINE,
	ACK,
	NAK,
	RELEASE,
	INFORM,
};

struct bootp {
	__u8 op, hardware, mac_len, hops;
	__u32 xid;
	__u16 secs, flags;
	__u32 client, yours, next, relay;
	__u8 mac[16];
};

/* As they stand behind each other. */
struct message {
	struct iphdr ip;
	struct udphdr udp;
	struct bootp bootp;
};

/**
 * struct request - What a client has asked
 * @m:		Its message
 * @end:	Where its options end
 * @type:	Of the message
 * @wanted:	Address that it would like to have, or zero
 * @server:	Whom it asks, or zero: everybody
 */
struct request {
	struct message m;
	__u32 end;
	__u32 type, wanted, server;
};

/* Return: what the option has to say, of @len bytes, was there */
inlined bool note_option(struct request *r, struct __sk_buff *skb, __u32 at,
			 __u8 code, __u8 len)
{
	__u8 type;

	if (code == OPTION_TYPE) {
		if (len != 1 || skb_load(skb, at, &type, 1))
			return false;
		r->type = type;
	} else if (code == OPTION_ADDRESS) {
		return len == 4 && !skb_load(skb, at, &r->wanted, 4);
	} else if (code == OPTION_SERVER) {
		return len == 4 && !skb_load(skb, at, &r->server, 4);
	}
	return true;
}

/* Return: were they whole, up to their end? */
inlined bool read_options(struct request *r, struct __sk_buff *skb)
{
	__u32 at = OPTIONS_AT;
	__u8 o[2];

	for (int i = 0; i < OPTIONS; i++) {
		if (at >= r->end || skb_load(skb, at, o, 1))
			return false;
		if (o[0] == OPTION_END)
			return true;
		if (o[0] == OPTION_PAD) {
			at++;
			continue;
		}
		if (skb_load(skb, at, o, 2) || at + 2 + o[1] > r->end ||
		    !note_option(r, skb, at + 2, o[0], o[1]))
			return false;
		at += 2U + o[1];
	}
	return false;
}

inlined bool is_from_client(const struct request *r, const struct asker *who)
{
	const struct bootp *b = &r->m.bootp;

	return b->op == BOOT_REQUEST && b->hardware == ARP_ETHERNET &&
	       b->mac_len == ETH_ALEN && !b->relay &&
	       is_mac(b->mac, who->eth.h_source);
}

inlined bool read_request(struct request *r, const struct asker *who)
{
	struct __sk_buff *skb = who->skb;
	__u32 magic, len;

	if (skb_load(skb, ETH_HLEN, &r->m, sizeof(r->m)) ||
	    skb_load(skb, MAGIC_AT, &magic, sizeof(magic)) ||
	    magic != htonl(MAGIC) || !is_from_client(r, who))
		return false;
	len = __builtin_bswap16(r->m.udp.len);
	r->end = UDP_AT + len;
	if (r->end > skb->len ||
	    len + sizeof(r->m.ip) > __builtin_bswap16(r->m.ip.tot_len))
		return false;
	/* To everybody, or to whom it has its address from. */
	return (r->m.ip.daddr == INADDR_BROADCAST ||
		r->m.ip.daddr == who->a->server4) &&
	       read_options(r, skb);
}

/* Each of the four states in which a client says REQUEST has fields of its own:
 * RFC 2131 section 4.3.2. */
inlined __u32 judge_request(const struct request *r,
			    const struct guard_answer *a)
{
	const __u32 wanted = r->wanted ? r->wanted : r->m.bootp.client;

	if (!wanted)
		return 0;
	return wanted == a->ip4 ? ACK : NAK;
}

/* Return: the answer's type, or zero: none */
inlined __u32 choose(const struct request *r, const struct guard_answer *a)
{
	if (r->server && r->server != a->server4)
		return 0;
	if (r->type == DISCOVER)
		return OFFER;
	if (r->type == REQUEST)
		return judge_request(r, a);
	return r->type == INFORM && r->m.bootp.client ? ACK : 0;
}

inlined __u32 sum_pseudo(const struct message *m)
{
	const __u32 s = m->ip.saddr, d = m->ip.daddr;

	return (s & 0xffff) + (s >> 16) + (d & 0xffff) + (d >> 16) +
	       htons(IPPROTO_UDP) + m->udp.len;
}

inlined __u32 receiver(const struct request *r, const struct guard_answer *a,
		       __u32 type)
{
	const struct bootp *b = &r->m.bootp;

	if (type == NAK)
		return INADDR_BROADCAST;
	if (b->client)
		return b->client;
	return b->flags & htons(BROADCAST_FLAG) ? INADDR_BROADCAST : a->ip4;
}

inlined void turn_bootp(struct request *r, const struct guard_answer *a,
			__u32 type)
{
	struct bootp *b = &r->m.bootp;

	b->op = BOOT_REPLY;
	b->hops = 0;
	b->secs = 0;
	if (type == NAK)
		b->client = 0;
	b->yours = type == NAK || r->type == INFORM ? 0 : a->ip4;
	b->next = type == NAK ? 0 : a->next4;
}

inlined void turn_headers(struct request *r, const struct guard_answer *a,
			  __u32 type, __u32 len)
{
	const struct iphdr ip = {
		.version = 4,
		.ihl = BARE_IHL,
		.tot_len = htons(len - ETH_HLEN),
		.ttl = TTL,
		.protocol = IPPROTO_UDP,
		.saddr = a->server4,
		.daddr = receiver(r, a, type),
	};

	turn_bootp(r, a, type);
	r->m.ip = ip;
	r->m.ip.check = (__u16)~fold(sum_of(&r->m.ip, 0));
	r->m.udp.source = htons(DHCP_SERVER);
	r->m.udp.dest = htons(DHCP_CLIENT);
	r->m.udp.len = htons(len - UDP_AT);
	r->m.udp.check = 0;
}

/* What an option would be there is left out by padding. */
inlined bool put_head(const struct request *r, const struct asker *who,
		      __u32 type)
{
	__u8 head[GUARD_HEAD4 + NAK_REST] = {};

	__builtin_memcpy(head, who->a->head4, GUARD_HEAD4);
	head[HEAD_TYPE] = (__u8)type;
	if (type == NAK || r->type == INFORM)
		__builtin_memset(head + HEAD_LEASE, OPTION_PAD,
				 GUARD_HEAD4 - HEAD_LEASE);
	if (type != NAK)
		return !skb_store(who->skb, OPTIONS_AT, head, GUARD_HEAD4, 0);
	head[HEAD_END] = OPTION_END;
	return !skb_store(who->skb, OPTIONS_AT, head, sizeof(head), 0);
}

/* A checksum that somebody else is to complete holds so far what is not in the
 * datagram: then so must the answer's, which is completed at the same place.
 * Nothing else tells; one in 65,536 is taken for the other. */
inlined bool put_check(const struct request *r, struct __sk_buff *skb,
		       bool partial)
{
	const __u32 pseudo = sum_pseudo(&r->m);
	const __u16 check = partial ? fold(pseudo)
				    : check_of(sum_frame(skb, UDP_AT, pseudo));

	return !skb_store(skb, UDP_AT + UDP_CHECK, &check, sizeof(check), 0);
}

inlined bool reply(struct request *r, const struct asker *who, __u32 type)
{
	struct __sk_buff *skb = who->skb;
	const struct guard_answer *a = who->a;
	const bool partial = r->m.udp.check == fold(sum_pseudo(&r->m));
	__u32 rest = type == NAK ? NAK_REST : a->rest4_len;
	__u8 to[ETH_ALEN];
	__u32 len;

	if (rest < NAK_REST || rest > GUARD_REST4)
		return false;
	len = OPTIONS_AT + GUARD_HEAD4 + rest;
	turn_headers(r, a, type, len);
	__builtin_memset(to, 0xff, sizeof(to));
	if (r->m.ip.daddr != INADDR_BROADCAST)
		__builtin_memcpy(to, who->eth.h_source, sizeof(to));
	if (skb_resize(skb, len, 0) || !put_eth(who, to) ||
	    skb_store(skb, ETH_HLEN, &r->m, sizeof(r->m), 0) ||
	    skb_store(skb, NAMES_AT, a->names4, GUARD_NAMES4, 0) ||
	    !put_head(r, who, type))
		return false;
	if (type != NAK &&
	    (!is_some(&rest, GUARD_REST4) ||
	     skb_store(skb, OPTIONS_AT + GUARD_HEAD4, a->rest4, rest, 0)))
		return false;
	return put_check(r, skb, partial);
}

inlined enum guard_verdict answer_dhcp(const struct asker *who)
{
	struct request r = {};
	__u32 type;

	if (!(who->a->flags & GUARD_DHCP4) || !read_request(&r, who))
		return GUARD_PASS;
	type = choose(&r, who->a);
	if (!type)
		return GUARD_PASS;
	return reply(&r, who, type) ? GUARD_ANSWERED : GUARD_FAILED;
}

/* For nobody but the gateway, not even for the guest: who looks whether its own
 * address is taken must not hear that it is (cilium#10574). */
inlined enum guard_verdict answer_arp(const struct asker *who)
{
	const struct guard_answer *a = who->a;
	struct arp arp;
	__u32 target, sender;

	if (skb_load(who->skb, ETH_HLEN, &arp, sizeof(arp)) ||
	    arp.hardware != htons(ARP_ETHERNET) ||
	    arp.protocol != htons(ETH_P_IP) || arp.mac_len != ETH_ALEN ||
	    arp.ip_len != sizeof(target) ||
	    arp.operation != htons(ARP_REQUEST) ||
	    !is_mac(arp.sender_mac, who->eth.h_source))
		return GUARD_PASS;
	__builtin_memcpy(&target, arp.target_ip, sizeof(target));
	__builtin_memcpy(&sender, arp.sender_ip, sizeof(sender));
	if (!(a->flags & GUARD_NEIGHBOUR) || !target || target != a->gateway4 ||
	    target == a->ip4 || target == sender)
		return GUARD_PASS;
	arp.operation = htons(ARP_REPLY);
	__builtin_memcpy(arp.target_mac, arp.sender_mac, ETH_ALEN);
	__builtin_memcpy(arp.target_ip, arp.sender_ip, sizeof(sender));
	__builtin_memcpy(arp.sender_mac, a->mac, ETH_ALEN);
	__builtin_memcpy(arp.sender_ip, &target, sizeof(target));
	return put_eth(who, who->eth.h_source) &&
			       !skb_store(who->skb, ETH_HLEN, &arp, sizeof(arp),
					  0)
		       ? GUARD_ANSWERED
		       : GUARD_FAILED;
}

program guard_answer4(struct __sk_buff *skb)
{
	struct asker who = { .skb = skb };
	enum guard_verdict v = GUARD_PASS;

	if (find_asker(&who))
		v = who.eth.h_proto == htons(ETH_P_ARP) ? answer_arp(&who)
							: answer_dhcp(&who);
	return who.guest ? conclude(skb, who.guest, v) : TC_ACT_SHOT;
}
