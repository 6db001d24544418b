/* SPDX-License-Identifier: Apache-2.0 */
/* weft ls: the kernel knows its devices, and the devices whose they are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/attachment.h"
#include "libcni/cache.h"
#include "net/addr.h"
#include "net/link.h"
#include "weft/leases.h"
#include "weft/ls_guard.h"
#include "weft/ls_splice.h"
#include "weft/show.h"
#include "weft/table.h"
#include "weft/weft.h"

/* It stays where it is: an alias points into itself. */
struct port {
	struct port *next;
	struct link_info link;
	struct cni_alias alias;
};

/* Where one attachment's facts come from, and where they go. */
struct ls {
	const struct weft_args *args;
	struct netlink *host;
	char network[CNI_LINK_ALIAS_SIZE]; /* whose leases these are */
	struct leases leases;
	struct guard guard;
	struct port *ports;
	size_t n;
	cJSON *list;
};

static void ls_close(struct ls *ls)
{
	netlink_close(ls->host);
	guard_close(&ls->guard);
	leases_free(&ls->leases);
	while (ls->ports) {
		struct port *p = ls->ports;

		ls->ports = p->next;
		free(p);
	}
	cJSON_Delete(ls->list);
}

static int by_attachment(const void *a, const void *b)
{
	const struct cni_attachment *x = &(*(struct port *const *)a)->alias.of;
	const struct cni_attachment *y = &(*(struct port *const *)b)->alias.of;
	int c = strcmp(x->network, y->network);

	c = c ? c : strcmp(x->container_id, y->container_id);
	return c ? c : strcmp(x->ifname, y->ifname);
}

static bool is_port(const struct link_info *link, struct port *ret)
{
	static const struct cni_attachment nobody = { "", "", "" };

	/* An ifb is part of the port that it is named after. */
	if (link->group != LINK_GROUP_WEFT || !strcmp(link->kind, "bridge") ||
	    !strcmp(link->kind, "ifb"))
		return false;
	ret->link = *link;
	/* Killed between making a device and naming it: seen, and nobody's. */
	if (!cni_alias_parse(link->alias, &ret->alias)) {
		ret->alias.of = nobody;
		return true;
	}
	/* What has no container is the network's: macvlan-vm's hostAccess. */
	return *ret->alias.of.container_id != '\0';
}

/* The lease directory of a network is read once, for all its ports. */
static void know_leases(struct ls *ls, const char *network)
{
	struct cni_err ignored = CNI_ERR_INIT;

	if (!*network || !strcmp(ls->network, network))
		return;
	leases_free(&ls->leases);
	(void)snprintf(ls->network, sizeof(ls->network), "%s", network);
	(void)leases_read(network, &ls->leases, &ignored);
}

static int recall(const struct ls *ls, const struct cni_attachment *a,
		  struct cache_entry *ret)
{
	return *a->network && (cache_load(ls->args->cache_dir, a->network,
					  a->container_id, a->ifname, ret) ||
			       cache_load(CACHE_DIR_LIBCNI, a->network,
					  a->container_id, a->ifname, ret));
}

static const char *cached_mac(const struct cache_entry *e, const char *ifname)
{
	const cJSON *i, *found = NULL;

	cJSON_ArrayForEach(i, json_get(e->result, "interfaces"))
	{
		const char *name = cJSON_GetStringValue(json_get(i, "name"));

		if (name && !strcmp(name, ifname) && json_get(i, "sandbox"))
			found = json_get(i, "mac");
	}
	return cJSON_GetStringValue(found);
}

static int add_cached(cJSON *array, const struct cache_entry *e)
{
	const cJSON *ip;
	int r = 0;

	cJSON_ArrayForEach(ip, json_get(e->result, "ips"))
	{
		const char *s = cJSON_GetStringValue(json_get(ip, "address"));
		struct ip_net net;

		if (!r && s && !ip_net_parse(s, &net))
			r = show_net(array, &net.addr, net.plen);
	}
	return r;
}

/* A namespace that we may not look into adds nothing. */
static int add_real(const struct ls *ls, cJSON *array,
		    const struct link_info *port)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct ip_net *nets = NULL;
	size_t n = 0;
	int r = 0;

	(void)addr_list_in(ls->host, port->link_netnsid, port->peer, &nets, &n,
			   &ignored);
	for (size_t i = 0; !r && i < n; i++)
		if (!ip_is_link_local(&nets[i].addr))
			r = show_net(array, &nets[i].addr, nets[i].plen);
	free(nets);
	return r;
}

