/* SPDX-License-Identifier: Apache-2.0 */
/* tap.h - a VM's macvtap: its character device, and where it may be. */
#ifndef WEFT_MACVLAN_VM_TAP_H
#define WEFT_MACVLAN_VM_TAP_H

#include "macvlan-vm/job.h"
#include "net/link_remove.h"

/**
 * tap_check_absent() - Refuse an attachment that has a device on the host
 *
 * Return: 0, -EEXIST (CNI_E_TAKEN), or another negative errno
 */
int tap_check_absent(const struct job *j, struct cni_err *err);

/**
 * tap_finish() - Make the character device's node, then bring the macvtap up
 *
 * The VM has the addresses: none is set. Rolled back by j->undo.
 *
 * Return: 0 or a negative errno
 */
int tap_finish(struct job *j, struct cni_err *err);

/**
 * tap_check() - CHECK of what a macvlan has not
 * @j:		Attachment
 * @link:	Its macvtap
 * @err:	CNI_E_CHECK
 *
 * Return: 0 or a negative errno
 */
int tap_check(struct job *j, const struct link_info *link, struct cni_err *err);

/** tap_is_ours() - By its alias; without one by group, kind and derived name */
bool tap_is_ours(const struct link_info *link, const struct cni_attachment *a);

/**
 * tap_delete() - Remove an attachment's device on the host, and its node
 * @host:	rtnetlink socket in our own namespace
 * @wait:	For what to wait
 *
 * The node goes in any case, and first.
 *
 * Return: 0, also if there is neither, or a negative errno
 */
int tap_delete(struct netlink *host, const struct cni_attachment *a,
	       enum link_wait wait, struct cni_err *err);

#endif
