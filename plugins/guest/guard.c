/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/guard.h"

#include <errno.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "bpf/policy_enforce.h"
#include "cni/attachments.h"
#include "guest/program.h"

struct raw {
	const cJSON *guard, *allowed, *dhcp;
	bool antispoof, addressing, require;
	const char *program;
};

static const struct json_field outer[] = {
	{ .name = "guard",
	  .type = JSON_OBJ,
	  .offset = offsetof(struct raw, guard) },
	{ 0 },
};

static const struct json_field fields[] = {
	{ .name = "antispoof",
	  .type = JSON_BOOL,
	  .offset = offsetof(struct raw, antispoof) },
	{ .name = "addressing",
	  .type = JSON_BOOL,
	  .offset = offsetof(struct raw, addressing) },
	{ .name = "require",
	  .type = JSON_BOOL,
	  .offset = offsetof(struct raw, require) },
	{ .name = "program",
	  .type = JSON_STR,
	  .offset = offsetof(struct raw, program) },
	{ .name = "dhcp",
	  .type = JSON_OBJ,
	  .offset = offsetof(struct raw, dhcp) },
	{ .name = "allowedAddresses",
	  .type = JSON_ARR,
	  .offset = offsetof(struct raw, allowed) },
	{ 0 },
};

/* An address or a network, and nothing of which one of them is a mistake. */
static int read_allowed(const cJSON *item, struct ip_net *ret,
			struct cni_err *err)
{
	const char *text = cJSON_GetStringValue(item);
	char buf[IP_NET_STR_SIZE];
	struct ip_net n, whole;

	if (!text)
		return err_ctx(err, json_expected(item, "a string", err),
			       "key \"allowedAddresses\"");
	if (!ip_parse(text, &n.addr))
		n.plen = ip_max_plen(n.addr.family);
	else if (ip_net_parse(text, &n) < 0)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"allowedAddresses\": \"%s\" is neither an address nor a network",
			text);
	whole = ip_net_masked(&n);
	if (!ip_equal(&n.addr, &whole.addr))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"allowedAddresses\": \"%s\" is neither an address nor a network: %s is one",
			text, ip_net_format(&whole, buf));
	*ret = n;
	return 0;
}

static int read_list(const struct raw *raw, struct guard_conf *ret,
		     struct cni_err *err)
{
	const cJSON *item;
	int r = 0;

	if (raw->allowed && !ret->antispoof)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"allowedAddresses\" means nothing without \"antispoof\"");
	cJSON_ArrayForEach(item, raw->allowed)
	{
		if (ret->n_routed == GUARD_PREFIXES)
			return err_say(err, CNI_E_CONFIG, E2BIG,
				       "key \"allowedAddresses\": more than %d",
				       GUARD_PREFIXES);
		r = read_allowed(item, &ret->routed[ret->n_routed++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_wanted(const struct guard_conf *conf)
{
	return conf->antispoof || conf->addressing || conf->program ||
	       conf->policy.policy;
}

int guard_conf_parse(const struct cni_call *call, bool is_vm,
		     struct guard_conf *ret, struct cni_err *err)
{
	struct raw raw = { .antispoof = is_vm, .addressing = is_vm };
	struct guard_conf conf;
	int r = json_decode(call->conf.doc, outer, &raw, err);

	if (r < 0)
		return r;
	r = json_decode(raw.guard, fields, &raw, err);
	conf = (struct guard_conf){ .antispoof = raw.antispoof,
				    .addressing = raw.addressing,
				    .require = raw.require,
				    .program = raw.program };
	if (!r)
		r = read_list(&raw, &conf, err);
	if (!r && raw.dhcp && !raw.addressing)
		r = err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"dhcp\" means nothing without \"addressing\"");
	if (!r && raw.program && *raw.program != '/')
		r = err_say(err, CNI_E_CONFIG, EINVAL,
			    "key \"program\": \"%s\" is no absolute path",
			    raw.program);
	if (!r)
		r = addressing_parse(raw.dhcp, &conf.dhcp, err);
	if (r < 0)
		return err_ctx(err, r, "key \"guard\"");
	r = policy_conf_parse(call, &conf.policy, err);
	if (r < 0)
		return r;
	if (conf.require && !is_wanted(&conf))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"guard\": key \"require\" means nothing without \"antispoof\", \"addressing\", \"program\" or \"policy\"");
	*ret = conf;
	return 0;
}

static bool is_own(const struct guarded *g, const struct cni_ip *ip)
{
	return !g->of || ip->interface < 0 ||
	       ip->interface == g->of - g->ips->interfaces;
}

/* Without an IPAM nobody knows what its addresses will be. */
static void make_rules(const struct guarded *g, struct ip_net *addrs,
		       struct guard_rules *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < g->ips->n_ips; i++)
		if (is_own(g, &g->ips->ips[i]))
			addrs[n++] = g->ips->ips[i].address;
	*ret = (struct guard_rules){
		.attachment = cni_attachment_hash(g->attachment),
		.network = cni_network_hash(g->attachment->network),
		.antispoof = g->conf->antispoof,
		.trunk = g->trunk,
		.mirrored = g->mirrored,
		.layer2 = !n && !g->conf->n_routed,
		.mac = g->mac,
		.host_mac = g->host_mac,
		.addrs = addrs,
		.n = n,
		.routed = g->conf->routed,
		.n_routed = g->conf->n_routed,
	};
}

