/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - network devices of any kind: find, change, mark, delete. */
#ifndef WEFT_NET_LINK_H
#define WEFT_NET_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"
#include "net/netlink.h"

/* IFLA_GROUP of every device we make, set by the creating request: "weft". */
#define LINK_GROUP_WEFT 0x77656674U

#define LINK_ALIAS_SIZE 256    /* IFALIASZ */
#define LINK_ALTNAME_SIZE 128  /* ALTIFNAMSIZ */
#define LINK_BRIDGE_PORTS 1023 /* the kernel's BR_MAX_PORTS - 1 */

/**
 * struct link_info - A device as the kernel describes it
 * @index:		ifindex
 * @master:		ifindex of the bridge it is a port of; 0: none
 * @peer:		IFLA_LINK: a veth's other end or a macvlan's parent, an
 *			ifindex in the namespace @link_netnsid; 0: none
 * @mtu:		Bytes
 * @group:		LINK_GROUP_WEFT if we made it
 * @flags:		IFF_*
 * @tx_queues:		As many as it was made with
 * @tx_queue_len:	Frames
 * @promiscuity:	How many want it promiscuous
 * @link_netnsid:	-1: @peer is in the device's own namespace
 * @accept_ra:		sysctl of that name; -1: no IPv6 here
 * @disable_ipv6:	The same
 * @operstate:		IF_OPER_*, linux/if.h
 * @carrier:		A tap has it while a process holds it open
 * @vlan_filtering:	Of a bridge: is it on? -1: no bridge, or a kernel without
 * @default_pvid:	Of a bridge: the VLAN that a new port is in; 0: none
 * @vlan:		Of an 802.1Q device: its VLAN; 0: it is none
 * @forwarding:		Of a bridge port: does it let frames through by now?
 * @hairpin:		Of a bridge port: may frames go out where they came in?
 * @isolated:		Of a bridge port: apart from other isolated ones?
 * @name:		Its name proper, also if it was found by another one
 * @kind:		"veth", "bridge", "tun", ...; "" for hardware
 * @mac:		Zero if it has none
 * @alias:		ifalias; "" if it has none
 */
struct link_info {
	uint32_t index, master, peer, mtu, group, flags, promiscuity;
	uint32_t tx_queues, tx_queue_len;
	int32_t link_netnsid;
	int32_t accept_ra, disable_ipv6;
	uint8_t operstate;
	bool carrier;
	int8_t vlan_filtering;
	uint16_t default_pvid, vlan;
	bool forwarding, hairpin, isolated;
	char name[IFNAMSIZ];
	char kind[16];
	struct mac mac;
	char alias[LINK_ALIAS_SIZE];
};

/**
 * link_get() - Find a device by name
 * @nl:		rtnetlink socket of the device's namespace
 * @name:	Interface name. The kernel also answers to alternative names:
 *		compare @ret->name where that matters
 * @ret:	What was found; unchanged on failure
 * @err:	Filled on failure
 *
 * Return: 0, -ENODEV if there is none, or another negative errno
 */
int link_get(struct netlink *nl, const char *name, struct link_info *ret,
	     struct cni_err *err);

/** link_get_index() - The same by ifindex */
int link_get_index(struct netlink *nl, uint32_t index, struct link_info *ret,
		   struct cni_err *err);

/** link_get_altname() - The same by alternative name, 1..127 bytes */
int link_get_altname(struct netlink *nl, const char *altname,
		     struct link_info *ret, struct cni_err *err);

/**
 * link_get_data() - Find a device of a kind and read what is its kind's own
 * @nl:		Socket
 * @name:	Interface
 * @kind:	IFLA_INFO_KIND
 * @read:	Takes IFLA_INFO_DATA, nested; returns 0 or a negative errno
 * @arg:	Passed to @read
 * @err:	Filled on failure, without the interface's name
 *
 * Return: 0, -ENODEV, -EMEDIUMTYPE if it is of another kind, or another
 * negative errno
 */
int link_get_data(struct netlink *nl, const char *name, const char *kind,
		  int (*read)(struct nlattr *data, void *arg), void *arg,
		  struct cni_err *err);

/**
 * link_get_peer() - A veth's other end, where it is
 * @nl:		rtnetlink socket of @port's namespace
 * @port:	What link_get() said
 * @ret:	What was found; unchanged on failure
 * @err:	Filled on failure
 *
 * Source: IFLA_TARGET_NETNSID, linux/if_link.h; needs CAP_NET_ADMIN there.
 *
 * Return: 0 or a negative errno
 */
int link_get_peer(struct netlink *nl, const struct link_info *port,
		  struct link_info *ret, struct cni_err *err);

/**
 * link_list() - The devices of a namespace, or the ports of one bridge
 * @nl:		rtnetlink socket of the namespace
 * @master:	ifindex of the bridge, the kernel filters; 0: all devices
 * @ret:	Array, NULL if there are none; free(). Unchanged on failure
 * @ret_n:	How many
 * @err:	Filled on failure
 *
 * Grows with the number of attachments: for GC and removal, never for ADD.
 *
 * Return: 0, or a negative errno; a @master that is gone has no ports
 */
