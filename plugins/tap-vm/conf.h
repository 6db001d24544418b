/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - tap-vm's configuration; pure. */
#ifndef WEFT_TAP_VM_CONF_H
#define WEFT_TAP_VM_CONF_H

#include <stdbool.h>

#include "cni/attachment.h"
#include "guest/guard.h"
#include "guest/tap_request.h"

#define TAP_VM_KUBEVIRT_ID 107 /* qemu's user and group in virt-launcher */

enum tap_vm_shape {
	TAP_VM_PLAIN,
	TAP_VM_KUBEVIRT, /* binding "tap": the names are the contract */
	TAP_VM_TC_REDIRECT, /* tc-redirect-tap's result, read by Firecracker's SDK */
};

/**
 * struct tap_vm_conf - What one attachment gets
 * @shape:	Whose result and defaults
 * @tap:	Name, owner, group and queues, settled from every place
 * @name:	Of the tap: configured, asked for or derived
 * @guard:	What keeps the VM honest
 * @del_wait:	DEL waits for the kernel's clean-up; only checked here
 */
struct tap_vm_conf {
	enum tap_vm_shape shape;
	struct tap_request tap;
	char name[CNI_LINK_NAME_SIZE];
	struct guard_conf guard;
	bool del_wait;
};

/**
 * tap_vm_conf_parse() - Decode, check, and settle what may come from several
 *	places
 * @call:	Configuration and CNI_ARGS; must outlive @ret
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE, CNI_E_CONFIG or CNI_E_ENV
 *
 * Return: 0 or a negative errno
 */
int tap_vm_conf_parse(const struct cni_call *call, struct tap_vm_conf *ret,
		      struct cni_err *err);

#endif
