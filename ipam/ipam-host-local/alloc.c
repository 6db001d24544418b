/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ipam-host-local/index.h"

/* Others change leases only under the lock; who does not keep to it may win
 * an address a few times, not for ever. */
#define MAX_TRIES 8

/* Return: whether the set has a free address, as far as is known */
static bool pick_known(struct alloc *a, size_t i)
{
	struct ip_addr last = { 0 };
	const bool has_last = store_last(a->store, i, &last);

	return range_set_pick(&a->conf->sets[i], has_last ? &last : NULL,
			      &a->held->taken, &a->slots[i].addr);
}

/* Which addresses are taken: by names alone, or by what is in the leases. What
 * this very call published is not what the attachment held before. */
static int learn_taken(struct alloc *a, bool by_names, struct cni_err *err)
{
	cleanup_held struct held now = { 0 };
	int r;

	r = by_names ? store_list(a->store, &now.taken, err)
		     : held_scan(a->store, a->who, &now, err);
	if (r < 0)
		return r;
	ip_list_free(&a->held->taken);
	a->held->taken = now.taken;
	a->held->scanned = now.scanned;
	now.taken = (struct ip_list){ 0 };
	return 0;
}

/* Garbled files of a power cut, then leases that no guest has survived. */
static int pick(struct alloc *a, size_t i, struct cni_err *err)
{
	int r = 0;

	if (pick_known(a, i))
		return 0;
	if (!a->held->scanned)
		r = learn_taken(a, false, err);
	if (!r && pick_known(a, i))
		return 0;
	if (!r && index_reclaim(a->store, a->who->network))
		r = learn_taken(a, false, err);
	if (!r && !pick_known(a, i))
		r = range_set_exhausted(&a->conf->sets[i], &a->held->taken,
					err);
	return r;
}

static int is_taken(const struct alloc *a, size_t i, const struct lease *lease,
		    struct cni_err *err)
{
	char ip[IP_STR_SIZE], set[RANGE_SET_STR_SIZE], holder[LEASE_SIZE + 32];

	return err_say(
		err, CNI_E_TAKEN, EEXIST,
		"requested IP address %s is not available in range set %s: held by %s",
		ip_format(&a->slots[i].addr, ip),
		range_set_format(&a->conf->sets[i], set),
		lease_holder(lease, holder, sizeof(holder)));
}

/* A requested address must be free; also a lost lease's is. */
static int check_free(const struct alloc *a, size_t i, struct cni_err *err)
{
	struct lease lease;
	const int r = store_read(a->store, &a->slots[i].addr, &lease, err);

	if (r <= 0 || lease.kind == LEASE_DEAD)
		return r < 0 ? r : 0;
	return is_taken(a, i, &lease, err);
}

/* What the attachment holds in a set; a gateway it cannot keep. */
static const struct ip_addr *find_in(const struct range_set *set,
				     const struct ip_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct range *r = range_set_find(set, &list->v[i]);

		if (r && !ip_equal(&r->gateway, &list->v[i]))
			return &list->v[i];
	}
	return NULL;
}

static int holds_other(const struct alloc *a, const struct ip_addr *mine,
		       struct cni_err *err)
{
	char ip[IP_STR_SIZE];

	return err_say(
		err, CNI_E_TAKEN, EEXIST,
		"%s has been allocated to %s, duplicate allocation is not allowed",
		ip_format(mine, ip), a->who->container_id);
}

static int choose_requested(struct alloc *a, size_t i,
			    const struct ip_addr *wanted, struct cni_err *err)
{
	const struct range_set *set = &a->conf->sets[i];
	const struct ip_addr *mine = find_in(set, &a->held->own);
	const struct range *range = range_set_find(set, wanted);
	char ip[IP_STR_SIZE];

	a->slots[i] = (struct alloc_slot){ .addr = *wanted, .requested = true };
	if (range && ip_equal(wanted, &range->gateway))
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "requested ip %s is subnet's gateway",
			       ip_format(wanted, ip));
	a->slots[i].adopted = ip_list_has(&a->held->own, wanted);
	if (a->slots[i].adopted)
		return 0;
	return mine ? holds_other(a, mine, err) : check_free(a, i, err);
}

static int choose_any(struct alloc *a, size_t i, struct cni_err *err)
{
	const struct range_set *set = &a->conf->sets[i];
	const struct ip_addr *mine = find_in(set, &a->held->own);
	const struct ip_addr *legacy = find_in(set, &a->held->legacy);

	if (mine) {
		a->slots[i] = (struct alloc_slot){ *mine, .adopted = true };
		return 0;
	}
	/* Of which interface, nobody knows. */
	if (legacy)
		return holds_other(a, legacy, err);
	return pick(a, i, err);
}

/* The first requested address that lies in the set and is not used yet. */
static const struct ip_addr *take_request(const struct ipam_conf *c, size_t i,
					  bool used[])
{
	for (size_t k = 0; k < c->requested.n; k++)
		if (!used[k] &&
		    range_set_find(&c->sets[i], &c->requested.v[k])) {
			used[k] = true;
			return &c->requested.v[k];
		}
	return NULL;
}

/* A full set comes first, as upstream has it: were the picks more than hopes? */
static int confirm_picks(struct alloc *a, struct cni_err *err)
{
	int r = learn_taken(a, true, err);

	for (size_t i = 0; !r && i < a->conf->n_sets; i++) {
		if (!a->slots[i].adopted && !a->slots[i].requested)
			r = pick(a, i, err);
		if (r < 0)
			(void)err_ctx(err, r,
				      "failed to allocate for range %zu", i);
	}
	return r;
}

