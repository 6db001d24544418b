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
 *
 * With "onConflict": "silent" a second container may have the addresses while the
 * first one lives, a VM that comes from there. The leases stay the first one's:
 * who waits for them stands in next-<hash>, with the same text. The first one's
 * DEL, or GC without it, gives the leases to the second. The second's DEL takes
 * back its name and nothing else.
 */

enum { STICKY_ID_SIZE = 256 }; /* as long as an interface's alias */

/**
 * struct sticky - what came of sticky_attach()
 * @anew:	@who had nothing before: then sticky_detach() takes this back
 * @holder:	Whose leases they still are while the attachment waits, or ""
 */
struct sticky {
	bool anew;
	char holder[STICKY_ID_SIZE];
};

/**
 * sticky_attach() - Make what is the key's the attachment's
 * @s:		Locked
 * @who:	The attachment
 * @key:	Its key
 * @ret:	Changed where something is to be said
 * @err:	CNI_E_TAKEN, naming who has the key, or waits for it; CNI_E_IO
 *
 * Whoever has the key since before this boot has lost it.
 *
 * Return: 0, -EEXIST, or another negative errno
 */
int sticky_attach(struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, struct sticky *ret,
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

/**
 * sticky_holder() - Whose leases an attachment waits for
 * @s:		Locked
 * @ret:	The container
 *
 * Return: 1, 0 if it does not wait, or a negative errno
 */
int sticky_holder(const struct store *s, const struct cni_attachment *who,
		  const struct cni_key *key, char ret[STICKY_ID_SIZE],
		  struct cni_err *err);

/**
 * sticky_inherit() - Leases of attachments that are not valid, for who waits
 * @s:		Locked
 *
 * Before the leases are swept.
 *
 * Return: 0 or a negative errno
 */
int sticky_inherit(struct store *s, const char *network,
		   const struct cni_attachments *valid, struct cni_err *err);

/** sticky_sweep() - Remove the records of attachments that are not valid */
void sticky_sweep(const struct store *s, const struct cni_attachments *valid);

#endif
