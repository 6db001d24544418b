/* SPDX-License-Identifier: Apache-2.0 */
/* job.h - one attachment in the making: what the steps of ADD share. */
#ifndef WEFT_BRIDGE_VM_JOB_H
#define WEFT_BRIDGE_VM_JOB_H

#include "bridge-vm/conf.h"
#include "cni/attachment.h"
#include "guest/guest.h"
#include "guest/lease.h"
#include "net/link.h"
#include "net/masq.h"
#include "net/netlink.h"
#include "net/spoof.h"
#include "net/undo.h"

#define BRIDGE_VM_ROLE "bridge-vm"

/**
 * struct job - One attachment and the sockets to work on it
 * @call:	The request
 * @conf:	Its configuration, decoded
 * @attachment:	Whose port it is
 * @port_name:	Derived, or configured for a tap
 * @alias:	Of the port and of a container's interface
 * @guest_mac:	Requested or derived
 * @port_mac:	Never the guest's: the bridge would keep the guest's frames
 * @ifb_name:	The device where what the guest has sent waits, if that is
 *		limited
 * @host:	rtnetlink in our own namespace
 * @netns:	The container's namespace; -1 for a VM
 * @guest:	rtnetlink there; NULL for a VM
 * @bridge:	As it was found or made
 * @mtu:	Of the port, and of a new bridge; 0: the kernel's default
 * @uplink:	As it was found; index 0: none is configured
 * @gateway:	What carries the gateway's addresses: the bridge or
 * @gateway_name: <bridge>.<vlan>
 * @guard:	Name of the nf_tables chain of the spoof check
 * @loaded:	The guard, if it is wanted
 * @index:	ifindex that the port is made with, if it is free
 * @port:	ifindex of the port once it is made; 0 before
 * @guest_link:	ifindex of the container's interface
 * @tap_fd:	Keeps a tap alive until it is made persistent; -1: none
 * @ipam:	What the IPAM plugin gave, gateways completed
 * @lease:	To give it back; not if the port could not be removed
 * @undo:	What to take back if a later step fails
 */
struct job {
	const struct cni_call *call;
	struct bridge_vm_conf conf;
	struct cni_attachment attachment;
	char port_name[CNI_LINK_NAME_SIZE];
	char alias[CNI_LINK_ALIAS_SIZE];
	char guest_mac_text[MAC_STR_SIZE];
	char port_mac_text[MAC_STR_SIZE];
	char bridge_mac_text[MAC_STR_SIZE];
	char gateway_name[CNI_LINK_NAME_SIZE];
	char gateway_mac_text[MAC_STR_SIZE];
	char guard[SPOOF_NAME_SIZE];
	char ifb_name[CNI_LINK_NAME_SIZE];
	char ifb_mac_text[MAC_STR_SIZE];
	struct mac guest_mac;
	struct mac port_mac;
	struct netlink *host;
	int netns;
	struct netlink *guest;
	struct link_info bridge, uplink, gateway;
	uint32_t mtu;
	struct guard loaded;
	uint32_t index;
	uint32_t port;
	uint32_t guest_link;
	int tap_fd;
	struct cni_result ipam;
	struct lease lease;
	struct undo undo;
};

static inline bool job_is_vm(const struct job *j)
{
	return j->conf.attach == BRIDGE_VM_TAP;
}

static inline bool job_is_l3(const struct job *j)
{
	return *j->call->conf.ipam_type != '\0';
}

/**
 * job_has_gateway_vlan() - Is the gateway inside a VLAN?
 *
 * Not in the bridge's own: there the bridge itself is in it, untagged.
 */
static inline bool job_has_gateway_vlan(const struct job *j)
{
	return j->conf.is_gateway && job_is_l3(j) && j->conf.vlan &&
	       j->conf.vlan != j->bridge.default_pvid;
}

/** job_gateway_name() - The device that has the gateway's addresses */
static inline const char *job_gateway_name(const struct job *j)
{
	return job_has_gateway_vlan(j) ? j->gateway_name : j->conf.bridge;
}

/** job_guest() - A container's interface, once it is made */
static inline struct guest job_guest(const struct job *j)
{
	return (struct guest){ .call = j->call,
			       .netns = j->netns,
			       .nl = j->guest,
			       .index = j->guest_link,
			       .dad = j->conf.dad };
}

/**
 * job_open() - Decode the configuration, derive the names, open the namespaces
 * @call:	Must outlive @ret
 * @ret:	Close with job_close(), also after a failure
 * @err:	Filled on failure
 *
 * Return: 0 or a negative errno
 */
int job_open(const struct cni_call *call, struct job *ret, struct cni_err *err);

/** job_close() - Roll back unless disarmed, then free */
void job_close(struct job *j);

#define cleanup_job CLEANUP(job_close)

/** job_report() - Append what was made to the result of an earlier plugin */
int job_report(const struct job *j, struct cni_result *ret,
	       struct cni_err *err);

#endif
