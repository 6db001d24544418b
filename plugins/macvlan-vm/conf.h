/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - macvlan-vm's configuration; pure. */
#ifndef WEFT_MACVLAN_VM_CONF_H
#define WEFT_MACVLAN_VM_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "cni/key.h"
#include "cni/plugin.h"

/**
 * struct macvlan_vm_conf - What one attachment gets
 * @parent:	"master": the parent's name, "" for the default route's device
 * @mode:	"bridge", "private", "vepa" or "passthru"
 * @mtu:	Bytes, at most the parent's; 0: the parent's
 * @bc_queue_len: Broadcasts that may wait on the parent; 0: the kernel's
 *		default
 * @link_in_container: The parent is in the container's namespace
 * @host_access: A macvlan for the host itself, and routes to the guests by it
 * @del_wait:	DEL waits for the kernel's clean-up; only checked here
 * @has_mac:	@mac was asked for
 * @mac:	The guest's
 * @key:	What MAC and addresses go with
 */
struct macvlan_vm_conf {
	const char *parent;
	const char *mode;
	int64_t mtu;
	int64_t bc_queue_len;
	bool link_in_container;
	bool host_access;
	bool del_wait;
	bool has_mac;
	struct mac mac;
	struct cni_key key;
};

/**
 * macvlan_vm_conf_parse() - Decode, check, and settle what may come from
 *	several places
 * @call:	Configuration and CNI_ARGS; must outlive @ret
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE, CNI_E_CONFIG, CNI_E_ENV, or CNI_E_FIELD for a kind of
 *		guest that is not supported yet
 *
 * Return: 0 or a negative errno
 */
int macvlan_vm_conf_parse(const struct cni_call *call,
			  struct macvlan_vm_conf *ret, struct cni_err *err);

#endif
