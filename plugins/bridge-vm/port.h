/* SPDX-License-Identifier: Apache-2.0 */
/* port.h - the last device: where a container and a VM differ. */
#ifndef WEFT_BRIDGE_VM_PORT_H
#define WEFT_BRIDGE_VM_PORT_H

#include "bridge-vm/job.h"
#include "net/link_remove.h"

/**
 * port_check_absent() - Refuse an attachment that is there already
 *
 * Return: 0, -EEXIST (CNI_E_TAKEN), or another negative errno
 */
int port_check_absent(struct job *j, struct cni_err *err);

/**
 * port_create() - Make the port, down and on the bridge, and the guest's end
 *
 * Sets j->port and for a container j->guest_link; rolled back by j->undo.
 *
 * Return: 0 or a negative errno
 */
int port_create(struct job *j, struct cni_err *err);

/** port_guard_name() - Of the nf_tables chain of the spoof check */
void port_guard_name(const struct cni_attachment *a, char ret[SPOOF_NAME_SIZE]);

/** port_guard() - The spoof check of "macspoofchk" */
struct spoof port_guard(const struct job *j);

/** port_guarded() - As eBPF has to know its guest, with those addresses */
struct guarded port_guarded(const struct job *j, const struct cni_result *ips);

/** port_raise() - Let frames through; from here a VM's tap outlives us */
int port_raise(struct job *j, struct cni_err *err);

/**
 * port_find() - The attachment's port in our own namespace
 * @host:	rtnetlink socket
 * @a:		Attachment
 * @nth:	0 upwards: each of the names that it may have
 * @ret:	Filled if there is one, also if it is not ours
 * @err:	Filled on failure
 *
 * What the guest has sent waits in a device that has one of these names too,
 * and counts as a port here: see limits.h.
 *
 * Whether it was made as a container's or as a VM's is not asked: DEL may come
 * with another configuration than ADD.
 *
 * Return: 1 if it is ours, 0 if not, -ERANGE after the last name, or a negative
 * errno
 */
int port_find(struct netlink *host, const struct cni_attachment *a,
	      unsigned int nth, struct link_info *ret, struct cni_err *err);

/**
 * port_delete_all() - Remove every port of an attachment, and its spoof check
 * @wait:	For what to wait
 * @ret_n:	How many there were. A veth took the container's end along
 *
 * Goes on after a failure and returns the first.
 *
 * Return: 0 or a negative errno: one lives on
 */
int port_delete_all(struct netlink *host, const struct cni_attachment *a,
		    enum link_wait wait, unsigned int *ret_n,
		    struct cni_err *err);

/** port_is_ours() - By its alias; without one by group, kind and derived name */
bool port_is_ours(const struct link_info *link, const struct cni_attachment *a);

#endif
