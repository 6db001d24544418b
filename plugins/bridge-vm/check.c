/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK: reality against prevResult, which a chained plugin may have changed;
 * the configuration only says what kind of thing to look at. */
#include "guest/check.h"

#include <errno.h>
#include <string.h>

#include "bridge-vm/kata.h"
#include "bridge-vm/l3.h"
#include "bridge-vm/limits.h"
#include "bridge-vm/ops.h"
#include "bridge-vm/port.h"
#include "cni/delegate.h"
#include "net/addr.h"
#include "net/tap.h"
#include "net/upstream.h"

/* It may carry more VLANs than the guest's, and its own in another way. */
static int check_uplink_vlans(struct job *j, const struct link_info *up,
			      struct cni_err *err)
{
	struct vlan_set have;
	int r = vlan_get(j->host, up->index, &have, err);

	for (uint16_t vid = 1; !r && vid <= VLAN_MAX; vid++)
		if ((vid == j->conf.vlan ||
		     vlan_set_has(&j->conf.trunk, vid)) &&
		    !vlan_set_has(&have, vid))
			r = damaged(err, "uplink %s: is not in VLAN %u",
				    up->name, vid);
	return r;
}

static int check_uplink(struct job *j, struct cni_err *err)
{
	struct link_info up;
	int r;

	if (!*j->conf.uplink)
		return 0;
	r = link_get(j->host, j->conf.uplink, &up, err);
	if (r == -ENODEV)
		return damaged(err, "uplink %s: not found", j->conf.uplink);
	if (r < 0)
		return r;
	if (up.master != j->bridge.index)
		return damaged(err, "uplink %s: not on bridge %s", up.name,
			       j->conf.bridge);
	if (!(up.flags & IFF_UP))
		return damaged(err, "uplink %s: is down", up.name);
	return bridge_vm_wants_vlans(&j->conf) ? check_uplink_vlans(j, &up, err)
					       : 0;
}

static int check_segment(struct job *j, const struct cni_result *prev,
			 struct cni_err *err)
{
	const struct cni_interface *e =
		check_find_entry(prev, j->conf.bridge, "");
	int r;

	if (!e)
		return damaged(err, "bridge %s: not in prevResult",
			       j->conf.bridge);
	r = check_link(j->host, e, "bridge", &j->bridge, err);
	if (r < 0)
		return r;
	if (!(j->bridge.flags & IFF_UP))
		return damaged(err, "bridge %s: is down", j->conf.bridge);
	if (j->conf.promisc && !(j->bridge.flags & IFF_PROMISC))
		return damaged(err, "bridge %s: is not promiscuous",
			       j->conf.bridge);
	if (bridge_vm_wants_vlans(&j->conf) && j->bridge.vlan_filtering <= 0)
		return damaged(err, "bridge %s: does not filter VLANs",
			       j->conf.bridge);
	return check_uplink(j, err);
}

/* Neither fewer nor more: one too many is a way around what keeps guests
 * apart. */
static int check_vlans(struct job *j, const struct link_info *port,
		       struct cni_err *err)
{
	struct vlan_set have, want;
	uint16_t vid;
	int r = vlan_get(j->host, port->index, &have, err);

	if (r < 0)
		return r;
	vlans_wanted(j, &want);
	vid = vlan_set_difference(&have, &want);
	return vid ? damaged(err, "port %s: VLAN %u is %s, not %s", port->name,
			     vid, vlan_set_format(&have, vid),
			     vlan_set_format(&want, vid))
		   : 0;
}

/* Of the MAC that prevResult has, or that ADD derived: a chained plugin may
 * have changed the interface's since. */
static int check_guard(const struct job *j, const struct link_info *port,
		       const struct cni_interface *guest, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	struct spoof guard = port_guard(j);

	guard.port = port->name;
	if (!spoof_check(&guard, &e))
		return 0;
	if (guest->mac && *guest->mac)
		(void)mac_parse(guest->mac, &guard.mac);
	return spoof_check(&guard, err);
}

