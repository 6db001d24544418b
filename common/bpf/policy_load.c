/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/policy_load.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "bpf/map.h"
#include "net/array.h"

enum { ADDR_BITS = 128, REST_BITS = 32, SLOTS = 2 };

/* Both begin with the length of the prefix, the id and the slot. */
union key {
	struct guard_peer peer;
	struct guard_port port;
};

union value {
	struct guard_class peer;
	struct guard_rule rule; /* also the beginning of the other */
};

static const enum guard_map tables[] = { GUARD_PEERS, GUARD_PORTS };

enum { TABLES = sizeof(tables) / sizeof(*tables) };

static int say(int r, uint32_t ifindex, const char *what, struct cni_err *err)
{
	return err_set(err, r == -ENOSPC ? CNI_E_UNAVAILABLE : CNI_E_KERNEL, -r,
		       "guard: %s policy of interface %u", what, ifindex);
}

/*
 * A set's first key in the order in which the kernel lists them, of no family
 * and no class. It is there before any other of the set and goes after them, so
 * that they can be found without a look at those of all other guests.
 */
static union key anchor_of(enum guard_map map, uint32_t id, uint8_t slot)
{
	union key k;

	memset(&k, 0, sizeof(k));
	k.peer.plen = map == GUARD_PEERS ? GUARD_PEER_BITS + ADDR_BITS
					 : GUARD_PORT_BITS + REST_BITS;
	k.peer.id = id;
	k.peer.slot = slot;
	return k;
}

/* Return: 0; -ENOENT: @k was the set's last */
static int next_of(int fd, const union key *k, union key *ret)
{
	const int r = bpf_map_next(fd, k, ret);

	return r ? r
		 : (ret->peer.id == k->peer.id && ret->peer.slot == k->peer.slot
			    ? 0
			    : -ENOENT);
}

/* Also a set whose anchor somebody has removed. */
static int wipe(const struct guard *g, enum guard_map map, uint32_t id,
		uint8_t slot)
{
	static const union value none;
	const union key anchor = anchor_of(map, id, slot);
	union key next;
	int r = bpf_map_put(g->map[map], &anchor, &none, BPF_ANY);

	while (!r) {
		r = next_of(g->map[map], &anchor, &next);
		if (!r)
			r = bpf_map_remove(g->map[map], &next);
	}
	return r == -ENOENT ? bpf_map_remove(g->map[map], &anchor) : r;
}

/* Peers go first, and come last: they name the classes. */
static int wipe_slot(const struct guard *g, uint32_t id, uint8_t slot)
{
	int r = 0;

	for (size_t i = 0; !r && i < TABLES; i++)
		r = wipe(g, tables[i], id, slot);
	return r;
}

static int put_anchors(const struct guard *g, uint32_t id, uint8_t slot)
{
	const union value none = { .peer.rule.says = GUARD_DENIES };
	int r = 0;

	for (size_t i = 0; !r && i < TABLES; i++) {
		const union key k = anchor_of(tables[i], id, slot);

		r = bpf_map_put(g->map[tables[i]], &k, &none, BPF_ANY);
	}
	return r;
}

static int fill_slot(const struct guard *g, uint32_t id, uint8_t slot,
		     const struct policy_tables *t)
{
	int r = put_anchors(g, id, slot);

	for (size_t i = 0; !r && i < t->n_ports; i++) {
		struct guard_port k = t->ports[i].key;

		k.id = id;
		k.slot = slot;
		r = bpf_map_put(g->map[GUARD_PORTS], &k, &t->ports[i].value,
				BPF_ANY);
	}
	for (size_t i = 0; !r && i < t->n_peers; i++) {
		struct guard_peer k = t->peers[i].key;

		k.id = id;
		k.slot = slot;
		r = bpf_map_put(g->map[GUARD_PEERS], &k, &t->peers[i].value,
				BPF_ANY);
	}
	return r;
}

/* Until every program that was at work has ended. One that finds what it is
 * looking for gone would go on with a shorter prefix. */
static int wait_for_programs(void)
{
	return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0 ? -errno
									: 0;
}

/* Return: 0, or a negative errno: -ENOENT if the port has no entry */
static int set_policed(const struct guard *g, uint32_t ifindex, bool policed)
{
	struct guard_guest guest;
	const int r = bpf_map_get(g->map[GUARD_GUESTS], &ifindex, &guest);

	if (r < 0 || !!(guest.flags & GUARD_POLICED) == policed)
		return r;
	guest.flags ^= GUARD_POLICED;
	return bpf_map_put(g->map[GUARD_GUESTS], &ifindex, &guest, BPF_EXIST);
}

/* The first of a port: closed, until the tables are there. What another guest
 * had at that index is not remembered, or by chance in 1 of 2^32. */
static int begin(const struct guard *g, uint32_t ifindex,
		 struct guard_policy *ret)
{
	struct guard_policy p = { .id = ifindex,
				  .flags = GUARD_INGRESS | GUARD_EGRESS };

	if (getrandom(&p.generation, sizeof(p.generation), 0) !=
	    sizeof(p.generation))
		return -EIO;
	*ret = p;
	return bpf_map_put(g->map[GUARD_POLICIES], &ifindex, &p, BPF_ANY);
}

