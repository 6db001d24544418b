/* SPDX-License-Identifier: Apache-2.0 */
/* held.h - which addresses does an attachment hold? */
#ifndef WEFT_IPAM_HOST_LOCAL_HELD_H
#define WEFT_IPAM_HOST_LOCAL_HELD_H

#include "ipam-host-local/store.h"

/**
 * struct held - What the leases say of one attachment
 * @own:	Leases with its container ID and interface
 * @legacy:	Leases with its container ID alone; known after a scan
 * @taken:	Every address that is not free, sorted; known after a scan
 * @scanned:	All leases were read
 *
 * Zero-initialise; free with held_free().
 */
struct held {
	struct ip_list own;
	struct ip_list legacy;
	struct ip_list taken;
	bool scanned;
};

/**
 * held_find() - Ask the index and, unless leases confirm all it says, scan
 * @s:		Locked. Where it is complete, what the index does not know is
 *		not; after a scan it is, if everything could be recorded
 * @ret:	Filled as far as possible also on failure
 *
 * Return: 0, or the first failure: what could not be read may be @who's
 */
int held_find(struct store *s, const struct cni_attachment *who,
	      struct held *ret, struct cni_err *err);

/** held_scan() - Read all leases; replaces what @ret holds */
int held_scan(struct store *s, const struct cni_attachment *who,
	      struct held *ret, struct cni_err *err);

void held_free(struct held *h);

#define cleanup_held CLEANUP(held_free)

#endif