static int add_addresses(const struct ls *ls, cJSON *array,
			 const struct port *p, const struct cache_entry *e)
{
	size_t n = 0;
	const struct lease *l = leases_of(&ls->leases, p->alias.of.container_id,
					  p->alias.of.ifname, &n);
	int r = 0;

	if (!strcmp(p->link.kind, "veth"))
		r = add_real(ls, array, &p->link);
	if (r || array->child)
		return r;
	if (e->result)
		return add_cached(array, e);
	for (size_t i = 0; !r && i < n && *p->alias.of.network; i++)
		r = show_net(array, &l[i].address, -1);
	return r;
}

static int add_mac(const struct ls *ls, cJSON *obj, const struct port *p,
		   const struct cache_entry *e)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct link_info peer;
	char text[MAC_STR_SIZE];
	const char *mac = cached_mac(e, p->alias.of.ifname);

	if (!strcmp(p->link.kind, "veth") &&
	    !link_get_peer(ls->host, &p->link, &peer, &ignored))
		mac = mac_format(&peer.mac, text);
	else if (!strcmp(p->link.kind, "macvtap"))
		mac = mac_format(&p->link.mac, text);
	return show_str(obj, "mac", mac);
}

static int add_since(const struct ls *ls, cJSON *obj, const struct port *p,
		     const struct cache_entry *e)
{
	size_t n = 0;
	const struct lease *l = leases_of(&ls->leases, p->alias.of.container_id,
					  p->alias.of.ifname, &n);
	const time_t since = n && *p->alias.of.network ? l->made : e->saved;

	return since ? show_num(obj, "since", since)
		     : show_str(obj, "since", NULL);
}

static const char *kind_of(const struct link_info *link)
{
	return strcmp(link->kind, "tun") ? link->kind : "tap";
}

/* What a VMM holds of it says more than the port that the frames come by. */
static int describe(struct ls *ls, const struct port *p)
{
	const struct cni_attachment *a = &p->alias.of;
	cleanup_cache_entry struct cache_entry e = { 0 };
	cJSON *obj = cJSON_CreateObject(), *addresses;
	const struct link_info *link = &p->link;
	struct link_info tap;
	struct cni_alias alias = { 0 };
	int r;

	know_leases(ls, a->network);
	(void)recall(ls, a, &e);
	r = json_add(ls->list, NULL, obj);
	if (r < 0)
		return r;
	if (ls_splice_find(&e, &tap, &alias))
		link = &tap;
	r = show_str(obj, "network", a->network);
	r |= show_str(obj, "kind", link == &tap ? "splice" : kind_of(link));
	r |= show_str(obj, "containerID", a->container_id);
	r |= show_str(obj, "ifname", a->ifname);
	r |= show_str(obj, "device", link->name);
	r |= show_str(obj, "netns", e.doc && *e.netns ? e.netns : NULL);
	r |= add_mac(ls, obj, p, &e);
	addresses = cJSON_CreateArray();
	if (json_add(obj, "addresses", addresses) < 0)
		return -ENOMEM;
	r |= add_addresses(ls, addresses, p, &e);
	r |= show_bool(obj, "up", link->flags & IFF_UP);
	r |= show_bool(obj, "carrier", link->carrier);
	r |= show_num(obj, "mtu", link->mtu);
	r |= add_since(ls, obj, p, &e);
	r |= ls_guard_add(&ls->guard, a, obj);
	return r ? -ENOMEM : 0;
}

static bool is_asked(const struct ls *ls, const char *network)
{
	return !ls->args->n || !strcmp(ls->args->positional[0], network);
}

static void keep(struct ls *ls, struct port *p)
{
	p->next = ls->ports;
	ls->ports = p;
	ls->n++;
}

static int keep_links(struct ls *ls, const struct link_info *links, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_free struct port *p = calloc(1, sizeof(*p));

		if (!p)
			return -ENOMEM;
		if (is_port(&links[i], p) && is_asked(ls, p->alias.of.network))
			keep(ls, TAKE_PTR(p));
	}
	return 0;
}

