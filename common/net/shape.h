/* SPDX-License-Identifier: Apache-2.0 */
/* shape.h - limit the rates of a device: what goes out by it, and what comes in. */
#ifndef WEFT_NET_SHAPE_H
#define WEFT_NET_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"
#include "net/link.h"

struct netlink;

/* Of the filter that takes what comes in: after a guard's, which look at it
 * first and let it come here with TC_ACT_UNSPEC. */
#define SHAPE_PRIO 0x7800

/**
 * struct shape_rate - A limit
 * @rate:	Bytes a second; 0: none
 * @burst:	Bytes; less than a frame is taken for one frame
 */
struct shape_rate {
	uint64_t rate;
	uint32_t burst;
};

/**
 * struct shape - The limits of a device
 * @out:	Of what goes out by it
 * @in:		Of what comes in by it. It waits in a device of its own, an ifb
 * @ifb:	That device's name
 * @ifb_altname: An alternative name of it, to find it by; may be NULL
 * @ifb_mac:	Its address, which no frame ever has
 * @alias:	Its ifalias
 * @mtu:	Of the device that is limited, bytes; 0: the kernel's default
 */
struct shape {
	struct shape_rate out, in;
	const char *ifb;
	const char *ifb_altname;
	struct mac ifb_mac;
	const char *alias;
	uint32_t mtu;
};

/**
 * shape_set() - Limit a device that has no limits yet
 * @nl:		rtnetlink socket of its namespace
 * @index:	The device, best while it is down
 * @shape:	What to do; without a limit nothing is
 * @err:	Filled on failure
 *
 * Not more than SHAPE_LATENCY_MS wait, the rest is dropped. All but the ifb
 * goes with the device; after a failure the ifb may be left, see its names.
 * macvtap's frames go the other way round: what the guest sends goes out by it.
 *
 * Return: 0, or a negative errno
 */
int shape_set(struct netlink *nl, uint32_t index, const struct shape *shape,
	      struct cni_err *err);

#define SHAPE_LATENCY_MS 25

/**
 * shape_check() - Is a device limited so?
 * @nl:		rtnetlink socket of its namespace
 * @index:	The device
 * @shape:	What is wanted; a direction without a limit is not looked at
 * @err:	Says what differs
 *
 * Return: 0, -ENOENT (CNI_E_CHECK): not so, or another negative errno
 */
int shape_check(struct netlink *nl, uint32_t index, const struct shape *shape,
		struct cni_err *err);

#endif
