/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge: what belongs to the network and outlives its guests. */
#include <errno.h>
#include <string.h>

#include "bridge-vm/ops.h"
#include "net/bridge.h"
#include "net/route.h"
#include "net/sysctl.h"

#define ATTEMPTS 5 /* a bridge that comes and goes under our hands */

/* The LAN knows the host by its uplink's address. */
static struct mac own_mac(const struct job *j)
{
	return j->uplink.index ? j->uplink.mac : cni_bridge_mac(j->conf.bridge);
}

static int create(struct job *j, struct cni_err *err)
{
	char alias[CNI_LINK_ALIAS_SIZE];
	const struct bridge_opts opts = {
		.mtu = j->mtu,
		.mac = own_mac(j),
		.alias = alias,
		.vlan_filtering = bridge_vm_wants_vlans(&j->conf),
	};
	uint32_t index;
	int r;

	cni_network_alias(j->call->conf.name, BRIDGE_VM_ROLE, alias);
	r = bridge_create(j->host, j->conf.bridge, &opts, &index, err);
	/* Another ADD was faster: look again. */
	return r == -EEXIST ? 0 : r;
}

/* An address that the bridge takes from its ports changes with them. Set to
 * what it is, it stays; a bridge without ports may have none to keep. */
static int pin_mac(struct job *j, struct cni_err *err)
{
	if (j->uplink.index) {
		if (mac_equal(&j->bridge.mac, &j->uplink.mac) &&
		    j->bridge.group == LINK_GROUP_WEFT)
			return 0;
		j->bridge.mac = j->uplink.mac;
	} else if (j->bridge.group == LINK_GROUP_WEFT) {
		return 0;
	} else if (!mac_is_unicast(&j->bridge.mac)) {
		j->bridge.mac = own_mac(j);
	}
	return link_set_mac(j->host, j->bridge.index, &j->bridge.mac, err);
}

/* An ADD that made the bridge may have been killed before it marked it. */
static int mark(struct job *j, struct cni_err *err)
{
	char alias[CNI_LINK_ALIAS_SIZE];

	if (j->bridge.group != LINK_GROUP_WEFT || *j->bridge.alias)
		return 0;
	cni_network_alias(j->call->conf.name, BRIDGE_VM_ROLE, alias);
	return link_set_alias(j->host, j->bridge.index, alias, err);
}

/* The way out: by whatever device the default route goes. */
static int default_mtu(struct job *j, struct cni_err *err)
{
	cleanup_free struct route *routes = NULL;
	struct link_info out;
	size_t n = 0;
	int r = route_list(j->host, 0, &routes, &n, err);

	for (size_t i = 0; !r && i < n; i++) {
		if (routes[i].dst.plen || !routes[i].oif)
			continue;
		r = link_get_index(j->host, routes[i].oif, &out, err);
		if (!r)
			j->mtu = out.mtu;
		return r;
	}
	return r;
}

/* Before the bridge is made, if it is not there. */
static int settle_mtu(struct job *j, bool has_bridge, struct cni_err *err)
{
	if (j->conf.mtu != BRIDGE_VM_MTU_AUTO)
		j->mtu = (uint32_t)j->conf.mtu;
	else if (j->uplink.index)
		j->mtu = j->uplink.mtu;
	else if (has_bridge)
		j->mtu = j->bridge.mtu;
	else
		return default_mtu(j, err);
	return 0;
}

static int find_or_create(struct job *j, struct cni_err *err)
{
	int r = -ENODEV, m;

	for (int i = 0; i < ATTEMPTS && r == -ENODEV; i++) {
		r = link_get(j->host, j->conf.bridge, &j->bridge, err);
		if (r && r != -ENODEV)
			return r;
		m = settle_mtu(j, !r, err);
		if (m < 0 || !r)
			return m;
		r = create(j, err);
		if (r < 0)
			return r;
		r = link_get(j->host, j->conf.bridge, &j->bridge, err);
	}
	return r;
}

int bridge_ensure(struct job *j, struct cni_err *err)
{
	const char *name = j->conf.bridge;
	int r = uplink_find(j->host, &j->conf, &j->uplink, err);

	if (!r)
		r = find_or_create(j, err);
	if (!r && strcmp(j->bridge.kind, "bridge") != 0)
		return err_say(err, CNI_E_TAKEN, EEXIST,
			       "\"%s\" already exists but is not a bridge",
			       name);
	if (!r)
		r = mark(j, err);
	if (!r)
		r = pin_mac(j, err);
	/* A host without IPv6 takes no router's advice. */
	if (!r && j->bridge.accept_ra > 0)
		r = sysctl_set_net("ipv6/conf", name, "accept_ra", "0", err);
	if (!r)
		r = vlans_filter(j, err);
	if (!r && j->conf.promisc && !(j->bridge.flags & IFF_PROMISC))
		r = link_set_promisc(j->host, j->bridge.index, err);
	if (!r)
		r = uplink_join(j, err);
	if (!r && !(j->bridge.flags & IFF_UP))
		r = link_set_up(j->host, j->bridge.index, true, err);
	if (r < 0)
		return err_ctx(err, r, "bridge %s", name);

	(void)mac_format(&j->bridge.mac, j->bridge_mac_text);
	return 0;
}
