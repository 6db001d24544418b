/* SPDX-License-Identifier: Apache-2.0 */
/* macvlan.h - devices of their own MAC on another one, the parent: macvlans, and
 * macvtaps, whose frames a character device has. */
#ifndef WEFT_NET_MACVLAN_H
#define WEFT_NET_MACVLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"

struct netlink;

/**
 * struct macvlan_opts - What a new macvlan is like
 * @name:	Interface name, see link_check_name()
 * @parent:	ifindex of the parent, in the socket's namespace
 * @netns:	Descriptor of the namespace where it appears; -1: the socket's
 * @mode:	See macvlan_mode()
 * @mac:	Zero: the kernel makes one up; "passthru" has the parent's in any
 *		case
 * @mtu:	Bytes, at most the parent's; 0: the parent's
 * @index:	ifindex wanted, the next ones if it is taken; not 0: without one
 *		the kernel would look for @name in the socket's namespace
 * @bc_queue_len: Broadcasts that may wait on the parent; 0: the kernel's
 *		default
 * @tap_queues:	0: a macvlan. Else a macvtap: so many queues each way, and 1000
 *		frames that each may hold. It can be opened more often, up to
 *		256 times, but then openers share queues
 * @alias:	NULL, or the ifalias, at most 255 bytes. Only for a derived name
 *		in the socket's own namespace; forbids IPv6 link-local addresses
 *		as well, see link_req_mark()
 */
struct macvlan_opts {
	const char *name;
	uint32_t parent;
	int netns;
	uint32_t mode;
	struct mac mac;
	uint32_t mtu, index, bc_queue_len, tap_queues;
	const char *alias;
};

/** macvlan_mode() - "bridge", "private", "vepa" or "passthru"; 0: no mode */
uint32_t macvlan_mode(const char *name);

/** macvlan_mode_name() - The reverse, "?" for one that we do not make */
const char *macvlan_mode_name(uint32_t mode);

/**
 * macvlan_create() - Create a macvlan or a macvtap in place, down
 * @nl:		rtnetlink socket of the parent's namespace
 * @opts:	Options, read only
 * @ret_index:	Its ifindex; unchanged on failure
 * @err:	Filled on failure
 *
 * One request makes it with name, MAC, MTU, ifindex, LINK_GROUP_WEFT and
 * namespace. After a failure nothing is left; if the answer was lost, a device
 * that has this name, group and MAC is removed through a fresh socket: the
 * caller has made sure before that there is none.
 *
 * Source: IFLA_MACVLAN_*, linux/if_link.h; drivers/net/macvlan.c. A taken name
 * is EEXIST, a taken ifindex EEXIST or EBUSY, and so is a parent that belongs
 * to a bridge.
 *
 * Return: 0, or
 *   -EEXIST      the name is taken
 *   -EBUSY       the parent is a port of something else
 *   -EINVAL      the kernel refused an option: also a second device on a parent
 *                in passthru; @err holds its sentence
 *   -EOPNOTSUPP  no such devices in this kernel
 *   -EPERM       no CAP_NET_ADMIN over one of the namespaces
 */
int macvlan_create(struct netlink *nl, const struct macvlan_opts *opts,
		   uint32_t *ret_index, struct cni_err *err);

/**
 * struct macvlan_info - A macvlan as the kernel describes it
 * @mode:		See macvlan_mode()
 * @bc_queue_len:	What it asked for
 */
struct macvlan_info {
	uint32_t mode, bc_queue_len;
};

/**
 * macvlan_get() - Read back what a macvlan is
 * @nl:		rtnetlink socket of its namespace
 * @name:	Interface name
 * @is_tap:	It should be a macvtap
 * @ret:	Unchanged on failure
 * @err:	Filled on failure
 *
 * Return: 0, -ENODEV if there is no such device, or -EMEDIUMTYPE if it is of
 * another kind
 */
int macvlan_get(struct netlink *nl, const char *name, bool is_tap,
		struct macvlan_info *ret, struct cni_err *err);

#endif