static int end(const struct guard *g, uint32_t ifindex)
{
	struct guard_policy p;
	int r = bpf_map_get(g->map[GUARD_POLICIES], &ifindex, &p);

	for (uint8_t slot = 0; !r && slot < SLOTS; slot++)
		r = wipe_slot(g, p.id, slot);
	if (!r)
		r = bpf_map_remove(g->map[GUARD_POLICIES], &ifindex);
	return r == -ENOENT ? 0 : r;
}

static uint8_t spare_slot(const struct guard_policy *p)
{
	return !(p->generation & 1);
}

/* Beside what is in force, which it does not touch. */
static int prepare(const struct guard *g, struct guard_change *c)
{
	struct guard_guest guest;
	int r = bpf_map_get(g->map[GUARD_GUESTS], &c->ifindex, &guest);

	if (r < 0)
		return r;
	r = bpf_map_get(g->map[GUARD_POLICIES], &c->ifindex, &c->policy);
	if (r < 0 && r != -ENOENT)
		return r;
	c->had = !r;
	if (!c->tables->flags)
		return 0;
	if (!c->had)
		r = begin(g, c->ifindex, &c->policy);
	c->begun = !r;
	if (!r)
		r = wipe_slot(g, c->policy.id, spare_slot(&c->policy));
	return r ? r
		 : fill_slot(g, c->policy.id, spare_slot(&c->policy),
			     c->tables);
}

static void take_back(const struct guard *g, const struct guard_change *c)
{
	if (c->begun)
		(void)(c->had ? wipe_slot(g, c->policy.id,
					  spare_slot(&c->policy))
			      : end(g, c->ifindex));
}

/* From the entry's update on the other set is the one in force. */
static int swap(const struct guard *g, struct guard_change *c)
{
	int r;

	if (!c->tables->flags)
		return c->had ? set_policed(g, c->ifindex, false) : 0;
	c->policy.generation++;
	c->policy.flags = c->tables->flags;
	c->policy.quota = POLICY_QUOTA;
	r = bpf_map_put(g->map[GUARD_POLICIES], &c->ifindex, &c->policy,
			BPF_EXIST);
	return r ? r : set_policed(g, c->ifindex, true);
}

static int remove_former(const struct guard *g, const struct guard_change *c)
{
	if (!c->tables->flags)
		return end(g, c->ifindex);
	return c->had ? wipe_slot(g, c->policy.id, spare_slot(&c->policy)) : 0;
}

static int settle(const struct guard *g, struct guard_change *v, size_t n,
		  struct cni_err *err)
{
	bool wait = false;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		wait |= v[i].had;
	if (wait)
		r = wait_for_programs();
	for (size_t i = 0; !r && i < n; i++) {
		r = remove_former(g, &v[i]);
		if (r < 0)
			return say(r, v[i].ifindex, "remove the former", err);
	}
	return r < 0 ? say(r, 0, "wait for the former", err) : 0;
}

int guard_police_all(const struct guard *g, struct guard_change *v, size_t n,
		     struct cni_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < n; i++) {
		v[i].begun = v[i].had = false;
		r = prepare(g, &v[i]);
	}
	if (r < 0) {
		for (size_t k = 0; k < i; k++)
			take_back(g, &v[k]);
		return say(r, v[i - 1].ifindex, "write", err);
	}
	for (i = 0; !r && i < n; i++)
		r = swap(g, &v[i]);
	if (r < 0)
		return say(r, v[i - 1].ifindex, "begin", err);
	return settle(g, v, n, err);
}

int guard_police(const struct guard *g, uint32_t ifindex,
		 const struct policy_tables *t, struct cni_err *err)
{
	struct guard_change one = { .ifindex = ifindex, .tables = t };

	return guard_police_all(g, &one, 1, err);
}

/* FNV-1a. */
static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3ULL;
	return h;
}

/* Of what we write, wherever it stands. */
static uint64_t digest(enum guard_map map, union key k, union value v)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	k.peer.id = 0;
	k.peer.slot = 0;
	v.rule.hits = 0;
	if (map == GUARD_PORTS) {
		h = mix(h, &k.port, sizeof(k.port));
		return mix(h, &v.rule, sizeof(v.rule));
	}
	for (size_t i = 0; i < GUARD_FEW; i++)
		v.peer.few[i].hits = 0;
	h = mix(h, &k.peer, sizeof(k.peer));
	return mix(h, &v.peer, sizeof(v.peer));
}

/* The kernel lists them in an order of its own, so they are added up. */
static int sum_there(const struct guard *g, enum guard_map map,
		     const struct guard_policy *p, uint64_t *ret)
{
	union key next = anchor_of(map, p->id, p->generation & 1);
	union value v;
	int r = bpf_map_get(g->map[map], &next, &v);

	*ret = 0;
	while (!r) {
		const union key key = next;

		r = next_of(g->map[map], &key, &next);
		if (r)
			return r == -ENOENT ? 0 : r;
		memset(&v, 0, sizeof(v));
		r = bpf_map_get(g->map[map], &next, &v);
		*ret += digest(map, next, v);
	}
	return r;
}

