/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - macvlan-vm's configuration; pure. */
#ifndef WEFT_MACVLAN_VM_CONF_H
#define WEFT_MACVLAN_VM_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "cni/key.h"
#include "cni/plugin.h"
#include "guest/bandwidth.h"
#include "guest/guard.h"

#define MACVLAN_VM_MAX_QUEUES 256 /* linux/if_tap.h: MAX_TAP_QUEUES */

enum macvlan_vm_attach {
	MACVLAN_VM_MACVLAN, /* a container */
	MACVLAN_VM_MACVTAP, /* a VM, which opens a character device */
};

/**
 * struct macvlan_vm_conf - What one attachment gets
 * @parent:	"master": the parent's name, "" for the default route's device
 * @mode:	"bridge", "private", "vepa" or "passthru"
 * @mtu:	Bytes, at most the parent's; 0: the parent's
 * @bc_queue_len: Broadcasts that may wait on the parent; 0: the kernel's
 *		default
 * @link_in_container: The parent is in the container's namespace
 * @host_access: A macvlan for the host itself, and routes to the guests by it
 * @guard:	What keeps the guest honest
 * @strict_gc:	GC also removes the devices of VMs that run
 * @del_wait:	DEL waits for the kernel's clean-up; only checked here
 * @has_mac:	@mac was asked for
 * @mac:	The guest's
 * @attach:	Container or VM
 * @may_be_vm:	It is a VM, or the attachment could have said so
 * @tap_owner:	User ID that owns the character device
 * @tap_group:	Group ID likewise
 * @tap_queues:	Of the device, each way; a VMM opens it so many times
 * @tap_mode:	The permissions, of 0666
 * @key:	What MAC and addresses go with
 * @bandwidth:	How fast a VM may send and receive
 */
struct macvlan_vm_conf {
	const char *parent;
	const char *mode;
	int64_t mtu;
	int64_t bc_queue_len;
	bool link_in_container;
	bool host_access;
	struct guard_conf guard;
	bool strict_gc;
	bool del_wait;
	bool has_mac;
	struct mac mac;
	enum macvlan_vm_attach attach;
	bool may_be_vm;
	int64_t tap_owner;
	int64_t tap_group;
	int64_t tap_queues;
	uint32_t tap_mode;
	struct cni_key key;
	struct bandwidth bandwidth;
};

/**
 * macvlan_vm_conf_parse() - Decode, check, and settle what may come from
 *	several places
 * @call:	Configuration and CNI_ARGS; must outlive @ret
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE, CNI_E_CONFIG, CNI_E_ENV, or CNI_E_FIELD for a key that
 *		cannot be left to the attachment
 *
 * Return: 0 or a negative errno
 */
int macvlan_vm_conf_parse(const struct cni_call *call,
			  struct macvlan_vm_conf *ret, struct cni_err *err);

#endif
