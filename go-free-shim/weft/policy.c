/* SPDX-License-Identifier: Apache-2.0 */
/* weft policy: replace, show and ask the policy of a network that runs. */
#include "weft/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cni/args.h"
#include "cni/attachment.h"
#include "net/link.h"

void policy_view_close(struct policy_view *v)
{
	policy_members_free(&v->members);
	cJSON_Delete(v->doc);
	guard_close(&v->guard);
}

/* One that is not loaded guards nobody. */
static int open_view(const char *network, struct policy_view *ret,
		     struct cni_err *err)
{
	int r;

	if (!cni_name_is_valid(network))
		return err_say(err, CNI_E_ENV, EINVAL,
			       "network \"%s\": invalid characters", network);
	ret->network = network;
	ret->hash = cni_network_hash(network);
	r = guard_find(&ret->guard, err);
	if (!r)
		return err_say(
			err, CNI_E_ENV, ENOENT,
			"network \"%s\": no guest on this host has a guard",
			network);
	return r < 0 ? r : 0;
}

static int read_view(struct policy_view *v, struct cni_err *err)
{
	const int r =
		policy_in_force(&v->guard, v->hash, &v->doc, &v->source, err);

	return r < 0 ? r
		     : policy_members_read(&v->guard, v->hash, &v->members,
					   err);
}

int policy_view_guest(const struct policy_view *v, const char *id,
		      const char *ifname, size_t *ret, struct cni_err *err)
{
	for (size_t i = 0; i < v->members.n; i++) {
		const struct policy_member *m = &v->members.v[i];

		if (strcmp(m->container_id, id) != 0 ||
		    strcmp(m->ifname, ifname) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return err_say(
		err, CNI_E_ENV, ENOENT,
		"%s of \"%s\": no guest of network \"%s\" that is guarded",
		ifname, id, v->network);
}

static bool is_member(const struct policy_view *v,
		      const struct cni_attachment *a)
{
	struct cni_err ignored = CNI_ERR_INIT;
	size_t i;

	return !policy_view_guest(v, a->container_id, a->ifname, &i, &ignored);
}

/* Ports of ours on the host without a guard: a policy cannot hold for them. */
static int warn_of_others(const struct policy_view *v, struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL;
	cleanup_free struct link_info *links = NULL;
	struct cni_alias alias;
	size_t n = 0;
	int r = netlink_open(&host, err);

	if (!r)
		r = link_list(host, 0, &links, &n, err);
	for (size_t i = 0; !r && i < n; i++) {
		if (links[i].group != LINK_GROUP_WEFT ||
		    !strcmp(links[i].kind, "ifb") ||
		    !cni_alias_parse(links[i].alias, &alias) ||
		    !*alias.of.container_id ||
		    strcmp(alias.of.network, v->network) != 0 ||
		    is_member(v, &alias.of))
			continue;
		(void)fprintf(
			stderr,
			"weft: %s of %s has no guard, and the policy does not hold for it: attach it again on a network with \"policy\" or \"guard\"\n",
			alias.of.ifname, alias.of.container_id);
	}
	return r;
}

static int say_in_force(struct policy_view *v, const char *what,
			struct cni_err *err)
{
	size_t n = 0;
	int r = policy_members_read(&v->guard, v->hash, &v->members, err);

	if (r < 0)
		return r;
	n = v->members.n;
	(void)printf("%s: %s, for %zu guest%s\n", v->network, what, n,
		     n == 1 ? "" : "s");
	return warn_of_others(v, err);
}

static char *text_of(const cJSON *policy)
{
	cleanup_json cJSON *doc = cJSON_CreateObject();
	cJSON *copy = cJSON_Duplicate(policy, true);

	if (!doc || !copy || !cJSON_AddStringToObject(doc, "by", "weft") ||
	    !cJSON_AddItemToObject(doc, "policy", copy)) {
		cJSON_Delete(copy);
		return NULL;
	}
	return cJSON_PrintUnformatted(doc);
}

static int read_policy(const char *file, cJSON **ret, struct cni_err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	const bool is_stdin = !strcmp(file, "-");
	cleanup_close int fd =
		is_stdin ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : file_read_fd(fd, JSON_MAX_SIZE, &text, &len);

	if (r < 0)
		return err_set(err, CNI_E_IO, -r, "policy: read %s", file);
	r = json_parse(text, len, ret, err);
	if (!r)
		r = policy_check(*ret, err);
	return r < 0 ? err_ctx(err, r, "policy: %s", file) : 0;
}

/* Put in force first, and only then kept: what does not fit changes nothing. */
static int apply(struct policy_view *v, const char *file, struct cni_err *err)
{
	cleanup_json cJSON *doc = NULL;
	cleanup_free char *text = NULL;
	cleanup_close int lock = -1;
	int r = read_policy(file, &doc, err);

	if (r < 0)
		return r;
	text = text_of(doc);
	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	r = guard_lock(&lock, err);
	if (!r)
		r = policy_enforce(&v->guard, v->hash, doc, err);
	if (!r)
		r = policy_text_put(&v->guard, v->hash, POLICY_APPLIED, text,
				    err);
	return r ? r : say_in_force(v, "applied", err);
}

static int reset(struct policy_view *v, struct cni_err *err)
{
	cleanup_free char *text = NULL;
	cleanup_json cJSON *doc = NULL;
	cleanup_close int lock = -1;
	int r = guard_lock(&lock, err);

	if (!r)
		r = policy_text_get(&v->guard, v->hash, POLICY_CONFIGURED,
				    &text, err);
	if (text)
		r = json_parse(text, strlen(text), &doc, err);
	if (!r)
		r = policy_enforce(&v->guard, v->hash, json_get(doc, "policy"),
				   err);
	if (!r)
		r = policy_text_remove(&v->guard, v->hash, POLICY_APPLIED, err);
	return r ? r
		 : say_in_force(v,
				doc ? "the configuration's" : "no policy now",
				err);
}

int weft_policy(const struct weft_args *a, struct cni_err *err)
{
	cleanup_view struct policy_view v = POLICY_VIEW_NONE;
	const char *verb = a->positional[0];
	int r = open_view(a->positional[1], &v, err);

	if (r < 0)
		return r;
	if (!strcmp(verb, "apply") && a->n == 3)
		return apply(&v, a->positional[2], err);
	if (!strcmp(verb, "reset") && a->n == 2)
		return reset(&v, err);
	r = read_view(&v, err);
	if (r < 0)
		return r;
	if (!strcmp(verb, "show") && a->n == 2)
		return policy_show(a, &v, err);
	if (!strcmp(verb, "test") && a->n == 6)
		return policy_test(a, &v, err);
	return err_say(
		err, CNI_E_ENV, EINVAL,
		"policy %s: not \"policy apply NETWORK FILE\", \"policy reset NETWORK\", \"policy show NETWORK\" nor \"policy test NETWORK ID from|to ADDRESS PROTOCOL/PORT\"",
		verb);
}
