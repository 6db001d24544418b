/* SPDX-License-Identifier: Apache-2.0 */
/* job.h - one attachment in the making: what the verbs share. */
#ifndef WEFT_TAP_VM_JOB_H
#define WEFT_TAP_VM_JOB_H

#include "bpf/filter.h"
#include "cni/attachment.h"
#include "guest/guest.h"
#include "net/link.h"
#include "net/undo.h"
#include "tap-vm/conf.h"

/**
 * struct job - One attachment and the sockets to work on it
 * @call:	The request
 * @conf:	Its configuration, decoded
 * @attachment:	Whose tap it is
 * @alias:	Of the tap
 * @altname:	Of the tap: it is found by that, whatever its name is
 * @mac:	The tap's own, which no frame of the guest's carries
 * @gateway:	The gateway's, if that is a device of the host's; else zero
 * @guest:	Of whoever came before: its interface and its namespace
 * @iface:	That interface as it was found
 * @loaded:	The guard, if it is wanted
 * @tap:	ifindex
 * @tap_fd:	Without it, and before it is persistent, the tap is gone
 * @undo:	What to take back if a later step fails
 */
struct job {
	const struct cni_call *call;
	struct tap_vm_conf conf;
	struct cni_attachment attachment;
	char alias[CNI_LINK_ALIAS_SIZE];
	char altname[CNI_LINK_ALTNAME_SIZE];
	struct mac mac, gateway;
	struct guest guest;
	struct link_info iface;
	struct guard loaded;
	uint32_t tap;
	int tap_fd;
	struct undo undo;
};

/**
 * job_open() - Decode the configuration, derive the names, open the namespace
 * @call:	Must outlive @ret
 * @ret:	Close with job_close(), also after a failure
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int tap_vm_job_open(const struct cni_call *call, struct job *ret,
		    struct cni_err *err);

/** tap_vm_job_close() - Roll back unless disarmed, then free */
void tap_vm_job_close(struct job *j);

#define cleanup_job CLEANUP(tap_vm_job_close)

/**
 * tap_vm_find_gateway() - Is one of the host's devices that the step before has
 *	made the gateway?
 * @j:		Its MAC goes here
 * @prev:	prevResult
 * @err:	Filled on failure
 *
 * bridge's bridge is, with isGateway, and ptp's port.
 *
 * Return: 0 or a negative errno
 */
int tap_vm_find_gateway(struct job *j, const struct cni_result *prev,
			struct cni_err *err);

/**
 * tap_vm_guarded() - As eBPF has to know the VM
 * @ips:	With the addresses
 * @of:		of that entry; NULL: of all
 */
static inline struct guarded tap_vm_guarded(const struct job *j,
					    const struct cni_result *ips,
					    const struct cni_interface *of)
{
	return (struct guarded){ .call = j->call,
				 .attachment = &j->attachment,
				 .conf = &j->conf.guard,
				 .guard = &j->loaded,
				 .mac = j->iface.mac,
				 .gateway_mac = j->gateway,
				 .mtu = j->iface.mtu,
				 .ips = ips,
				 .of = of,
				 .nl = j->guest.nl,
				 .ifindex = j->tap };
}

/** tap_vm_splice() - Where a splice sits, on either of the two devices */
static inline struct bpf_filter tap_vm_splice(uint32_t ifindex)
{
	return (struct bpf_filter){ .ifindex = ifindex,
				    .prio = BPF_FILTER_SPLICE,
				    .name = "weft_splice" };
}

/**
 * tap_vm_find() - The attachment's tap, by its altname
 * @nl:		rtnetlink in the guest's namespace
 * @a:		Whose
 * @ret:	Filled if it is there
 *
 * Return: 1 if it is, 0 if not, or a negative errno
 */
int tap_vm_find(struct netlink *nl, const struct cni_attachment *a,
		struct link_info *ret, struct cni_err *err);

/** tap_vm_check() - CHECK */
int tap_vm_check(const struct cni_call *call, struct cni_err *err);

/** tap_vm_report() - The tap, in the shape that is wanted, after what came before */
int tap_vm_report(const struct job *j, struct cni_result *ret,
		  struct cni_err *err);

#endif
