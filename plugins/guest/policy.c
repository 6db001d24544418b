/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/policy.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "bpf/map.h"
#include "bpf/policy_enforce.h"
#include "bpf/policy_load.h"
#include "cni/args.h"
#include "guest/per_attachment.h"

/* CRI's own, of the pod that a sandbox is. */
#define POD_NAME "io.kubernetes.pod.name"

static int read_policy(const cJSON *v, void *field, struct cni_err *err)
{
	const cJSON **ret = field;

	if (!cJSON_IsObject(v) && !cJSON_IsArray(v))
		return json_expected(v, "a NetworkPolicy or an array of them",
				     err);
	*ret = v;
	return 0;
}

static const struct json_field fields[] = {
	{ .name = "policy",
	  .type = JSON_FUNC,
	  .offset = offsetof(struct policy_conf, policy),
	  .decode = read_policy },
	{ .name = "labels",
	  .type = JSON_OBJ,
	  .offset = offsetof(struct policy_conf, labels) },
	{ 0 },
};

/* As CNI's conventions have them, { "key", "value" }, or as anybody writes them. */
static bool next_label(const cJSON *list, const cJSON **at,
		       struct policy_label *ret)
{
	*at = *at ? (*at)->next : list ? list->child : NULL;
	if (!*at)
		return false;
	if (cJSON_IsObject(list))
		*ret = (struct policy_label){ (*at)->string,
					      cJSON_GetStringValue(*at) };
	else
		*ret = (struct policy_label){
			cJSON_GetStringValue(json_get(*at, "key")),
			cJSON_GetStringValue(json_get(*at, "value"))
		};
	return true;
}

static int check_labels(const cJSON *list, struct cni_err *err)
{
	const cJSON *at = NULL;
	struct policy_label l;
	char text[64];

	if (list && !cJSON_IsObject(list) && !cJSON_IsArray(list))
		return err_ctx(err, json_expected(list, "an object", err),
			       "key \"labels\"");
	while (next_label(list, &at, &l))
		if (!l.key || !*l.key || !l.value)
			return err_say(
				err, CNI_E_CONFIG, EINVAL,
				"key \"labels\": %s: a label has a name, and a value that is a string",
				json_text(at, text, sizeof(text)));
	return 0;
}

static const cJSON *find_label(const cJSON *list, const char *key)
{
	const cJSON *v;

	cJSON_ArrayForEach(v, list)
	{
		if (!strcmp(v->string, key))
			return v;
	}
	return NULL;
}

/* What the owner says of everybody nobody says otherwise of himself. */
static int check_asked(const struct cni_call *call, const struct policy_conf *c,
		       struct cni_err *err)
{
	const cJSON *at = NULL;
	struct policy_label l;
	int r = check_labels(c->asked, err);

	if (r < 0)
		return err_ctx(err, r, "args.cni");
	while (next_label(c->asked, &at, &l)) {
		if (!c->trusts)
			return err_say(
				err, CNI_E_CONFIG, EPERM,
				"label \"%s\" asked for by this attachment: network \"%s\" does not list \"labels\" in perAttachment",
				l.key, call->conf.name);
		if (find_label(c->labels, l.key))
			return err_say(
				err, CNI_E_CONFIG, EPERM,
				"label \"%s\" asked for by this attachment: network \"%s\" gives it to everybody",
				l.key, call->conf.name);
	}
	return 0;
}

int policy_conf_parse(const struct cni_call *call, struct policy_conf *ret,
		      struct cni_err *err)
{
	struct policy_conf c = { 0 };
	int r = json_decode(call->conf.doc, fields, &c, err);

	if (r < 0)
		return r;
	c.asked = json_get(call->conf.args_cni, "labels");
	c.trusts = per_attachment_has(json_get(call->conf.doc, "perAttachment"),
				      "labels");
	r = check_labels(c.labels, err);
	if (!r)
		r = check_asked(call, &c, err);
	if (r < 0)
		return r;
	if (c.policy)
		r = policy_check(c.policy, err);
	if (r < 0)
		return err_ctx(err, r, "key \"policy\"");
	*ret = c;
	return 0;
}

