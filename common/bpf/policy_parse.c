/* SPDX-License-Identifier: Apache-2.0 */
/* A NetworkPolicy, or several. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "bpf/policy_read.h"
#include "net/array.h"

enum { VALUE_SIZE = 64 };

static const char *const names[POLICY_DIRS] = { "ingress", "egress" };

static void free_rule(struct policy_rule *r)
{
	for (size_t i = 0; i < r->n_peers; i++)
		free(r->peers[i].except);
	free(r->peers);
	free(r->ports);
}

void policy_free(struct policy *p)
{
	for (int d = 0; d < POLICY_DIRS; d++) {
		for (size_t i = 0; i < p->side[d].n; i++)
			free_rule(&p->side[d].rules[i]);
		free(p->side[d].rules);
	}
	*p = (struct policy){ 0 };
}

int policy_bad(const char *key, const cJSON *v, const char *want,
	       struct cni_err *err)
{
	char text[VALUE_SIZE];

	return err_say(err, CNI_E_CONFIG, EINVAL, "\"%s\": %s is not %s", key,
		       v ? json_text(v, text, sizeof(text)) : "nothing", want);
}

int policy_list(const cJSON *obj, const char *key, const cJSON **ret,
		struct cni_err *err)
{
	const cJSON *v = json_get(obj, key), *e;

	if (v && !cJSON_IsArray(v))
		return policy_bad(key, v, "a list", err);
	cJSON_ArrayForEach(e, v)
	{
		if (!cJSON_IsObject(e) && !cJSON_IsString(e))
			return policy_bad(key, e, "what may stand in that list",
					  err);
	}
	*ret = cJSON_GetArraySize(v) ? v : NULL;
	return 0;
}

int policy_text(const cJSON *obj, const char *key, const char **ret,
		struct cni_err *err)
{
	const cJSON *v = json_get(obj, key);

	if (v && !cJSON_IsString(v))
		return policy_bad(key, v, "a string", err);
	if (v)
		*ret = v->valuestring;
	return 0;
}

static int read_action(const cJSON *rule, enum policy_action *ret,
		       struct cni_err *err)
{
	const char *name = "Allow";
	const int r = policy_text(rule, "action", &name, err);

	if (r < 0)
		return r;
	if (strcasecmp(name, "Allow") != 0 && strcasecmp(name, "Deny") != 0)
		return policy_bad("action", json_get(rule, "action"),
				  "Allow or Deny", err);
	*ret = strcasecmp(name, "Deny") == 0 ? POLICY_DENY : POLICY_ALLOW;
	return 0;
}

/* An empty list of peers or ports means any, as the specification has it. */
static int read_rule(const struct policy_reader *rd, const cJSON *rule,
		     struct policy_rule *ret)
{
	static const char *const keys[POLICY_DIRS][4] = {
		{ "from", "ports", "action" },
		{ "to", "ports", "action" },
	};
	const cJSON *peers = NULL, *ports = NULL;
	int r;

	if (!cJSON_IsObject(rule))
		return policy_bad(names[rd->dir], rule, "a list of objects",
				  rd->err);
	r = policy_check_keys(rule, keys[rd->dir], rd->err);
	if (!r)
		r = read_action(rule, &ret->action, rd->err);
	if (!r)
		r = policy_list(rule, keys[rd->dir][0], &peers, rd->err);
	if (!r)
		r = policy_read_peers(rd, peers, ret);
	if (!r)
		r = policy_list(rule, "ports", &ports, rd->err);
	return r ? r : policy_read_ports(ports, ret, rd->err);
}

/* Also those of a policy that is for others: they are counted, and have to be
 * right. */
static int read_rules(struct policy_reader *rd, const cJSON *spec, bool applies,
		      struct array *rules)
{
	const cJSON *list = NULL, *v;
	int r = policy_list(spec, names[rd->dir], &list, rd->err);

	cJSON_ArrayForEach(v, list)
	{
		struct policy_rule rule = { .number = ++rd->number[rd->dir] };

		if (!r)
			r = read_rule(rd, v, &rule);
		if (r < 0)
			(void)err_ctx(rd->err, r, "%s rule %u", names[rd->dir],
				      rule.number);
		else if (applies)
			r = array_append(rules, &rule, sizeof(rule), rd->err);
		if (r < 0 || !applies)
			free_rule(&rule);
		if (r < 0)
			return r;
	}
	return r;
}

/* Without policyTypes: ingress, and egress if there is a rule for it. */
static int read_types(const cJSON *spec, bool ret[POLICY_DIRS],
		      struct cni_err *err)
{
	const cJSON *types = NULL, *v;
	int r = policy_list(spec, "policyTypes", &types, err);

