/* SPDX-License-Identifier: Apache-2.0 */
/* VLANs: of the bridge, of a guest's port, of the gateway. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bridge-vm/ops.h"
#include "guest/check.h"
#include "net/bridge.h"
#include "net/sysctl.h"
#include "net/vlan.h"

enum {
	FIRST = 1, /* the default VLAN of a bridge that has none set */
	ATTEMPTS = 5,
};

/* While a bridge does not filter, frames without a tag pass everywhere. To a
 * port that is in no VLAN for them they would not any more. */
static int keep_connected(struct job *j, uint32_t index, bool bridge,
			  struct cni_err *err)
{
	const uint16_t vid =
		j->bridge.default_pvid ? j->bridge.default_pvid : FIRST;
	struct vlan_set have, add = { 0 };
	const struct vlan_change c = { .bridge = bridge, .add = &add };
	int r = vlan_get(j->host, index, &have, err);

	if (r < 0 || have.pvid)
		return r;
	vlan_set_add(&add, vid, VLAN_ACCESS);
	return vlan_change(j->host, index, &c, err);
}

int vlans_filter(struct job *j, struct cni_err *err)
{
	cleanup_free struct link_info *ports = NULL;
	size_t n = 0;
	int r;

	if (!bridge_vm_wants_vlans(&j->conf) || j->bridge.vlan_filtering > 0)
		return 0;
	if (j->bridge.vlan_filtering < 0)
		return err_say(err, CNI_E_KERNEL, EOPNOTSUPP,
			       "this kernel has no VLAN filtering for bridges");
	r = link_list(j->host, j->bridge.index, &ports, &n, err);
	if (!r)
		r = keep_connected(j, j->bridge.index, true, err);
	for (size_t i = 0; !r && i < n; i++) {
		r = keep_connected(j, ports[i].index, false, err);
		if (r == -ENODEV || r == -EINVAL)
			r = 0; /* it has left meanwhile */
	}
	if (!r)
		r = bridge_filter_vlans(j->host, j->bridge.index, err);
	if (!r)
		log_info(
			"bridge %s: filters VLANs from now on; %zu ports that it has keep their VLAN, tagged frames no longer pass between them",
			j->conf.bridge, n);
	return r;
}

void vlans_wanted(const struct job *j, struct vlan_set *ret)
{
	const uint16_t vid = (uint16_t)j->conf.vlan;
	const uint16_t def = j->bridge.default_pvid;

	*ret = j->conf.trunk;
	/* As upstream: a trunk alone is in the first VLAN too, untagged. */
	if (!j->conf.keep_default_vlan && !vid)
		vlan_set_add(ret, FIRST, VLAN_ACCESS);
	if (j->conf.keep_default_vlan && def)
		vlan_set_add(ret, def, VLAN_ACCESS);
	if (vid) {
		vlan_set_add(ret, vid, VLAN_ACCESS);
		if (j->conf.keep_default_vlan && def && def != vid)
			vlan_set_add(ret, def, VLAN_UNTAGGED);
	}
}

int vlans_join(struct job *j, struct cni_err *err)
{
	struct vlan_set del = { 0 }, add;
	const struct vlan_change c = { .del = &del, .add = &add };

	if (!bridge_vm_wants_vlans(&j->conf))
		return 0;
	vlans_wanted(j, &add);
	if (j->bridge.default_pvid &&
	    !vlan_set_has(&add, j->bridge.default_pvid))
		vlan_set_add(&del, j->bridge.default_pvid, VLAN_TAGGED);
	return vlan_change(j->host, j->port, &c, err);
}

static int find_or_create(struct job *j, struct cni_err *err)
{
	char alias[CNI_LINK_ALIAS_SIZE];
	int r = -ENODEV;

	cni_network_alias(j->call->conf.name, BRIDGE_VM_ROLE, alias);
	for (int i = 0; i < ATTEMPTS && r == -ENODEV; i++) {
		r = link_get(j->host, j->gateway_name, &j->gateway, err);
		if (r != -ENODEV)
			return r;
		r = vlan_create(j->host, j->gateway_name, j->bridge.index,
				(uint16_t)j->conf.vlan, alias, err);
		/* Another ADD was faster: look again. */
		if (r < 0 && r != -EEXIST)
			return r;
		r = link_get(j->host, j->gateway_name, &j->gateway, err);
	}
	return r;
}

