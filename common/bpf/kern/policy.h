/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - may this packet pass? What belongs to a flow that was let pass
 * does; else the rules of its direction are asked. What they are and how they
 * were compiled is in guard_abi.h.
 */
#ifndef WEFT_BPF_KERN_POLICY_H
#define WEFT_BPF_KERN_POLICY_H

#include "bpf/kern/policy_packet.h"
#include "bpf/kern/report.h"

/* In units of GUARD_TICK, which is a bit more than a second. */
enum {
	TCP_TIME = 86400,
	TCP_OPENING_TIME = 120,
	TCP_CLOSING_TIME = 60,
	ANSWERED_TIME = 180,
	UNANSWERED_TIME = 30,
	PART_TIME = 60, /* what Linux gives a packet in parts is 30 s */
};

inlined __u32 tick(void)
{
	return (__u32)(ktime() >> GUARD_TICK);
}

inlined __u32 time_of(__u8 proto, __u8 flags)
{
	if (proto == IPPROTO_TCP)
		return flags & GUARD_CLOSING   ? TCP_CLOSING_TIME
		       : flags & GUARD_REPLIED ? TCP_TIME
					       : TCP_OPENING_TIME;
	return flags & GUARD_REPLIED && proto != IPPROTO_ICMP &&
			       proto != IPPROTO_ICMPV6
		       ? ANSWERED_TIME
		       : UNANSWERED_TIME;
}

inlined struct guard_flow_state *find_flow(const struct guard_flow *f,
					   __u32 now)
{
	struct guard_flow_state *s = map_find(MAP(GUARD_FLOWS), f);

	return s && now - s->last <= time_of(f->proto, s->flags) ? s : NULL;
}

inlined bool is_selected(const struct guard_policy *p, bool egress)
{
	return p->flags & (egress ? GUARD_EGRESS : GUARD_INGRESS);
}

/* What is denied where only a look is taken passes. Return: does it? */
inlined bool is_audited(struct __sk_buff *skb, struct guard_policy *p,
			bool egress, __u32 rule)
{
	if (!(p->flags & (egress ? GUARD_AUDIT_EGRESS : GUARD_AUDIT_INGRESS))) {
		skb->cb[CB_RULE] = rule;
		return false;
	}
	skb->cb[CB_RULE] = rule | JUDGED_AUDIT;
	__sync_fetch_and_add(&p->audited, 1);
	return true;
}

inlined bool says(struct guard_rule *r, __u32 *ret_rule)
{
	__sync_fetch_and_add(&r->hits, 1);
	*ret_rule = r->rule;
	return r->says == GUARD_ALLOWS;
}

inlined bool is_port_allowed(const struct guard_policy *p, __u32 class,
			     __u8 proto, const __u8 port[2], __u32 *ret_rule)
{
	const struct guard_port k = {
		.plen = GUARD_PORT_BITS + GUARD_PROTO_BITS + 16,
		.id = p->id,
		.slot = p->generation & 1,
		.class = class,
		.proto = proto,
		.port = { port[0], port[1] },
	};
	struct guard_rule *r = map_find(MAP(GUARD_PORTS), &k);

	return r && says(r, ret_rule);
}

/* What is behind the last of them matches everything, and denies. */
inlined bool is_listed(struct guard_class *c, __u32 bits, __u32 *ret_rule)
{
	for (__u32 i = 0; i < GUARD_FEW; i++) {
		struct guard_few *few = &c->few[i];

		if ((few->bits ^ bits) & few->mask)
			continue;
		__sync_fetch_and_add(&few->hits, 1);
		*ret_rule = few->rule;
		return few->says == GUARD_ALLOWS;
	}
	return false;
}

