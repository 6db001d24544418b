/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf/policy_enforce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "bpf/policy_load.h"

int policy_check(const cJSON *doc, struct cni_err *err)
{
	static const struct policy_endpoint self = { 0 };
	static const struct policy_world nobody = { &self, NULL, 0 };
	cleanup_policy struct policy p = { 0 };

	return policy_parse(doc, &nobody, &p, err);
}

int policy_in_force(const struct guard *g, uint64_t network, cJSON **ret,
		    enum policy_source *ret_source, struct cni_err *err)
{
	cleanup_free char *text = NULL;
	cleanup_json cJSON *doc = NULL;
	int source = POLICY_SOURCES, r = 0;

	while (!r && source--)
		r = policy_text_get(g, network, (enum policy_source)source,
				    &text, err);
	if (r <= 0)
		return r;
	r = json_parse(text, strlen(text), &doc, err);
	if (r < 0)
		return err_ctx(err, r, "guard: the policy that was kept");
	*ret = cJSON_DetachItemFromObjectCaseSensitive(doc, "policy");
	*ret_source = (enum policy_source)source;
	return 1;
}

static bool has_selector(const cJSON *peers)
{
	const cJSON *peer;

	cJSON_ArrayForEach(peer, peers)
	{
		if (json_get(peer, "podSelector") ||
		    json_get(peer, "namespaceSelector"))
			return true;
	}
	return false;
}

static bool has_rule_by_labels(const cJSON *rules)
{
	const cJSON *rule;

	cJSON_ArrayForEach(rule, rules)
	{
		if (has_selector(json_get(rule, "from")) ||
		    has_selector(json_get(rule, "to")))
			return true;
	}
	return false;
}

static bool is_by_labels(const cJSON *policy)
{
	const cJSON *spec = json_get(policy, "spec");

	if (!spec)
		spec = policy;
	return has_rule_by_labels(json_get(spec, "ingress")) ||
	       has_rule_by_labels(json_get(spec, "egress"));
}

static bool names_peers_by_labels(const cJSON *doc)
{
	const cJSON *policy;

	if (!cJSON_IsArray(doc))
		return is_by_labels(doc);
	cJSON_ArrayForEach(policy, doc)
	{
		if (is_by_labels(policy))
			return true;
	}
	return false;
}

int policy_for(const cJSON *doc, const struct policy_members *m, size_t i,
	       struct policy *ret, struct policy_tables *ret_tables,
	       struct cni_err *err)
{
	const struct policy_world world = { &m->endpoints[i], m->endpoints,
					    m->n };
	cleanup_policy struct policy p = { 0 };
	int r = doc ? policy_parse(doc, &world, &p, err) : 0;

	if (!r)
		r = policy_compile(&p, POLICY_ENTRIES_MAX, ret_tables, err);
	if (r < 0)
		return err_ctx(err, r, "policy for \"%s\"",
			       m->v[i].container_id);
	*ret = p;
	p = (struct policy){ 0 };
	return 0;
}

/**
 * struct plan - What is to change
 * @changes:	One for each
 * @tables:	that they point to; as many as there are guests
 */
struct plan {
	struct guard_change *changes;
	struct policy_tables *tables;
	size_t n;
};

static void plan_free(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		policy_tables_free(&p->tables[i]);
	free(p->changes);
	free(p->tables);
}

static int plan_one(const struct guard *g, const cJSON *doc,
		    const struct policy_members *m, size_t i, struct plan *p,
		    struct cni_err *err)
{
	cleanup_tables struct policy_tables t = { 0 };
	cleanup_policy struct policy policy = { 0 };
	int r = policy_for(doc, m, i, &policy, &t, err);

	if (r < 0)
		return r;
	r = guard_is_policed(g, m->v[i].ifindex, &t);
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r,
			       "guard: read the policy of interface %u",
			       m->v[i].ifindex);
	if (r)
		return guard_tidy(g, m->v[i].ifindex, err);
	p->tables[p->n] = t;
	t = (struct policy_tables){ 0 };
	p->changes[p->n] = (struct guard_change){ .ifindex = m->v[i].ifindex,
						  .tables = &p->tables[p->n] };
	p->n++;
	return 0;
}

/* @only: one of them; 0: all */
static int enforce(const struct guard *g, const struct policy_members *m,
		   const cJSON *doc, uint32_t only, struct cni_err *err)
{
	CLEANUP(plan_free) struct plan p = { 0 };
	int r = 0;

	p.changes = calloc(m->n + 1, sizeof(*p.changes));
	p.tables = calloc(m->n + 1, sizeof(*p.tables));
	if (!p.changes || !p.tables)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	for (size_t i = 0; !r && i < m->n; i++)
		if (!only || m->v[i].ifindex == only)
			r = plan_one(g, doc, m, i, &p, err);
	return r ? r : guard_police_all(g, p.changes, p.n, err);
}

int policy_joined(const struct guard *g, uint64_t network, uint32_t ifindex,
		  struct cni_err *err)
{
	cleanup_members struct policy_members m = { 0 };
	cleanup_json cJSON *doc = NULL;
	enum policy_source source;
	int r = policy_in_force(g, network, &doc, &source, err);

	if (r > 0)
		r = policy_members_read(g, network, &m, err);
	if (r < 0 || !doc)
		return r;
	return enforce(g, &m, doc, names_peers_by_labels(doc) ? 0 : ifindex,
		       err);
}

/* Of texts whose writer was killed before they held. */
static int remove_remains(const struct guard *g, uint64_t network,
			  struct cni_err *err)
{
	int r = 0;

	for (int s = 0; !r && s < POLICY_SOURCES; s++)
		r = policy_text_remove(g, network, (enum policy_source)s, err);
	return r;
}

int policy_left(const struct guard *g, uint64_t network, struct cni_err *err)
{
	cleanup_members struct policy_members m = { 0 };
	cleanup_json cJSON *doc = NULL;
	enum policy_source source;
	int r = policy_in_force(g, network, &doc, &source, err);

	if (!r)
		return remove_remains(g, network, err);
	if (r > 0)
		r = policy_members_read(g, network, &m, err);
	if (r < 0)
		return r;
	if (!m.n)
		return policy_text_remove(g, network, POLICY_CONFIGURED, err);
	return names_peers_by_labels(doc) ? enforce(g, &m, doc, 0, err) : 0;
}

int policy_enforce(const struct guard *g, uint64_t network, const cJSON *doc,
		   struct cni_err *err)
{
	cleanup_members struct policy_members m = { 0 };
	const int r = policy_members_read(g, network, &m, err);

	return r ? r : enforce(g, &m, doc, 0, err);
}
