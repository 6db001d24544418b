/* SPDX-License-Identifier: Apache-2.0 */
/* "from" and "to" of a rule. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/json.h"
#include "bpf/policy_read.h"
#include "net/array.h"

/* A mapped address is no IPv4 packet's, nor does an IPv6 packet's mean IPv4. */
static int read_net(const char *key, const cJSON *v, struct ip_net *ret,
		    struct cni_err *err)
{
	struct ip_net n;

	if (!cJSON_IsString(v) || ip_net_parse(v->valuestring, &n) < 0 ||
	    (n.addr.family == AF_INET && strchr(v->valuestring, ':')))
		return policy_bad(key, v, "a network in CIDR notation", err);
	*ret = ip_net_masked(&n);
	return 0;
}

static int read_except(const cJSON *v, const struct policy_peer *peer,
		       struct array *list, struct cni_err *err)
{
	struct ip_net n = { 0 };
	const int r = read_net("except", v, &n, err);

	if (r < 0)
		return r;
	if (n.plen <= peer->net.plen || !ip_net_contains(&peer->net, &n.addr))
		return policy_bad("except", v, "a part of \"cidr\"", err);
	return array_append(list, &n, sizeof(n), err);
}

static int read_block(const cJSON *block, struct array *peers,
		      struct cni_err *err)
{
	static const char *const keys[] = { "cidr", "except", NULL };
	struct policy_peer peer = { 0 };
	struct array list = { 0 };
	const cJSON *excepts = NULL, *v;
	int r;

	if (!cJSON_IsObject(block))
		return policy_bad("ipBlock", block, "an object", err);
	r = policy_check_keys(block, keys, err);
	if (!r)
		r = read_net("cidr", json_get(block, "cidr"), &peer.net, err);
	if (!r)
		r = policy_list(block, "except", &excepts, err);
	cJSON_ArrayForEach(v, excepts)
	{
		if (r < 0)
			break;
		r = read_except(v, &peer, &list, err);
	}
	peer.except = list.v;
	peer.n_except = list.n;
	if (!r)
		r = array_append(peers, &peer, sizeof(peer), err);
	if (r < 0)
		free(list.v);
	return r;
}

static bool is_same_space(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

/* With the label that every cluster gives a namespace. Return: 1 or 0, or
 * -ENOMEM */
static int selects_space(const cJSON *selector, const struct policy_endpoint *e,
			 struct cni_err *err)
{
	cleanup_free struct policy_label *labels =
		calloc(e->n_space_labels + 1, sizeof(*labels));

	if (!labels)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "policy");
	labels[0] = (struct policy_label){ "kubernetes.io/metadata.name",
					   e->space ? e->space : "" };
	if (e->n_space_labels)
		memcpy(labels + 1, e->space_labels,
		       e->n_space_labels * sizeof(*labels));
	return policy_selects(selector, labels, e->n_space_labels + 1);
}

static int add_endpoint(const struct policy_endpoint *e, struct array *peers,
			struct cni_err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < e->n_addrs; i++) {
		const struct policy_peer p = {
			.net = { e->addrs[i], ip_max_plen(e->addrs[i].family) },
		};

		r = array_append(peers, &p, sizeof(p), err);
	}
	return r;
}

/* Without a namespaceSelector: of the policy's own namespace. */
static int read_selected(const struct policy_reader *rd, const cJSON *spaces,
			 const cJSON *pods, struct array *peers)
{
	int r = spaces ? policy_check_selector(spaces, rd->err) : 0;

	if (r < 0)
		return err_ctx(rd->err, r, "\"namespaceSelector\"");
	r = pods ? policy_check_selector(pods, rd->err) : 0;
	if (r < 0)
		return err_ctx(rd->err, r, "\"podSelector\"");
	for (size_t i = 0; !r && i < rd->world->n; i++) {
		const struct policy_endpoint *e = &rd->world->others[i];
		const int meant = spaces ? selects_space(spaces, e, rd->err)
					 : is_same_space(rd->space, e->space);

		if (meant < 0)
			return meant;
		if (meant &&
		    (!pods || policy_selects(pods, e->labels, e->n_labels)))
			r = add_endpoint(e, peers, rd->err);
	}
	return r;
}

static int read_peer(const struct policy_reader *rd, const cJSON *peer,
		     struct array *peers)
{
	static const char *const keys[] = { "ipBlock", "podSelector",
					    "namespaceSelector", NULL };
	const cJSON *block = json_get(peer, "ipBlock");
	const cJSON *pods = json_get(peer, "podSelector");
	const cJSON *spaces = json_get(peer, "namespaceSelector");
	int r;

	if (!cJSON_IsObject(peer))
		return policy_bad("peer", peer, "an object", rd->err);
	r = policy_check_keys(peer, keys, rd->err);
	if (r < 0)
		return r;
	if (block && (pods || spaces))
		return policy_bad("ipBlock", block,
				  "to stand beside a selector", rd->err);
	if (!block && !pods && !spaces)
		return policy_bad("peer", peer, "an ipBlock or a selector",
				  rd->err);
	return block ? read_block(block, peers, rd->err)
		     : read_selected(rd, spaces, pods, peers);
}

int policy_read_peers(const struct policy_reader *rd, const cJSON *list,
		      struct policy_rule *ret)
{
	struct array peers = { 0 };
	const cJSON *v;
	int r = 0;

	cJSON_ArrayForEach(v, list)
	{
		if (r < 0)
			break;
		r = read_peer(rd, v, &peers);
	}
	ret->any_peer = !list;
	ret->peers = peers.v;
	ret->n_peers = peers.n;
	return r;
}