/* The names that an engine gives, where the owner believes them. */
static int read_pod(const struct policed *p, char space[POLICY_SPACE_SIZE],
		    char name[POLICY_NAME_SIZE], struct cni_err *err)
{
	int r;

	*space = *name = '\0';
	if (!p->conf->trusts)
		return 0;
	r = cni_args_get(&p->call->args, "K8S_POD_NAMESPACE", space,
			 POLICY_SPACE_SIZE, err);
	return r < 0 ? r
		     : cni_args_get(&p->call->args, "K8S_POD_NAME", name,
				    POLICY_NAME_SIZE, err);
}

static bool set(cJSON *labels, const char *key, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(labels, key);
	return cJSON_AddStringToObject(labels, key, value);
}

static cJSON *all_labels(const struct policy_conf *c, const char *pod)
{
	cleanup_json cJSON *labels = c->labels
					     ? cJSON_Duplicate(c->labels, true)
					     : cJSON_CreateObject();
	const cJSON *at = NULL;
	struct policy_label l;
	bool right = labels;

	if (right && *pod && !find_label(c->labels, POD_NAME))
		right = set(labels, POD_NAME, pod);
	while (right && next_label(c->asked, &at, &l))
		right = set(labels, l.key, l.value);
	return right ? TAKE_PTR(labels) : NULL;
}

static int make_member(const struct policed *p, struct guard_member *ret,
		       struct cni_err *err)
{
	char space[POLICY_SPACE_SIZE], pod[POLICY_NAME_SIZE];
	cleanup_json cJSON *labels = NULL;
	struct policy_identity id = { .network = p->attachment->network,
				      .container_id =
					      p->attachment->container_id,
				      .ifname = p->attachment->ifname,
				      .space = space,
				      .addrs = p->addrs,
				      .n = p->n };
	int r = read_pod(p, space, pod, err);

	if (r < 0)
		return r;
	labels = all_labels(p->conf, pod);
	if (!labels)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "labels");
	id.labels = labels;
	return policy_member_encode(cni_network_hash(p->attachment->network),
				    &id, ret, err);
}

/* Which of a list's plugins has said it: another's silence does not take it
 * back. */
static char *text_of(const struct policed *p)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cJSON *policy = cJSON_Duplicate(p->conf->policy, true);

	if (!doc || !policy ||
	    !cJSON_AddStringToObject(doc, "by", p->call->conf.type) ||
	    !cJSON_AddItemToObject(doc, "policy", policy)) {
		cJSON_Delete(policy);
		return NULL;
	}
	return cJSON_PrintUnformatted(doc);
}

static bool is_mine(const struct policed *p, const char *text)
{
	cleanup_json cJSON *doc = cJSON_Parse(text);
	const char *by = cJSON_GetStringValue(json_get(doc, "by"));

	return by && !strcmp(by, p->call->conf.type);
}

static bool is_kept(const struct policed *p, const char *want,
		    const char *there)
{
	if (!there)
		return !want;
	return want ? !strcmp(want, there) : !is_mine(p, there);
}

/* The configuration's policy is kept, for whoever comes and goes without it. */
static int keep_text(const struct policed *p, bool is_overruled, bool *ret_new,
		     struct cni_err *err)
{
	const uint64_t network = cni_network_hash(p->attachment->network);
	cleanup_free char *want = p->conf->policy ? text_of(p) : NULL;
	cleanup_free char *there = NULL;
	int r = policy_text_get(p->guard, network, POLICY_CONFIGURED, &there,
				err);

