/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A longest match knows one prefix only, but rules overlap: each prefix that one
 * of them names gets all that is said of the addresses under it. Those to whom
 * the same rules apply are a class.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "bpf/policy_tables.h"
#include "net/array.h"

enum { V4 = 4, V6 = 6, DEPTH = 130 };

/* What one peer of one rule says of a prefix. */
struct edge {
	struct ip_net net;
	uint32_t block; /* which peer */
	uint32_t rule;	/* its place among the side's */
	bool except;
};

/* Blocks that hold for a prefix: of struct active, in @pool. */
struct active {
	uint32_t block, rule;
};

struct level {
	struct ip_net net;
	size_t from, n; /* in the pool */
	struct guard_class value;
};

/* A class that was seen: its rules are in @members. */
struct class
{
	size_t from, n;
	uint64_t hash;
	struct guard_class value;
};

/* One direction, while it is compiled. */
struct job {
	const struct policy_side *side;
	enum policy_dir dir;
	uint8_t family;
	size_t max;
	uint32_t next_class;
	struct array edges, pool, members, classes, peers, ports;
	struct array base; /* the rules for everybody */
	uint32_t *index;   /* hash table: a class's place + 1 */
	size_t index_size;
	struct level level[DEPTH];
	size_t depth;
	struct cni_err *err;
};

int policy_too_big(size_t max, struct cni_err *err)
{
	return err_say(
		err, CNI_E_CONFIG, E2BIG,
		"the policy needs more than %zu entries of a table: fewer rules, or fewer that overlap",
		max);
}

void policy_tables_free(struct policy_tables *t)
{
	free(t->peers);
	free(t->ports);
	*t = (struct policy_tables){ 0 };
}

static int add_edge(struct job *j, const struct ip_net *net, uint32_t block,
		    uint32_t rule, bool except)
{
	const struct edge e = { *net, block, rule, except };

	if (net->addr.family != (j->family == V4 ? AF_INET : AF_INET6))
		return 0;
	return array_append(&j->edges, &e, sizeof(e), j->err);
}

static int add_edges(struct job *j)
{
	uint32_t block = 0;
	int r = 0;

	for (uint32_t i = 0; i < j->side->n; i++) {
		const struct policy_rule *rule = &j->side->rules[i];

		for (size_t k = 0; !r && k < rule->n_peers; k++, block++) {
			const struct policy_peer *p = &rule->peers[k];

			r = add_edge(j, &p->net, block, i, false);
			for (size_t x = 0; !r && x < p->n_except; x++)
				r = add_edge(j, &p->except[x], block, i, true);
		}
	}
	return r;
}

static int by_prefix(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	const int c =
		memcmp(x->net.addr.b, y->net.addr.b, sizeof(x->net.addr.b));

	return c ? c : x->net.plen - y->net.plen;
}

static bool is_under(const struct ip_net *n, const struct ip_net *above)
{
	return n->plen >= above->plen && ip_net_contains(above, &n->addr);
}

static const struct active *active_at(const struct job *j, size_t i)
{
	return (const struct active *)j->pool.v + i;
}

/* Is the block taken out by one of the edges of this prefix? */
static bool is_excepted(const struct edge *edges, size_t n, uint32_t block)
{
	for (size_t i = 0; i < n; i++)
		if (edges[i].except && edges[i].block == block)
			return true;
	return false;
}

/* One level down: what holds around it, what begins here, what ends here. */
static int push(struct job *j, const struct edge *edges, size_t n)
{
	const struct level *around = &j->level[j->depth];
	struct level l = { .net = edges->net };
	int r = 0;

	j->pool.n = l.from = around->from + around->n;
	for (size_t i = 0; !r && i < around->n; i++) {
		const struct active a = *active_at(j, around->from + i);

		if (!is_excepted(edges, n, a.block))
			r = array_append(&j->pool, &a, sizeof(a), j->err);
	}
	for (size_t i = 0; !r && i < n; i++) {
		const struct active a = { edges[i].block, edges[i].rule };

		if (!edges[i].except)
			r = array_append(&j->pool, &a, sizeof(a), j->err);
	}
	l.n = j->pool.n - l.from;
	j->level[++j->depth] = l;
	return r;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The rules of a level, each once, behind j->members. */
static int list_rules(struct job *j, const struct level *l, size_t *ret_n)
{
	const size_t from = j->members.n;
	uint32_t *v;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; !r && i < l->n; i++)
		r = array_append(&j->members, &active_at(j, l->from + i)->rule,
				 sizeof(uint32_t), j->err);
	if (r < 0)
		return r;
	v = (uint32_t *)j->members.v + from;
	if (l->n)
		qsort(v, l->n, sizeof(*v), by_number);
	for (size_t i = 0; i < l->n; i++)
		if (!i || v[i] != v[n - 1])
			v[n++] = v[i];
	j->members.n = from + n;
	*ret_n = n;
	return 0;
}

