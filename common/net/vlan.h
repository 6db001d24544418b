/* SPDX-License-Identifier: Apache-2.0 */
/* vlan.h - who is in which VLAN: bridge ports, the bridge, 802.1Q devices. */
#ifndef WEFT_NET_VLAN_H
#define WEFT_NET_VLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct netlink;

#define VLAN_MAX 4094 /* the greatest VLAN ID; the least is 1 */

/**
 * struct vlan_set - The VLANs of a bridge port, or of a bridge itself
 * @pvid:	Where frames without a tag belong, always a member; 0: nowhere
 * @member:	One bit for each VLAN ID
 * @untagged:	Of those: frames leave without a tag
 */
struct vlan_set {
	uint16_t pvid;
	uint64_t member[64], untagged[64];
};

/** enum vlan_as - How a port takes part in a VLAN */
enum vlan_as {
	VLAN_TAGGED,   /* a trunk's */
	VLAN_UNTAGGED, /* frames leave without a tag */
	VLAN_ACCESS,   /* and those that come without one belong here */
};

/** vlan_set_add() - Add @vid, 1..VLAN_MAX; what it was before is forgotten */
void vlan_set_add(struct vlan_set *set, uint16_t vid, enum vlan_as as);

/** vlan_set_has() - Is @vid a member? */
bool vlan_set_has(const struct vlan_set *set, uint16_t vid);

/**
 * vlan_set_difference() - The first VLAN that is not the same in both
 * @have:	One
 * @want:	The other
 *
 * Return: 1..VLAN_MAX, or 0: they are equal
 */
uint16_t vlan_set_difference(const struct vlan_set *have,
			     const struct vlan_set *want);

/** vlan_set_format() - "tagged", "untagged", "PVID", ...: how @vid is there */
const char *vlan_set_format(const struct vlan_set *set, uint16_t vid);

/**
 * vlan_get() - The VLANs of one port, or of a bridge
 * @nl:		rtnetlink socket of its namespace
 * @index:	ifindex
 * @ret:	What there is; unchanged on failure
 * @err:	Filled on failure
 *
 * Source: RTM_GETVLAN, linux/if_bridge.h, Linux 5.6; the kernel filters.
 *
 * Return: 0, or
 *   -EOPNOTSUPP  a kernel without VLAN filtering
 *   -EINVAL      neither a bridge nor a port of one
 *   -ENODEV      there is no such device
 */
int vlan_get(struct netlink *nl, uint32_t index, struct vlan_set *ret,
	     struct cni_err *err);

/**
 * struct vlan_change - What is to become of a port's VLANs
 * @bridge:	The device is no port but a bridge itself
 * @del:	Removed first, whether they are there or not; NULL: none
 * @add:	Added, or changed to what is said here; NULL: none
 */
struct vlan_change {
	bool bridge;
	const struct vlan_set *del, *add;
};

/**
 * vlan_change() - Change them, in one send
 * @nl:		rtnetlink socket of its namespace
 * @index:	ifindex
 * @c:		What to change
 * @err:	Filled on failure
 *
 * Source: IFLA_BRIDGE_VLAN_INFO, linux/if_bridge.h; net/bridge/br_netlink.c.
 *
 * Return: 0 or a negative errno, as vlan_get()
 */
int vlan_change(struct netlink *nl, uint32_t index, const struct vlan_change *c,
		struct cni_err *err);

/**
 * vlan_create() - Create an 802.1Q device, down
 * @nl:		rtnetlink socket of the namespace of both
 * @name:	Its name
 * @link:	ifindex of the device below, whose MAC and MTU it takes
 * @vid:	1..VLAN_MAX
 * @alias:	ifalias, at most 255 bytes
 * @err:	Filled on failure
 *
 * Exclusive, and marked in two steps, as bridge_create().
 *
 * Source: linux/if_link.h IFLA_VLAN_ID; net/8021q/vlan_netlink.c.
 *
 * Return: 0, or
 *   -EEXIST      @name, or VLAN @vid on that device, is taken
 *   -EOPNOTSUPP  no 802.1Q in this kernel
 */
int vlan_create(struct netlink *nl, const char *name, uint32_t link,
		uint16_t vid, const char *alias, struct cni_err *err);

#endif
