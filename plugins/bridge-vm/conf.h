/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - bridge-vm's configuration; pure. */
#ifndef WEFT_BRIDGE_VM_CONF_H
#define WEFT_BRIDGE_VM_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "cni/plugin.h"

#define BRIDGE_VM_MAX_QUEUES 256 /* linux/if_tun.h: MAX_TAP_QUEUES */

enum bridge_vm_attach {
	BRIDGE_VM_VETH, /* a container */
	BRIDGE_VM_TAP,	/* a VM whose VMM runs in our own namespace */
};

/**
 * struct bridge_vm_conf - What one attachment gets
 * @bridge:	Name, made if missing; default "cni0"
 * @is_gateway:	The bridge carries the gateway's addresses, the host forwards
 * @is_default_gateway: Guests get a default route through them
 * @force_address: Replace an address of the bridge that stands in the way
 * @ip_masq:	Masquerade what leaves the network
 * @mtu:	Bytes; 0: the kernel's default
 * @disable_guest: Leave the container's interface down
 * @strict_gc:	GC also removes ports that are in use
 * @del_wait:	DEL waits for the kernel's clean-up; only checked here
 * @has_mac:	@mac was asked for
 * @mac:	The guest's
 * @attach:	Container or VM
 * @tap_name:	"" for the derived one
 * @tap_owner:	User ID that may open the tap; -1: root only
 * @tap_group:	Group ID likewise
 * @tap_queues:	What the VMM will ask for; over 1 needs IFF_MULTI_QUEUE
 */
struct bridge_vm_conf {
	const char *bridge;
	bool is_gateway;
	bool is_default_gateway;
	bool force_address;
	bool ip_masq;
	int64_t mtu;
	bool disable_guest;
	bool strict_gc;
	bool del_wait;
	bool has_mac;
	struct mac mac;
	enum bridge_vm_attach attach;
	const char *tap_name;
	int64_t tap_owner;
	int64_t tap_group;
	int64_t tap_queues;
};

/**
 * bridge_vm_conf_parse() - Decode, check, and settle what may come from
 *	several places
 * @call:	Configuration and CNI_ARGS; must outlive @ret
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE, CNI_E_CONFIG, CNI_E_ENV, or CNI_E_FIELD for a key of
 *		the reference plugin that is not supported yet
 *
 * Return: 0 or a negative errno
 */
int bridge_vm_conf_parse(const struct cni_call *call,
			 struct bridge_vm_conf *ret, struct cni_err *err);

#endif
