/* SPDX-License-Identifier: Apache-2.0 */
/* answer_dhcp6.h - a guest asks for its addresses, or says what becomes of
 * them: RFC 8415. */
#ifndef WEFT_BPF_ANSWER_DHCP6_H
#define WEFT_BPF_ANSWER_DHCP6_H

#include "bpf/kern/reply6.h"

enum {
	DHCP6_CLIENT = 546,
	MESSAGE_AT = UPPER_AT + UDP_HEADER,
	OPTIONS6_AT = MESSAGE_AT + 4,
	OPTIONS6 = 32, /* more has no client */
	IA_ADDRS = 8,
	DUID_MAX = 130,
	DUID_LEAST = 3,
	DUID_LINK = 3, /* RFC 8415 section 11.4 */
	ALL_SERVERS = 0x00010002,
	PREFERENCE_MOST = 255, /* no need to wait for others */
};

enum dhcp6_type {
	SOLICIT = 1,
	ADVERTISE,
	REQUEST6,
	CONFIRM,
	RENEW,
	REBIND,
	REPLY,
	RELEASE6,
	DECLINE6,
	INFORMATION = 11,
};

enum dhcp6_option {
	OPTION_CLIENT = 1,
	OPTION_SERVER6,
	OPTION_IA_NA,
	OPTION_IA_TA,
	OPTION_IA_ADDR,
	OPTION_PREFERENCE = 7,
	OPTION_STATUS = 13,
	OPTION_RAPID,
	OPTION_IA_PD = 25,
};

enum dhcp6_status {
	SUCCESS = 0,
	NO_ADDRS = 2,
	NOT_ON_LINK = 4,
	NO_PREFIX = 6,
};

struct option6 {
	__u16 code, len;
};

struct duid {
	struct option6 o;
	__u8 b[DUID_MAX];
} __attribute__((packed));

struct server_id {
	struct option6 o;
	__u16 type, hardware;
	__u8 mac[ETH_ALEN];
} __attribute__((packed));

struct ia_na {
	struct option6 o;
	__u32 id, t1, t2;
};

struct status {
	struct option6 o;
	__u16 code;
} __attribute__((packed));

/* An identity that there is nothing for. */
struct ia_none {
	struct ia_na ia;
	struct status status;
} __attribute__((packed));

/**
 * struct request6 - What a client has asked, and where what it says is; 0:
 *	nowhere. Of half a word the verifier does not see that nothing is known
 * @message:	Type and transaction
 * @type:	The type alone
 * @end:	Where its options end
 * @client:	Option that says who it is, from its header on,
 * @client_len:	with so many bytes
 * @server:	The same: whom it asks
 * @ia:		Its last identity
 * @other_ia:	The one before that, if it has more
 * @pd:		One for prefixes
 * @rapid:	It would like to have all of it at once
 * @ia_id, @other_id, @pd_id: Their names
 * @addr:	The last address that it thinks it has
 * @before:	The one before that
 * @stray:	One that it has not: is there, and
 * @lost:	which
 * @partial:	Somebody else completes its checksum
 */
struct request6 {
	__u64 client, server, ia, other_ia, pd, rapid;
	__u64 addr, before, stray;
	__u32 message, type, end, client_len, partial;
	__u32 ia_id, other_id, pd_id, lost[4];
};

inlined struct server_id server_of(const struct guard_answer *a)
{
	struct server_id id = { .o.code = htons(OPTION_SERVER6),
				.o.len = htons(sizeof(id) - sizeof(id.o)),
				.type = htons(DUID_LINK),
				.hardware = htons(ARP_ETHERNET) };

	__builtin_memcpy(id.mac, a->mac, ETH_ALEN);
	return id;
}

inlined void note_option6(struct request6 *r, __u16 code, __u64 at)
{
	if (code == htons(OPTION_CLIENT)) {
		r->client = at;
	} else if (code == htons(OPTION_SERVER6)) {
		r->server = at;
	} else if (code == htons(OPTION_IA_NA)) {
		r->other_ia = r->ia;
		r->ia = at;
	} else if (code == htons(OPTION_IA_PD)) {
		r->pd = at;
	} else if (code == htons(OPTION_RAPID)) {
		r->rapid = at;
	}
}

/* Where they are, and no more: what a loop looks into, the verifier does as
 * often as there are ways through it. */
