/* SPDX-License-Identifier: Apache-2.0 */
/* tap.h - tap devices, the network end of a virtual machine. */
#ifndef WEFT_NET_TAP_H
#define WEFT_NET_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mac.h"

struct netlink;

#define TAP_ANYONE UINT32_MAX /* no owner, no group: CAP_NET_ADMIN opens it */

/**
 * struct tap_opts - What only the creating process can say
 * @name:	Interface name, see link_check_name()
 * @multi_queue: What the VMM will ask for; it can open the tap only with the
 *		same answer
 * @owner:	User ID that may open it without privilege, or TAP_ANYONE
 * @group:	Group ID that may, or TAP_ANYONE
 * @index:	ifindex wanted, the next ones if it is taken; 0: the kernel's
 *		choice
 */
struct tap_opts {
	const char *name;
	bool multi_queue;
	uint32_t owner, group, index;
};

/**
 * struct tap_conf - The rest, set by netlink
 * @mac:	The device's own address, not the guest's; zero: as it is
 * @mtu:	Bytes; 0: the kernel's default, 1500
 * @master:	ifindex of the bridge it becomes a port of; 0: none
 * @alias:	ifalias, at most 255 bytes
 */
struct tap_conf {
	struct mac mac;
	uint32_t mtu, master;
	const char *alias;
};

/**
 * struct tap_info - A tap as the kernel describes it
 * @owner:	User ID, or TAP_ANYONE
 * @group:	Group ID, or TAP_ANYONE
 * @queues:	Queues open now, attached or not; 0 without @multi_queue: there the
 *		device's carrier tells
 * @tap:	Ethernet, not a tun (layer 3)
 * @packet_info: Frames carry struct tun_pi; never with one of ours
 */
struct tap_info {
	uint32_t owner, group, queues;
	bool tap, persist, multi_queue, vnet_hdr, packet_info;
};

/**
 * tap_open() - Create a tap in the calling thread's netns, down
 * @opts:	Options, read only
 * @ret_fd:	One queue of it; unchanged on failure. Closing it removes the
 *		tap again unless tap_persist() was called
 * @ret_index:	Its ifindex; unchanged on failure
 * @err:	Filled on failure
 *
 * With virtio-net headers, without packet information; never an existing one.
 *
 * Source: linux/if_tun.h, Documentation/networking/tuntap.rst,
 * drivers/net/tun.c. A taken name and a taken ifindex both answer EBUSY.
 *
 * Return: 0, or
 *   -EEXIST  the name is taken
 *   -ENOENT, -ENODEV  no /dev/net/tun, or no tun support in this kernel
 *   -EPERM   no CAP_NET_ADMIN in the namespace's user namespace
 */
int tap_open(const struct tap_opts *opts, int *ret_fd, uint32_t *ret_index,
	     struct cni_err *err);

/**
 * tap_join() - Open one more queue of a tap that exists, as a VMM does
 * @name:	Its name in the calling thread's netns
 * @index:	Its ifindex there, so that none is made where it is gone
 * @multi_queue: What it was made with: tap_get() says
 * @ret_fd:	With virtio-net headers, non-blocking, closed on exec; unchanged
 *		on failure
 * @err:	Filled on failure
 *
 * Return: 0, or
 *   -ENODEV  there is no such tap (any more)
 *   -EBUSY   it has no queue left: somebody has it open
 *   -EINVAL  @multi_queue is the other one
 *   -EPERM   neither CAP_NET_ADMIN nor its owner
 */
int tap_join(const char *name, uint32_t index, bool multi_queue, int *ret_fd,
	     struct cni_err *err);

/**
 * tap_configure() - Mark a tap as ours, set it up as a bridge port
 * @nl:		rtnetlink socket of the tap's namespace
 * @name:	Its name
 * @conf:	What to set, read only
 * @err:	Filled on failure
 *
 * LINK_GROUP_WEFT, @conf and no IPv6 link-local address, in one send. After a
 * failure, close the tap's descriptor: it is not persistent yet.
 *
 * Return: 0, or
 *   -ENODEV  there is no such device
 *   -EINVAL  the kernel refused an option; @err holds its sentence
 *   -EXFULL  the bridge is full: LINK_BRIDGE_PORTS
 */
int tap_configure(struct netlink *nl, const char *name,
		  const struct tap_conf *conf, struct cni_err *err);

/** tap_available() - Can this process open /dev/net/tun? Errors as tap_open() */
int tap_available(struct cni_err *err);

/** tap_persist() - Let the tap outlive its descriptor */
int tap_persist(int fd, struct cni_err *err);

/** tap_expire() - From now on it goes with the last of its descriptors */
int tap_expire(int fd, struct cni_err *err);

/**
 * tap_get() - Read back what a tap is
 * @nl:		rtnetlink socket of the tap's namespace
 * @name:	Interface name
 * @ret:	Unchanged on failure
 * @err:	Filled on failure
 *
 * Source: IFLA_TUN_*, linux/if_link.h.
 *
 * Return: 0, -ENODEV if there is no such device, or -EMEDIUMTYPE if it is
 * neither tap nor tun
 */
int tap_get(struct netlink *nl, const char *name, struct tap_info *ret,
	    struct cni_err *err);

#endif
