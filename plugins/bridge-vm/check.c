/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK: reality against prevResult, which a chained plugin may have changed;
 * the configuration only says what kind of thing to look at. */
#include <errno.h>
#include <string.h>

#include "bridge-vm/l3.h"
#include "bridge-vm/ops.h"
#include "bridge-vm/port.h"
#include "cni/delegate.h"
#include "net/addr.h"
#include "net/tap.h"

#define damaged(err, ...) err_say(err, CNI_E_CHECK, ENOENT, __VA_ARGS__)

static const struct cni_interface *
find_entry(const struct cni_result *prev, const char *name, const char *sandbox)
{
	for (size_t i = 0; i < prev->n_interfaces; i++) {
		const struct cni_interface *e = &prev->interfaces[i];
		const char *s = e->sandbox ? e->sandbox : "";

		if (!strcmp(e->name, name) && !strcmp(s, sandbox))
			return e;
	}
	return NULL;
}

static int compare_mac(const struct link_info *link,
		       const struct cni_interface *e, struct cni_err *err)
{
	char text[MAC_STR_SIZE];
	struct mac want;

	if (!e->mac || !*e->mac)
		return 0;
	if (mac_parse(e->mac, &want) < 0)
		return err_say(err, CNI_E_DECODE, EINVAL,
			       "prevResult: mac \"%s\" of interface %s", e->mac,
			       e->name);
	if (mac_equal(&link->mac, &want))
		return 0;
	return damaged(err, "interface %s: MAC is %s, prevResult has %s",
		       link->name, mac_format(&link->mac, text), e->mac);
}

/* Finds a device that prevResult names, and which must be there. */
static int get_link(struct netlink *nl, const struct cni_interface *e,
		    const char *kind, struct link_info *ret,
		    struct cni_err *err)
{
	int r = link_get(nl, e->name, ret, err);

	if (r == -ENODEV)
		return damaged(err, "interface %s: not found", e->name);
	if (!r && strcmp(ret->kind, kind) != 0)
		return damaged(err, "interface %s: is no %s but a %s", e->name,
			       kind, *ret->kind ? ret->kind : "device");
	return r ? r : compare_mac(ret, e, err);
}

static int check_segment(struct job *j, const struct cni_result *prev,
			 struct cni_err *err)
{
	const struct cni_interface *e = find_entry(prev, j->conf.bridge, "");
	int r;

	if (!e)
		return damaged(err, "bridge %s: not in prevResult",
			       j->conf.bridge);
	r = get_link(j->host, e, "bridge", &j->bridge, err);
	if (!r && !(j->bridge.flags & IFF_UP))
		r = damaged(err, "bridge %s: is down", j->conf.bridge);
	return r;
}

static int check_port(struct job *j, const struct link_info *port,
		      struct cni_err *err)
{
	if (port->master != j->bridge.index)
		return damaged(err, "port %s: not on bridge %s", port->name,
			       j->conf.bridge);
	if (!(port->flags & IFF_UP))
		return damaged(err, "port %s: is down", port->name);
	return 0;
}

static int check_tap(struct job *j, const struct cni_result *prev,
		     struct cni_err *err)
{
	const struct cni_interface *e = find_entry(prev, j->port_name, "");
	struct link_info port;
	struct tap_info tap = { 0 };
	int r;

	if (!e)
		return damaged(err, "tap %s: not in prevResult", j->port_name);
	r = get_link(j->host, e, "tun", &port, err);
	if (!r)
		r = check_port(j, &port, err);
	if (!r)
		r = tap_get(j->host, e->name, &tap, err);
	if (r < 0)
		return r;

	if (!tap.tap || tap.packet_info)
		return damaged(err, "tap %s: does not carry plain frames",
			       e->name);
	if (tap.multi_queue != (j->conf.tap_queues > 1))
		return damaged(
			err,
			"tap %s: is %smulti-queue, and a VMM asking for %lld queues cannot open it",
			e->name, tap.multi_queue ? "" : "not ",
			(long long)j->conf.tap_queues);
	return 0;
}

/* The port by what the kernel says of the pair: the reference bridge's has a
 * name that nobody could derive. */
static int check_veth(struct job *j, const struct cni_result *prev,
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
	e = find_entry(prev, port.name, "");
	if (!e)
		return damaged(err, "port %s of %s: not in prevResult",
			       port.name, guest->name);
	r = compare_mac(&port, e, err);
	return r ? r : check_port(j, &port, err);
}

/* Earlier plugins of the chain have addresses of their own there. */
static void keep_guests_ips(struct cni_result *prev,
			    const struct cni_interface *guest)
{
	size_t n = 0;

	for (size_t i = 0; i < prev->n_ips; i++) {
		const int k = prev->ips[i].interface;

		if (k < 0 || (size_t)k >= prev->n_interfaces ||
		    &prev->interfaces[k] == guest)
			prev->ips[n++] = prev->ips[i];
	}
	prev->n_ips = n;
}

