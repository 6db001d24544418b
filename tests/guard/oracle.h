/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle.h - what a policy says of a packet, by brute force from the text of the
 * NetworkPolicy specification alone, and policies and packets at random. Written
 * before the compiler and without a look at it: whoever changes one of the two
 * leaves the other alone.
 */
#ifndef WEFT_TESTS_GUARD_ORACLE_H
#define WEFT_TESTS_GUARD_ORACLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/policy.h"

/* "is selected by": one bit after another. */
static inline bool oracle_is_in(const struct ip_net *n, const struct ip_addr *a)
{
	if (n->addr.family != a->family)
		return false;
	for (unsigned int i = 0; i < n->plen; i++)
		if ((n->addr.b[i / 8] ^ a->b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

/* "If this field is empty or missing, this rule matches all sources"; "except
 * is a slice of CIDRs that should not be included within an IPBlock". */
static inline bool oracle_is_peer(const struct policy_rule *r,
				  const struct ip_addr *a)
{
	if (r->any_peer)
		return true;
	for (size_t i = 0; i < r->n_peers; i++) {
		const struct policy_peer *p = &r->peers[i];
		bool excepted = false;

		for (size_t k = 0; k < p->n_except; k++)
			excepted |= oracle_is_in(&p->except[k], a);
		if (oracle_is_in(&p->net, a) && !excepted)
			return true;
	}
	return false;
}

/* "Each item in this list is combined using a logical OR. If this field is empty
 * or missing, this rule matches all ports." */
static inline bool oracle_is_port(const struct policy_rule *r, uint8_t proto,
				  uint16_t port)
{
	if (r->any_port)
		return true;
	for (size_t i = 0; i < r->n_ports; i++) {
		const struct policy_port *p = &r->ports[i];

		if (p->proto == POLICY_ANY)
			return true;
		if (p->proto == proto && port >= p->first && port <= p->last)
			return true;
	}
	return false;
}

/* "Traffic is allowed if there are no NetworkPolicies selecting the pod, or if
 * the traffic matches at least one rule across all of them." Ours: a rule that
 * denies wins. */
static inline enum policy_action oracle_judge(const struct policy *p,
					      const struct policy_packet *k)
{
	const struct policy_side *s = &p->side[k->dir];
	bool allowed = false;

	if (!s->selected)
		return POLICY_ALLOW;
	for (size_t i = 0; i < s->n; i++) {
		const struct policy_rule *r = &s->rules[i];

		if (!oracle_is_peer(r, &k->peer) ||
		    !oracle_is_port(r, k->proto, k->port))
			continue;
		if (r->action == POLICY_DENY)
			return POLICY_DENY;
		allowed = true;
	}
	return allowed ? POLICY_ALLOW : POLICY_DENY;
}

/* xorshift64: the same numbers everywhere. */
struct dice {
	uint64_t state;
};

static inline uint32_t dice(struct dice *d, uint32_t n)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (uint32_t)(d->state >> 32) % n;
}

static inline uint8_t dice_byte(struct dice *d)
{
	static const uint8_t edges[] = { 0, 1, 127, 128, 254, 255 };

	return dice(d, 4) ? edges[dice(d, sizeof(edges))]
			  : (uint8_t)dice(d, 256);
}

/* Of few bytes that differ, so that prefixes overlap; among IPv6 those that have
 * an IPv4 address in them. */
static inline struct ip_addr dice_addr(struct dice *d)
{
	struct ip_addr a = { .family = dice(d, 2) ? AF_INET : AF_INET6 };
	const bool is_mapped = !dice(d, 4);

	if (a.family == AF_INET) {
		a.b[0] = dice(d, 8) ? 10 : dice_byte(d);
		a.b[1] = dice(d, 2) ? 0 : dice_byte(d);
		a.b[2] = dice(d, 2) ? 0 : dice_byte(d);
		a.b[3] = dice_byte(d);
		return a;
	}
	if (is_mapped) {
		a.b[10] = a.b[11] = 0xff;
		a.b[12] = 10;
	} else {
		a.b[0] = dice(d, 8) ? 0xfd : dice_byte(d);
		a.b[7] = dice(d, 2) ? 0 : dice_byte(d);
		a.b[8] = dice(d, 2) ? 0 : dice_byte(d);
	}
	a.b[14] = dice(d, 2) ? 0 : dice_byte(d);
	a.b[15] = dice_byte(d);
	return a;
}

static inline struct ip_net dice_net(struct dice *d)
{
	struct ip_net n = { .addr = dice_addr(d) };
	const uint32_t max = ip_max_plen(n.addr.family);

	n.plen = (uint8_t)(dice(d, 2) ? max - dice(d, 10) : dice(d, max + 1));
	return ip_net_masked(&n);
}

/* A part of it. */
static inline struct ip_net dice_part(struct dice *d, const struct ip_net *of)
{
	const uint32_t max = ip_max_plen(of->addr.family);
	struct ip_net n = *of;

	if (n.plen == max)
		return n;
	for (unsigned int i = of->plen; i < max; i++)
		if (!dice(d, 3))
			n.addr.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	n.plen = (uint8_t)(of->plen + 1 + dice(d, max - of->plen));
	return ip_net_masked(&n);
}

static inline uint16_t dice_number(struct dice *d)
{
	static const uint16_t edges[] = { 1,	2,     79,    80,    81,
					  255,	256,   1023,  1024,  2048,
					  2303, 32767, 32768, 65534, 65535 };

	return dice(d, 3) ? edges[dice(d, sizeof(edges) / sizeof(*edges))]
			  : (uint16_t)dice(d, 65536);
}

static inline uint8_t dice_proto(struct dice *d)
{
	static const uint8_t protos[] = { IPPROTO_TCP,	IPPROTO_TCP,
					  IPPROTO_UDP,	IPPROTO_SCTP,
					  IPPROTO_ICMP, IPPROTO_ICMPV6 };

	return protos[dice(d, sizeof(protos))];
}

static inline struct policy_port dice_port(struct dice *d)
{
	struct policy_port p = { .proto = dice_proto(d), .last = 65535 };
	const uint16_t a = dice_number(d), b = dice_number(d);

	if (!dice(d, 16))
		p.proto = POLICY_ANY;
	else if (!dice(d, 3))
		p.first = p.last = a;
	else if (dice(d, 4)) {
		p.first = a < b ? a : b;
		p.last = a < b ? b : a;
	}
	return p;
}

static inline void *oracle_room(size_t n, size_t size)
{
	void *v = n ? calloc(n, size) : NULL;

	if (n && !v)
		abort();
	return v;
}

static inline void dice_peer(struct dice *d, struct policy_peer *p)
{
	p->net = dice_net(d);
	if (p->net.plen == ip_max_plen(p->net.addr.family))
		return;
	p->n_except = dice(d, 3) ? 0 : dice(d, 4);
	p->except = oracle_room(p->n_except, sizeof(*p->except));
	for (size_t i = 0; i < p->n_except; i++)
		p->except[i] =
			dice_part(d, i && dice(d, 2) ? &p->except[0] : &p->net);
}

static inline void dice_rule(struct dice *d, struct policy_rule *r,
			     uint32_t number)
{
	r->number = number;
	r->action = dice(d, 4) ? POLICY_ALLOW : POLICY_DENY;
	r->any_peer = !dice(d, 5);
	r->any_port = !dice(d, 5);
	r->n_peers = r->any_peer ? 0 : dice(d, 4);
	r->n_ports = r->any_port ? 0 : 1 + dice(d, 3);
	r->peers = oracle_room(r->n_peers, sizeof(*r->peers));
	r->ports = oracle_room(r->n_ports, sizeof(*r->ports));
	for (size_t i = 0; i < r->n_peers; i++)
		dice_peer(d, &r->peers[i]);
	for (size_t i = 0; i < r->n_ports; i++)
		r->ports[i] = dice_port(d);
}

/* Return: policy_free() */
static inline struct policy dice_policy(struct dice *d, uint32_t most)
{
	struct policy p = { 0 };

	for (int k = 0; k < POLICY_DIRS; k++) {
		struct policy_side *s = &p.side[k];

		s->selected = dice(d, 16);
		s->n = s->selected ? dice(d, most + 1) : 0;
		s->rules = oracle_room(s->n, sizeof(*s->rules));
		for (size_t i = 0; i < s->n; i++)
			dice_rule(d, &s->rules[i], (uint32_t)i + 1);
	}
	return p;
}

/* The first or last address of a network, or what is next to it. */
static inline struct ip_addr dice_edge(struct dice *d, const struct ip_net *n)
{
	struct ip_addr a = dice(d, 2) ? ip_net_first(n) : ip_net_last(n);
	const size_t len = ip_len(&a);
	const uint8_t step = (uint8_t)(dice(d, 3) + 255); /* -1, 0 or 1 */
	uint8_t carry = step;

	for (size_t i = len; step && i-- > 0;) {
		a.b[i] = (uint8_t)(a.b[i] + carry);
		if (step == 1 ? a.b[i] != 0 : a.b[i] != 255)
			break;
		carry = step;
	}
	return a;
}

/* Mostly about what a rule speaks of. */
static inline struct policy_packet dice_packet(struct dice *d,
					       const struct policy *p)
{
	struct policy_packet k = { .dir = (enum policy_dir)dice(d, 2),
				   .peer = dice_addr(d),
				   .proto = dice_proto(d),
				   .port = dice_number(d) };
	const struct policy_side *s = &p->side[k.dir];
	const struct policy_rule *r =
		s->n ? &s->rules[dice(d, (uint32_t)s->n)] : NULL;

	if (r && r->n_peers && dice(d, 8)) {
		const struct policy_peer *peer =
			&r->peers[dice(d, (uint32_t)r->n_peers)];

		k.peer = dice_edge(
			d, peer->n_except && dice(d, 2)
				   ? &peer->except[dice(
					     d, (uint32_t)peer->n_except)]
				   : &peer->net);
	}
	if (r && dice(d, 2))
		r = &s->rules[dice(d, (uint32_t)s->n)];
	if (r && r->n_ports && dice(d, 8)) {
		const struct policy_port *port =
			&r->ports[dice(d, (uint32_t)r->n_ports)];

		if (port->proto != POLICY_ANY)
			k.proto = (uint8_t)port->proto;
		k.port = (uint16_t)((dice(d, 2) ? port->first : port->last) +
				    dice(d, 3) - 1);
	}
	if (!dice(d, 32)) {
		k.proto = 47; /* GRE has no ports */
		k.port = 0;
	}
	return k;
}

#endif