/* Loaded before anything is made, or else it is not. */
static int try_program(const struct guard_conf *conf, struct cni_err *err)
{
	cleanup_bpf_user struct bpf_user u = BPF_USER_NONE;

	return conf->program ? program_open(conf->program, &u, err) : 0;
}

int guarded_begin(const struct cni_attachment *a, const struct guard_conf *conf,
		  struct guard *ret, uint32_t *index, struct cni_err *err)
{
	int r = is_wanted(conf);

	/* Whatever it wants, where the network has a policy that holds for it. */
	if (!r)
		r = policy_text_exists(cni_network_hash(a->network), err);
	if (r <= 0)
		return r;
	r = guard_open(ret, err);
	if (!r)
		r = try_program(conf, err);
	if (!r)
		*index = guard_index(ret, cni_attachment_hash(a), *index);
	return r;
}

int guarded_status(const struct guard_conf *conf, struct cni_err *err)
{
	cleanup_guard struct guard guard = GUARD_NONE;

	int r = is_wanted(conf) ? guard_open(&guard, err) : 0;

	return r ? r : try_program(conf, err);
}

static struct policed policed_of(const struct guarded *g,
				 const struct guard *guard,
				 const struct guard_rules *rules)
{
	return (struct policed){ .guard = guard,
				 .call = g->call,
				 .conf = &g->conf->policy,
				 .attachment = g->attachment,
				 .ifindex = g->ifindex,
				 .addrs = rules->addrs,
				 .n = rules->n };
}

static int attach_program(const struct guarded *g, struct cni_err *err)
{
	cleanup_bpf_user struct bpf_user u = BPF_USER_NONE;
	int r;

	if (!g->conf->program)
		return 0;
	r = program_open(g->conf->program, &u, err);
	return r ? r : bpf_user_attach(&u, g->nl, g->ifindex, g->mirrored, err);
}

static int put(const struct guarded *g, const struct guard_rules *rules,
	       struct cni_err *err)
{
	const struct policed p = policed_of(g, g->guard, rules);
	int r = guard_admit(g->guard, g->ifindex, rules, err);

	if (!r)
		r = policed_put(&p, err);
	if (!r)
		r = guard_attach(g->guard, g->nl, g->ifindex, g->mirrored, err);
	return r ? r : attach_program(g, err);
}

static int check(const struct guarded *g, const struct guard_rules *rules,
		 struct cni_err *err)
{
	cleanup_guard struct guard guard = GUARD_NONE;
	const struct policed p = policed_of(g, &guard, rules);
	int r = guard_check(g->nl, g->ifindex, g->mirrored, rules, err);

	if (!r && g->conf->program)
		r = bpf_user_check(g->nl, g->ifindex, g->mirrored, err);
	if (!r)
		r = guard_find(&guard, err);
	return r <= 0 ? r : policed_check(&p, err);
}

/* In nobody's name: it stands on no frame but those that the port answers by. The
 * guest's other bits, so that CHECK finds the same. */
static struct mac nobodys_mac(const struct mac *guest)
{
	struct mac m = *guest;

	m.b[0] = guest->b[0] == 0xfe ? 0xfa : 0xfe;
	return m;
}

/* A guest that has no addresses is told nothing. */
static int tell(const struct guarded *g, const struct guard_rules *rules,
		struct addressing *ret, struct cni_err *err)
{
	static const struct mac unknown;
	const bool is_gateways = !mac_equal(&g->gateway_mac, &unknown);
	const struct addressing_from from = {
		.call = g->call,
		.conf = &g->conf->dhcp,
		.result = g->ips,
		.of = g->of,
		.addrs = rules->addrs,
		.n = rules->n,
		.mac = is_gateways ? g->gateway_mac : nobodys_mac(&g->mac),
		.neighbour = is_gateways,
		.mtu = g->mtu,
	};

	return addressing_make(&from, ret, err);
}

/* Return: 1, 0 or a negative errno */
static int is_guarded(const struct guarded *g, struct cni_err *err)
{
	cleanup_guard struct guard there = GUARD_NONE;
	int r;

	if (is_wanted(g->conf) || g->guard->map[GUARD_GUESTS] >= 0)
		return 1;
	r = policy_text_exists(cni_network_hash(g->attachment->network), err);
	if (r > 0)
		r = guard_find(&there, err);
	if (r <= 0)
		return r;
	r = guard_knows(&there, g->ifindex, cni_attachment_hash(g->attachment));
	return r < 0 ? err_set(err, CNI_E_KERNEL, -r,
			       "guard: read what holds for interface %u",
			       g->ifindex)
		     : r;
}