	*ret_new = false;
	if (r < 0)
		return r;
	if (p->conf->policy && !want)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	if (is_kept(p, want, there))
		return 0;
	*ret_new = true;
	if (!is_overruled)
		r = policy_enforce(p->guard, network, p->conf->policy, err);
	if (r < 0)
		return r;
	return want ? policy_text_put(p->guard, network, POLICY_CONFIGURED,
				      want, err)
		    : policy_text_remove(p->guard, network, POLICY_CONFIGURED,
					 err);
}

static int put(const struct policed *p, const struct guard_member *member,
	       struct cni_err *err)
{
	const uint64_t network = cni_network_hash(p->attachment->network);
	cleanup_free char *applied = NULL;
	bool is_new;
	int r = bpf_map_put(p->guard->map[GUARD_MEMBERS], &p->ifindex, member,
			    BPF_ANY);

	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r,
			       "guard: write who is behind interface %u",
			       p->ifindex);
	r = policy_text_get(p->guard, network, POLICY_APPLIED, &applied, err);
	if (r < 0)
		return r;
	if (applied && p->conf->policy)
		log_warn(
			"network \"%s\": the policy that was applied holds, and not the configuration's: see weft policy show",
			p->attachment->network);
	r = keep_text(p, applied, &is_new, err);
	if (r < 0 || (is_new && !applied))
		return r;
	return policy_joined(p->guard, network, p->ifindex, err);
}

int policed_put(const struct policed *p, struct cni_err *err)
{
	cleanup_free struct guard_member *member = malloc(sizeof(*member));
	cleanup_close int lock = -1;
	int r;

	if (!member)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "labels");
	r = make_member(p, member, err);
	if (!r)
		r = guard_lock(&lock, err);
	return r ? r : put(p, member, err);
}

static int stale(const struct policed *p, const char *what, struct cni_err *err)
{
	return err_say(err, CNI_E_CHECK, ESTALE, "guard of interface %u: %s",
		       p->ifindex, what);
}

static int check_tables(const struct policed *p, struct cni_err *err)
{
	const uint64_t network = cni_network_hash(p->attachment->network);
	cleanup_members struct policy_members m = { 0 };
	cleanup_tables struct policy_tables t = { 0 };
	cleanup_policy struct policy policy = { 0 };
	cleanup_json cJSON *doc = NULL;
	enum policy_source source;
	size_t i = 0;
	int r = policy_in_force(p->guard, network, &doc, &source, err);

	if (r > 0)
		r = policy_members_read(p->guard, network, &m, err);
	if (r < 0)
		return r;
	while (i < m.n && m.v[i].ifindex != p->ifindex)
		i++;
	if (i < m.n)
		r = policy_for(doc, &m, i, &policy, &t, err);
	if (r < 0)
		return r;
	r = guard_is_policed(p->guard, p->ifindex, &t);
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r, "guard: read a policy");
	return r ? 0 : stale(p, "not its network's policy is in force", err);
}

/* A plugin that says nothing of it is not asked: another one of the list may. */
static bool is_silent(const struct policy_conf *c)
{
	return !c->policy && !c->labels && !c->asked;
}

static int check_member(const struct policed *p, struct cni_err *err)
{
	cleanup_free struct guard_member *v = calloc(2, sizeof(*v));
	int r;

	if (!v)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "labels");
	r = make_member(p, &v[0], err);
	if (r < 0)
		return r;
	r = bpf_map_get(p->guard->map[GUARD_MEMBERS], &p->ifindex, &v[1]);
	return r < 0 || (!is_silent(p->conf) &&
			 memcmp(&v[0], &v[1], sizeof(v[0])) != 0)
		       ? stale(p, "who it is was changed", err)
		       : 0;
}

/* Others come and go, and change what holds for this one: not meanwhile. */
int policed_check(const struct policed *p, struct cni_err *err)
{
	cleanup_close int lock = -1;
	int r = guard_lock(&lock, err);

	if (!r)
		r = check_member(p, err);
	return r ? r : check_tables(p, err);
}