int link_list(struct netlink *nl, uint32_t master, struct link_info **ret,
	      size_t *ret_n, struct cni_err *err);

/*
 * The setters change the device with ifindex @index in the namespace of @nl.
 * Return: 0, or
 *   -ENODEV  there is no such device (any more)
 *   -EINVAL  the kernel refuses the value; @err holds its sentence
 *   -EPERM   no CAP_NET_ADMIN over the namespace
 */

int link_set_up(struct netlink *nl, uint32_t index, bool up,
		struct cni_err *err);

/**
 * link_raise() - Bring a device up, and have its carrier count at once
 *
 * What looks at the carrier, a bridge at its port's, is told of it by the
 * kernel's link watch in its own time; to be asked for the device has the kernel
 * tell now.
 *
 * Source: rtnl_getlink(), linkwatch_sync_dev(), Linux 6.9.
 */
int link_raise(struct netlink *nl, uint32_t index, struct cni_err *err);

/**
 * link_announce() - Have a device tell its neighbours of its addresses again
 * @mac:	The one that it has
 *
 * Source: NETDEV_CHANGEADDR in net/ipv4/devinet.c and net/ipv6/ndisc.c, with
 * the sysctls arp_notify and ndisc_notify; its carrier counts as with
 * link_raise().
 */
int link_announce(struct netlink *nl, uint32_t index, const struct mac *mac,
		  struct cni_err *err);

/** link_set_promisc() - Let a device take every frame, whatever its address */
int link_set_promisc(struct netlink *nl, uint32_t index, struct cni_err *err);

/** link_set_allmulti() - Let a device take every multicast frame: whom it serves
 * is not the one who joins groups */
int link_set_allmulti(struct netlink *nl, uint32_t index, struct cni_err *err);

/** link_set_mtu() - @mtu in bytes, within the device's own limits */
int link_set_mtu(struct netlink *nl, uint32_t index, uint32_t mtu,
		 struct cni_err *err);

/** link_set_mac() - @mac must be unicast */
int link_set_mac(struct netlink *nl, uint32_t index, const struct mac *mac,
		 struct cni_err *err);

/** link_forbid_link_local() - No IPv6 address of its own; without IPv6 it has
 * none anyway. What it has stays */
int link_forbid_link_local(struct netlink *nl, uint32_t index,
			   struct cni_err *err);

/** link_set_alias() - Replace the alias; at most 255 bytes */
int link_set_alias(struct netlink *nl, uint32_t index, const char *alias,
		   struct cni_err *err);

/**
 * link_set_master() - Make a device a port of a bridge, or free it
 * @nl:		Socket
 * @index:	The device
 * @master:	ifindex of the bridge; 0: none
 * @err:	Filled on failure
 *
 * Return: as the other setters, and
 *   -EXFULL  the bridge has LINK_BRIDGE_PORTS ports already
 */
int link_set_master(struct netlink *nl, uint32_t index, uint32_t master,
		    struct cni_err *err);

/** link_add_altname() - Add an alternative name, 1..127 bytes; -EEXIST */
int link_add_altname(struct netlink *nl, uint32_t index, const char *altname,
		     struct cni_err *err);

/**
 * link_delete() - Remove a device; a veth's other end goes with it
 * @nl:		Socket
 * @index:	ifindex; 0 is refused, it would mean something else
 * @err:	Filled on failure
 *
 * Returns when the kernel has cleaned up, 12 to 20 ms later.
 *
 * Return: 0, -ENODEV if there is none, or another negative errno
 */
int link_delete(struct netlink *nl, uint32_t index, struct cni_err *err);

/**
 * link_check_name() - May a device be given this name?
 *
 * 1..15 bytes, not "." or "..", without '/', ':', white space, and without
 * '%', which the kernel would take for a template ("eth%d").
 *
 * Return: 0, or -EINVAL
 */
int link_check_name(const char *name, struct cni_err *err);

/* For the modules beside this one, which build requests of their own. */

/** link_req() - Begin a link request, by @index or, if that is 0, by @name */
struct netlink_req link_req(int type, int flags, uint32_t index,
			    const char *name);

/** link_up_req() - What link_set_up() sends */
struct netlink_req link_up_req(uint32_t index, bool up);

/** link_put_mac() - Nothing if @mac is zero: the kernel then makes one up */
void link_put_mac(struct netlink_req *q, const struct mac *mac);

/**
 * link_req_mark() - Two requests to follow the one that creates @name
 *
 * The kernel ignores both at creation. @q[0] sets @alias, @q[1] forbids IPv6
 * link-local addresses: its -EAFNOSUPPORT only says that there is no IPv6.
 */
void link_req_mark(const char *name, const char *alias,
		   struct netlink_req q[2]);

/** link_explain_full() - If @r is -EXFULL, say which bridge is full */
int link_explain_full(struct netlink *nl, int r, uint32_t master,
		      struct cni_err *err);

/** link_next_index() - The ifindex to try after @index, within 2^30..2^31-1 */
uint32_t link_next_index(uint32_t index);

#endif
