/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/socket.h>

#include "bpf/policy_tables.h"

enum { BYTE_BITS = 8 };

static bool matches(const void *prefix, uint32_t plen, const void *key)
{
	const uint8_t *a = prefix, *b = key;
	const uint32_t whole = plen / BYTE_BITS, rest = plen % BYTE_BITS;

	return !memcmp(a, b, whole) &&
	       (!rest || !((a[whole] ^ b[whole]) >> (BYTE_BITS - rest)));
}

static const struct guard_class *find_peer(const struct policy_tables *t,
					   const struct guard_peer *k)
{
	const struct guard_class *found = NULL;

	for (size_t i = 0; i < t->n_peers; i++)
		if (matches(&t->peers[i].key.id, t->peers[i].key.plen, &k->id))
			found = &t->peers[i].value;
	return found;
}

static const struct guard_rule *find_port(const struct policy_tables *t,
					  const struct guard_port *k)
{
	const struct guard_rule *found = NULL;

	for (size_t i = 0; i < t->n_ports; i++)
		if (matches(&t->ports[i].key.id, t->ports[i].key.plen, &k->id))
			found = &t->ports[i].value;
	return found;
}

static struct policy_verdict verdict_of(uint32_t says, uint32_t rule)
{
	return (struct policy_verdict){ says == GUARD_ALLOWS ? POLICY_ALLOW
							     : POLICY_DENY,
					rule };
}

/* What is behind the last of them matches everything, and denies. */
static struct policy_verdict find_few(const struct guard_class *c,
				      uint32_t bits)
{
	for (size_t i = 0; i < GUARD_FEW; i++)
		if (!((c->few[i].bits ^ bits) & c->few[i].mask))
			return verdict_of(c->few[i].says, c->few[i].rule);
	return verdict_of(GUARD_DENIES, 0);
}

struct policy_verdict policy_lookup(const struct policy_tables *t,
				    const struct policy_packet *k)
{
	const uint32_t selected =
		k->dir == POLICY_EGRESS ? GUARD_EGRESS : GUARD_INGRESS;
	struct guard_peer peer = { .egress = k->dir == POLICY_EGRESS,
				   .family =
					   k->peer.family == AF_INET ? 4 : 6 };
	struct guard_port port = { .proto = k->proto,
				   .port = { (uint8_t)(k->port >> BYTE_BITS),
					     (uint8_t)k->port } };
	const struct guard_class *c;
	const struct guard_rule *r;

	if (!(t->flags & selected))
		return (struct policy_verdict){ POLICY_ALLOW, 0 };
	memcpy(peer.addr, k->peer.b, sizeof(peer.addr));
	c = find_peer(t, &peer);
	if (!c)
		return (struct policy_verdict){ POLICY_DENY, 0 };
	if (c->rule.says == GUARD_LISTS)
		return find_few(c, (uint32_t)k->proto << GUARD_PROTO_SHIFT |
					   k->port);
	r = &c->rule;
	if (r->says == GUARD_ASKS) {
		port.class = r->class;
		r = find_port(t, &port);
	}
	return r ? verdict_of(r->says, r->rule)
		 : (struct policy_verdict){ POLICY_DENY, 0 };
}
