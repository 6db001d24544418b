/* SPDX-License-Identifier: Apache-2.0 */
/* addr.h - addresses of devices. */
#ifndef WEFT_NET_ADDR_H
#define WEFT_NET_ADDR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"
#include "net/netlink.h"

/**
 * addr_add() - Give a device an address
 * @nl:		rtnetlink socket of the device's namespace
 * @index:	ifindex
 * @addr:	Address and prefix length; the kernel adds the prefix's route once
 *		the device is up
 * @flags:	IFA_F_*, linux/if_addr.h: IFA_F_NODAD for IPv6 unless duplicates
 *		shall be looked for
 * @err:	Filled on failure
 *
 * An IPv4 prefix shorter than 31 bits gets its broadcast address, as the
 * reference plugins' library does.
 *
 * Return: 0, or
 *   -EEXIST        the device has it
 *   -ENODEV        there is no such device
 *   -EACCES        IPv6 is disabled on the device
 *   -EAFNOSUPPORT, -EOPNOTSUPP  there is no IPv6 in this kernel
 */
int addr_add(struct netlink *nl, uint32_t index, const struct ip_net *addr,
	     uint32_t flags, struct cni_err *err);

/**
 * addr_del() - Take an address away
 *
 * Return: 0, -EADDRNOTAVAIL if the device does not have it, -ENODEV, or
 * another negative errno
 */
int addr_del(struct netlink *nl, uint32_t index, const struct ip_net *addr,
	     struct cni_err *err);

/**
 * addr_list() - The addresses of one device, IPv4 and IPv6
 * @nl:		rtnetlink socket of the device's namespace
 * @index:	ifindex; the kernel filters by it
 * @ret:	Array, NULL if there are none; free(). Unchanged on failure
 * @ret_n:	How many
 * @err:	Filled on failure
 *
 * Return: 0, -ENODEV if there is no such device, or another negative errno
 */
int addr_list(struct netlink *nl, uint32_t index, struct ip_net **ret,
	      size_t *ret_n, struct cni_err *err);

/**
 * addr_list_in() - The same of a device in another namespace
 * @netnsid:	As the namespace of @nl numbers it, struct link_info has it; -1:
 *		that namespace itself
 *
 * Source: IFA_TARGET_NETNSID, linux/if_addr.h; needs CAP_NET_ADMIN there.
 */
int addr_list_in(struct netlink *nl, int32_t netnsid, uint32_t index,
		 struct ip_net **ret, size_t *ret_n, struct cni_err *err);

/* For the module beside this one, which sends requests of its own. */

/** addr_add_req() - What addr_add() sends */
struct netlink_req addr_add_req(uint32_t index, const struct ip_net *addr,
				uint32_t flags);

/** addr_explain() - Prefix @err with what failed; returns @r */
int addr_explain(const struct ip_net *addr, int r, struct cni_err *err);

#endif
