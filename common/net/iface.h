/* SPDX-License-Identifier: Apache-2.0 */
/* iface.h - a guest's interface, configured in one send. */
#ifndef WEFT_NET_IFACE_H
#define WEFT_NET_IFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "net/route.h"

struct netlink;

/**
 * struct iface_opts - What an interface gets, in this order
 * @alias:	ifalias
 * @arp_notify:	Tell the neighbours, once it is up, that an IPv4 address is here
 * @dad:	IPv6 addresses are tentative until they are known to be unique,
 *		see dad_wait()
 * @addrs:	Addresses, see addr_add()
 * @n_addrs:	How many
 * @up:		Bring it up
 * @routes:	Routes, see route_add(); they need it up
 * @n_routes:	How many
 */
struct iface_opts {
	const char *alias;
	bool arp_notify, dad;
	const struct ip_net *addrs;
	size_t n_addrs;
	bool up;
	const struct route *routes;
	size_t n_routes;
};

/**
 * iface_configure() - Do all of that
 * @nl:		rtnetlink socket of the interface's namespace
 * @index:	ifindex
 * @opts:	What it gets
 * @err:	Filled on failure, names the first that failed
 *
 * The kernel does not stop at a failure: the caller removes the interface.
 *
 * Source: IFLA_INET_CONF, linux/if_link.h: sysctl arp_notify by netlink.
 *
 * Return: 0, or a negative errno as addr_add() and route_add() have them
 */
int iface_configure(struct netlink *nl, uint32_t index,
		    const struct iface_opts *opts, struct cni_err *err);

#endif
