/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols and ports of a class of peers, as prefixes of 24 bits: the protocol,
 * then the port. */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "bpf/policy_tables.h"
#include "net/array.h"

enum {
	KEY_BITS = 24,
	KEY_MASK = 0xffffff,
	PORT_BITS = 16,
	DEPTH = KEY_BITS + 1,
};

/* What one rule says of a prefix. */
struct edge {
	uint32_t bits, plen;  /* the first of 24 */
	uint32_t deny, allow; /* numbers of rules; UINT32_MAX: none */
};

static uint32_t mask_of(uint32_t plen)
{
	return plen ? (UINT32_MAX << (KEY_BITS - plen)) & KEY_MASK : 0;
}

static int add_edge(struct array *edges, const struct policy_rule *r,
		    uint32_t bits, uint32_t plen, struct cni_err *err)
{
	struct edge e = { bits, plen, UINT32_MAX, UINT32_MAX };

	if (r->action == POLICY_DENY)
		e.deny = r->number;
	else
		e.allow = r->number;
	return array_append(edges, &e, sizeof(e), err);
}

/* The largest blocks that begin where the range does. */
static int add_range(struct array *edges, const struct policy_rule *r,
		     const struct policy_port *p, struct cni_err *err)
{
	const uint32_t proto = (uint32_t)p->proto << PORT_BITS;
	uint32_t at = p->first;
	int e = 0;

	while (!e && at <= p->last) {
		uint32_t bits = 0;

		while (bits < PORT_BITS && !(at & 1U << bits) &&
		       at + (2U << bits) - 1 <= p->last)
			bits++;
		e = add_edge(edges, r, proto | at, KEY_BITS - bits, err);
		at += 1U << bits;
	}
	return e;
}

static int add_rule(struct array *edges, const struct policy_rule *r,
		    struct cni_err *err)
{
	int e = r->any_port ? add_edge(edges, r, 0, 0, err) : 0;

	for (size_t i = 0; !e && i < r->n_ports; i++)
		e = r->ports[i].proto == POLICY_ANY
			    ? add_edge(edges, r, 0, 0, err)
			    : add_range(edges, r, &r->ports[i], err);
	return e;
}

static int by_prefix(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->bits != y->bits)
		return x->bits < y->bits ? -1 : 1;
	return x->plen < y->plen ? -1 : x->plen > y->plen;
}

static struct guard_rule value_of(const struct edge *e)
{
	struct guard_rule v = { .says = GUARD_DENIES };

	if (e->deny != UINT32_MAX)
		v.rule = e->deny;
	else if (e->allow != UINT32_MAX) {
		v.says = GUARD_ALLOWS;
		v.rule = e->allow;
	}
	return v;
}

static int emit(const struct edge *e, uint32_t class, size_t max,
		struct array *entries, struct cni_err *err)
{
	struct policy_port_entry entry = {
		.key = { .plen = GUARD_PORT_BITS + e->plen,
			 .class = class,
			 .proto = (uint8_t)(e->bits >> PORT_BITS),
			 .port = { (uint8_t)(e->bits >> 8),
				   (uint8_t)e->bits } },
		.value = value_of(e),
	};

	if (entries->n >= max)
		return policy_too_big(max, err);
	return array_append(entries, &entry, sizeof(entry), err);
}

static void merge(struct edge *into, const struct edge *e)
{
	if (e->deny < into->deny)
		into->deny = e->deny;
	if (e->allow < into->allow)
		into->allow = e->allow;
}

static bool is_under(const struct edge *e, const struct edge *above)
{
	return e->plen >= above->plen &&
	       !((e->bits ^ above->bits) & mask_of(above->plen));
}

/* Those around a prefix stand before it: what they say holds within, too. What
 * says no more than the one around it is left out. */
static int walk(struct edge *edges, size_t n, uint32_t class, size_t max,
		struct array *entries, struct cni_err *err)
{
	struct edge stack[DEPTH + 1] = { { 0, 0, UINT32_MAX, UINT32_MAX } };
	size_t depth = 0;
	int r = 0;

	for (size_t i = 0; !r && i < n;) {
		struct edge e = edges[i];
		struct guard_rule mine, around;

		for (i++; i < n && !by_prefix(&edges[i], &e); i++)
			merge(&e, &edges[i]);
		while (!is_under(&e, &stack[depth]))
			depth--;
		merge(&e, &stack[depth]);
		mine = value_of(&e);
		around = value_of(&stack[depth]);
		stack[++depth] = e;
		if (mine.says != around.says || mine.rule != around.rule)
			r = emit(&e, class, max, entries, err);
	}
	return r;
}

static int longer(const void *a, const void *b)
{
	const struct policy_port_entry *x = a, *y = b;

	return (int)y->key.plen - (int)x->key.plen;
}

/* So few that the peer's own entry has room for them. */
static void list_few(struct policy_port_entry *e, size_t n,
		     struct guard_class *ret)
{
	qsort(e, n, sizeof(*e), longer);
	ret->rule = (struct guard_rule){ .says = GUARD_LISTS };
	for (size_t i = 0; i < n; i++)
		ret->few[i] = (struct guard_few){
			.bits = (uint32_t)e[i].key.proto << GUARD_PROTO_SHIFT |
				(uint32_t)e[i].key.port[0] << 8 |
				e[i].key.port[1],
			.mask = mask_of(e[i].key.plen - GUARD_PORT_BITS),
			.says = e[i].value.says,
			.rule = e[i].value.rule,
		};
}

int policy_ports(const struct policy_rule *const *rules, size_t n, size_t max,
		 struct array *entries, struct guard_class *ret,
		 struct cni_err *err)
{
	const uint32_t class = ret->rule.class;
	const size_t before = entries->n;
	struct policy_port_entry *first;
	struct array edges = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = add_rule(&edges, rules[i], err);
	if (!r && edges.n)
		qsort(edges.v, edges.n, sizeof(struct edge), by_prefix);
	if (!r)
		r = walk(edges.v, edges.n, class, max, entries, err);
	free(edges.v);
	if (r < 0)
		return r;
	*ret = (struct guard_class){ .rule = { .says = GUARD_ASKS,
					       .class = class } };
	n = entries->n - before;
	if (n > GUARD_FEW)
		return 0;
	first = (struct policy_port_entry *)entries->v + before;
	entries->n = before;
	/* One that speaks of everything is the answer; none is, too. */
	if (!n)
		ret->rule = (struct guard_rule){ .says = GUARD_DENIES };
	else if (n == 1 && first->key.plen == GUARD_PORT_BITS)
		ret->rule = first->value;
	else
		list_few(first, n, ret);
	return 0;
}
