/* SPDX-License-Identifier: Apache-2.0 */
/* alloc.h - one address from every range set, all or none. */
#ifndef WEFT_IPAM_HOST_LOCAL_ALLOC_H
#define WEFT_IPAM_HOST_LOCAL_ALLOC_H

#include "ipam-host-local/conf.h"
#include "ipam-host-local/held.h"

/**
 * struct alloc_slot - The address that a range set gives
 * @addr:	Which
 * @requested:	Somebody asked for this very one
 * @adopted:	The attachment had it before
 * @made:	Its lease was published by this call
 */
struct alloc_slot {
	struct ip_addr addr;
	bool requested;
	bool adopted;
	bool made;
};

/**
 * struct alloc - The addresses of one ADD
 * @conf:	Its ranges and requests
 * @store:	Locked
 * @who:	For whom
 * @held:	What @who has already
 * @slots:	One for each of @conf's range sets
 * @n_adopted:	Of @slots, after alloc_plan()
 * @indexed:	The index was written
 * @kept:	alloc_keep() was called
 *
 * Set the first four; alloc_free() also takes back what was published, unless
 * it is to be kept.
 */
struct alloc {
	const struct ipam_conf *conf;
	struct store *store;
	const struct cni_attachment *who;
	struct held *held;
	struct alloc_slot *slots;
	size_t n_adopted;
	bool indexed;
	bool kept;
};

/**
 * alloc_plan() - Choose an address from every set; changes nothing
 * @err:	CNI_E_RETRY: a set is used up. CNI_E_TAKEN: a requested address
 *		is another's, or @who holds one that is not the requested.
 *		CNI_E_CONFIG: a request that no range can satisfy
 *
 * What @who holds already is adopted.
 *
 * Return: 0 or a negative errno
 */
int alloc_plan(struct alloc *a, struct cni_err *err);

/**
 * alloc_publish() - Write index, leases and last_reserved_ip of the plan
 *
 * Return: 0 or a negative errno
 */
int alloc_publish(struct alloc *a, struct cni_err *err);

/** alloc_keep() - The call succeeded; return whether anything was adopted */
bool alloc_keep(struct alloc *a);

void alloc_free(struct alloc *a);

#define cleanup_alloc CLEANUP(alloc_free)

#endif
