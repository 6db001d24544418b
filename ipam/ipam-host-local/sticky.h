/* SPDX-License-Identifier: Apache-2.0 */
/* sticky.h - addresses that go with a key and not with a container. */
#ifndef WEFT_IPAM_HOST_LOCAL_STICKY_H
#define WEFT_IPAM_HOST_LOCAL_STICKY_H

#include "cni/attachments.h"
#include "cni/key.h"
#include "ipam-host-local/store.h"

/*
 * While a container has them, the leases are the container's, as without a key.
 * At DEL they become those of a container ID that none has, CNI_KEY_HOLDER and
 * the key, by which the next ADD finds them. So every lease says by itself whose
 * it is, to host-local too, and one that no container has is on no runtime's
 * list: GC frees it.
 *
 * Who has the key is a record like the index's entries,
 * <dataDir>/.weft/<network>/key-<hash in 16 hex digits>, a symbolic link with
 * the text
 *
 *	<containerID> <ifname> <key>
 *
 * written before the leases. It counts only while leases say that it is true.
 */

/**
 * sticky_attach() - Make what is the key's the attachment's
 * @s:		Locked
 * @who:	The attachment
 * @key:	Its key
 * @ret_anew:	Set if @who had nothing before: then sticky_detach() takes this
 *		back
 * @err:	CNI_E_TAKEN, naming who has the key; CNI_E_IO
 *
 * Whoever has the key since before this boot has lost it.
 *
 * Return: 0, -EEXIST, or another negative errno
 */
int sticky_attach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, bool *ret_anew,
		  struct cni_err *err);

/**
 * sticky_detach() - Leave the attachment's leases to its key
 * @s:		Locked
 *
 * Killed anywhere, or in part done before, it can be done again.
 *
 * Return: 1, 0 if the key is not the attachment's, or a negative errno
 */
int sticky_detach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, struct cni_err *err);

/** sticky_sweep() - Remove the records of attachments that are not valid */
void sticky_sweep(const struct store *s, const struct cni_attachments *valid);

#endif
