/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - bridge-vm's configuration; pure. */
#ifndef WEFT_BRIDGE_VM_CONF_H
#define WEFT_BRIDGE_VM_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mac.h"
#include "cni/key.h"
#include "cni/plugin.h"
#include "guest/bandwidth.h"
#include "guest/guard.h"
#include "guest/tap_request.h"
#include "net/vlan.h"

#define BRIDGE_VM_MTU_AUTO (-1)

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
 * @mtu:	Bytes; 0: the kernel's default; BRIDGE_VM_MTU_AUTO: the uplink's,
 *		else the bridge's, else that of the way out
 * @uplink:	Device that extends the bridge; "": none
 * @vlan:	The guest's VLAN, of the frames without a tag; 0: the default one
 * @has_trunk:	The guest may also use the VLANs of @trunk, tagged
 * @trunk:	Members only
 * @keep_default_vlan: The guest stays in the bridge's default VLAN too
 * @mac_check:	Frames from the guest must carry its MAC
 * @hairpin:	Frames may leave by the port they came in by
 * @promisc:	The bridge takes all frames itself
 * @isolated:	No frames to and from other isolated ports
 * @dad:	ADD waits until no other host has the guest's IPv6 addresses
 * @disable_guest: Leave the container's interface down
 * @strict_gc:	GC also removes ports that are in use
 * @del_wait:	DEL waits for the kernel's clean-up; only checked here
 * @has_mac:	@mac was asked for
 * @mac:	The guest's
 * @key:	What MAC and addresses go with
 * @attach:	Container or VM
 * @tap:	A VM's
 * @bandwidth:	How fast the guest may send and receive
 * @guard:	What keeps it honest
 * @kata_dan:	A VM is one of Kata's, which finds its tap in a file
 * @kata_dan_dir: Where that is
 */
struct bridge_vm_conf {
	const char *bridge;
	bool is_gateway;
	bool is_default_gateway;
	bool force_address;
	bool ip_masq;
	int64_t mtu;
	const char *uplink;
	int64_t vlan;
	bool has_trunk;
	struct vlan_set trunk;
	bool keep_default_vlan;
	bool mac_check;
	bool hairpin;
	bool promisc;
	bool isolated;
	bool dad;
	bool disable_guest;
	bool strict_gc;
	bool del_wait;
	bool has_mac;
	struct mac mac;
	struct cni_key key;
	enum bridge_vm_attach attach;
	struct tap_request tap;
	struct bandwidth bandwidth;
	struct guard_conf guard;
	bool kata_dan;
	const char *kata_dan_dir;
};

/**
 * bridge_vm_conf_parse() - Decode, check, and settle what may come from
 *	several places
 * @call:	Configuration and CNI_ARGS; must outlive @ret
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE, CNI_E_CONFIG, CNI_E_ENV, or CNI_E_FIELD for a key that
 *		cannot be left to the attachment
 *
 * Return: 0 or a negative errno
 */
int bridge_vm_conf_parse(const struct cni_call *call,
			 struct bridge_vm_conf *ret, struct cni_err *err);

/** bridge_vm_wants_vlans() - Does the bridge have to tell VLANs apart? */
static inline bool bridge_vm_wants_vlans(const struct bridge_vm_conf *c)
{
	return c->vlan || c->has_trunk;
}

/* conf_vlan.c, of conf.c. */

/** conf_trunk() - Decode "vlanTrunk": {"id"}s and {"minID", "maxID"}s */
int conf_trunk(const cJSON *list, struct vlan_set *ret, struct cni_err *err);

/**
 * conf_asked_vlan() - The VLAN that an attachment asks for
 * @ret:	-1: none
 *
 * Return: 0 or a negative errno
 */
int conf_asked_vlan(const struct cni_call *call, int64_t *ret,
		    struct cni_err *err);

#endif