/* The reference bridge makes a pair of veths, one of them a port of the bridge
 * in that VLAN: as good as ours where it is already. */
static bool is_upstreams(struct job *j)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct link_info port;

	return !strcmp(j->gateway.kind, "veth") && j->gateway.peer &&
	       !link_get_index(j->host, j->gateway.peer, &port, &ignored) &&
	       port.master == j->bridge.index;
}

static int check_device(const struct job *j, struct cni_err *err)
{
	const struct link_info *gw = &j->gateway;

	if (!strcmp(gw->kind, "vlan") && gw->peer == j->bridge.index &&
	    gw->vlan == j->conf.vlan)
		return 0;
	return err_say(
		err, CNI_E_TAKEN, EEXIST,
		"interface %s is not the 802.1Q device of VLAN %lld on bridge %s",
		j->gateway_name, (long long)j->conf.vlan, j->conf.bridge);
}

int vlans_check_gateway(struct job *j, struct cni_err *err)
{
	struct vlan_set have;
	int r = link_get(j->host, j->gateway_name, &j->gateway, err);

	if (r == -ENODEV)
		return damaged(err, "interface %s: not found", j->gateway_name);
	if (r < 0 || is_upstreams(j))
		return r;
	r = check_device(j, err);
	if (r == -EEXIST)
		err->code = CNI_E_CHECK;
	if (!r)
		r = vlan_get(j->host, j->bridge.index, &have, err);
	if (!r &&
	    strcmp(vlan_set_format(&have, j->gateway.vlan), "tagged") != 0)
		r = damaged(err, "bridge %s: itself in VLAN %u: %s, not tagged",
			    j->conf.bridge, j->gateway.vlan,
			    vlan_set_format(&have, j->gateway.vlan));
	return r;
}

/* An 802.1Q device above the bridge, and the bridge itself in the VLAN. */
static int make_right(struct job *j, struct cni_err *err)
{
	struct vlan_set add = { 0 };
	const struct vlan_change c = { .bridge = true, .add = &add };
	char alias[CNI_LINK_ALIAS_SIZE];
	int r = 0;

	/* An ADD that made it may have been killed before it marked it. */
	if (j->gateway.group == LINK_GROUP_WEFT && !*j->gateway.alias) {
		cni_network_alias(j->call->conf.name, BRIDGE_VM_ROLE, alias);
		r = link_set_alias(j->host, j->gateway.index, alias, err);
	}
	if (!r && !mac_equal(&j->gateway.mac, &j->bridge.mac)) {
		r = link_set_mac(j->host, j->gateway.index, &j->bridge.mac,
				 err);
		j->gateway.mac = j->bridge.mac;
	}
	vlan_set_add(&add, j->gateway.vlan, VLAN_TAGGED);
	return r ? r : vlan_change(j->host, j->bridge.index, &c, err);
}

int vlans_gateway(struct job *j, struct cni_err *err)
{
	int r;

	if (!job_has_gateway_vlan(j)) {
		j->gateway = j->bridge;
		return 0;
	}
	r = find_or_create(j, err);
	if (!r && !is_upstreams(j)) {
		r = check_device(j, err);
		if (!r)
			r = make_right(j, err);
	}
	if (!r && j->gateway.accept_ra > 0)
		r = sysctl_set_net("ipv6/conf", j->gateway_name, "accept_ra",
				   "0", err);
	if (!r && !(j->gateway.flags & IFF_UP))
		r = link_set_up(j->host, j->gateway.index, true, err);
	if (r < 0)
		return err_ctx(err, r, "gateway %s", j->gateway_name);

	(void)mac_format(&j->gateway.mac, j->gateway_mac_text);
	return 0;
}
