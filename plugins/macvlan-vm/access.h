/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - hostAccess: the host's own macvlan on the parent. */
#ifndef WEFT_MACVLAN_VM_ACCESS_H
#define WEFT_MACVLAN_VM_ACCESS_H

#include "cni/attachments.h"
#include "macvlan-vm/job.h"

/**
 * access_grant() - Make the host and the guest reach each other
 *
 * The network's own macvlan in our namespace, made if it is missing, and a
 * route by it to each of the guest's addresses. The route's priority is made of
 * the attachment's hash: so it is found again, and tells whose it is. Its
 * source is the host's address in the guest's subnet, of the parent: with none
 * the guest could not answer. Rolled back by j->undo.
 *
 * Return: 0, -EADDRNOTAVAIL (CNI_E_CONFIG): the host has no address there, or
 * another negative errno
 */
int access_grant(struct job *j, struct cni_err *err);

/**
 * access_revoke() - Take an attachment's routes back, with the last one the
 *	network's macvlan
 * @host:	rtnetlink socket in our own namespace
 * @a:		Attachment
 * @wait:	For what to wait
 *
 * Whether the configuration says hostAccess is not asked.
 *
 * Return: 0, also if there are none, or a negative errno
 */
int access_revoke(struct netlink *host, const struct cni_attachment *a,
		  enum link_wait wait, struct cni_err *err);

/** access_collect() - The same of every attachment that is not in @valid */
int access_collect(struct netlink *host, const char *network,
		   const struct cni_attachments *valid, struct cni_err *err);

/** access_check() - Is all there, for each address of @prev? */
int access_check(struct job *j, const struct cni_result *prev,
		 struct cni_err *err);

#endif
