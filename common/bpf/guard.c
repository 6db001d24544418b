/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind which port: the entries. That of GUARD_GUESTS is the first to
 * be made and the last to go: it says whose the others of its index are. */
#include "bpf/guard.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "bpf/answers.h"
#include "bpf/map.h"
#include "bpf/policy_load.h"
#include "bpf/policy_text.h"
#include "net/link.h"

/* Of each CPU that there might be, one value: as many as Linux can be built
 * for. Pages that the kernel does not write to are never made. */
#define CPUS_MAX 8192
#define COUNTS_SIZE (CPUS_MAX * sizeof(struct guard_counts))

/* 1 if it is, 0 if it is another's or nobody's. */
static int is_own(const struct guard *g, uint32_t ifindex, uint64_t attachment,
		  struct guard_guest *ret)
{
	const int r = bpf_map_get(g->map[GUARD_GUESTS], &ifindex, ret);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return ret->attachment == attachment;
}

int guard_knows(const struct guard *g, uint32_t ifindex, uint64_t attachment)
{
	struct guard_guest guest;

	return is_own(g, ifindex, attachment, &guest);
}

uint32_t guard_index(const struct guard *g, uint64_t attachment, uint32_t index)
{
	struct guard_guest there;

	for (int i = 1; i < GUARD_TRIES; i++) {
		if (bpf_map_get(g->map[GUARD_GUESTS], &index, &there) < 0 ||
		    there.attachment == attachment)
			break;
		index = link_next_index(index);
	}
	return index;
}

static int say(int r, uint32_t ifindex, struct cni_err *err)
{
	return err_set(err, CNI_E_KERNEL, -r,
		       "guard: write what holds for interface %u", ifindex);
}

/* For this very attachment an entry may have been left by an ADD that was
 * killed. */
static int take_index(const struct guard *g, uint32_t ifindex,
		      const struct guard_guest *guest, struct cni_err *err)
{
	struct guard_guest there, again = *guest;
	int r = bpf_map_put(g->map[GUARD_GUESTS], &ifindex, guest, BPF_NOEXIST);

	if (r == -EEXIST) {
		if (is_own(g, ifindex, guest->attachment, &there) <= 0)
			return err_say(
				err, CNI_E_TAKEN, EEXIST,
				"guard: interface %u is another attachment's",
				ifindex);
		again.flags |= there.flags & GUARD_POLICED;
		r = bpf_map_put(g->map[GUARD_GUESTS], &ifindex, &again,
				BPF_ANY);
	}
	return r < 0 ? say(r, ifindex, err) : 0;
}

static void *map_counts(struct cni_err *err)
{
	void *p = mmap(NULL, COUNTS_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p != MAP_FAILED)
		return p;
	(void)err_set(err, CNI_E_INTERNAL, errno, "guard: counters");
	return NULL;
}

static int start_counts(const struct guard *g, uint32_t ifindex,
			struct cni_err *err)
{
	void *zero = map_counts(err);
	int r;

	if (!zero)
		return -ENOMEM;
	r = bpf_map_put(g->map[GUARD_COUNTS], &ifindex, zero, BPF_ANY);
	(void)munmap(zero, COUNTS_SIZE);
	return r < 0 ? say(r, ifindex, err) : 0;
}

static struct guard_claim claim_of(const struct guard_guest *guest,
				   const uint32_t addr[4])
{
	struct guard_claim c = { .network = guest->network };

	memcpy(c.addr, addr, sizeof(c.addr));
	return c;
}

/* Whoever has taken what its MAC gives, or the host's, has to give it up. */
static int claim_both(const struct guard *g, uint32_t ifindex,
		      const struct guard_rules *rules,
		      const struct guard_guest *guest)
{
	static const struct mac none;
	const uint32_t host = GUARD_HOST;
	struct guard_claim c = claim_of(guest, guest->ip6[0]);
	int r;

	if (!(guest->flags & GUARD_IP6))
		return 0;
	r = bpf_map_put(g->map[GUARD_CLAIMS], &c, &ifindex, BPF_ANY);
	if (r < 0 || mac_equal(&rules->host_mac, &none))
		return r;
	guard_link_local(&rules->host_mac, c.addr);
	return bpf_map_put(g->map[GUARD_CLAIMS], &c, &host, BPF_ANY);
}

int guard_admit(const struct guard *g, uint32_t ifindex,
		const struct guard_rules *rules, struct cni_err *err)
{
	struct guard_answer answer;
	struct guard_sources more;
	struct guard_guest guest;
	int r = guard_encode(rules, &guest, &more, err);

	if (!r && rules->answers)
		r = answers_encode(rules->answers, &answer, err);
	if (!r)
		r = take_index(g, ifindex, &guest, err);
	if (!r)
		r = start_counts(g, ifindex, err);
	if (r < 0)
		return r;
	if (more.n)
		r = bpf_map_put(g->map[GUARD_SOURCES], &ifindex, &more,
				BPF_ANY);
	if (!r && rules->answers)
		r = bpf_map_put(g->map[GUARD_ANSWERED_BY], &ifindex, &answer,
				BPF_ANY);
	if (!r)
		r = claim_both(g, ifindex, rules, &guest);
	return r < 0 ? say(r, ifindex, err) : 0;
}