static int check_all_used(struct alloc *a, const bool used[],
			  struct cni_err *err)
{
	const struct ipam_conf *c = a->conf;
	char text[512] = "", ip[IP_STR_SIZE];
	size_t n = 0;
	int r;

	for (size_t k = 0; k < c->requested.n && n < sizeof(text); k++)
		if (!used[k])
			n += (size_t)snprintf(
				text + n, sizeof(text) - n, " %s",
				ip_format(&c->requested.v[k], ip));
	if (!n)
		return 0;
	r = confirm_picks(a, err);
	return r < 0 ? r
		     : err_say(err, CNI_E_CONFIG, EINVAL,
			       "failed to allocate all requested IPs:%s", text);
}

int alloc_plan(struct alloc *a, struct cni_err *err)
{
	const struct ipam_conf *c = a->conf;
	cleanup_free bool *used = calloc(c->requested.n + 1, sizeof(*used));
	int r = 0;

	a->slots = calloc(c->n_sets, sizeof(*a->slots));
	if (!used || !a->slots)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "allocate");

	for (size_t i = 0; !r && i < c->n_sets; i++) {
		const struct ip_addr *wanted = take_request(c, i, used);

		r = wanted ? choose_requested(a, i, wanted, err)
			   : choose_any(a, i, err);
		if (r < 0)
			return err_ctx(err, r,
				       "failed to allocate for range %zu", i);
		a->n_adopted += a->slots[i].adopted;
	}
	return check_all_used(a, used, err);
}

/* Before the leases: what is not published then does not confirm it. */
static void write_index(struct alloc *a)
{
	cleanup_ip_list struct ip_list all = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < a->held->own.n; i++)
		r = ip_list_add(&all, &a->held->own.v[i]);
	for (size_t i = 0; !r && i < a->conf->n_sets; i++)
		if (!a->slots[i].adopted)
			r = ip_list_add(&all, &a->slots[i].addr);
	if (r < 0) { /* no entry rather than half of one */
		all.n = 0;
		a->store->complete = false;
	}
	ip_list_sort(&all);
	index_write(a->store, a->who, &all);
	a->indexed = true;
}

/* The address has a file after all: take that away if a power cut left it,
 * else take another address if that may be. */
static int give_way(struct alloc *a, size_t i, struct cni_err *err)
{
	struct alloc_slot *slot = &a->slots[i];
	struct lease lease;
	int r = store_read(a->store, &slot->addr, &lease, err);

	if (r <= 0)
		return r;
	if (lease.kind == LEASE_DEAD)
		return store_remove(a->store, &slot->addr, err);
	if (slot->requested)
		return is_taken(a, i, &lease, err);

	r = learn_taken(a, a->store->complete, err);
	if (!r)
		r = pick(a, i, err);
	if (!r)
		write_index(a);
	return r;
}

static int publish_slot(struct alloc *a, size_t i, struct cni_err *err)
{
	int r = 0;

	for (int tries = 0; !r && tries < MAX_TRIES; tries++) {
		r = store_publish(a->store, &a->slots[i].addr, err);
		if (r != -EEXIST) {
			a->slots[i].made = !r;
			return r;
		}
		r = give_way(a, i, err);
	}
	return r < 0 ? r
		     : err_say(err, CNI_E_RETRY, EAGAIN,
			       "others take addresses without the lock");
}

static int publish_all(struct alloc *a, struct cni_err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < a->conf->n_sets; i++) {
		if (!a->slots[i].adopted)
			r = publish_slot(a, i, err);
		if (r < 0)
			return err_ctx(err, r,
				       "failed to allocate for range %zu", i);
	}
	for (size_t i = 0; !r && i < a->conf->n_sets; i++)
		if (a->slots[i].made)
			r = store_set_last(a->store, i, &a->slots[i].addr, err);
	return r;
}

static int stage(const struct alloc *a, struct cni_err *err)
{
	char text[LEASE_SIZE];
	const int n = lease_format(a->who, text, err);

	return n < 0 ? n : store_stage(a->store, text, (size_t)n, err);
}

/* A lease must not be younger than the index's entry, nor be there before it:
 * content, entry, name. */
int alloc_publish(struct alloc *a, struct cni_err *err)
{
	const bool all_adopted = a->n_adopted == a->conf->n_sets;
	int r;

	r = all_adopted ? 0 : stage(a, err);
	if (r < 0)
		return r;
	/* Also where nothing is new: it dates the leases to this boot. */
	write_index(a);
	if (!all_adopted) {
		r = publish_all(a, err);
		store_unstage(a->store);
	}
	return r;
}

bool alloc_keep(struct alloc *a)
{
	a->kept = true;
	return a->n_adopted > 0;
}

void alloc_free(struct alloc *a)
{
	struct cni_err ignored = CNI_ERR_INIT;

	for (size_t i = 0; a->slots && !a->kept && i < a->conf->n_sets; i++)
		if (a->slots[i].made)
			(void)store_remove(a->store, &a->slots[i].addr,
					   &ignored);
	if (a->indexed && !a->kept)
		index_write(a->store, a->who, &a->held->own);
	a->indexed = false;
	free(a->slots);
	a->slots = NULL;
}
