/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - how fast a VM on a macvtap may send and receive. */
#ifndef WEFT_MACVLAN_VM_LIMITS_H
#define WEFT_MACVLAN_VM_LIMITS_H

#include "macvlan-vm/job.h"
#include "net/link_remove.h"

/**
 * tap_limits_set() - Limit the macvtap, which is down
 *
 * What the guest is to receive waits in a device of its own, an ifb beside the
 * macvtap. Rolled back by j->undo.
 *
 * Return: 0 or a negative errno
 */
int tap_limits_set(struct job *j, struct cni_err *err);

/** tap_limits_check() - Is it so? -ENOENT (CNI_E_CHECK) */
int tap_limits_check(struct job *j, const struct link_info *link,
		     struct cni_err *err);

/**
 * tap_limits_delete() - Remove the ifb of an attachment
 * @nl:		rtnetlink where the macvtap is, or was
 * @wait:	For what to wait
 *
 * Return: 0, also if there is none, or a negative errno
 */
int tap_limits_delete(struct netlink *nl, const struct cni_attachment *a,
		      enum link_wait wait, struct cni_err *err);

#endif
