/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/access.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "guest/check.h"
#include "net/addr.h"
#include "net/macvlan.h"
#include "net/netns.h"
#include "net/route.h"
#include "net/sysctl.h"

enum { LOCK_TIMEOUT_S = 10 };

/* Of a route to a guest; the kernel's own have a smaller one. */
static const uint32_t TAG_MIN = UINT32_C(1) << 30;

/* The network's macvlan on the host. */
struct device {
	struct cni_attachment network;
	char name[CNI_LINK_NAME_SIZE];
	char alias[CNI_LINK_ALIAS_SIZE];
	struct link_info link;
};

static struct device device_of(const char *network)
{
	struct device d = { .network = { network, "", "" } };

	cni_attachment_link_name(&d.network, "mvh", d.name);
	cni_network_alias(network, MACVLAN_VM_ROLE, d.alias);
	return d;
}

static bool is_ours(const struct device *d)
{
	const struct link_info *l = &d->link;

	if (strcmp(l->kind, "macvlan") != 0 || strcmp(l->name, d->name) != 0)
		return false;
	return *l->alias ? !strcmp(l->alias, d->alias)
			 : l->group == LINK_GROUP_WEFT;
}

/* Return: 1 if it is there and ours, 0, or a negative errno */
static int find_device(struct netlink *host, struct device *d,
		       struct cni_err *err)
{
	const int r = link_get(host, d->name, &d->link, err);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	return is_ours(d);
}

/* It answers guests, and nobody else, for the host's other addresses; but what
 * comes by it is heard: neighbours may have learnt its MAC from its questions.
 * No router is to configure it. */
static int set_sysctls(const struct device *d, struct cni_err *err)
{
	int r = sysctl_set_net("ipv6/conf", d->name, "accept_ra", "0", err);

	if (!r && d->link.disable_ipv6 > 0)
		r = sysctl_set_net("ipv6/conf", d->name, "disable_ipv6", "0",
				   err);
	if (r == -ENOENT) /* a host without IPv6 */
		r = 0;
	if (!r)
		r = sysctl_set_net("ipv4/conf", d->name, "arp_filter", "1",
				   err);
	if (!r)
		r = sysctl_set_net("ipv4/conf", d->name, "rp_filter", "2", err);
	return r;
}

static int create_device(const struct job *j, struct device *d,
			 struct cni_err *err)
{
	struct macvlan_opts opts = {
		.name = d->name,
		.parent = j->parent.index,
		.netns = -1,
		.mode = macvlan_mode(j->conf.mode),
		.mtu = (uint32_t)j->conf.mtu,
		.index = cni_attachment_ifindex(&d->network),
		.alias = d->alias,
	};
	struct mac unused;
	uint32_t index;
	int r;

	cni_attachment_macs(&d->network, &opts.mac, &unused);
	r = macvlan_create(j->host, &opts, &index, err);
	return r ? r : link_get(j->host, d->name, &d->link, err);
}

/* Under the lock: whoever removes it has looked for routes by it before. */
static int ensure_device(const struct job *j, struct device *d,
			 struct cni_err *err)
{
	int r = link_get(j->host, d->name, &d->link, err);

	if (r == -ENODEV)
		r = create_device(j, d, err);
	if (r < 0)
		return r;
	if (!is_ours(d))
		return err_say(
			err, CNI_E_TAKEN, EEXIST,
			"%s exists already, and is not of network \"%s\"",
			d->name, j->call->conf.name);
	if (d->link.peer != parent_index(&j->parent))
		return err_say(
			err, CNI_E_TAKEN, EEXIST,
			"%s of network \"%s\" is not on %s, but on the parent of earlier guests: it goes with the last of them",
			d->name, j->call->conf.name, j->parent.name);
	if (!*d->link.alias)
		r = link_set_alias(j->host, d->link.index, d->alias, err);
	if (!r && !(d->link.flags & IFF_UP))
		r = set_sysctls(d, err);
	if (!r && !(d->link.flags & IFF_UP))
		r = link_set_up(j->host, d->link.index, true, err);
	return r;
}

