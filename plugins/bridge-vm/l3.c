/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge-vm/l3.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>
#include <sys/socket.h>

#include "bridge-vm/ops.h"
#include "net/addr.h"
#include "net/sysctl.h"

static bool has_default_route(const struct cni_result *r, uint8_t family)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].dst.addr.family == family &&
		    !r->routes[i].dst.plen)
			return true;
	return false;
}

static int add_default_route(struct cni_result *r, const struct ip_addr *gw)
{
	const struct cni_route route = {
		.dst.addr.family = gw->family,
		.gw = *gw,
		.mtu = -1,
		.advmss = -1,
		.priority = -1,
		.table = -1,
		.scope = -1,
	};

	return has_default_route(r, gw->family)
		       ? 0
		       : cni_result_add_route(r, &route);
}

int l3_complete(struct job *j, struct cni_err *err)
{
	struct cni_result *res = &j->ipam;

	for (size_t i = 0; i < res->n_ips; i++) {
		struct cni_ip *ip = &res->ips[i];

		if (!ip->gateway.family && j->conf.is_gateway) {
			ip->gateway = ip_net_first(&ip->address);
			(void)ip_add(&ip->gateway, 1);
		}
		if (j->conf.is_default_gateway &&
		    add_default_route(res, &ip->gateway) < 0)
			return err_set(err, CNI_E_INTERNAL, ENOMEM,
				       "default route");
	}
	return 0;
}

static bool is_a_gateway(const struct cni_result *r, const struct ip_net *n)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (ip_equal(&r->ips[i].gateway, &n->addr) &&
		    r->ips[i].address.plen == n->plen)
			return true;
	return false;
}

/* One address of a family, as upstream has it, but for IPv6 networks that do
 * not overlap, and for what this very network has several gateways for. */
static bool is_in_the_way(const struct cni_result *r, const struct ip_net *have,
			  const struct ip_net *want)
{
	if (have->addr.family != want->addr.family || is_a_gateway(r, have))
		return false;
	return want->addr.family == AF_INET ||
	       (!ip_is_link_local(&have->addr) && ip_net_overlaps(have, want));
}

static int make_room(struct job *j, const struct ip_net *want,
		     const struct ip_net *have, size_t n, struct cni_err *err)
{
	char a[IP_NET_STR_SIZE], b[IP_NET_STR_SIZE];
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!is_in_the_way(&j->ipam, &have[i], want))
			continue;
		if (!j->conf.force_address)
			return err_say(
				err, CNI_E_TAKEN, EADDRINUSE,
				"bridge %s already has an IP address different from %s: %s (forceAddress would replace it)",
				job_gateway_name(j), ip_net_format(want, a),
				ip_net_format(&have[i], b));
		r = addr_del(j->host, j->gateway.index, &have[i], err);
		if (r < 0 && r != -EADDRNOTAVAIL)
			return r;
	}
	return 0;
}

static int ensure_address(struct job *j, const struct ip_net *want,
			  const struct ip_net *have, size_t n,
			  struct cni_err *err)
{
	const uint32_t flags = want->addr.family == AF_INET6 ? IFA_F_NODAD : 0;
	char text[IP_NET_STR_SIZE];
	int r;

	for (size_t i = 0; i < n; i++)
		if (ip_equal(&have[i].addr, &want->addr) &&
		    have[i].plen == want->plen)
			return 0;
	r = make_room(j, want, have, n, err);
	if (r < 0)
		return r;

	r = addr_add(j->host, j->gateway.index, want, flags, err);
	/* Another ADD was faster. */
	if (r == -EEXIST)
		r = 0;
	return r < 0 ? err_ctx(err, r, "gateway %s on bridge %s",
			       ip_net_format(want, text), job_gateway_name(j))
		     : 0;
}

static int enable_family(struct job *j, uint8_t family, struct cni_err *err)
{
	int r = 0;

	if (family == AF_INET)
		return sysctl_set_net("ipv4", NULL, "ip_forward", "1", err);
	/* Or the kernel answers "permission denied" to the address. */
	if (j->gateway.disable_ipv6)
		r = sysctl_set_net("ipv6/conf", job_gateway_name(j),
				   "disable_ipv6", "0", err);
	return r < 0 ? r
		     : sysctl_set_net("ipv6/conf", "all", "forwarding", "1",
				      err);
}

int l3_gateway(struct job *j, struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	size_t n = 0;
	int r = vlans_gateway(j, err);

	if (!r)
		r = addr_list(j->host, j->gateway.index, &have, &n, err);
	for (size_t i = 0; !r && i < j->ipam.n_ips; i++) {
		const struct ip_net gw = { j->ipam.ips[i].gateway,
					   j->ipam.ips[i].address.plen };

		r = enable_family(j, gw.addr.family, err);
		if (!r)
			r = ensure_address(j, &gw, have, n, err);
	}
	return r;
}

/* Each network once, however many addresses are in it. */
static size_t list_subnets(const struct cni_result *r, struct ip_net *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip_net net = ip_net_masked(&r->ips[i].address);
		size_t k = 0;

		while (k < n && (ret[k].plen != net.plen ||
				 !ip_equal(&ret[k].addr, &net.addr)))
			k++;
		if (k == n)
			ret[n++] = net;
	}
	return n;
}

int l3_masq(const struct cni_call *call, const char *bridge,
	    const struct cni_result *r, l3_masq_fn *apply, struct cni_err *err)
{
	cleanup_free struct ip_net *subnets = NULL;
	struct masq m = { .network = call->conf.name, .bridge = bridge };

	if (!r->n_ips)
		return 0;
	subnets = calloc(r->n_ips, sizeof(*subnets));
	if (!subnets)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "masquerade");
	m.n_subnets = list_subnets(r, subnets);
	m.subnets = subnets;
	return apply(&m, err);
}