/* Return: 1 or 0, or a negative errno */
static int has_upstreams(const struct job *j, unsigned int what,
			 struct cni_err *err)
{
	const struct upstream u = { j->attachment.network,
				    j->attachment.container_id,
				    j->attachment.ifname };

	return upstream_find(&u, what, err);
}

static int check_upstreams_guard(const struct job *j,
				 const struct link_info *port,
				 struct cni_err *err)
{
	const int r = has_upstreams(j, UPSTREAM_SPOOF, err);

	if (r)
		return r < 0 ? r : 0;
	return damaged(
		err,
		"spoof check of port %s: nf_tables chain bridge nat cni-br-iface-%s-%s of the reference plugin is missing",
		port->name, j->attachment.container_id, j->attachment.ifname);
}

/* The reference plugin, which may have made it, has nothing like that. */
static int check_guarded(const struct job *j, const struct link_info *port,
			 const struct cni_result *prev,
			 const struct cni_interface *guest, struct cni_err *err)
{
	struct guarded g = port_guarded(j, prev);

	g.of = guest;
	g.ifindex = port->index;
	g.mtu = port->mtu;
	return port_is_ours(port, &j->attachment) ? guarded_check(&g, err) : 0;
}

static int check_port(struct job *j, const struct link_info *port,
		      const struct cni_result *prev,
		      const struct cni_interface *guest, struct cni_err *err)
{
	int r;

	if (port->master != j->bridge.index)
		return damaged(err, "port %s: not on bridge %s", port->name,
			       j->conf.bridge);
	if (!(port->flags & IFF_UP))
		return damaged(err, "port %s: is down", port->name);
	if (j->conf.hairpin && !port->hairpin)
		return damaged(err, "port %s: is not in hairpin mode",
			       port->name);
	if (j->conf.isolated && !port->isolated)
		return damaged(err, "port %s: is not isolated", port->name);
	if (bridge_vm_wants_vlans(&j->conf)) {
		r = check_vlans(j, port, err);
		if (r < 0)
			return r;
	}
	r = check_guarded(j, port, prev, guest, err);
	if (!r)
		r = limits_check(j, port, err);
	if (r < 0 || !j->conf.mac_check)
		return r;
	return port_is_ours(port, &j->attachment)
		       ? check_guard(j, port, guest, err)
		       : check_upstreams_guard(j, port, err);
}

static int check_tap(struct job *j, const struct cni_result *prev,
		     const struct cni_interface *guest, struct cni_err *err)
{
	const struct cni_interface *e =
		check_find_entry(prev, j->port_name, "");
	struct link_info port;
	struct tap_info tap = { 0 };
	int r;

	if (!e)
		return damaged(err, "tap %s: not in prevResult", j->port_name);
	r = check_link(j->host, e, "tun", &port, err);
	if (!r)
		r = check_port(j, &port, prev, guest, err);
	if (!r)
		r = tap_get(j->host, e->name, &tap, err);
	if (r < 0)
		return r;

	if (!tap.tap || tap.packet_info)
		return damaged(err, "tap %s: does not carry plain frames",
			       e->name);
	if (tap.multi_queue != (j->conf.tap.queues > 1))
		return damaged(
			err,
			"tap %s: is %smulti-queue, and a VMM asking for %lld queues cannot open it",
			e->name, tap.multi_queue ? "" : "not ",
			(long long)j->conf.tap.queues);
	return 0;
}

/* The port by what the kernel says of the pair: the reference bridge's has a
 * name that nobody could derive. */
static int check_veth(struct job *j, const struct cni_result *prev,
		      const struct cni_interface *entry,
		      const struct link_info *guest, struct cni_err *err)
{
	const struct cni_interface *e;
	struct link_info port;
	int r;

	r = link_get_index(j->host, guest->peer, &port, err);
	if (r == -ENODEV || (!r && port.peer != guest->index))
		return damaged(err,
			       "interface %s: its other end is not on the host",
			       guest->name);
	if (r < 0)
		return r;
	e = check_find_entry(prev, port.name, "");
	if (!e)
		return damaged(err, "port %s of %s: not in prevResult",
			       port.name, guest->name);
	r = check_mac(&port, e, err);
	return r ? r : check_port(j, &port, prev, entry, err);
}