/* The host's own address among the guest's neighbours. */
static const struct ip_addr *find_source(const struct ip_net *have, size_t n,
					 const struct ip_net *guest)
{
	const struct ip_net subnet = ip_net_masked(guest);

	for (size_t i = 0; i < n; i++)
		if (have[i].addr.family == subnet.addr.family &&
		    ip_net_contains(&subnet, &have[i].addr))
			return &have[i].addr;
	return NULL;
}

static int pick_routes(const struct job *j, const struct cni_result *res,
		       const struct ip_net *have, size_t n_have,
		       struct route *ret)
{
	int n = 0;

	for (size_t i = 0; i < res->n_ips; i++) {
		const struct ip_net *guest = &res->ips[i].address;
		const struct ip_addr *src = find_source(have, n_have, guest);

		if (!src)
			continue;
		ret[n++] = (struct route){
			.dst = { guest->addr, ip_max_plen(guest->addr.family) },
			.src = *src,
			.priority = cni_attachment_ifindex(&j->attachment),
			.scope = -1,
		};
	}
	return n;
}

/*
 * The routes to the addresses of @res that the host has a source for.
 *
 * Return: their number, or a negative errno
 */
static int list_wanted(const struct job *j, const struct cni_result *res,
		       struct route **ret, struct cni_err *err)
{
	cleanup_free struct ip_net *have = NULL;
	size_t n = 0;
	int r = addr_list(j->host, j->parent.index, &have, &n, err);

	if (r < 0)
		return r;
	*ret = calloc(res->n_ips + 1, sizeof(**ret));
	if (!*ret)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "hostAccess");
	return pick_routes(j, res, have, n, *ret);
}

/* For IPv6 a neighbour is only told of addresses that the asked device has. */
static int add_route(const struct job *j, const struct device *d,
		     struct route *route, struct cni_err *err)
{
	const struct ip_net own = { route->src, 128 };
	int r = 0;

	route->oif = d->link.index;
	if (own.addr.family == AF_INET6)
		r = addr_add(j->host, d->link.index, &own,
			     IFA_F_NODAD | IFA_F_NOPREFIXROUTE, err);
	if (!r || r == -EEXIST)
		r = route_add(j->host, route, err);
	return r == -EEXIST ? 0 : r;
}

static int undo_access(void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *fresh = NULL;
	const struct job *j = arg;
	int r = 0;

	if (netlink_is_broken(j->host))
		r = netlink_reopen(j->host, &fresh, err);
	return r ? r
		 : access_revoke(fresh ? fresh : j->host, &j->attachment,
				 LINK_WAIT_KERNEL, err);
}

static int grant(struct job *j, struct route *routes, int n,
		 struct cni_err *err)
{
	struct device d = device_of(j->call->conf.name);
	cleanup_close int lock = -1;
	int r = netns_lock(LOCK_TIMEOUT_S, &lock, err);

	if (!r)
		r = ensure_device(j, &d, err);
	for (int i = 0; !r && i < n; i++)
		r = add_route(j, &d, &routes[i], err);
	return r;
}

int access_grant(struct job *j, struct cni_err *err)
{
	cleanup_free struct route *routes = NULL;
	char net[IP_NET_STR_SIZE];
	struct ip_net subnet;
	int r;

	if (!j->conf.host_access)
		return 0;
	r = list_wanted(j, &j->ipam, &routes, err);
	if (!r) {
		subnet = ip_net_masked(&j->ipam.ips[0].address);
		return err_say(
			err, CNI_E_CONFIG, EADDRNOTAVAIL,
			"key \"hostAccess\": the host has no address in %s on %s, so that a guest could not answer",
			ip_net_format(&subnet, net), j->parent.name);
	}
	if (r < 0)
		return r;
	undo_push(&j->undo, undo_access, j);
	r = grant(j, routes, r, err);
	return r ? err_ctx(err, r, "hostAccess") : 0;
}

/* Which routes go: one attachment's, or those of none that is valid. */
struct sweep {
	struct netlink *host;
	enum link_wait wait;
	const uint32_t *tags;
	size_t n;
	bool are_valid;
};

static bool is_stale(const struct sweep *s, uint32_t tag)
{
	size_t i = 0;

	while (i < s->n && s->tags[i] != tag)
		i++;
	return (i < s->n) != s->are_valid;
}

