/* SPDX-License-Identifier: Apache-2.0 */
/* l3.c - addresses and routes of a container's interface. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "guest/guest.h"
#include "net/iface.h"
#include "net/link.h"
#include "net/netns.h"
#include "net/sysctl.h"

/* As upstream sets them: addresses outlive a link that goes down and are there
 * at once. Before UP: then they count. */
static int set_sysctls(const struct guest *g, const struct cni_result *ipam,
		       struct cni_err *err)
{
	cleanup_netns_leave int home = -1;
	const char *ifname = g->call->args.ifname;
	bool has_v6 = false;
	int r;

	for (size_t i = 0; i < ipam->n_ips; i++)
		has_v6 |= ipam->ips[i].address.addr.family == AF_INET6;

	r = netns_enter(g->netns, &home, err);
	if (!r) {
		r = sysctl_set_net("ipv6/conf", ifname, "ndisc_notify", "1",
				   err);
		if (r == -ENOENT && !has_v6)
			return 0;
	}
	if (!r && !g->on_lan)
		r = sysctl_set_net("ipv6/conf", ifname, "accept_dad",
				   g->dad ? "1" : "0", err);
	if (!r && g->dad)
		r = sysctl_set_net("ipv6/conf", ifname, "enhanced_dad", "1",
				   err);
	if (!r && has_v6)
		r = sysctl_set_net("ipv6/conf", "lo", "disable_ipv6", "0", err);
	if (!r && has_v6)
		r = sysctl_set_net("ipv6/conf", ifname, "disable_ipv6", "0",
				   err);
	if (!r && has_v6)
		r = sysctl_set_net("ipv6/conf", ifname, "keep_addr_on_down",
				   "1", err);
	return r;
}

int guest_announce(const struct guest *g, const struct mac *mac,
		   struct cni_err *err)
{
	const int r = link_announce(g->nl, g->index, mac, err);

	return r < 0 ? err_ctx(err, r, "%s in %s", g->call->args.ifname,
			       g->call->args.netns)
		     : 0;
}

static const struct ip_addr *first_gateway(const struct cni_result *r,
					   uint8_t family)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].gateway.family == family)
			return &r->ips[i].gateway;
	return NULL;
}

struct route guest_route(const struct cni_result *r,
			 const struct cni_route *route, uint32_t oif)
{
	const struct ip_addr *gw =
		route->gw.family ? &route->gw
				 : first_gateway(r, route->dst.addr.family);
	struct route k = {
		.dst = ip_net_masked(&route->dst),
		.oif = oif,
		.scope = (int)route->scope,
		.priority = route->priority > 0 ? (uint32_t)route->priority : 0,
		.table = route->table > 0 ? (uint32_t)route->table : 0,
		.mtu = route->mtu > 0 ? (uint32_t)route->mtu : 0,
		.advmss = route->advmss > 0 ? (uint32_t)route->advmss : 0,
	};

	if (gw)
		k.gw = *gw;
	return k;
}

static bool same_route(const struct route *a, const struct route *b)
{
	return !ip_cmp(&a->dst.addr, &b->dst.addr) &&
	       a->dst.plen == b->dst.plen && !ip_cmp(&a->gw, &b->gw) &&
	       a->priority == b->priority && a->table == b->table;
}

/* Each once: the kernel refuses the second. */
static size_t list_routes(const struct guest *g, const struct cni_result *res,
			  struct route *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < res->n_routes; i++) {
		size_t k = 0;

		ret[n] = guest_route(res, &res->routes[i], g->index);
		while (k < n && !same_route(&ret[k], &ret[n]))
			k++;
		n += k == n;
	}
	return n;
}

int guest_configure(const struct guest *g, const struct cni_result *ipam,
		    const char *alias, bool up, struct cni_err *err)
{
	const bool is_l3 = guest_is_l3(g->call);
	cleanup_free struct ip_net *addrs =
		calloc(ipam->n_ips + 1, sizeof(*addrs));
	cleanup_free struct route *routes =
		calloc(ipam->n_routes + 1, sizeof(*routes));
	struct iface_opts opts = { .alias = alias,
				   .arp_notify = is_l3,
				   .dad = g->dad,
				   .addrs = addrs,
				   .n_addrs = ipam->n_ips,
				   .up = up,
				   .routes = routes };
	int r = 0;

	if (!addrs || !routes)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "addresses");
	for (size_t i = 0; i < ipam->n_ips; i++)
		addrs[i] = ipam->ips[i].address;
	opts.n_routes = list_routes(g, ipam, routes);
	if (is_l3)
		r = set_sysctls(g, ipam, err);
	if (!r)
		r = iface_configure(g->nl, g->index, &opts, err);
	return r < 0 ? err_ctx(err, r, "%s in %s", g->call->args.ifname,
			       g->call->args.netns)
		     : 0;
}
