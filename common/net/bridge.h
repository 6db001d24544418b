/* SPDX-License-Identifier: Apache-2.0 */
/* bridge.h - Linux bridge devices. */
#ifndef WEFT_NET_BRIDGE_H
#define WEFT_NET_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"

struct netlink;

/**
 * struct bridge_opts - What a new bridge is like
 * @mtu:	Bytes, L3; 0: the kernel's default, 1500
 * @mac:	Its address: without one it follows the ports', which come and
 *		go; zero: leave it so
 * @alias:	ifalias, at most 255 bytes; NULL: none
 * @vlan_filtering: Ports hear of their own VLANs only
 */
struct bridge_opts {
	uint32_t mtu;
	struct mac mac;
	const char *alias;
	bool vlan_filtering;
};

/**
 * bridge_create() - Create a bridge device, down and without ports
 * @nl:		rtnetlink socket; its namespace is where the bridge appears
 * @name:	Interface name, see link_check_name()
 * @opts:	Options, read only
 * @ret_index:	Interface index; unchanged on failure
 * @err:	Filled on failure
 *
 * Creation is exclusive: an existing @name is -EEXIST, whatever its kind.
 * Adopting one is the caller's decision. MAC and LINK_GROUP_WEFT are part of
 * the creating request. The alias is a second one, sent when the first has
 * succeeded: @name is anybody's, so it must not be touched if it existed. If
 * only the second fails, the bridge stays: others may be using it already.
 *
 * Source: linux/if_link.h, net/bridge/br_netlink.c; rtnetlink(7).
 *
 * Return: 0, or
 *   -EEXIST      @name is taken
 *   -EINVAL      the kernel refused an option; @err holds its sentence
 *   -EOPNOTSUPP  no bridge support in this kernel, or no VLAN filtering
 *   -EPERM       no CAP_NET_ADMIN in the namespace's user namespace
 */
int bridge_create(struct netlink *nl, const char *name,
		  const struct bridge_opts *opts, uint32_t *ret_index,
		  struct cni_err *err);

/**
 * bridge_filter_vlans() - Turn VLAN filtering on
 * @nl:		rtnetlink socket of the bridge's namespace
 * @index:	ifindex of the bridge
 * @err:	Filled on failure
 *
 * From then on a frame passes only between ports of its VLAN. Ports, and the
 * bridge itself, should be in one before.
 *
 * Return: 0 or a negative errno
 */
int bridge_filter_vlans(struct netlink *nl, uint32_t index,
			struct cni_err *err);

/**
 * struct bridge_port_opts - What a port is like
 * @hairpin:	A frame may leave by the port it came in by
 * @isolated:	No frames from and to other isolated ports
 */
struct bridge_port_opts {
	bool hairpin, isolated;
};

/**
 * bridge_port_set() - Set flags of a port
 * @nl:		rtnetlink socket of the bridge's namespace
 * @index:	ifindex of the port
 * @opts:	What is true is set, what is false stays as it is
 * @err:	Filled on failure
 *
 * Source: IFLA_PROTINFO of an AF_BRIDGE RTM_SETLINK; net/bridge/br_netlink.c.
 *
 * Return: 0, or
 *   -EOPNOTSUPP, -EINVAL  the device is no bridge port
 */
int bridge_port_set(struct netlink *nl, uint32_t index,
		    const struct bridge_port_opts *opts, struct cni_err *err);

#endif
