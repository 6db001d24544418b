/* SPDX-License-Identifier: Apache-2.0 */
/* weft network ls: networks that are configured, and those that there are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/attachment.h"
#include "libcni/conflist.h"
#include "net/addr.h"
#include "net/link.h"
#include "net/masq.h"
#include "weft/leases.h"
#include "weft/show.h"
#include "weft/table.h"
#include "weft/weft.h"

struct segment {
	char network[CNI_LINK_ALIAS_SIZE];
	char bridge[IFNAMSIZ];
};

struct scan {
	struct netlink *host;
	struct link_info *links;
	size_t n_links;
	struct segment *v;
	size_t n;
	cJSON *list;
};

static void scan_close(struct scan *s)
{
	netlink_close(s->host);
	free(s->links);
	free(s->v);
	cJSON_Delete(s->list);
}

static int add_segment(struct scan *s, const char *network, const char *bridge)
{
	struct segment *more = reallocarray(s->v, s->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	s->v = more;
	(void)snprintf(more[s->n].network, sizeof(more->network), "%s",
		       network);
	(void)snprintf(more[s->n].bridge, sizeof(more->bridge), "%s", bridge);
	s->n++;
	return 0;
}

static const struct link_info *bridge_of(const struct scan *s, uint32_t index)
{
	for (size_t i = 0; index && i < s->n_links; i++)
		if (s->links[i].index == index)
			return &s->links[i];
	return NULL;
}

/* Bridges that we made, and those that our ports are on. */
static int add_from_kernel(struct scan *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->n_links; i++) {
		const struct link_info *l = &s->links[i];
		const bool is_bridge = !strcmp(l->kind, "bridge");
		const struct link_info *bridge =
			is_bridge ? l : bridge_of(s, l->master);
		struct cni_alias alias = { 0 };

		if (l->group == LINK_GROUP_WEFT && bridge &&
		    cni_alias_parse(l->alias, &alias) && *alias.of.network)
			r = add_segment(s, alias.of.network, bridge->name);
	}
	return r;
}

static int add_configured(struct conflist *c, void *arg)
{
	struct scan *s = arg;
	const cJSON *p;

	cJSON_ArrayForEach(p, c->plugins)
	{
		const char *type = cJSON_GetStringValue(json_get(p, "type"));
		const char *bridge =
			cJSON_GetStringValue(json_get(p, "bridge"));

		if (type && !strcmp(type, "bridge-vm"))
			return add_segment(s, c->name,
					   bridge && *bridge ? bridge : "cni0");
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	const int c = strcmp(x->network, y->network);

	return c ? c : strcmp(x->bridge, y->bridge);
}

static const struct link_info *find(const struct scan *s, const char *name)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (!strcmp(s->links[i].name, name) &&
		    !strcmp(s->links[i].kind, "bridge"))
			return &s->links[i];
	return NULL;
}

/* Does this carry gateways: the bridge, or an 802.1Q device above it? */
static bool is_gateway(const struct link_info *l,
		       const struct link_info *bridge)
{
	return l->index == bridge->index ||
	       (l->vlan && l->group == LINK_GROUP_WEFT &&
		l->peer == bridge->index);
}

static int add_addresses_of(const struct scan *s, cJSON *array,
			    const struct link_info *l)
{
	cleanup_free struct ip_net *nets = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	size_t n = 0;
	int r = 0;

	(void)addr_list(s->host, l->index, &nets, &n, &ignored);
	for (size_t i = 0; !r && i < n; i++)
		if (!ip_is_link_local(&nets[i].addr))
			r = show_net(array, &nets[i].addr, nets[i].plen);
	return r;
}

static int add_addresses(const struct scan *s, cJSON *obj,
			 const struct link_info *bridge)
{
	cJSON *array = cJSON_CreateArray();
	int r = json_add(obj, "addresses", array);

	for (size_t i = 0; bridge && !r && i < s->n_links; i++)
		if (is_gateway(&s->links[i], bridge))
			r = add_addresses_of(s, array, &s->links[i]);
	return r;
}

static int add_ports(const struct scan *s, cJSON *obj,
		     const struct link_info *bridge)
{
	int64_t n = 0;

	for (size_t i = 0; bridge && i < s->n_links; i++)
		n += s->links[i].master == bridge->index;
	return show_num(obj, "ports", n);
}

