/* SPDX-License-Identifier: Apache-2.0 */
/* macvtap.h - what a macvtap is beside a macvlan: a character device. */
#ifndef WEFT_NET_MACVTAP_H
#define WEFT_NET_MACVTAP_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct netlink;

/**
 * macvtap_quiet() - Mark a macvtap, and keep the host's own stack off it
 * @nl:		rtnetlink socket of its namespace
 * @index:	ifindex
 * @alias:	ifalias, at most 255 bytes
 * @err:	Filled on failure
 *
 * While nobody has the character device open, the stack gets its frames, and it
 * may send itself, with the guest's MAC. So it has no IPv6 address of its own,
 * answers no ARP, and forwards no IPv4 packet that came by it.
 *
 * Source: tap_handle_frame(), drivers/net/tap.c; IFLA_INET_CONF, linux/if_link.h.
 *
 * Return: 0, -ENODEV, or another negative errno
 */
int macvtap_quiet(struct netlink *nl, uint32_t index, const char *alias,
		  struct cni_err *err);

/**
 * macvtap_raise() - Bring a macvtap up, and let every multicast frame through
 * @nl:		rtnetlink socket of its namespace
 * @index:	ifindex
 * @err:	Filled on failure
 *
 * To which groups the guest listens is known to the VMM at most. A macvlan's
 * filter would keep neighbour solicitations from it: nobody could begin to talk
 * to it by IPv6.
 *
 * Source: macvlan_compute_filter(), drivers/net/macvlan.c.
 *
 * Return: 0, -EADDRINUSE if another device on the parent has that MAC, or
 * another negative errno
 */
int macvtap_raise(struct netlink *nl, uint32_t index, struct cni_err *err);

/**
 * macvtap_number() - The number of a macvtap's character device
 * @name:	Interface in the calling thread's network namespace
 * @index:	Its ifindex there
 * @ret:	Major and minor; unchanged on failure
 * @err:	Filled on failure
 *
 * From a sysfs of that namespace, which is mounted nowhere. The name tells
 * nothing: /dev/tap<ifindex> is one name for all namespaces, and an ifindex is
 * each namespace's own.
 *
 * Source: fsopen(2), fsmount(2); drivers/net/macvtap.c, class "macvtap".
 *
 * Return: 0, -ENOENT if that is no macvtap, or another negative errno
 */
int macvtap_number(const char *name, uint32_t index, dev_t *ret,
		   struct cni_err *err);

/**
 * macvtap_is_open() - Has a VMM a macvtap's character device open?
 * @name:	As macvtap_number()
 * @index:	As macvtap_number()
 * @err:	Filled on failure
 *
 * Unlike a tap's, its carrier does not tell: it is the parent's. Looks at the
 * descriptors of every process, see node_list_held().
 *
 * Return: 1, 0, or a negative errno if that cannot be told
 */
int macvtap_is_open(const char *name, uint32_t index, struct cni_err *err);

#endif