	if (r < 0)
		return r;
	ret[POLICY_INGRESS] = !types;
	ret[POLICY_EGRESS] =
		!types && cJSON_GetArraySize(json_get(spec, "egress"));
	cJSON_ArrayForEach(v, types)
	{
		const char *name = cJSON_IsString(v) ? v->valuestring : "";

		if (strcmp(name, "Ingress") != 0 && strcmp(name, "Egress") != 0)
			return policy_bad("policyTypes", v, "Ingress or Egress",
					  err);
		ret[*name == 'E'] = true;
	}
	return 0;
}

static int read_audit(const cJSON *spec, bool *ret, struct cni_err *err)
{
	const cJSON *v = json_get(spec, "audit");

	if (v && !cJSON_IsBool(v))
		return policy_bad("audit", v, "true or false", err);
	*ret = cJSON_IsTrue(v);
	return 0;
}

static const char *const flat_keys[] = {
	"name",	   "namespace", "podSelector", "policyTypes",
	"ingress", "egress",	"audit",       NULL,
};
static const char *const spec_keys[] = { "podSelector", "policyTypes",
					 "ingress",	"egress",
					 "audit",	NULL };
static const char *const whole_keys[] = { "apiVersion", "kind", "metadata",
					  "spec", NULL };

/* Return: the spec, or NULL with what is wrong in rd->err */
static const cJSON *open_policy(struct policy_reader *rd, const cJSON *doc)
{
	const cJSON *spec = json_get(doc, "spec"), *of = doc;
	int r;

	if (!cJSON_IsObject(doc) || (spec && !cJSON_IsObject(spec))) {
		(void)policy_bad(spec ? "spec" : "policy", spec ? spec : doc,
				 "an object", rd->err);
		return NULL;
	}
	r = policy_check_keys(doc, spec ? whole_keys : flat_keys, rd->err);
	if (!r && spec) {
		r = policy_check_keys(spec, spec_keys, rd->err);
		of = json_get(doc, "metadata");
	}
	if (!r)
		r = policy_text(of, "namespace", &rd->space, rd->err);
	if (r < 0)
		return NULL;
	return spec ? spec : doc;
}

/* Return: 1 if the policy is for the guest, 0 if not, or a negative errno */
static int applies(const struct policy_reader *rd, const cJSON *spec)
{
	const struct policy_endpoint *self = rd->world->self;
	const cJSON *pods = json_get(spec, "podSelector");
	const int r = pods ? policy_check_selector(pods, rd->err) : 0;

	if (r < 0)
		return err_ctx(rd->err, r, "\"podSelector\"");
	return !strcmp(rd->space ? rd->space : "",
		       self->space ? self->space : "") &&
	       (!pods || policy_selects(pods, self->labels, self->n_labels));
}

static void select_side(struct policy_side *s, bool selected, bool audit)
{
	if (!selected)
		return;
	s->audit = audit && (s->audit || !s->selected);
	s->selected = true;
}

static int read_policy(struct policy_reader *rd, const cJSON *doc,
		       struct policy *p, struct array rules[POLICY_DIRS])
{
	bool types[POLICY_DIRS], audit = false;
	const cJSON *spec;
	int r, mine;

	rd->space = rd->world->self->space;
	spec = open_policy(rd, doc);
	if (!spec)
		return -EINVAL;
	mine = applies(rd, spec);
	r = mine < 0 ? mine : read_types(spec, types, rd->err);
	if (!r)
		r = read_audit(spec, &audit, rd->err);
	for (int d = 0; !r && d < POLICY_DIRS; d++) {
		rd->dir = (enum policy_dir)d;
		select_side(&p->side[d], mine && types[d], audit);
		r = read_rules(rd, spec, mine && types[d], &rules[d]);
	}
	return r;
}

static int read_all(struct policy_reader *rd, const cJSON *doc,
		    struct policy *p, struct array rules[POLICY_DIRS])
{
	unsigned int i = 0;
	const cJSON *v;
	int r = 0;

	if (!cJSON_IsArray(doc))
		return read_policy(rd, doc, p, rules);
	cJSON_ArrayForEach(v, doc)
	{
		i++;
		r = read_policy(rd, v, p, rules);
		if (r < 0)
			return err_ctx(rd->err, r, "policy %u", i);
	}
	return 0;
}

int policy_parse(const cJSON *doc, const struct policy_world *world,
		 struct policy *ret, struct cni_err *err)
{
	struct policy_reader rd = { .world = world, .err = err };
	struct array rules[POLICY_DIRS] = { 0 };
	cleanup_policy struct policy p = { 0 };
	const int r = read_all(&rd, doc, &p, rules);

	for (int d = 0; d < POLICY_DIRS; d++) {
		p.side[d].rules = rules[d].v;
		p.side[d].n = rules[d].n;
	}
	if (r < 0)
		return r;
	*ret = p;
	p = (struct policy){ 0 };
	return 0;
}
