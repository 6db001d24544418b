/* SPDX-License-Identifier: Apache-2.0 */
/* dad.h - duplicate address detection of IPv6. */
#ifndef WEFT_NET_DAD_H
#define WEFT_NET_DAD_H

#include <stdint.h>

#include "base/err.h"

struct netlink;

#define DAD_TIMEOUT_MS 10000 /* the kernel's own is 1 to 2 seconds */

/**
 * dad_wait() - Wait until no address of a device is tentative any more
 * @nl:		rtnetlink socket of the device's namespace
 * @index:	ifindex; up, or it never happens
 * @timeout_ms:	How long to wait at most
 * @err:	Filled on failure, names the address
 *
 * Source: rtnetlink(7), IFA_F_TENTATIVE and IFA_F_DADFAILED, linux/if_addr.h.
 *
 * Return: 0, or
 *   -EADDRINUSE  another host on the link has one of them; CNI_E_TAKEN
 *   -ETIMEDOUT   one is still tentative
 */
int dad_wait(struct netlink *nl, uint32_t index, unsigned int timeout_ms,
	     struct cni_err *err);

/**
 * dad_wait_for_port() - Wait until frames pass a bridge port
 * @nl:		rtnetlink socket of the port's namespace
 * @index:	ifindex of the port; it and its other end are up
 * @timeout_ms:	How long to wait at most
 * @err:	Filled on failure
 *
 * A bridge hears of a port's carrier up to a second later. What is asked before
 * is lost, and nobody objects to a duplicate.
 *
 * Source: net/core/link_watch.c.
 *
 * Return: 0, or -ETIMEDOUT
 */
int dad_wait_for_port(struct netlink *nl, uint32_t index,
		      unsigned int timeout_ms, struct cni_err *err);

#endif
