/* SPDX-License-Identifier: Apache-2.0 */
/* guest.h - a container's interface, whatever plugin has made it. */
#ifndef WEFT_GUEST_GUEST_H
#define WEFT_GUEST_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "cni/plugin.h"
#include "net/link_remove.h"
#include "net/netlink.h"
#include "net/route.h"

/**
 * struct guest - A container's interface, and the ways to it
 * @call:	The request: CNI_IFNAME in CNI_NETNS
 * @netns:	Descriptor of the container's namespace
 * @nl:		rtnetlink there
 * @index:	ifindex of the interface there
 * @dad:	Look for duplicates of its IPv6 addresses: wait with dad_wait()
 *		once there is a carrier
 * @on_lan:	Others are there: the kernel's own IPv6 addresses are tried for
 *		duplicates
 */
struct guest {
	const struct cni_call *call;
	int netns;
	struct netlink *nl;
	uint32_t index;
	bool dad;
	bool on_lan;
};

/** guest_is_l3() - Is there an IPAM plugin that gives it addresses? */
static inline bool guest_is_l3(const struct cni_call *call)
{
	return *call->conf.ipam_type != '\0';
}

/**
 * guest_configure() - Its alias, addresses, up, routes
 * @g:		The interface, down
 * @ipam:	Addresses and routes; empty on layer 2
 * @alias:	ifalias
 * @up:		Bring it up
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int guest_configure(const struct guest *g, const struct cni_result *ipam,
		    const char *alias, bool up, struct cni_err *err);

/**
 * guest_announce() - Tell the neighbours where its addresses are now
 * @g:		The interface, up since before its carrier was
 * @mac:	The one that it has
 * @err:	Filled on failure
 *
 * What the kernel told them when it came up, nobody has heard: the port that
 * leads to it was still down. To be asked has it notice the carrier, and to be
 * given its MAC once more has it tell again.
 *
 * Source: NETDEV_CHANGEADDR in net/ipv4/devinet.c and net/ipv6/ndisc.c, with
 * the sysctls arp_notify and ndisc_notify.
 *
 * Return: 0 or a negative errno
 */
int guest_announce(const struct guest *g, const struct mac *mac,
		   struct cni_err *err);

/** guest_route() - A route of a result as the kernel is to have it */
struct route guest_route(const struct cni_result *r,
			 const struct cni_route *route, uint32_t oif);

/* What tap-vm makes says so: then the addresses are the VM's behind it. */
#define TAP_VM_ROLE "tap-vm"

/**
 * guest_reach() - Open rtnetlink in the container's namespace, for DEL
 * @ret:	Unchanged where there is nothing to be done: the namespace is gone
 *		or not said, or it is our own, in which nothing is touched
 *
 * Return: 0, or a negative errno: it cannot be opened, so the guest may live
 */
int guest_reach(const struct cni_call *call, struct netlink **ret,
		struct cni_err *err);

/**
 * guest_delete() - Remove CNI_IFNAME in the container
 * @role:	The plugin's: an interface with the alias of another role, or of
 *		another attachment, stays. Without one the reference plugin has
 *		made it, before the configuration's type changed
 * @wait:	For what to wait
 *
 * A namespace that is gone is success, one that cannot be opened is not; in our
 * own one nothing is touched.
 *
 * Return: 0 or a negative errno
 */
int guest_delete(const struct cni_call *call, const char *role,
		 enum link_wait wait, struct cni_err *err);

/** guest_wait_asked() - "delWait": the one key that DEL reads */
enum link_wait guest_wait_asked(const struct cni_call *call);

#endif
