/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - the verbs that have a file of their own. */
#ifndef WEFT_BRIDGE_VM_OPS_H
#define WEFT_BRIDGE_VM_OPS_H

#include "bridge-vm/job.h"

/** bridge_ensure() - Find the network's bridge or make it; fills j->bridge */
int bridge_ensure(struct job *j, struct cni_err *err);

/**
 * uplink_find() - The device that extends the bridge
 * @host:	rtnetlink socket of our own namespace
 * @conf:	Says which one; if none, @ret stays as it is
 * @ret:	As it is
 * @err:	Filled on failure
 *
 * Return: 0, or
 *   -ENODEV      there is no such device
 *   -EINVAL      it cannot be a port
 *   -EBUSY       it is a port of another bridge
 *   -EADDRINUSE  it carries addresses other than link-local ones
 */
int uplink_find(struct netlink *host, const struct bridge_vm_conf *conf,
		struct link_info *ret, struct cni_err *err);

/** uplink_join() - Make j->uplink a port, in the guest's VLANs; for good */
int uplink_join(struct job *j, struct cni_err *err);

/**
 * vlans_filter() - Have the bridge tell VLANs apart, if the guest needs it
 *
 * Ports that it has already stay connected for frames without a tag.
 *
 * Return: 0, -EOPNOTSUPP: the kernel cannot, or another negative errno
 */
int vlans_filter(struct job *j, struct cni_err *err);

/** vlans_wanted() - The VLANs of the guest's port, if it needs any */
void vlans_wanted(const struct job *j, struct vlan_set *ret);

/** vlans_join() - Put the new port into them, and out of the default one */
int vlans_join(struct job *j, struct cni_err *err);

/**
 * vlans_gateway() - Find or make the device with the gateway's addresses
 *
 * Fills j->gateway: the bridge, or <bridge>.<vlan>.
 *
 * Return: 0, -EEXIST (CNI_E_TAKEN): something else has that name, or another
 * negative errno
 */
int vlans_gateway(struct job *j, struct cni_err *err);

/** vlans_check_gateway() - CHECK of <bridge>.<vlan>; fills j->gateway */
int vlans_check_gateway(struct job *j, struct cni_err *err);

/** bridge_vm_check() - CHECK: is all there that prevResult tells of? */
int bridge_vm_check(const struct cni_call *call, struct cni_err *err);

/** bridge_vm_gc() - GC: remove what belongs to no valid attachment */
int bridge_vm_gc(const struct cni_call *call, struct cni_err *err);

#endif
