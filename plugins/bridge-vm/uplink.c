/* SPDX-License-Identifier: Apache-2.0 */
/* The uplink: a device of the host that puts the guests on its LAN. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bridge-vm/ops.h"
#include "net/addr.h"
#include "net/vlan.h"

static int check_kind(const struct link_info *up, struct cni_err *err)
{
	if (up->flags & IFF_LOOPBACK || !strcmp(up->kind, "bridge"))
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "a %s cannot be a port of a bridge",
			       *up->kind ? up->kind : "loopback device");
	return 0;
}

/* As a port it would no longer hear of them. */
static int check_addresses(struct netlink *host, const struct link_info *up,
			   struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	char text[IP_NET_STR_SIZE];
	size_t n = 0;
	int r = addr_list(host, up->index, &have, &n, err);

	for (size_t i = 0; !r && i < n; i++)
		if (!ip_is_link_local(&have[i].addr))
			r = err_say(
				err, CNI_E_TAKEN, EADDRINUSE,
				"it carries the address %s, which would not work on a port of a bridge: move it to the bridge, or take it away",
				ip_net_format(&have[i], text));
	return r;
}

static int refuse_other_bridge(struct netlink *host, const struct link_info *up,
			       struct cni_err *err)
{
	struct link_info other;
	int r = link_get_index(host, up->master, &other, err);

	return r ? r
		 : err_say(err, CNI_E_TAKEN, EBUSY,
			   "it is a port of %s already", other.name);
}

int uplink_find(struct netlink *host, const struct bridge_vm_conf *conf,
		struct link_info *ret, struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct link_info bridge = { 0 };
	int r;

	if (!*conf->uplink)
		return 0;
	r = link_get(host, conf->uplink, ret, err);
	if (!r)
		r = check_kind(ret, err);
	if (!r && ret->master) {
		(void)link_get(host, conf->bridge, &bridge, &ignored);
		if (ret->master != bridge.index)
			r = refuse_other_bridge(host, ret, err);
	} else if (!r) {
		r = check_addresses(host, ret, err);
	}
	return r < 0 ? err_ctx(err, r, "uplink %s", conf->uplink) : 0;
}

static int flush(struct job *j, struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	size_t n = 0;
	int r = link_forbid_link_local(j->host, j->uplink.index, err);

	if (!r)
		r = addr_list(j->host, j->uplink.index, &have, &n, err);
	for (size_t i = 0; !r && i < n; i++) {
		if (!ip_is_link_local(&have[i].addr))
			continue;
		r = addr_del(j->host, j->uplink.index, &have[i], err);
		if (r == -EADDRNOTAVAIL)
			r = 0;
	}
	return r;
}

/* The LAN's switch sees the guests' VLANs tagged. What somebody has set here,
 * such as another VLAN for frames without a tag, stays. */
static int join_vlans(struct job *j, struct cni_err *err)
{
	struct vlan_set have, add = { 0 };
	const struct vlan_change c = { .add = &add };
	int r;

	if (!bridge_vm_wants_vlans(&j->conf))
		return 0;
	r = vlan_get(j->host, j->uplink.index, &have, err);
	if (r < 0)
		return r;
	for (uint16_t vid = 1; vid <= VLAN_MAX; vid++)
		if ((vid == j->conf.vlan ||
		     vlan_set_has(&j->conf.trunk, vid)) &&
		    !vlan_set_has(&have, vid))
			vlan_set_add(&add, vid, VLAN_TAGGED);
	return vlan_change(j->host, j->uplink.index, &c, err);
}

int uplink_join(struct job *j, struct cni_err *err)
{
	const struct link_info *up = &j->uplink;
	int r = 0;

	if (!up->index)
		return 0;
	if (!up->master) {
		r = flush(j, err);
		if (!r)
			r = link_set_master(j->host, up->index, j->bridge.index,
					    err);
		if (!r)
			log_info("bridge %s: %s is its uplink from now on",
				 j->conf.bridge, up->name);
	}
	if (!r)
		r = join_vlans(j, err);
	if (!r && !(up->flags & IFF_UP))
		r = link_set_up(j->host, up->index, true, err);
	return r < 0 ? err_ctx(err, r, "uplink %s", up->name) : 0;
}
