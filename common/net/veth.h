/* SPDX-License-Identifier: Apache-2.0 */
/* veth.h - pairs of devices, one end on the host, one in the guest. */
#ifndef WEFT_NET_VETH_H
#define WEFT_NET_VETH_H

#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"

struct netlink;

/**
 * struct veth_opts - What a new pair is like
 * @host_name:	The host end's name: derived from the attachment, nobody
 *		else's, because requests that follow go by it
 * @guest_name:	The guest end's name
 * @netns:	Descriptor of the guest end's namespace
 * @host_mac:	zero: the kernel makes one up
 * @guest_mac:	zero: the kernel makes one up
 * @mtu:	Bytes, of both ends; 0: the kernel's default, 1500
 * @host_index:	ifindex wanted, the next ones if it is taken; 0: the kernel's
 *		choice
 * @guest_index: The same; ignored if @host_index is 0
 * @master:	ifindex of the bridge that the host end becomes a port of; 0:
 *		none
 * @queues:	RX and TX queues of both ends; 0: 1
 * @alias:	ifalias of the host end, at most 255 bytes
 */
struct veth_opts {
	const char *host_name, *guest_name;
	int netns;
	struct mac host_mac, guest_mac;
	uint32_t mtu, host_index, guest_index, master, queues;
	const char *alias;
};

/** struct veth - The pair's ifindexes, each in its own namespace */
struct veth {
	uint32_t host_index, guest_index;
};

/**
 * veth_create() - Create a pair, both ends in place, both down
 * @nl:		rtnetlink socket; its namespace is where the host end appears
 * @opts:	Options, read only
 * @ret:	The pair; unchanged on failure
 * @err:	Filled on failure
 *
 * One request makes both ends with names, addresses, MTU, ifindexes, queues,
 * LINK_GROUP_WEFT, master and namespace; two more in the same send set the
 * alias and forbid the host end IPv6 link-local addresses. After a failure
 * nothing is left. If the answer was lost, a pair that has this name, group
 * and MAC is removed through a fresh socket: the caller has made sure before
 * that the attachment does not exist.
 *
 * Source: linux/veth.h, drivers/net/veth.c, net/core/rtnetlink.c. The peer's
 * header must not say UP. A taken name and a taken ifindex of the host end
 * are both EEXIST, a taken ifindex of the guest end is EBUSY.
 *
 * Return: 0, or
 *   -EEXIST      a name is taken; @err says which
 *   -EXFULL      the bridge is full: LINK_BRIDGE_PORTS
 *   -EINVAL      the kernel refused an option; @err holds its sentence
 *   -EOPNOTSUPP  no veth support in this kernel
 *   -EPERM       no CAP_NET_ADMIN over one of the namespaces
 */
int veth_create(struct netlink *nl, const struct veth_opts *opts,
		struct veth *ret, struct cni_err *err);

#endif
