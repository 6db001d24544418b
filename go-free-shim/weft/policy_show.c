/* SPDX-License-Identifier: Apache-2.0 */
/* What is in force: on a network, and in detail on one guest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/policy_load.h"
#include "weft/policy.h"
#include "weft/show.h"
#include "weft/table.h"

static const char *const directions[POLICY_DIRS] = { "ingress", "egress" };

static const char *source_name(const struct policy_view *v)
{
	if (!v->doc)
		return NULL;
	return v->source == POLICY_APPLIED ? "applied" : "configured";
}

static int add_text(cJSON *list, const char *text)
{
	return json_add(list, NULL, cJSON_CreateString(text));
}

static int add_labels(cJSON *obj, const struct policy_endpoint *e)
{
	cJSON *list = cJSON_CreateObject();
	int r = json_add(obj, "labels", list);

	for (size_t i = 0; !r && i < e->n_labels; i++)
		r = show_str(list, e->labels[i].key, e->labels[i].value);
	return r;
}

static int add_addrs(cJSON *obj, const struct policy_endpoint *e)
{
	cJSON *list = cJSON_CreateArray();
	int r = json_add(obj, "addresses", list);

	for (size_t i = 0; !r && i < e->n_addrs; i++)
		r = show_net(list, &e->addrs[i], -1);
	return r;
}

static const char *side_name(const struct policy_side *s)
{
	if (!s->selected)
		return "open";
	return s->audit ? "audit" : "enforced";
}

/* Who it is, and which directions are restricted. */
static int describe(const struct policy_member *m, const struct policy *p,
		    cJSON *ret)
{
	int r = show_str(ret, "containerID", m->container_id) |
		show_str(ret, "ifname", m->ifname) |
		show_str(ret, "namespace",
			 *m->endpoint.space ? m->endpoint.space : NULL) |
		add_labels(ret, &m->endpoint) | add_addrs(ret, &m->endpoint);

	for (int d = 0; !r && d < POLICY_DIRS; d++)
		r = show_str(ret, directions[d], side_name(&p->side[d]));
	return r;
}

static int policy_of(const struct policy_view *v, size_t i, struct policy *ret,
		     struct cni_err *err)
{
	cleanup_tables struct policy_tables t = { 0 };

	return policy_for(v->doc, &v->members, i, ret, &t, err);
}

static int list_guests(const struct policy_view *v, cJSON *list,
		       struct cni_err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < v->members.n; i++) {
		cleanup_policy struct policy p = { 0 };
		cJSON *obj = cJSON_CreateObject();

		r = json_add(list, NULL, obj);
		if (!r)
			r = policy_of(v, i, &p, err);
		if (!r)
			r = describe(&v->members.v[i], &p, obj);
	}
	return r;
}

static void labels_cell(struct table *t, const cJSON *labels)
{
	char text[256] = "";
	size_t n = 0;
	const cJSON *l;

	cJSON_ArrayForEach(l, labels)
	{
		if (n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%s%s=%s", n ? "," : "",
					      l->string, l->valuestring);
	}
	table_cell(t, text);
}

static int print_guests(const struct policy_view *v, const cJSON *list,
			struct cni_err *err)
{
	static const char *const head[] = { "GUEST",  "INTERFACE", "NAMESPACE",
					    "LABELS", "ADDRESSES", "INGRESS",
					    "EGRESS" };
	cleanup_table struct table t = { .columns =
						 sizeof(head) / sizeof(*head) };
	const char *source = source_name(v);
	const cJSON *o;

	(void)printf("%s: %s\n", v->network,
		     !source ? "no policy"
		     : v->source == POLICY_APPLIED
			     ? "the policy that was applied"
			     : "the configuration's policy");
	for (size_t i = 0; i < t.columns; i++)
		table_cell(&t, head[i]);
	cJSON_ArrayForEach(o, list)
	{
		show_cell(&t, o, "containerID");
		show_cell(&t, o, "ifname");
		show_cell(&t, o, "namespace");
		labels_cell(&t, json_get(o, "labels"));
		show_list_cell(&t, o, "addresses");
		show_cell(&t, o, "ingress");
		show_cell(&t, o, "egress");
	}
	return show_table(&t, err);
}

static int show_network(const struct weft_args *a, const struct policy_view *v,
			struct cni_err *err)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cJSON *list = cJSON_CreateArray();
	int r = json_add(doc, "guests", list);

	if (!r)
		r = show_str(doc, "policy", source_name(v));
	if (!r && v->doc)
		r = json_add(doc, "text", cJSON_Duplicate(v->doc, true));
	if (r < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	r = list_guests(v, list, err);
	if (r < 0)
		return r;
	return a->json ? show_json(doc, err) : print_guests(v, list, err);
}

static int add_peers(cJSON *obj, const struct policy_rule *rule)
{
	cJSON *list = cJSON_CreateArray();
	int r = json_add(obj, "peers", list);
	char net[IP_NET_STR_SIZE], text[IP_NET_STR_SIZE * 2];

	if (!r && rule->any_peer)
		return add_text(list, "any");
	for (size_t i = 0; !r && i < rule->n_peers; i++) {
		const struct policy_peer *p = &rule->peers[i];

		if (p->net.plen == ip_max_plen(p->net.addr.family))
			(void)ip_format(&p->net.addr, net);
		else
			(void)ip_net_format(&p->net, net);
		(void)snprintf(text, sizeof(text), "%s%s", net,
			       p->n_except ? " except..." : "");
		r = add_text(list, text);
	}
	return r;
}