static int check_container(struct job *j, const struct cni_result *prev,
			   const struct cni_interface *e, struct cni_err *err)
{
	struct guest g = job_guest(j);
	struct link_info guest;
	int r;

	r = check_guest(&g, e, "veth", !j->conf.disable_guest, &guest, err);
	if (!r)
		r = check_veth(j, prev, e, &guest, err);
	return r ? r : check_guest_l3(&g, prev, err);
}

static int check_gateway_vlan(struct job *j, const struct cni_result *prev,
			      struct cni_err *err)
{
	const struct cni_interface *e =
		check_find_entry(prev, j->gateway_name, "");
	int r;

	if (!e)
		return damaged(err, "gateway %s: not in prevResult",
			       j->gateway_name);
	r = vlans_check_gateway(j, err);
	if (!r)
		r = check_mac(&j->gateway, e, err);
	if (!r && !(j->gateway.flags & IFF_UP))
		r = damaged(err, "gateway %s: is down", j->gateway_name);
	return r;
}

static int check_gateway(struct job *j, const struct cni_result *prev,
			 struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	char text[IP_STR_SIZE];
	size_t n = 0;
	int r;

	j->gateway = j->bridge;
	if (job_has_gateway_vlan(j)) {
		r = check_gateway_vlan(j, prev, err);
		if (r < 0)
			return r;
	}
	r = addr_list(j->host, j->gateway.index, &have, &n, err);
	for (size_t i = 0; !r && i < prev->n_ips; i++) {
		const struct ip_net gw = { .addr = prev->ips[i].gateway };

		if (gw.addr.family && !check_has_address(have, n, &gw, true))
			r = damaged(err, "bridge %s: gateway %s is missing",
				    j->gateway.name, ip_format(&gw.addr, text));
	}
	return r;
}

/* Ours, or what the reference plugin made for this very attachment. */
static int check_masq(struct job *j, const struct cni_result *prev,
		      struct cni_err *err)
{
	struct cni_err own = CNI_ERR_INIT, e = CNI_ERR_INIT;
	const int r =
		l3_masq(j->call, job_gateway_name(j), prev, masq_check, &own);

	if (!r || (own.code == CNI_E_CHECK &&
		   has_upstreams(j, UPSTREAM_MASQ, &e) > 0))
		return 0;
	*err = own;
	return r;
}

static int check_all(struct job *j, struct cni_result *prev,
		     struct cni_err *err)
{
	const struct cni_interface *guest;
	int r;

	r = check_find_guest(j->call, prev, &guest, err);
	if (!r && job_is_l3(j))
		r = cni_delegate(j->call, CNI_CHECK, j->call->conf.ipam_type,
				 err);
	if (!r)
		r = check_segment(j, prev, err);
	if (!r)
		r = job_is_vm(j) ? check_tap(j, prev, guest, err)
				 : check_container(j, prev, guest, err);
	if (!r)
		r = kata_check(j, prev, guest, err);
	if (!r && j->conf.is_gateway && job_is_l3(j))
		r = check_gateway(j, prev, err);
	if (!r && j->conf.ip_masq && job_is_l3(j))
		r = check_masq(j, prev, err);
	return r;
}

int bridge_vm_check(const struct cni_call *call, struct cni_err *err)
{
	cleanup_result struct cni_result prev = { 0 };
	cleanup_job struct job j;
	int r;

	r = job_open(call, &j, err);
	if (r < 0)
		return r;
	r = cni_result_prev_required(call->conf.prev_result, call->conf.version,
				     &prev, err);
	return r < 0 ? r : check_all(&j, &prev, err);
}