/* Return: whether the rules of a direction let it pass, and which one */
inlined bool is_allowed(const struct guard_policy *p, bool egress,
			const struct guard_flow *f, const __u8 port[2],
			__u32 *ret_rule)
{
	struct guard_peer peer = {
		.plen = GUARD_PEER_BITS + (f->family == 6 ? 128 : 32),
		.id = p->id,
		.slot = p->generation & 1,
		.egress = egress,
		.family = f->family,
	};
	struct guard_class *c;

	if (!is_selected(p, egress))
		return true;
	__builtin_memcpy(peer.addr, f->remote, sizeof(peer.addr));
	c = map_find(MAP(GUARD_PEERS), &peer);
	if (!c)
		return false;
	if (c->rule.says == GUARD_LISTS)
		return is_listed(c,
				 (__u32)f->proto << GUARD_PROTO_SHIFT |
					 (__u32)port[0] << 8 | port[1],
				 ret_rule);
	if (c->rule.says == GUARD_ASKS)
		return is_port_allowed(p, c->rule.class, f->proto, port,
				       ret_rule);
	return says(&c->rule, ret_rule);
}

/* One guest that opens flows as fast as it can does not push out those of the
 * others: what it opens beyond its share is judged packet by packet. */
inlined bool is_within_quota(struct guard_policy *p, __u32 now)
{
	const __u32 period = now / GUARD_PERIOD;

	if (p->period != period) {
		p->period = period;
		p->flows = 0;
	}
	if (p->flows >= p->quota)
		return false;
	p->flows++;
	return true;
}

inlined void remember(const struct talk *t, struct guard_policy *p, __u32 rule,
		      __u32 now)
{
	const struct guard_flow_state s = {
		.last = now,
		.generation = p->generation,
		.egress = t->egress,
		.flags = t->tcp & TCP_FIN ? GUARD_CLOSING : 0,
		.rule = rule,
	};

	if (!t->alone && !(t->tcp & TCP_RST) && is_within_quota(p, now))
		map_set(MAP(GUARD_FLOWS), &t->flow, &s, BPF_ANY);
}

/* Written only where something is new: other CPUs read it, too. */
inlined void see(struct guard_flow_state *s, const struct talk *t, __u32 now)
{
	const __u8 flags = s->flags |
			   (s->egress != t->egress ? GUARD_REPLIED : 0) |
			   (t->tcp & (TCP_FIN | TCP_RST) ? GUARD_CLOSING : 0);

	if (s->flags != flags)
		s->flags = flags;
	if (s->last != now)
		s->last = now;
}