static int with_rules(const struct guarded *g,
		      int (*what)(const struct guarded *,
				  const struct guard_rules *, struct cni_err *),
		      struct cni_err *err)
{
	CLEANUP(addressing_free) struct addressing told = { 0 };
	cleanup_free struct ip_net *addrs = NULL;
	struct guard_rules rules;
	int r = is_guarded(g, err);

	if (r <= 0)
		return r;
	r = 0;
	addrs = calloc(g->ips->n_ips + 1, sizeof(*addrs));
	if (!addrs)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "guard");
	make_rules(g, addrs, &rules);
	if (g->conf->addressing && rules.n) {
		r = tell(g, &rules, &told, err);
		rules.answers = &told.answers;
	}
	return r ? r : what(g, &rules, err);
}

int guarded_put(const struct guarded *g, struct cni_err *err)
{
	return with_rules(g, put, err);
}

static int join(const struct guarded *g, const struct guard_rules *rules,
		struct cni_err *err)
{
	const struct policed p = policed_of(g, g->guard, rules);
	const int r = policed_put(&p, err);

	return r ? r
		 : guard_attach(g->guard, g->nl, g->ifindex, g->mirrored, err);
}

int guarded_join(const struct guarded *g, struct cni_err *err)
{
	return with_rules(g, join, err);
}

static int check_join(const struct guarded *g, const struct guard_rules *rules,
		      struct cni_err *err)
{
	const struct policed p = policed_of(g, g->guard, rules);
	const int r = guard_check_port(g->guard, g->nl, g->ifindex,
				       rules->attachment, err);

	return r ? r : policed_check(&p, err);
}

int guarded_check_join(const struct guarded *g, struct cni_err *err)
{
	return with_rules(g, check_join, err);
}

int guarded_check(const struct guarded *g, struct cni_err *err)
{
	struct guarded now = *g;

	if (g->of && g->of->mac && *g->of->mac)
		(void)mac_parse(g->of->mac, &now.mac);
	return with_rules(&now, check, err);
}

/* Return: 1, locked; 0: there is no guard; or a negative errno */
static int find_locked(struct guard *ret, int *ret_lock, struct cni_err *err)
{
	const int r = guard_find(ret, err);

	if (r <= 0)
		return r;
	return guard_lock(ret_lock, err) < 0 ? -err->errnum : 1;
}

int guarded_forget(const struct cni_attachment *a, uint32_t ifindex,
		   struct cni_err *err)
{
	cleanup_guard struct guard g = GUARD_NONE;
	cleanup_close int lock = -1;
	int r = find_locked(&g, &lock, err);

	if (r <= 0)
		return r;
	r = guard_dismiss_all(&g, cni_attachment_hash(a),
			      cni_attachment_ifindex(a), ifindex, err);
	return r ? r : policy_left(&g, cni_network_hash(a->network), err);
}

int guarded_forget_port(const struct cni_attachment *a, uint32_t ifindex,
			struct cni_err *err)
{
	cleanup_guard struct guard g = GUARD_NONE;
	cleanup_close int lock = -1;
	int r = find_locked(&g, &lock, err);

	if (r <= 0)
		return r;
	r = guard_dismiss(&g, ifindex, cni_attachment_hash(a), err);
	return r ? r : policy_left(&g, cni_network_hash(a->network), err);
}

int guarded_forget_all(const struct cni_attachment *a, struct cni_err *err)
{
	const uint64_t hash = cni_attachment_hash(a);
	cleanup_guard struct guard g = GUARD_NONE;
	cleanup_close int lock = -1;
	uint32_t ifindex = 0;
	int r = find_locked(&g, &lock, err);

	if (r <= 0)
		return r;
	while ((r = guard_next(&g, hash, &ifindex)) > 0) {
		r = guard_dismiss(&g, ifindex, hash, err);
		if (r < 0)
			return r;
		ifindex = 0; /* from the beginning: that one is gone */
	}
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r,
			       "guard: read what holds for whom");
	return policy_left(&g, cni_network_hash(a->network), err);
}

struct valid {
	uint64_t *hash;
	size_t n;
};

static bool is_valid(uint64_t attachment, void *arg)
{
	const struct valid *v = arg;

	for (size_t i = 0; i < v->n; i++)
		if (v->hash[i] == attachment)
			return true;
	return false;
}

int guarded_collect(const char *network, const struct cni_attachments *valid,
		    struct cni_err *err)
{
	cleanup_free uint64_t *hash = calloc(valid->n + 1, sizeof(*hash));
	cleanup_guard struct guard g = GUARD_NONE;
	struct cni_err e = CNI_ERR_INIT;
	struct valid v = { hash, valid->n };
	cleanup_close int lock = -1;
	int r, acc;

	if (!hash)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC");
	for (size_t i = 0; i < v.n; i++)
		hash[i] = cni_attachment_hash(&(struct cni_attachment){
			network, valid->v[i].container_id,
			valid->v[i].ifname });
	r = find_locked(&g, &lock, err);
	if (r <= 0)
		return r;
	acc = guard_collect(cni_network_hash(network), is_valid, &v, err);
	r = policy_left(&g, cni_network_hash(network), &e);
	return err_keep_first(err, &e, r, acc);
}