static bool has_address(const struct ip_net *have, size_t n,
			const struct ip_net *want, bool any_plen)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(&have[i].addr, &want->addr) &&
		    (any_plen || have[i].plen == want->plen))
			return true;
	return false;
}

static int check_addresses(struct job *j, const struct cni_result *prev,
			   struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	char text[IP_NET_STR_SIZE];
	size_t n = 0;
	int r;

	r = addr_list(j->guest, j->guest_link, &have, &n, err);
	for (size_t i = 0; !r && i < prev->n_ips; i++)
		if (!has_address(have, n, &prev->ips[i].address, false))
			r = damaged(err, "interface %s: address %s is missing",
				    j->attachment.ifname,
				    ip_net_format(&prev->ips[i].address, text));
	return r;
}

/* As upstream compares: a default route by its family alone. */
static bool has_route(const struct route *have, size_t n,
		      const struct cni_route *want)
{
	for (size_t i = 0; i < n; i++) {
		if (have[i].dst.addr.family != want->dst.addr.family ||
		    have[i].dst.plen != want->dst.plen)
			continue;
		if (!want->dst.plen ||
		    (ip_net_contains(&have[i].dst, &want->dst.addr) &&
		     (!want->gw.family || ip_equal(&have[i].gw, &want->gw))))
			return true;
	}
	return false;
}

static int check_routes(struct job *j, const struct cni_result *prev,
			struct cni_err *err)
{
	cleanup_free struct route *have = NULL;
	char text[IP_NET_STR_SIZE];
	size_t n = 0;
	int r;

	r = route_list(j->guest, 0, &have, &n, err);
	for (size_t i = 0; !r && i < prev->n_routes; i++)
		if (!has_route(have, n, &prev->routes[i]))
			r = damaged(err, "route to %s is missing in %s",
				    ip_net_format(&prev->routes[i].dst, text),
				    j->call->args.netns);
	return r;
}

static int check_container(struct job *j, const struct cni_result *prev,
			   const struct cni_interface *e, struct cni_err *err)
{
	struct link_info guest;
	int r;

	r = get_link(j->guest, e, "veth", &guest, err);
	if (r < 0)
		return err_ctx(err, r, "in %s", j->call->args.netns);
	j->guest_link = guest.index;
	if (!(guest.flags & IFF_UP) && !j->conf.disable_guest)
		return damaged(err, "interface %s in %s: is down", guest.name,
			       j->call->args.netns);
	r = check_veth(j, prev, &guest, err);
	if (!r && job_is_l3(j))
		r = check_addresses(j, prev, err);
	if (!r && job_is_l3(j))
		r = check_routes(j, prev, err);
	return r;
}

static int check_gateway(struct job *j, const struct cni_result *prev,
			 struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	char text[IP_STR_SIZE];
	size_t n = 0;
	int r;

	r = addr_list(j->host, j->bridge.index, &have, &n, err);
	for (size_t i = 0; !r && i < prev->n_ips; i++) {
		const struct ip_net gw = { .addr = prev->ips[i].gateway };

		if (gw.addr.family && !has_address(have, n, &gw, true))
			r = damaged(err, "bridge %s: gateway %s is missing",
				    j->conf.bridge, ip_format(&gw.addr, text));
	}
	return r;
}

static int check_all(struct job *j, struct cni_result *prev,
		     struct cni_err *err)
{
	const struct cni_interface *guest =
		find_entry(prev, j->attachment.ifname, j->call->args.netns);
	int r;

	if (!guest)
		return damaged(
			err, "interface %s with sandbox %s: not in prevResult",
			j->attachment.ifname, j->call->args.netns);
	keep_guests_ips(prev, guest);
	if (job_is_l3(j)) {
		r = cni_delegate(j->call, CNI_CHECK, j->call->conf.ipam_type,
				 err);
		if (r < 0)
			return r;
	}
	r = check_segment(j, prev, err);
	if (!r)
		r = job_is_vm(j) ? check_tap(j, prev, err)
				 : check_container(j, prev, guest, err);
	if (!r && j->conf.is_gateway && job_is_l3(j))
		r = check_gateway(j, prev, err);
	if (!r && j->conf.ip_masq && job_is_l3(j))
		r = l3_masq(j->call, j->conf.bridge, prev, masq_check, err);
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
	r = cni_result_prev(call->conf.prev_result, call->conf.version, &prev,
			    err);
	if (!r)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "Required prevResult missing");
	return r < 0 ? r : check_all(&j, &prev, err);
}
