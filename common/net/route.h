/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - unicast routes. */
#ifndef WEFT_NET_ROUTE_H
#define WEFT_NET_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

struct netlink;

#define ROUTE_TABLE_MAIN 254 /* RT_TABLE_MAIN, linux/rtnetlink.h */

/**
 * struct route - A unicast route
 * @dst:	Destination, host bits clear; a prefix length of 0 is the
 *		default route
 * @gw:		Next hop; family 0: the destination is on the link
 * @src:	Source address of what the host itself sends there; family 0: the
 *		kernel's choice
 * @oif:	ifindex of the device it leaves by
 * @priority:	Metric; 0: the kernel's default (IPv4 0, IPv6 1024)
 * @table:	Routing table; 0: main, 254. A list always holds the number
 * @mtu:	RTAX_MTU, bytes; 0: the device's
 * @advmss:	RTAX_ADVMSS, bytes; 0: derived from the MTU
 * @scope:	RT_SCOPE_*, linux/rtnetlink.h; -1: universe. IPv4 only
 */
struct route {
	struct ip_net dst;
	struct ip_addr gw, src;
	uint32_t oif, priority, table, mtu, advmss;
	int scope;
};

/**
 * route_add() - Add a route
 * @nl:		rtnetlink socket of the device's namespace
 * @route:	The route; its device must be up
 * @err:	Filled on failure
 *
 * With NLM_F_CREATE alone, as the reference plugins do: a second route to
 * the same destination by another gateway is accepted, in IPv6 as one more
 * path of the first.
 *
 * Return: 0, or
 *   -EEXIST       the very same route exists
 *   -ENETDOWN     the device is down
 *   -ENETUNREACH, -EHOSTUNREACH  the gateway is not on the device's link, or
 *                 that is down
 *   -ENODEV       there is no such device
 */
int route_add(struct netlink *nl, const struct route *route,
	      struct cni_err *err);

/**
 * route_del() - Remove a route
 *
 * Of several to the same destination, the one with this device, priority and
 * table.
 *
 * Return: 0, -ESRCH if there is none, or another negative errno
 */
int route_del(struct netlink *nl, const struct route *route,
	      struct cni_err *err);

/**
 * route_list() - The unicast routes of a namespace
 * @nl:		rtnetlink socket of the namespace
 * @oif:	Only routes by this device, the kernel filters; 0: all
 * @ret:	Array, NULL if there are none; free(). Unchanged on failure
 * @ret_n:	How many
 * @err:	Filled on failure
 *
 * All tables, IPv4 and IPv6. Of a route with several paths, each path is an
 * entry of its own.
 *
 * Return: 0, -ENODEV if there is no device @oif, or another negative errno
 */
int route_list(struct netlink *nl, uint32_t oif, struct route **ret,
	       size_t *ret_n, struct cni_err *err);

/**
 * struct route_answer - Where the kernel would send a packet
 * @oif:	Index of the interface
 * @is_local:	It would stay here
 * @has_gw:	By way of a router
 */
struct route_answer {
	uint32_t oif;
	bool is_local;
	bool has_gw;
};

/**
 * route_get() - Ask the kernel for the way to an address
 * @nl:		rtnetlink socket
 * @dst:	Address
 * @ret:	The answer; unchanged on failure
 * @err:	Filled on failure
 *
 * Return: 0, or
 *   -ENETUNREACH, -EHOSTUNREACH  there is none
 *   another negative errno
 */
int route_get(struct netlink *nl, const struct ip_addr *dst,
	      struct route_answer *ret, struct cni_err *err);

/**
 * route_get_default() - The first default route of the main table
 * @nl:		rtnetlink socket of the namespace
 * @ret:	IPv4's, else IPv6's; of several paths the first. Unchanged on
 *		failure
 * @err:	Filled on failure
 *
 * Asks where an IPv4 address that nobody has would go. Only if that is not the
 * answer, also where there is IPv6 alone, all routes are listed.
 *
 * Source: RTM_F_FIB_MATCH, linux/rtnetlink.h.
 *
 * Return: 0, -ENETUNREACH if there is none, or another negative errno
 */
int route_get_default(struct netlink *nl, struct route *ret,
		      struct cni_err *err);

/* For the module beside this one, which sends requests of its own. */

/** route_check() - -EAFNOSUPPORT: gateway and destination are of two families */
int route_check(const struct route *route, struct cni_err *err);

/** route_add_req() - What route_add() sends */
struct netlink_req route_add_req(const struct route *route);

/** route_explain() - Prefix @err with what failed; returns @r */
int route_explain(const struct route *route, int r, struct cni_err *err);

#endif