/* Under the lock: nobody adds a route between the look and the removal. */
static int sweep_routes(const struct sweep *s, const struct device *d,
			struct cni_err *err)
{
	cleanup_free struct route *routes = NULL;
	size_t n = 0, left = 0;
	int r = route_list(s->host, d->link.index, &routes, &n, err);

	for (size_t i = 0; !r && i < n; i++) {
		if (routes[i].priority < TAG_MIN)
			continue;
		if (!is_stale(s, routes[i].priority)) {
			left++;
			continue;
		}
		r = route_del(s->host, &routes[i], err);
		if (r == -ESRCH)
			r = 0;
	}
	if (!r && !left)
		r = link_remove(s->host, d->link.index, s->wait, err);
	return r == -ENODEV ? 0 : r;
}

static int sweep(const struct sweep *s, const char *network,
		 struct cni_err *err)
{
	struct device d = device_of(network);
	cleanup_close int lock = -1;
	int r = find_device(s->host, &d, err);

	if (r <= 0)
		return r;
	r = netns_lock(LOCK_TIMEOUT_S, &lock, err);
	if (!r)
		r = find_device(s->host, &d, err);
	if (r > 0)
		r = sweep_routes(s, &d, err);
	return r < 0 ? err_ctx(err, r, "hostAccess: %s", d.name) : 0;
}

int access_revoke(struct netlink *host, const struct cni_attachment *a,
		  enum link_wait wait, struct cni_err *err)
{
	const uint32_t tag = cni_attachment_ifindex(a);
	const struct sweep s = {
		.host = host, .wait = wait, .tags = &tag, .n = 1
	};

	return sweep(&s, a->network, err);
}

int access_collect(struct netlink *host, const char *network,
		   const struct cni_attachments *valid, struct cni_err *err)
{
	cleanup_free uint32_t *tags = calloc(valid->n + 1, sizeof(*tags));
	const struct sweep s = { .host = host,
				 .wait = LINK_WAIT_KERNEL,
				 .tags = tags,
				 .n = valid->n,
				 .are_valid = true };

	if (!tags)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	for (size_t i = 0; i < valid->n; i++) {
		const struct cni_attachment a = { network,
						  valid->v[i].container_id,
						  valid->v[i].ifname };

		tags[i] = cni_attachment_ifindex(&a);
	}
	return sweep(&s, network, err);
}

static bool has_route(const struct route *have, size_t n,
		      const struct route *want)
{
	for (size_t i = 0; i < n; i++)
		if (ip_equal(&have[i].dst.addr, &want->dst.addr) &&
		    have[i].dst.plen == want->dst.plen &&
		    have[i].priority == want->priority)
			return true;
	return false;
}

static int check_routes(struct job *j, const struct device *d,
			const struct route *want, size_t n, struct cni_err *err)
{
	cleanup_free struct route *have = NULL;
	char text[IP_NET_STR_SIZE];
	size_t n_have = 0;
	int r = route_list(j->host, d->link.index, &have, &n_have, err);

	for (size_t i = 0; !r && i < n; i++)
		if (!has_route(have, n_have, &want[i]))
			r = damaged(err,
				    "hostAccess: route to %s by %s is missing",
				    ip_net_format(&want[i].dst, text), d->name);
	return r;
}

static int check_wanted(struct job *j, const struct device *d,
			const struct cni_result *prev, struct cni_err *err)
{
	cleanup_free struct route *want = NULL;
	const int r = list_wanted(j, prev, &want, err);

	if (!r)
		return damaged(
			err,
			"hostAccess: the host has no address in the guest's subnet on %s any more",
			j->parent.name);
	return r < 0 ? r : check_routes(j, d, want, (size_t)r, err);
}

int access_check(struct job *j, const struct cni_result *prev,
		 struct cni_err *err)
{
	struct device d = device_of(j->call->conf.name);
	int r;

	if (!j->conf.host_access)
		return 0;
	r = find_device(j->host, &d, err);
	if (!r)
		return damaged(err, "hostAccess: interface %s is missing",
			       d.name);
	if (r < 0)
		return r;
	if (!(d.link.flags & IFF_UP))
		return damaged(err, "hostAccess: interface %s is down", d.name);
	if (d.link.peer != parent_index(&j->parent))
		return damaged(err, "hostAccess: interface %s is not on %s",
			       d.name, j->parent.name);
	return check_wanted(j, &d, prev, err);
}
