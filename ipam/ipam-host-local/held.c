/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/held.h"

#include "ipam-host-local/index.h"
#include "ipam-host-local/roll.h"

void held_free(struct held *h)
{
	ip_list_free(&h->own);
	ip_list_free(&h->legacy);
	ip_list_free(&h->taken);
	h->scanned = false;
}

/* Anything that is wrong with the hint is found, and told, by the scan. */
static bool confirm_hint(const struct store *s,
			 const struct cni_attachment *who,
			 const struct ip_list *hint,
			 const struct timespec *written)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct lease lease;

	for (size_t i = 0; i < hint->n; i++)
		if (store_read(s, &hint->v[i], &lease, &ignored) <= 0 ||
		    !lease_is_of(&lease, who) ||
		    store_is_newer(s, &hint->v[i], written))
			return false;
	return true;
}

/* Does the index know of nothing, and is that to be believed? A lease of
 * host-local's first versions has an entry with its container alone. */
static bool is_unknown(const struct store *s, const struct cni_attachment *who)
{
	const struct cni_attachment container = { who->network,
						  who->container_id, "" };
	cleanup_ip_list struct ip_list ignored = { 0 };
	struct timespec written;

	return s->complete && !index_read(s, &container, &ignored, &written);
}

int held_find(struct store *s, const struct cni_attachment *who,
	      struct held *ret, struct cni_err *err)
{
	struct timespec written;
	const int r = index_read(s, who, &ret->own, &written);

	/* host-local takes the lock once a range set: what was read between
	 * two of them is half of what it is by now. */
	if ((r == 1 || (r == 2 && s->complete)) &&
	    confirm_hint(s, who, &ret->own, &written))
		return 0;
	if (!r && is_unknown(s, who))
		return 0;
	/* What the index says is wrong, or it cannot be read: all anew. */
	if (r)
		s->complete = false;
	return held_scan(s, who, ret, err);
}

/* Return: 1 if the address is taken, 0 if it is free, or a negative errno */
static int sort_lease(const struct store *s, const struct cni_attachment *who,
		      const struct ip_addr *a, struct held *ret,
		      struct roll *roll, struct cni_err *err)
{
	struct lease lease;
	int r = store_read(s, a, &lease, err);

	if (r <= 0)
		return r;
	if (lease.kind == LEASE_DEAD)
		return 0;
	if (lease_is_of(&lease, who))
		r = ip_list_add(&ret->own, a);
	else if (lease_is_legacy_of(&lease, who))
		r = ip_list_add(&ret->legacy, a);
	if (r >= 0)
		r = roll_add(roll, &lease, a);
	return r < 0 ? err_set(err, CNI_E_INTERNAL, -r, "read leases") : 1;
}

int held_scan(struct store *s, const struct cni_attachment *who,
	      struct held *ret, struct cni_err *err)
{
	cleanup_roll struct roll roll = { 0 };
	struct cni_err e = CNI_ERR_INIT;
	size_t n = 0;
	int acc;

	held_free(ret);
	acc = store_list(s, &ret->taken, err);
	for (size_t i = 0; i < ret->taken.n; i++) {
		const struct ip_addr a = ret->taken.v[i];
		const int r = sort_lease(s, who, &a, ret, &roll, &e);

		if (r)
			ret->taken.v[n++] = a;
		acc = err_keep_first(err, &e, r, acc);
	}
	ret->taken.n = n;
	ret->scanned = true;
	if (!acc && !s->complete)
		roll_index(&roll, s, who->network);
	return acc;
}