static uint64_t hash_of(const uint32_t *v, size_t n)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (size_t i = 0; i < n; i++)
		h = (h ^ v[i]) * 0x100000001b3U;
	return h ^ h >> 32;
}

static int grow_index(struct job *j)
{
	const size_t size = j->index_size ? 4 * j->index_size : 64;
	const struct class *c = j->classes.v;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return err_set(j->err, CNI_E_INTERNAL, ENOMEM, "policy");
	for (size_t i = 0; i < j->classes.n; i++) {
		size_t at = c[i].hash & (size - 1);

		while (index[at])
			at = (at + 1) & (size - 1);
		index[at] = (uint32_t)i + 1;
	}
	free(j->index);
	j->index = index;
	j->index_size = size;
	return 0;
}

/* The rules for everybody, and those of the class, in their order. */
static int compile_class(struct job *j, const uint32_t *rules, size_t n,
			 struct guard_class *ret)
{
	const uint32_t *base = j->base.v;
	cleanup_free const struct policy_rule **all =
		calloc(j->base.n + n + 1, sizeof(struct policy_rule *));
	const size_t before = j->ports.n;
	struct policy_port_entry *e;
	size_t count = 0;
	int r;

	if (!all)
		return err_set(j->err, CNI_E_INTERNAL, ENOMEM, "policy");
	for (size_t b = 0, k = 0; b < j->base.n || k < n;)
		all[count++] = k == n || (b < j->base.n && base[b] < rules[k])
				       ? &j->side->rules[base[b++]]
				       : &j->side->rules[rules[k++]];
	ret->rule.class = j->next_class;
	r = policy_ports(all, count, j->max, &j->ports, ret, j->err);
	if (r < 0)
		return r;
	j->next_class += ret->rule.says == GUARD_ASKS;
	ret->rule.egress = j->dir == POLICY_EGRESS;
	e = j->ports.v;
	for (size_t i = before; i < j->ports.n; i++)
		e[i].value.egress = ret->rule.egress;
	return 0;
}

static bool is_same_list(const struct job *j, size_t a, size_t b, size_t n)
{
	const uint32_t *v = j->members.v;

	return !n || !memcmp(v + a, v + b, n * sizeof(*v));
}

static int find_class(struct job *j, const struct level *l,
		      struct guard_class *ret)
{
	struct class c = { .from = j->members.n };
	const uint32_t *rules;
	size_t at;
	int r = list_rules(j, l, &c.n);

	if (r < 0)
		return r;
	if (!j->index || 2 * j->classes.n >= j->index_size)
		r = grow_index(j);
	if (r < 0 || !j->index)
		return r;
	rules = (const uint32_t *)j->members.v + c.from;
	c.hash = hash_of(rules, c.n);
	for (at = c.hash & (j->index_size - 1); j->index[at];
	     at = (at + 1) & (j->index_size - 1)) {
		const struct class *there =
			(const struct class *)j->classes.v + j->index[at] - 1;

		if (there->n != c.n ||
		    !is_same_list(j, there->from, c.from, c.n))
			continue;
		j->members.n = c.from;
		*ret = there->value;
		return 0;
	}
	r = compile_class(j, rules, c.n, &c.value);
	if (r < 0)
		return r;
	*ret = c.value;
	j->index[at] = (uint32_t)j->classes.n + 1;
	return array_append(&j->classes, &c, sizeof(c), j->err);
}

static int emit(struct job *j, const struct level *l)
{
	struct policy_peer_entry e = {
		.key = { .plen = GUARD_PEER_BITS + l->net.plen,
			 .egress = j->dir == POLICY_EGRESS,
			 .family = j->family },
		.value = l->value,
	};

	memcpy(e.key.addr, l->net.addr.b, sizeof(e.key.addr));
	if (j->peers.n >= j->max)
		return policy_too_big(j->max, j->err);
	return array_append(&j->peers, &e, sizeof(e), j->err);
}

