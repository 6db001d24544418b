/* SPDX-License-Identifier: Apache-2.0 */
/* index.h - which addresses an attachment has: a hint that leases confirm. */
#ifndef WEFT_IPAM_HOST_LOCAL_INDEX_H
#define WEFT_IPAM_HOST_LOCAL_INDEX_H

#include <time.h>

#include "cni/attachments.h"
#include "ipam-host-local/store.h"

/*
 * One entry an attachment, <dataDir>/.weft/<network>/<hash in 16 hex digits>:
 * a symbolic link that leads nowhere and whose text is the record,
 *
 *	<containerID> <ifname> <address> [<address> ...] [~]
 *
 * So it is written by one call and read by one, and is there whole or not at
 * all. An entry is written before its leases and removed after them; one that
 * is missing, unreadable or names another attachment (hashes may collide)
 * means reading all leases, one that is wrong is found out by them: a lease is
 * another's, is gone, or was made after the entry, so that the attachment went
 * and came back through host-local and may hold more than the entry says.
 *
 * Entries that were not written by the ADD that they tell of, but read from
 * leases later, end in "~". A lease that names only a container has an entry
 * with an empty interface.
 */

/**
 * index_read() - What the index says
 * @ret:	Addresses, unconfirmed; free it in any case
 * @ret_written: When that was true
 *
 * Return: 1, 2 if it was read from leases, 0 if there is no entry, or a
 * negative errno: there may be one
 */
int index_read(const struct store *s, const struct cni_attachment *who,
	       struct ip_list *ret, struct timespec *ret_written);

/**
 * index_write() - Record all addresses of an attachment, or none
 * @s:		Locked; no longer complete if it could not be recorded
 *
 * Replaces an entry atomically; another attachment's stays, and @who then has
 * none. Never an error: what is not in the index costs time, nothing else.
 */
void index_write(struct store *s, const struct cni_attachment *who,
		 const struct ip_list *addrs);

/**
 * index_learn() - Record what leases say, unless it is recorded already
 *
 * Return: whether it is in the index now
 */
bool index_learn(const struct store *s, const struct cni_attachment *who,
		 const struct ip_list *addrs);

/**
 * index_reclaim() - Free the leases of attachments from before this boot
 * @s:		Locked
 * @network:	Its name
 *
 * Only where our own ADD dated them: of what others wrote nobody knows whether
 * a runtime has taken it up again. Both entry and lease must be that old.
 *
 * Return: how many addresses were freed
 */
size_t index_reclaim(const struct store *s, const char *network);

/** index_unstage() - Remove what a killed index_write() may have left */
void index_unstage(const struct store *s);

/** index_sweep() - Remove the entries of attachments that are not valid */
void index_sweep(const struct store *s, const char *network,
		 const struct cni_attachments *valid);

#endif