static int remove_claim(const struct guard *g, uint32_t ifindex,
			const struct guard_claim *c)
{
	static const uint32_t none[4];
	uint32_t owner;
	int r;

	if (!memcmp(c->addr, none, sizeof(none)))
		return 0;
	r = bpf_map_get(g->map[GUARD_CLAIMS], c, &owner);
	if (r < 0 || owner != ifindex)
		return r == -ENOENT ? 0 : r;
	return bpf_map_remove(g->map[GUARD_CLAIMS], c);
}

static int remove_claims(const struct guard *g, uint32_t ifindex,
			 const struct guard_guest *guest)
{
	struct guard_claim c = claim_of(guest, guest->ip6[0]);
	int r = remove_claim(g, ifindex, &c);

	for (size_t i = 0; (!r || r == -ENOENT) && i < GUARD_LINK_LOCALS; i++) {
		c = claim_of(guest, guest->link_local[i]);
		r = remove_claim(g, ifindex, &c);
	}
	return r;
}

static int remove_entries(const struct guard *g, uint32_t ifindex,
			  struct cni_err *err)
{
	static const enum guard_map own[] = { GUARD_MEMBERS, GUARD_SOURCES,
					      GUARD_ANSWERED_BY, GUARD_COUNTS,
					      GUARD_GUESTS };

	const size_t n = sizeof(own) / sizeof(*own);
	int r = 0;

	for (size_t i = 0; (!r || r == -ENOENT) && i < n; i++)
		r = bpf_map_remove(g->map[own[i]], &ifindex);
	return r < 0 && r != -ENOENT
		       ? err_set(err, CNI_E_KERNEL, -r,
				 "guard: forget interface %u", ifindex)
		       : 0;
}

static int say_unread(int r, struct cni_err *err)
{
	return err_set(err, CNI_E_KERNEL, -r,
		       "guard: read what holds for whom");
}

int guard_dismiss(const struct guard *g, uint32_t ifindex, uint64_t attachment,
		  struct cni_err *err)
{
	struct guard_guest guest;
	int r = is_own(g, ifindex, attachment, &guest);

	if (r <= 0)
		return r ? say_unread(r, err) : 0;
	r = guard_unpolice(g, ifindex, err);
	if (r < 0)
		return r;
	r = remove_claims(g, ifindex, &guest);
	if (r < 0 && r != -ENOENT)
		return err_set(err, CNI_E_KERNEL, -r,
			       "guard: forget what interface %u claims",
			       ifindex);
	return remove_entries(g, ifindex, err);
}

/* Of a port that is known to be its, also what somebody has damaged. */
static int forget_port(const struct guard *g, uint32_t ifindex,
		       uint64_t attachment, struct cni_err *err)
{
	struct guard_guest guest;
	int r;

	if (!ifindex)
		return 0;
	if (bpf_map_get(g->map[GUARD_GUESTS], &ifindex, &guest) != -ENOENT)
		return guard_dismiss(g, ifindex, attachment, err);
	r = guard_unpolice(g, ifindex, err);
	return r ? r : remove_entries(g, ifindex, err);
}

int guard_dismiss_all(const struct guard *g, uint64_t attachment,
		      uint32_t index, uint32_t ifindex, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int acc = forget_port(g, ifindex, attachment, err), r;

	for (int i = 0; i < GUARD_TRIES; i++) {
		r = guard_dismiss(g, index, attachment, &e);
		acc = err_keep_first(err, &e, r, acc);
		index = link_next_index(index);
	}
	return acc;
}

void guard_counts_add(struct guard_counts *sum, const struct guard_counts *n)
{
	for (size_t i = 0; i < GUARD_VERDICTS; i++) {
		sum->from[i] += n->from[i];
		sum->to[i] += n->to[i];
	}
	sum->from_bytes += n->from_bytes;
	sum->to_bytes += n->to_bytes;
}

int guard_counts(const struct guard *g, uint32_t ifindex,
		 struct guard_counts *ret, struct cni_err *err)
{
	struct guard_counts *cpu = map_counts(err);
	struct guard_counts sum = { 0 };
	int r;

	if (!cpu)
		return -ENOMEM;
	r = bpf_map_get(g->map[GUARD_COUNTS], &ifindex, cpu);
	/* Those that the kernel has none of are zero. */
	for (size_t i = 0; !r && i < CPUS_MAX; i++)
		guard_counts_add(&sum, &cpu[i]);
	(void)munmap(cpu, COUNTS_SIZE);
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r,
			       "guard: counters of interface %u", ifindex);
	*ret = sum;
	return 0;
}

