/* SPDX-License-Identifier: Apache-2.0 */
/* job.h - one attachment in the making: what the steps of ADD share. */
#ifndef WEFT_MACVLAN_VM_JOB_H
#define WEFT_MACVLAN_VM_JOB_H

#include <string.h>

#include "cni/attachment.h"
#include "guest/guest.h"
#include "guest/lease.h"
#include "macvlan-vm/conf.h"
#include "net/link.h"
#include "net/node.h"
#include "net/undo.h"

#define MACVLAN_VM_ROLE "macvlan-vm"

/**
 * struct job - One attachment and the sockets to work on it
 * @call:	The request
 * @conf:	Its configuration, decoded
 * @attachment:	Whose interface it is
 * @alias:	Of the interface
 * @device:	Its name: CNI_IFNAME, or @node where that would be the host's
 * @node:	A VM's character device, in NODE_DIR; derived
 * @node_path:	The same with its directory
 * @mac:	Requested or derived; of "passthru" the parent's
 * @host:	rtnetlink in our own namespace
 * @guest:	The interface, and its namespace
 * @loaded:	The guard, if it is wanted
 * @parents:	rtnetlink where the parent is: one of those two
 * @parent:	As it was found
 * @ipam:	What the IPAM plugin gave
 * @lease:	To give it back; not if the interface could not be removed
 * @undo:	What to take back if a later step fails
 */
struct job {
	const struct cni_call *call;
	struct macvlan_vm_conf conf;
	struct cni_attachment attachment;
	char alias[CNI_LINK_ALIAS_SIZE];
	char device[CNI_LINK_NAME_SIZE];
	char node[CNI_LINK_NAME_SIZE];
	char node_path[CNI_LINK_NAME_SIZE + sizeof(NODE_DIR)];
	char mac_text[MAC_STR_SIZE];
	struct mac mac;
	struct netlink *host;
	struct guest guest;
	struct guard loaded;
	struct netlink *parents;
	struct link_info parent;
	struct cni_result ipam;
	struct lease lease;
	struct undo undo;
};

static inline bool job_is_vm(const struct job *j)
{
	return j->conf.attach == MACVLAN_VM_MACVTAP;
}

/** job_guarded() - As eBPF has to know the guest, with those addresses */
static inline struct guarded job_guarded(const struct job *j,
					 const struct cni_result *ips)
{
	return (struct guarded){ .call = j->call,
				 .attachment = &j->attachment,
				 .conf = &j->conf.guard,
				 .guard = &j->loaded,
				 .mac = j->mac,
				 .mtu = j->conf.mtu ? (uint32_t)j->conf.mtu
						    : j->parent.mtu,
				 .ips = ips,
				 .nl = j->guest.nl,
				 .ifindex = j->guest.index,
				 .mirrored = true };
}

/** parent_index() - Of the device that it comes to: none is on a macvlan */
static inline uint32_t parent_index(const struct link_info *parent)
{
	return !strncmp(parent->kind, "macv", 4) ? parent->peer : parent->index;
}

/**
 * macvlan_job_open() - Decode the configuration, derive the names, open the namespaces
 * @call:	Must outlive @ret
 * @ret:	Close with macvlan_job_close(), also after a failure
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int macvlan_job_open(const struct cni_call *call, struct job *ret,
		     struct cni_err *err);

/** macvlan_job_close() - Roll back unless disarmed, then free */
void macvlan_job_close(struct job *j);

#define cleanup_job CLEANUP(macvlan_job_close)

/**
 * parent_find() - Find the parent that the configuration names, or the device
 *	of the first default route
 * @nl:		rtnetlink where it is
 * @ret:	What was found
 * @err:	CNI_E_CONFIG
 *
 * Return: 0, -ENODEV: there is none, or another negative errno
 */
int parent_find(struct netlink *nl, const struct macvlan_vm_conf *conf,
		struct link_info *ret, struct cni_err *err);

/** parent_check_mtu() - "mtu": at most the parent's; -ERANGE (CNI_E_CONFIG) */
int parent_check_mtu(const struct macvlan_vm_conf *conf,
		     const struct link_info *parent, struct cni_err *err);

#endif
