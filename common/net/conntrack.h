/* SPDX-License-Identifier: Apache-2.0 */
/* conntrack.h - forget connections whose way has changed. */
#ifndef WEFT_NET_CONNTRACK_H
#define WEFT_NET_CONNTRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

/**
 * struct conntrack_match - Connections to a port of this host
 * @proto:	IPPROTO_*
 * @port:	Which they were sent to
 * @dst:	The address that they were sent to; unspecified: any of the host
 * @to:		Where they are led
 * @to_port:	... to which port
 * @is_other:	Mean those that are led elsewhere, or nowhere
 */
struct conntrack_match {
	uint8_t proto;
	uint16_t port;
	struct ip_addr dst;
	struct ip_addr to;
	uint16_t to_port;
	bool is_other;
};

/**
 * conntrack_flush() - Remove connections from the kernel's table
 * @v:		Which; all of one protocol
 * @n:		How many
 * @err:	Filled on failure
 *
 * Only those: what was sent to an address that is not the host's stays, even
 * to the same port. A kernel without ctnetlink has none to show: success.
 *
 * Source: linux/netfilter/nfnetlink_conntrack.h, CTA_FILTER.
 *
 * Return: 0, or a negative errno
 */
int conntrack_flush(const struct conntrack_match *v, size_t n,
		    struct cni_err *err);

#endif