static bool is_equal(const struct guard_class *a, const struct guard_class *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* What says no more than the one around it is left out. */
static int settle(struct job *j)
{
	struct level *l = &j->level[j->depth];
	const int r = find_class(j, l, &l->value);

	if (r < 0 || (j->depth && is_equal(&l->value, &l[-1].value)))
		return r;
	/* What is found nowhere is denied anyway. */
	return !j->depth && l->value.rule.says == GUARD_DENIES &&
			       !l->value.rule.rule
		       ? 0
		       : emit(j, l);
}

static int compile_family(struct job *j)
{
	const struct edge *e;
	int r;

	j->edges.n = 0;
	j->depth = 0;
	j->level[0] = (struct level){ 0 };
	j->level[0].net.addr.family = j->family == V4 ? AF_INET : AF_INET6;
	r = add_edges(j);
	if (r < 0)
		return r;
	r = settle(j);
	e = j->edges.v;
	if (!e)
		return r;
	qsort(j->edges.v, j->edges.n, sizeof(*e), by_prefix);
	for (size_t i = 0, n; !r && i < j->edges.n; i += n) {
		for (n = 1; i + n < j->edges.n && !by_prefix(&e[i], &e[i + n]);)
			n++;
		while (!is_under(&e[i].net, &j->level[j->depth].net))
			j->depth--;
		r = push(j, &e[i], n);
		if (!r)
			r = settle(j);
	}
	return r;
}

static void end_job(struct job *j)
{
	free(j->base.v);
	free(j->edges.v);
	free(j->pool.v);
	free(j->members.v);
	free(j->classes.v);
	free(j->peers.v);
	free(j->ports.v);
	free(j->index);
}

static int compile_side(struct job *j, const struct policy_side *side,
			enum policy_dir dir)
{
	int r = 0;

	if (!side->selected)
		return 0;
	j->side = side;
	j->dir = dir;
	j->base.n = 0;
	for (uint32_t i = 0; !r && i < side->n; i++)
		if (side->rules[i].any_peer)
			r = array_append(&j->base, &i, sizeof(i), j->err);
	if (r < 0)
		return r;
	/* Their rules are others'. */
	j->classes.n = j->members.n = 0;
	free(j->index);
	j->index = NULL;
	j->index_size = 0;
	j->family = V4;
	r = compile_family(j);
	j->family = V6;
	return r ? r : compile_family(j);
}

static uint32_t flags_of(const struct policy *p)
{
	const struct policy_side *in = &p->side[POLICY_INGRESS];
	const struct policy_side *out = &p->side[POLICY_EGRESS];

	return (in->selected ? GUARD_INGRESS : 0U) |
	       (out->selected ? GUARD_EGRESS : 0U) |
	       (in->audit ? GUARD_AUDIT_INGRESS : 0U) |
	       (out->audit ? GUARD_AUDIT_EGRESS : 0U);
}

static int shorter_peer(const void *a, const void *b)
{
	const struct policy_peer_entry *x = a, *y = b;

	return (int)x->key.plen - (int)y->key.plen;
}

static int shorter_port(const void *a, const void *b)
{
	const struct policy_port_entry *x = a, *y = b;

	return (int)x->key.plen - (int)y->key.plen;
}

int policy_compile(const struct policy *p, size_t max,
		   struct policy_tables *ret, struct cni_err *err)
{
	cleanup_free struct job *j = calloc(1, sizeof(*j));
	int r = 0;

	if (!j)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	j->max = max;
	j->next_class = 1;
	j->err = err;
	for (int d = 0; !r && d < POLICY_DIRS; d++)
		r = compile_side(j, &p->side[d], (enum policy_dir)d);
	if (!r) {
		if (j->peers.n)
			qsort(j->peers.v, j->peers.n,
			      sizeof(struct policy_peer_entry), shorter_peer);
		if (j->ports.n)
			qsort(j->ports.v, j->ports.n,
			      sizeof(struct policy_port_entry), shorter_port);
		*ret = (struct policy_tables){
			.flags = flags_of(p),
			.peers = TAKE_PTR(j->peers.v),
			.n_peers = j->peers.n,
			.ports = TAKE_PTR(j->ports.v),
			.n_ports = j->ports.n,
		};
	}
	end_job(j);
	return r;
}
