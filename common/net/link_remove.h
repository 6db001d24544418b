/* SPDX-License-Identifier: Apache-2.0 */
/* link_remove.h - delete a device without waiting for the kernel's clean-up. */
#ifndef WEFT_NET_LINK_REMOVE_H
#define WEFT_NET_LINK_REMOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct netlink;

enum link_wait {
	LINK_WAIT_AUTO,	 /* for the event where PID 1 is a known init */
	LINK_WAIT_EVENT, /* until the device is unlisted */
	LINK_WAIT_KERNEL /* until the kernel has freed it, 12 to 20 ms later */
};

/**
 * link_remove() - Delete a device; a veth's other end goes with it
 * @nl:		rtnetlink socket of the device's namespace
 * @index:	ifindex
 * @wait:	For what to wait
 * @err:	Filled on failure
 *
 * The kernel unlists a device, frees its name and says so, and then keeps the
 * deleting process for one or two RCU grace periods. So a child deletes, and
 * this returns at the event; the child has no descriptor but its socket, and
 * ends when the kernel lets go of it. Nobody of ours waits for it: it is left
 * to PID 1, and where that is no init it would stay a zombie. Without fork the
 * wait is for the kernel.
 *
 * Source: net/core/dev.c netdev_run_todo(); RTNLGRP_LINK, rtnetlink(7).
 *
 * Return: 0, -ENODEV if there is none, or another negative errno
 */
int link_remove(struct netlink *nl, uint32_t index, enum link_wait wait,
		struct cni_err *err);

/** link_init_reaps() - Is PID 1 one of those that are known to reap orphans? */
bool link_init_reaps(void);

/** link_leaves_child() - May a child be left behind that waits for the kernel? */
bool link_leaves_child(enum link_wait wait);

#endif