static uint64_t sum_wanted(enum guard_map map, const struct policy_tables *t)
{
	uint64_t sum = 0;

	for (size_t i = 0; map == GUARD_PEERS && i < t->n_peers; i++) {
		const union key k = { .peer = t->peers[i].key };
		const union value v = { .peer = t->peers[i].value };

		sum += digest(map, k, v);
	}
	for (size_t i = 0; map == GUARD_PORTS && i < t->n_ports; i++) {
		const union key k = { .port = t->ports[i].key };
		const union value v = { .rule = t->ports[i].value };

		sum += digest(map, k, v);
	}
	return sum;
}

int guard_is_policed(const struct guard *g, uint32_t ifindex,
		     const struct policy_tables *t)
{
	struct guard_guest guest;
	struct guard_policy p;
	uint64_t there;
	int r = bpf_map_get(g->map[GUARD_GUESTS], &ifindex, &guest);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!(guest.flags & GUARD_POLICED) || !t->flags)
		return !(guest.flags & GUARD_POLICED) && !t->flags;
	r = bpf_map_get(g->map[GUARD_POLICIES], &ifindex, &p);
	if (!r && p.flags != t->flags)
		return 0;
	for (size_t i = 0; !r && i < TABLES; i++) {
		r = sum_there(g, tables[i], &p, &there);
		if (!r && there != sum_wanted(tables[i], t))
			return 0;
	}
	return r == -ENOENT ? 0 : r ? r : 1;
}

/* Each set has an anchor from its beginning to its end. */
static int wipe_remains(const struct guard *g, const struct guard_policy *p)
{
	union value value;
	int r = 0;

	for (size_t i = 0; !r && i < TABLES; i++) {
		const union key anchor =
			anchor_of(tables[i], p->id, spare_slot(p));

		r = bpf_map_get(g->map[tables[i]], &anchor, &value);
		if (!r)
			r = wipe(g, tables[i], p->id, spare_slot(p));
		else if (r == -ENOENT)
			r = 0;
	}
	return r;
}

int guard_tidy(const struct guard *g, uint32_t ifindex, struct cni_err *err)
{
	struct guard_guest guest;
	struct guard_policy p;
	int r = bpf_map_get(g->map[GUARD_GUESTS], &ifindex, &guest);

	if (!r)
		r = bpf_map_get(g->map[GUARD_POLICIES], &ifindex, &p);
	if (!r)
		r = guest.flags & GUARD_POLICED ? wipe_remains(g, &p)
						: end(g, ifindex);
	return r < 0 && r != -ENOENT ? say(r, ifindex, "tidy up", err) : 0;
}

int guard_unpolice(const struct guard *g, uint32_t ifindex, struct cni_err *err)
{
	const int r = end(g, ifindex);

	return r < 0 ? say(r, ifindex, "remove", err) : 0;
}

static int by_rule(const void *a, const void *b)
{
	const struct guard_hits *x = a, *y = b;

	if (x->egress != y->egress)
		return x->egress - y->egress;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static int add_hits(struct array *list, bool egress, uint32_t rule, uint64_t n,
		    struct cni_err *err)
{
	const struct guard_hits h = { egress, rule, n };

	return rule && n ? array_append(list, &h, sizeof(h), err) : 0;
}

static int read_hits(const struct guard *g, enum guard_map map,
		     const struct guard_policy *p, struct array *list,
		     struct cni_err *err)
{
	union key next = anchor_of(map, p->id, p->generation & 1);
	union value v;
	int r = 0;

	while (!r) {
		const union key key = next;

		if (next_of(g->map[map], &key, &next))
			break;
		memset(&v, 0, sizeof(v));
		if (bpf_map_get(g->map[map], &next, &v))
			continue;
		r = add_hits(list, v.rule.egress, v.rule.rule, v.rule.hits,
			     err);
		for (size_t i = 0; !r && i < GUARD_FEW; i++)
			r = add_hits(list, v.rule.egress, v.peer.few[i].rule,
				     v.peer.few[i].hits, err);
	}
	return r;
}

int guard_hits(const struct guard *g, uint32_t ifindex, struct guard_hits **ret,
	       size_t *ret_n, struct cni_err *err)
{
	struct array list = { 0 };
	struct guard_policy p;
	struct guard_hits *v;
	size_t n = 0;
	int r = bpf_map_get(g->map[GUARD_POLICIES], &ifindex, &p);

	if (r < 0)
		return say(r, ifindex, "read", err);
	for (size_t i = 0; !r && i < TABLES; i++)
		r = read_hits(g, tables[i], &p, &list, err);
	if (r < 0) {
		free(list.v);
		return r;
	}
	v = list.v;
	if (list.n)
		qsort(v, list.n, sizeof(*v), by_rule);
	/* A rule has as many entries as it has prefixes. */
	for (size_t i = 0; i < list.n; i++)
		if (n && !by_rule(&v[n - 1], &v[i]))
			v[n - 1].n += v[i].n;
		else
			v[n++] = v[i];
	*ret = v;
	*ret_n = n;
	return 0;
}