inlined bool is_opening(const struct talk *t)
{
	return (t->tcp & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* The port that its rules speak of, whichever way this packet goes. */
inlined void set_port_of(const struct talk *t, bool egress, __u8 port[2])
{
	const __u16 *from = egress ? &t->flow.remote_port : &t->flow.local_port;

	if (t->flow.opener) {
		port[0] = t->flow.family == 6 ? ECHO6_REQUEST : ICMP_ECHO;
		port[1] = 0;
		return;
	}
	__builtin_memcpy(port, from, sizeof(*from));
}

inlined bool is_about_known(const struct talk *t, const struct guard_policy *p,
			    __u32 now)
{
	struct guard_flow f = { .ifindex = t->flow.ifindex };
	const struct guard_flow_state *s;

	if (!read_inner(t, &f))
		return false;
	s = find_flow(&f, now);
	return s && s->generation == p->generation;
}

/* Of a flow that other rules have let pass, those of now are asked, in the
 * direction that it was opened in. One that is opened once more begins anew, if
 * it may. */
inlined enum guard_verdict judge_flow(const struct talk *t,
				      struct guard_policy *p,
				      struct guard_flow_state *s, __u32 now)
{
	const bool goes_on = s && !is_opening(t);
	__u8 port[2] = { t->port[0], t->port[1] };
	bool egress = t->egress;
	__u32 rule = 0;

	if (goes_on && s->generation == p->generation) {
		see(s, t, now);
		return GUARD_PASS;
	}
	if (goes_on) {
		egress = s->egress;
		set_port_of(t, egress, port);
	}
	if (!is_allowed(p, egress, &t->flow, port, &rule) &&
	    !is_audited(t->skb, p, egress, rule)) {
		if (goes_on)
			map_drop(MAP(GUARD_FLOWS), &t->flow);
		return GUARD_POLICY;
	}
	if (!s) {
		remember(t, p, rule, now);
		return GUARD_PASS;
	}
	if (!goes_on) {
		s->egress = egress;
		s->flags = 0;
	}
	s->generation = p->generation;
	s->rule = rule;
	see(s, t, now);
	return GUARD_PASS;
}

inlined void set_part(const struct talk *t, struct guard_part *k)
{
	k->ifindex = t->flow.ifindex;
	k->id = t->id;
	k->family = t->flow.family;
	/* That of a later part of IPv6 means nothing: RFC 8200 section 4.5. */
	k->proto = t->flow.family == 4 ? t->flow.proto : 0;
	k->egress = t->egress;
	__builtin_memcpy(k->from, t->flow.local, sizeof(k->from));
	__builtin_memcpy(k->to, t->flow.remote, sizeof(k->to));
}

inlined enum guard_verdict judge_rest(const struct talk *t,
				      struct guard_policy *p, __u32 now)
{
	struct guard_part k = {};
	const __u32 *seen;

	if (t->flow.proto == IPPROTO_TCP && t->offset < TCP_HEADER)
		return GUARD_FRAGMENT;
	if (!is_selected(p, t->egress))
		return GUARD_PASS;
	set_part(t, &k);
	seen = map_find(MAP(GUARD_PARTS), &k);
	return (seen && now - *seen <= PART_TIME) ||
			       is_audited(t->skb, p, t->egress, 0)
		       ? GUARD_PASS
		       : GUARD_PART;
}

/* What comes next is the same whatever it was that led here. */
inlined void forget_paths(struct talk *t)
{
	const __u32 v = forget(
		t->skb, t->flow.proto | t->flow.opener << 8 | t->alone << 10 |
				t->error << 11 | t->fragment << 12 |
				t->neighbour << 13 | (__u32)t->tcp << 16);

	t->flow.proto = (__u8)v;
	t->flow.opener = v >> 8 & 3;
	t->alone = v >> 10 & 1;
	t->error = v >> 11 & 1;
	t->fragment = v >> 12 & 1;
	t->neighbour = v >> 13 & 1;
	t->tcp = (__u8)(v >> 16);
}

inlined enum guard_verdict judge_packet(struct talk *t, struct guard_policy *p)
{
	const __u32 now = tick();
	struct guard_flow_state *s = NULL;
	enum guard_verdict v;

	if (t->rest)
		return judge_rest(t, p, now);
	v = read_upper(t);
	if (v)
		return v;
	if (!t->alone)
		s = find_flow(&t->flow, now);
	if (s && s->generation == p->generation && !is_opening(t) &&
	    !t->fragment) {
		see(s, t, now);
		return GUARD_PASS;
	}
	forget_paths(t);
	if (t->neighbour || (t->error && is_about_known(t, p, now)))
		return GUARD_PASS;
	v = judge_flow(t, p, s, now);
	if (!v && t->fragment) {
		struct guard_part k = {};

		set_part(t, &k);
		map_set(MAP(GUARD_PARTS), &k, &now, BPF_ANY);
	}
	return v;
}

inlined enum guard_verdict judge_policy(struct __sk_buff *skb, __u32 ifindex,
					bool egress)
{
	struct guard_policy *p = map_find(MAP(GUARD_POLICIES), &ifindex);
	struct talk t = { .skb = skb,
			  .egress = egress,
			  .flow.ifindex = ifindex };
	const struct ethhdr *eth;
	enum guard_verdict v;

	if (!p)
		return GUARD_POLICY;
	make_linear(skb);
	eth = data_of(skb);
	if ((void *)(eth + 1) > end_of(skb))
		return GUARD_TRUNCATED;
	if (eth->h_proto == htons(ETH_P_ARP))
		return GUARD_PASS;
	if (eth->h_proto == htons(ETH_P_8021Q) ||
	    eth->h_proto == htons(ETH_P_8021AD))
		return GUARD_VLAN;
	if (eth->h_proto == htons(ETH_P_IP))
		v = read_ip4(&t);
	else if (eth->h_proto == htons(ETH_P_IPV6))
		v = read_ip6(&t);
	else
		v = GUARD_ETHERTYPE;
	return v ? v : judge_packet(&t, p);
}

#endif