static bool has_port(const struct ls *ls, const struct cache_entry *e)
{
	for (const struct port *p = ls->ports; p; p = p->next) {
		const struct cni_attachment *a = &p->alias.of;

		if (!strcmp(a->network, e->network) &&
		    !strcmp(a->container_id, e->container_id) &&
		    !strcmp(a->ifname, e->ifname))
			return true;
	}
	return false;
}

/* Behind what has no port of ours on the host. */
static int keep_splice(const char *file, const struct cache_entry *e, void *arg,
		       struct cni_err *err)
{
	cleanup_free struct port *p = NULL;
	struct ls *ls = arg;

	(void)file;
	if (!e || !is_asked(ls, e->network) || has_port(ls, e))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
	if (ls_splice_find(e, &p->link, &p->alias))
		keep(ls, TAKE_PTR(p));
	return 0;
}

static int describe_all(struct ls *ls)
{
	cleanup_free struct port **order =
		calloc(ls->n + 1, sizeof(struct port *));
	size_t n = 0;
	int r = 0;

	ls->list = cJSON_CreateArray();
	if (!order || !ls->list)
		return -ENOMEM;
	for (struct port *p = ls->ports; p; p = p->next)
		order[n++] = p;
	qsort(order, n, sizeof(struct port *), by_attachment);
	for (size_t i = 0; !r && i < n; i++)
		r = describe(ls, order[i]);
	return r;
}

static int gather(struct ls *ls, struct cni_err *err)
{
	cleanup_free struct link_info *links = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	size_t n = 0;
	int r;

	/* Without it they are listed all the same. */
	(void)guard_find(&ls->guard, &ignored);
	r = netlink_open(&ls->host, err);
	if (!r)
		r = link_list(ls->host, 0, &links, &n, err);
	if (!r && keep_links(ls, links, n) < 0)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
	if (!r)
		r = cache_walk(ls->args->cache_dir, keep_splice, ls, err);
	if (!r)
		r = cache_walk(CACHE_DIR_LIBCNI, keep_splice, ls, err);
	if (r < 0)
		return r;
	r = describe_all(ls);
	return r < 0 ? err_set(err, CNI_E_INTERNAL, -r, "list") : 0;
}

/* An engine's IDs have 64 digits; 12 are what it shows itself. */
static void guest_cell(struct table *t, const cJSON *a)
{
	const char *id = cJSON_GetStringValue(json_get(a, "containerID"));
	const char *ifname = cJSON_GetStringValue(json_get(a, "ifname"));
	const bool is_long = id && strlen(id) > 24;
	char text[CNI_LINK_ALIAS_SIZE] = "";

	if (id)
		(void)snprintf(text, sizeof(text), "%.*s%s%s%s",
			       is_long ? 12 : 255, id, is_long ? ".." : "",
			       ifname ? "/" : "", ifname ? ifname : "");
	table_cell(t, text);
}

static const char *state_of(const cJSON *a)
{
	if (!cJSON_IsTrue(json_get(a, "up")))
		return "down";
	return cJSON_IsTrue(json_get(a, "carrier")) ? "up" : "no-carrier";
}

static int print(const cJSON *list, struct cni_err *err)
{
	static const char *const head[] = { "NETWORK", "KIND", "GUEST",
					    "DEVICE",  "MAC",  "ADDRESSES",
					    "STATE",   "MTU",  "AGE" };
	cleanup_table struct table t = { .columns = sizeof(head) /
						    sizeof(head[0]) };
	const cJSON *a;

	for (size_t i = 0; i < t.columns; i++)
		table_cell(&t, head[i]);
	cJSON_ArrayForEach(a, list)
	{
		show_cell(&t, a, "network");
		show_cell(&t, a, "kind");
		guest_cell(&t, a);
		show_cell(&t, a, "device");
		show_cell(&t, a, "mac");
		show_list_cell(&t, a, "addresses");
		table_cell(&t, state_of(a));
		show_num_cell(&t, a, "mtu");
		show_age_cell(&t, a, "since");
	}
	return show_table(&t, err);
}

int weft_ls(const struct weft_args *a, struct cni_err *err)
{
	CLEANUP(ls_close) struct ls ls = { .args = a, .guard = GUARD_NONE };
	const int r = gather(&ls, err);

	if (r < 0)
		return err_ctx(err, r, "list attachments");
	return a->json ? show_json(ls.list, err) : print(ls.list, err);
}