static int add_ports(cJSON *obj, const struct policy_rule *rule)
{
	cJSON *list = cJSON_CreateArray();
	int r = json_add(obj, "ports", list);
	char text[POLICY_PORT_TEXT];

	if (!r && rule->any_port)
		return add_text(list, "any");
	for (size_t i = 0; !r && i < rule->n_ports; i++)
		r = add_text(list, policy_port_text(&rule->ports[i], text));
	return r;
}

static uint64_t hits_of(const struct guard_hits *h, size_t n, int dir,
			uint32_t rule)
{
	for (size_t i = 0; i < n; i++)
		if (h[i].egress == (dir == POLICY_EGRESS) && h[i].rule == rule)
			return h[i].n;
	return 0;
}

static int add_rules(cJSON *list, const struct policy *p,
		     const struct guard_hits *h, size_t n)
{
	int r = 0;

	for (int d = 0; d < POLICY_DIRS; d++)
		for (size_t i = 0; !r && i < p->side[d].n; i++) {
			const struct policy_rule *rule = &p->side[d].rules[i];
			cJSON *obj = cJSON_CreateObject();

			r = json_add(list, NULL, obj);
			if (!r)
				r = show_str(obj, "direction", directions[d]) |
				    show_num(obj, "rule", rule->number) |
				    show_str(obj, "action",
					     rule->action == POLICY_DENY
						     ? "deny"
						     : "allow") |
				    add_peers(obj, rule) |
				    add_ports(obj, rule) |
				    show_num(obj, "hits",
					     (int64_t)hits_of(h, n, d,
							      rule->number));
		}
	return r;
}

static int print_guest(const cJSON *doc, struct cni_err *err)
{
	static const char *const head[] = { "DIRECTION", "RULE",  "ACTION",
					    "PEERS",	 "PORTS", "HITS" };
	cleanup_table struct table t = { .columns =
						 sizeof(head) / sizeof(*head) };
	const cJSON *o;

	for (size_t i = 0; i < t.columns; i++)
		table_cell(&t, head[i]);
	cJSON_ArrayForEach(o, json_get(doc, "rules"))
	{
		show_cell(&t, o, "direction");
		show_num_cell(&t, o, "rule");
		show_cell(&t, o, "action");
		show_words_cell(&t, o, "peers");
		show_words_cell(&t, o, "ports");
		show_num_cell(&t, o, "hits");
	}
	for (int d = 0; d < POLICY_DIRS; d++) {
		const char *is =
			cJSON_GetStringValue(json_get(doc, directions[d]));
		const cJSON *dropped =
			json_get(json_get(doc, "dropped"), directions[d]);

		(void)printf(
			"%s: %s; %.0f frames dropped\n", directions[d],
			!strcmp(is, "open") ? "no policy selects it"
			: !strcmp(is, "audit")
				? "what no rule allows passes, and is counted"
				: "what no rule allows is dropped",
			cJSON_GetNumberValue(dropped));
	}
	return show_table(&t, err);
}

static int add_dropped(cJSON *doc, const struct policy_view *v, uint32_t index,
		       struct cni_err *err)
{
	cJSON *obj = cJSON_CreateObject();
	struct guard_counts c = { 0 };
	int r = json_add(doc, "dropped", obj);

	if (!r)
		r = guard_counts(&v->guard, index, &c, err);
	return r ? r
		 : show_num(obj, "ingress",
			    (int64_t)(c.to[GUARD_POLICY] + c.to[GUARD_PART])) |
			       show_num(obj, "egress",
					(int64_t)(c.from[GUARD_POLICY] +
						  c.from[GUARD_PART]));
}

static int show_guest(const struct weft_args *a, const struct policy_view *v,
		      struct cni_err *err)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cleanup_free struct guard_hits *hits = NULL;
	cleanup_policy struct policy p = { 0 };
	cJSON *list = cJSON_CreateArray();
	size_t i = 0, n = 0;
	int r = policy_view_guest(v, a->id, a->ifname, &i, err);

	if (!r)
		r = policy_of(v, i, &p, err);
	if (!r &&
	    (p.side[POLICY_INGRESS].selected || p.side[POLICY_EGRESS].selected))
		r = guard_hits(&v->guard, v->members.v[i].ifindex, &hits, &n,
			       err);
	if (r < 0) {
		cJSON_Delete(list);
		return r;
	}
	r = describe(&v->members.v[i], &p, doc);
	r |= json_add(doc, "rules", list);
	if (!r)
		r = add_rules(list, &p, hits, n);
	if (!r)
		r = add_dropped(doc, v, v->members.v[i].ifindex, err);
	if (r < 0)
		return err->code
			       ? r
			       : err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	return a->json ? show_json(doc, err) : print_guest(doc, err);
}

int policy_show(const struct weft_args *a, const struct policy_view *v,
		struct cni_err *err)
{
	return a->id ? show_guest(a, v, err) : show_network(a, v, err);
}
