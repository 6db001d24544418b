/* SPDX-License-Identifier: Apache-2.0 */
/* qdisc.h - queueing disciplines and filters: what of tc a rate limit needs. */
#ifndef WEFT_NET_QDISC_H
#define WEFT_NET_QDISC_H

#include <stdint.h>

#include "base/err.h"
#include "net/netlink.h"

/**
 * struct qdisc_tbf - A token bucket
 * @rate:	Bytes a second, at least 1
 * @burst:	Bytes that may pass at once; a longer frame never passes
 * @limit:	Bytes that may wait; the rest is dropped
 */
struct qdisc_tbf {
	uint64_t rate;
	uint32_t burst;
	uint32_t limit;
};

/**
 * qdisc_tbf_req() - Request: a token bucket as the root of device @index, 1:
 *
 * Source: tc-tbf(8); TCA_TBF_RATE64 and TCA_TBF_BURST, net/sched/sch_tbf.c.
 */
struct netlink_req qdisc_tbf_req(uint32_t index, const struct qdisc_tbf *tbf);

/**
 * qdisc_tbf_get() - Read the token bucket of a device back
 * @nl:		rtnetlink socket
 * @index:	The device
 * @ret:	What was found, @burst from the time that it takes at that rate
 * @err:	Filled on failure
 *
 * Return: 0, -ENOENT: its root is something else, or another negative errno
 */
int qdisc_tbf_get(struct netlink *nl, uint32_t index, struct qdisc_tbf *ret,
		  struct cni_err *err);

/**
 * qdisc_clsact_req() - Request: the hook for filters of device @index
 *
 * There is one for everybody: -EEXIST is as good, and it is never to be removed.
 */
struct netlink_req qdisc_clsact_req(uint32_t index);

/**
 * qdisc_redirect_req() - Request: all that comes in by @index goes out by @to
 * @index:	Device with a clsact
 * @prio:	Of the filter. Those of lower numbers see the frame before, and
 *		let it come here with TC_ACT_UNSPEC
 * @to:		Device; while it does not exist or is down, frames are dropped
 *
 * Source: tc-u32(8), tc-mirred(8).
 */
struct netlink_req qdisc_redirect_req(uint32_t index, uint16_t prio,
				      uint32_t to);

/**
 * qdisc_redirect_get() - Where do frames that come in by a device go?
 * @nl:		rtnetlink socket
 * @index:	Device
 * @prio:	Of the filter
 * @ret_to:	ifindex
 * @err:	Filled on failure
 *
 * Return: 0, -ENOENT: there is no such filter, or another negative errno
 */
int qdisc_redirect_get(struct netlink *nl, uint32_t index, uint16_t prio,
		       uint32_t *ret_to, struct cni_err *err);

#endif
