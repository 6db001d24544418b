/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni/attachment.h"
#include "net/addr.h"

const struct cni_interface *check_find_entry(const struct cni_result *prev,
					     const char *name,
					     const char *sandbox)
{
	for (size_t i = 0; i < prev->n_interfaces; i++) {
		const struct cni_interface *e = &prev->interfaces[i];
		const char *s = e->sandbox ? e->sandbox : "";

		if (!strcmp(e->name, name) && !strcmp(s, sandbox))
			return e;
	}
	return NULL;
}

int check_mac(const struct link_info *link, const struct cni_interface *e,
	      struct cni_err *err)
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

int check_link(struct netlink *nl, const struct cni_interface *e,
	       const char *kind, struct link_info *ret, struct cni_err *err)
{
	int r = link_get(nl, e->name, ret, err);

	if (r == -ENODEV)
		return damaged(err, "interface %s: not found", e->name);
	if (!r && strcmp(ret->kind, kind) != 0)
		return damaged(err, "interface %s: is no %s but a %s", e->name,
			       kind, *ret->kind ? ret->kind : "device");
	return r ? r : check_mac(ret, e, err);
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

int check_find_guest(const struct cni_call *call, struct cni_result *prev,
		     const struct cni_interface **ret, struct cni_err *err)
{
	const struct cni_interface *guest =
		check_find_entry(prev, call->args.ifname, call->args.netns);

	if (!guest)
		return damaged(
			err, "interface %s with sandbox %s: not in prevResult",
			call->args.ifname, call->args.netns);
	keep_guests_ips(prev, guest);
	*ret = guest;
	return 0;
}

bool check_has_address(const struct ip_net *have, size_t n,
		       const struct ip_net *want, bool any_plen)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(&have[i].addr, &want->addr) &&
		    (any_plen || have[i].plen == want->plen))
			return true;
	return false;
}

static int check_addresses(const struct guest *g, const struct cni_result *prev,
			   struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	char text[IP_NET_STR_SIZE];
	size_t n = 0;
	int r;

	r = addr_list(g->nl, g->index, &have, &n, err);
	for (size_t i = 0; !r && i < prev->n_ips; i++)
		if (!check_has_address(have, n, &prev->ips[i].address, false))
			r = damaged(err, "interface %s: address %s is missing",
				    g->call->args.ifname,
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

static int check_routes(const struct guest *g, const struct cni_result *prev,
			struct cni_err *err)
{
	cleanup_free struct route *have = NULL;
	char text[IP_NET_STR_SIZE];
	size_t n = 0;
	int r;

	r = route_list(g->nl, 0, &have, &n, err);
	for (size_t i = 0; !r && i < prev->n_routes; i++)
		if (!has_route(have, n, &prev->routes[i]))
			r = damaged(err, "route to %s is missing in %s",
				    ip_net_format(&prev->routes[i].dst, text),
				    g->call->args.netns);
	return r;
}

int check_guest(struct guest *g, const struct cni_interface *e,
		const char *kind, bool up, struct link_info *ret,
		struct cni_err *err)
{
	const char *netns = g->call->args.netns;
	int r = check_link(g->nl, e, kind, ret, err);

	if (r < 0)
		return err_ctx(err, r, "in %s", netns);
	g->index = ret->index;
	if (up && !(ret->flags & IFF_UP))
		return damaged(err, "interface %s in %s: is down", ret->name,
			       netns);
	return 0;
}

/* Asked only where something is missing. */
static bool is_spliced(const struct guest *g)
{
	const struct cni_attachment a = cni_attachment_of(g->call);
	char altname[CNI_LINK_ALTNAME_SIZE], alias[CNI_LINK_ALIAS_SIZE];
	struct cni_err e = CNI_ERR_INIT;
	struct link_info tap;

	cni_attachment_altname(&a, altname);
	cni_attachment_alias(&a, TAP_VM_ROLE, alias);
	return !link_get_altname(g->nl, altname, &tap, &e) &&
	       !strcmp(tap.alias, alias);
}

int check_guest_l3(const struct guest *g, const struct cni_result *prev,
		   struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r;

	if (!guest_is_l3(g->call))
		return 0;
	r = check_addresses(g, prev, &e);
	if (!r)
		r = check_routes(g, prev, &e);
	if (!r || (e.code == CNI_E_CHECK && is_spliced(g)))
		return 0;
	*err = e;
	return r;
}