inlined bool find_options6(struct request6 *r, struct __sk_buff *skb)
{
	const __u32 zero = some_zero(skb);
	__u32 at = OPTIONS6_AT;
	struct option6 o;

	for (int i = 0; i < OPTIONS6; i++) {
		if (at == r->end)
			return true;
		if (at > r->end || skb_load(skb, at, &o, sizeof(o)))
			return false;
		at = place(at, zero);
		note_option6(r, o.code, at);
		at += (__u32)sizeof(o) + __builtin_bswap16(o.len);
	}
	return at == r->end;
}

/* Return: bytes of the option, or zero: there is none */
inlined __u32 length6(struct __sk_buff *skb, __u64 at)
{
	struct option6 o;

	return at && !skb_load(skb, (__u32)at, &o, sizeof(o))
		       ? __builtin_bswap16(o.len)
		       : 0;
}

/* Return: is it we who are asked? */
inlined bool is_server(const struct asker *who, __u64 at)
{
	const struct server_id ours = server_of(who->a);
	const __u16 *a = (const void *)&ours;
	struct server_id there;
	const __u16 *b = (const void *)&there;
	__u16 differ = 0;

	if (skb_load(who->skb, (__u32)at, &there, sizeof(there)))
		return false;
	for (unsigned int i = 0; i < sizeof(ours) / sizeof(*a); i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

/* An identity's name stands first in it. */
inlined bool read_id(struct __sk_buff *skb, __u64 at, __u32 least, __u32 *ret)
{
	return length6(skb, at) >= least &&
	       !skb_load(skb, (__u32)(at + sizeof(struct option6)), ret, sizeof(*ret));
}

/* Return: was it well-formed, and asks nobody else? */
inlined bool read_options6(struct request6 *r, const struct asker *who)
{
	const __u32 least = sizeof(struct ia_na) - sizeof(struct option6);

	r->client_len = length6(who->skb, r->client);
	if (r->client &&
	    (r->client_len < DUID_LEAST || r->client_len > DUID_MAX))
		return false;
	if (r->server && !is_server(who, r->server))
		return false;
	if (r->ia && !read_id(who->skb, r->ia, least, &r->ia_id))
		return false;
	if (r->other_ia && !read_id(who->skb, r->other_ia, least, &r->other_id))
		return false;
	return !r->pd || read_id(who->skb, r->pd, least, &r->pd_id);
}

inlined bool is_given(const struct guard_answer *a, const __u32 addr[4])
{
	for (int i = 0; i < GUARD_ANSWER_ADDRS; i++)
		if (is_same(a->ia[i].addr, addr))
			return true;
	return false;
}

/* Return: was it a whole one? */
inlined bool judge_addr(struct request6 *r, struct __sk_buff *skb,
			const struct guard_answer *a, __u64 at)
{
	struct guard_ia_addr ia;

	if (skb_load(skb, (__u32)at, &ia, sizeof(ia)) ||
	    __builtin_bswap16(ia.len) < sizeof(ia) - sizeof(struct option6))
		return false;
	if (is_given(a, ia.addr))
		return true;
	r->stray = at;
	return !skb_load(skb, (__u32)(at + sizeof(struct option6)), r->lost,
			 sizeof(r->lost));
}

/* The addresses that the client thinks it has: where the last ones are. */
inlined bool find_addrs(struct request6 *r, struct __sk_buff *skb)
{
	const __u32 zero = some_zero(skb), ia = (__u32)r->ia;
	const __u32 end = ia + sizeof(struct option6) + length6(skb, ia);
	__u32 at = ia + sizeof(struct ia_na);
	struct option6 o;

	for (int i = 0; ia && i < IA_ADDRS; i++) {
		if (at == end)
			return true;
		if (at > end || skb_load(skb, at, &o, sizeof(o)))
			return false;
		at = place(at, zero);
		if (o.code == htons(OPTION_IA_ADDR)) {
			r->before = r->addr;
			r->addr = at;
		}
		at += (__u32)sizeof(o) + __builtin_bswap16(o.len);
	}
	return !ia || at == end;
}

inlined bool read_addrs(struct request6 *r, struct __sk_buff *skb,
		     const struct guard_answer *a)
{
	return (!r->addr || judge_addr(r, skb, a, r->addr)) &&
	       (!r->before || judge_addr(r, skb, a, r->before));
}

/* RFC 8415 section 16: who says what to whom. Of an INFORMATION-REQUEST alone
 * nobody has to say who he is. */
inlined bool is_valid(const struct request6 *r)
{
	const bool has_ia = r->ia || r->pd;

	if (!r->client && r->type != INFORMATION)
		return false;
	switch (r->type) {
	case SOLICIT:
	case REBIND:
		return !r->server && has_ia;
	case CONFIRM:
		return !r->server && r->addr;
	case REQUEST6:
	case RENEW:
		return r->server && has_ia;
	case RELEASE6:
	case DECLINE6:
		return r->server;
	case INFORMATION:
		return !has_ia;
	}
	return false;
}

inlined bool read_request6(struct request6 *r, const struct asker *who,
			   const struct ipv6hdr *ip)
{
	struct __sk_buff *skb = who->skb;
	const __u32 len = __builtin_bswap16(ip->payload_len);
	struct udphdr udp;
	__u32 to[4];

	copy_ip6(to, &ip->daddr);
	if (to[0] != htonl(0xff020000) || to[1] || to[2] ||
	    to[3] != htonl(ALL_SERVERS) ||
	    skb_load(skb, UPPER_AT, &udp, sizeof(udp)) ||
	    skb_load(skb, MESSAGE_AT, &r->message, sizeof(r->message)) ||
	    udp.len != ip->payload_len)
		return false;
	r->end = UPPER_AT + len;
	r->type = (__u8)(__builtin_bswap32(r->message) >> 24);
	r->partial = udp.check == fold(sum_pseudo6(ip, IPPROTO_UDP));
	/* What makes a difference is not asked before both loops are done. */
	return len <= LONGEST6 && r->end <= skb->len && find_options6(r, skb) &&
	       find_addrs(r, skb) && is_valid(r) && read_options6(r, who) &&
	       read_addrs(r, skb, who->a);
}

/* What was somebody's and is not any more is told so: section 18.3.4. */
inlined bool has_lost(const struct request6 *r)
{
	return r->stray && (r->type == RENEW || r->type == REBIND);
}

/* Return: does the client hear but that it was heard? */
inlined bool is_receipt(const struct request6 *r)
{
	return r->type == CONFIRM || r->type == RELEASE6 || r->type == DECLINE6;
}

inlined bool put_id(struct reply6 *o, struct __sk_buff *skb,
		    const struct duid *id, __u32 len)
{
	if (!len)
		return true;
	len += sizeof(struct option6);
	if (!is_some(&len, sizeof(*id)) ||
	    skb_store(skb, o->at, id, len, 0))
		return false;
	o->at += len;
	return true;
}

inlined bool put_status(struct reply6 *o, struct __sk_buff *skb, __u16 code)
{
	const struct status s = { .o.code = htons(OPTION_STATUS),
				  .o.len = htons(sizeof(s.code)),
				  .code = htons(code) };

	return put6(o, skb, &s, sizeof(s));
}

inlined bool put_none(struct reply6 *o, struct __sk_buff *skb, __u16 option,
		      __u32 id, __u16 why)
{
	const struct ia_none n = {
		.ia.o.code = htons(option),
		.ia.o.len = htons(sizeof(n) - sizeof(n.ia.o)),
		.ia.id = id,
		.status.o.code = htons(OPTION_STATUS),
		.status.o.len = htons(sizeof(n.status.code)),
		.status.code = htons(why),
	};

	return put6(o, skb, &n, sizeof(n));
}

inlined bool put_ia(struct reply6 *o, struct __sk_buff *skb,
		    const struct request6 *r, const struct guard_answer *a)
{
	const bool lost = has_lost(r);
	__u32 len = a->ia_n * (__u32)sizeof(*a->ia);
	struct guard_ia_addr gone = { .code = htons(OPTION_IA_ADDR),
				      .len = htons(sizeof(gone) - 4) };
	struct ia_na ia = { .o.code = htons(OPTION_IA_NA),
			    .id = r->ia_id,
			    .t1 = a->t1,
			    .t2 = a->t2 };

	if (!is_some(&len, sizeof(a->ia)))
		return false;
	ia.o.len = htons(sizeof(ia) - sizeof(ia.o) + len +
			 (lost ? sizeof(gone) : 0));
	if (!put6(o, skb, &ia, sizeof(ia)) ||
	    skb_store(skb, o->at, a->ia, len, 0))
		return false;
	o->at += len;
	copy_ip6(gone.addr, r->lost);
	return !lost || put6(o, skb, &gone, sizeof(gone));
}

inlined bool put_solicited(struct reply6 *o, struct __sk_buff *skb, bool rapid)
{
	const struct option6 commit = { .code = htons(OPTION_RAPID) };
	const __u8 preference[] = { 0, OPTION_PREFERENCE, 0, 1,
				    PREFERENCE_MOST };

	return rapid ? put6(o, skb, &commit, sizeof(commit))
		     : put6(o, skb, preference, sizeof(preference));
}

inlined bool put_told(struct reply6 *o, struct __sk_buff *skb,
		      const struct request6 *r, const struct guard_answer *a)
{
	__u32 len = a->rest6_len;

	if (r->ia && !put_ia(o, skb, r, a))
		return false;
	if (r->other_ia &&
	    !put_none(o, skb, OPTION_IA_NA, r->other_id, NO_ADDRS))
		return false;
	if (r->pd && !put_none(o, skb, OPTION_IA_PD, r->pd_id, NO_PREFIX))
		return false;
	if (r->type == SOLICIT && !put_solicited(o, skb, r->rapid))
		return false;
	if (!len)
		return true;
	if (!is_some(&len, GUARD_REST6) || skb_store(skb, o->at, a->rest6, len, 0))
		return false;
	o->at += len;
	return true;
}

inlined bool put_message(struct reply6 *o, struct __sk_buff *skb,
			 const struct request6 *r, const struct guard_answer *a,
			 const struct duid *id)
{
	const struct server_id server = server_of(a);
	const __u32 type = r->type == SOLICIT && !r->rapid ? ADVERTISE : REPLY;
	const __u32 message = (r->message & htonl(0xffffff)) | htonl(type << 24);

	o->at = MESSAGE_AT;
	if (!put6(o, skb, &message, sizeof(message)) ||
	    !put6(o, skb, &server, sizeof(server)) ||
	    !put_id(o, skb, id, r->client_len))
		return false;
	if (is_receipt(r))
		return put_status(o, skb,
				  r->type == CONFIRM && r->stray
					  ? NOT_ON_LINK
					  : SUCCESS);
	return put_told(o, skb, r, a);
}

inlined bool put_udp6(struct reply6 *o, struct __sk_buff *skb)
{
	const struct udphdr udp = { .source = htons(DHCP6_SERVER),
				    .dest = htons(DHCP6_CLIENT),
				    .len = htons(o->at - UPPER_AT) };

	o->ip->payload_len = udp.len;
	return !skb_resize(skb, o->at, 0) &&
	       !skb_store(skb, UPPER_AT, &udp, sizeof(udp), 0);
}

/* Who it is has to be kept until the answer is longer than the question. */
inlined bool reply_dhcp6(const struct asker *who, const struct request6 *r,
			 struct ipv6hdr *ip)
{
	struct reply6 o = { .ip = ip, .partial = r->partial };
	struct duid id = {};
	__u32 len = r->client_len + sizeof(struct option6);

	if (r->client_len &&
	    (!is_some(&len, sizeof(id)) ||
	     skb_load(who->skb, (__u32)r->client, &id, len)))
		return false;
	return begin_reply6(&o, who, LONGEST6) &&
	       put_message(&o, who->skb, r, who->a, &id) &&
	       put_udp6(&o, who->skb) &&
	       end_reply6(&o, who->skb, IPPROTO_UDP, UDP_CHECK);
}

inlined enum guard_verdict answer_dhcp6(const struct asker *who,
					struct ipv6hdr *ip)
{
	struct request6 r = { .client = some_zero(who->skb),
			      .server = some_zero(who->skb),
			      .ia = some_zero(who->skb),
			      .other_ia = some_zero(who->skb),
			      .pd = some_zero(who->skb),
			      .rapid = some_zero(who->skb),
			      .addr = some_zero(who->skb),
			      .before = some_zero(who->skb),
			      .stray = some_zero(who->skb) };

	if (!(who->a->flags & GUARD_DHCP6) || !read_request6(&r, who, ip))
		return GUARD_PASS;
	return reply_dhcp6(who, &r, ip) ? GUARD_ANSWERED : GUARD_FAILED;
}

#endif