int guard_next(const struct guard *g, uint64_t attachment, uint32_t *ifindex)
{
	const int map = g->map[GUARD_GUESTS];
	struct guard_guest guest;
	int r;

	while (!(r = bpf_map_next(map, *ifindex ? ifindex : NULL, ifindex))) {
		r = is_own(g, *ifindex, attachment, &guest);
		if (r)
			return r;
	}
	return r == -ENOENT ? 0 : r;
}

/* 1 if it is, 0 if nobody knows of it any more. */
static int is_claimed(const struct guard *g, const struct guard_claim *c,
		      uint32_t owner)
{
	struct guard_guest guest;
	int r;

	if (owner == GUARD_HOST)
		return 1;
	r = bpf_map_get(g->map[GUARD_GUESTS], &owner, &guest);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < GUARD_LINK_LOCALS; i++)
		if (!memcmp(guest.link_local[i], c->addr, sizeof(c->addr)))
			return 1;
	return !memcmp(guest.ip6[0], c->addr, sizeof(c->addr));
}

/* The end, or that one was gone already, is no failure. */
static int first_failure(int acc, int r)
{
	return acc < 0 || r >= 0 || r == -ENOENT ? acc : r;
}

/* Of whom nobody knows any more: if one is taken from its owner at this moment,
 * that claims it again with its next frame. */
static int collect_claims(const struct guard *g, struct cni_err *err)
{
	const int map = g->map[GUARD_CLAIMS];
	struct guard_claim key, next;
	uint32_t owner;
	int end = bpf_map_next(map, NULL, &next), r, acc = 0;

	while (!end) {
		key = next;
		end = bpf_map_next(map, &key, &next);
		r = bpf_map_get(map, &key, &owner);
		if (!r)
			r = is_claimed(g, &key, owner);
		if (!r)
			r = bpf_map_remove(map, &key);
		acc = first_failure(acc, r);
	}
	acc = first_failure(acc, end);
	return acc ? say_unread(acc, err) : 0;
}

/* Of one network, those that are not valid. */
static int collect_guests(const struct guard *g, uint64_t network,
			  bool (*is_valid)(uint64_t, void *), void *arg,
			  struct cni_err *err)
{
	const int map = g->map[GUARD_GUESTS];
	struct cni_err e = CNI_ERR_INIT;
	struct guard_guest guest;
	uint32_t key, next;
	int more = bpf_map_next(map, NULL, &next), acc = 0, unread = 0, r;

	while (!more) {
		key = next;
		/* Before it goes: from a key that is gone it begins anew. */
		more = bpf_map_next(map, &key, &next);
		r = bpf_map_get(map, &key, &guest);
		unread = first_failure(unread, r);
		if (r || guest.network != network ||
		    is_valid(guest.attachment, arg))
			continue;
		r = guard_dismiss(g, key, guest.attachment, &e);
		acc = err_keep_first(err, &e, r, acc);
	}
	unread = first_failure(unread, more);
	return unread && !acc ? say_unread(unread, err) : acc;
}

int guard_collect(uint64_t network, bool (*is_valid)(uint64_t, void *),
		  void *arg, struct cni_err *err)
{
	cleanup_guard struct guard g = GUARD_NONE;
	struct cni_err e = CNI_ERR_INIT;
	int r = guard_find(&g, err), acc;

	if (r <= 0)
		return r;
	acc = collect_guests(&g, network, is_valid, arg, err);
	r = collect_claims(&g, &e);
	return err_keep_first(err, &e, r, acc);
}

static bool is_nobody(uint64_t attachment, void *arg)
{
	(void)attachment;
	(void)arg;
	return false;
}

static int forget_claims(const struct guard *g, uint64_t network,
			 struct cni_err *err)
{
	const int map = g->map[GUARD_CLAIMS];
	struct guard_claim key, next;
	int end = bpf_map_next(map, NULL, &next), acc = 0;

	while (!end) {
		key = next;
		end = bpf_map_next(map, &key, &next);
		if (key.network == network)
			acc = first_failure(acc, bpf_map_remove(map, &key));
	}
	acc = first_failure(acc, end);
	return acc ? say_unread(acc, err) : 0;
}

int guard_forget_network(uint64_t network, struct cni_err *err)
{
	cleanup_guard struct guard g = GUARD_NONE;
	cleanup_close int lock = -1;
	int r = guard_collect(network, is_nobody, NULL, err);

	if (!r)
		r = guard_find(&g, err);
	if (r <= 0)
		return r;
	r = guard_lock(&lock, err);
	for (int s = 0; !r && s < POLICY_SOURCES; s++)
		r = policy_text_remove(&g, network, (enum policy_source)s, err);
	return r ? r : forget_claims(&g, network, err);
}