static int add_masquerade(const struct scan *s, cJSON *obj,
			  const struct segment *seg,
			  const struct link_info *bridge)
{
	struct ip_net nets[MASQ_SUBNETS];
	struct cni_err e = CNI_ERR_INIT;
	cJSON *array;
	size_t n = 0;
	int r = masq_list(seg->network, seg->bridge, nets, &n, &e);

	for (size_t i = 0; bridge && !r && !n && i < s->n_links; i++)
		if (s->links[i].vlan && is_gateway(&s->links[i], bridge))
			r = masq_list(seg->network, s->links[i].name, nets, &n,
				      &e);
	if (r < 0)
		return show_str(obj, "masquerade", NULL);
	array = cJSON_CreateArray();
	if (json_add(obj, "masquerade", array) < 0)
		return -ENOMEM;
	for (size_t i = 0; !r && i < n; i++)
		r = show_net(array, &nets[i].addr, nets[i].plen);
	return r;
}

static int add_leases(cJSON *obj, const char *network)
{
	cleanup_leases struct leases l = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;

	return leases_read(network, &l, &ignored) < 0
		       ? show_str(obj, "leases", NULL)
		       : show_num(obj, "leases", (int64_t)l.n);
}

static int describe(struct scan *s, const struct segment *seg)
{
	const struct link_info *bridge = find(s, seg->bridge);
	cJSON *obj = cJSON_CreateObject();
	int r = json_add(s->list, NULL, obj);

	if (r < 0)
		return r;
	r = show_str(obj, "network", seg->network);
	r |= show_str(obj, "bridge", seg->bridge);
	r |= show_bool(obj, "exists", bridge != NULL);
	r |= add_addresses(s, obj, bridge);
	r |= add_ports(s, obj, bridge);
	r |= add_masquerade(s, obj, seg, bridge);
	r |= add_leases(obj, seg->network);
	return r ? -ENOMEM : 0;
}

static int describe_all(struct scan *s, struct cni_err *err)
{
	int r = 0;

	s->list = cJSON_CreateArray();
	if (!s->list)
		r = -ENOMEM;
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_name);
	for (size_t i = 0; !r && i < s->n; i++)
		if (!i || by_name(&s->v[i - 1], &s->v[i]) != 0)
			r = describe(s, &s->v[i]);
	return r < 0 ? err_set(err, CNI_E_INTERNAL, -r, "list networks") : 0;
}

static int gather(struct scan *s, struct cni_err *err)
{
	int r = netlink_open(&s->host, err);

	if (!r)
		r = link_list(s->host, 0, &s->links, &s->n_links, err);
	if (r < 0)
		return r;
	r = add_from_kernel(s);
	if (!r)
		r = conflist_each(weft_conf_dir(), add_configured, s, err);
	if (r == -ENOMEM)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "list networks");
	return r ? r : describe_all(s, err);
}

static void masquerade_cell(struct table *t, const cJSON *n)
{
	const cJSON *subnets = json_get(n, "masquerade");

	table_cell(t, !subnets ? NULL : subnets->child ? "yes" : "no");
}

static int print(const cJSON *list, struct cni_err *err)
{
	static const char *const head[] = { "NETWORK",	  "BRIDGE",
					    "ADDRESSES",  "PORTS",
					    "MASQUERADE", "LEASES" };
	cleanup_table struct table t = { .columns = sizeof(head) /
						    sizeof(head[0]) };
	const cJSON *n;

	for (size_t i = 0; i < t.columns; i++)
		table_cell(&t, head[i]);
	cJSON_ArrayForEach(n, list)
	{
		const bool exists = cJSON_IsTrue(json_get(n, "exists"));

		show_cell(&t, n, "network");
		show_cell(&t, n, "bridge");
		show_list_cell(&t, n, "addresses");
		if (exists)
			show_num_cell(&t, n, "ports");
		else
			table_cell(&t, NULL);
		masquerade_cell(&t, n);
		show_num_cell(&t, n, "leases");
	}
	return show_table(&t, err);
}

int weft_network_ls(const struct weft_args *a, struct cni_err *err)
{
	CLEANUP(scan_close) struct scan s = { 0 };
	const int r = gather(&s, err);

	if (r < 0)
		return r;
	return a->json ? show_json(s.list, err) : print(s.list, err);
}
