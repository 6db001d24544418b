/* SPDX-License-Identifier: Apache-2.0 */
#include "net/upstream_place.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "base/sha512.h"
#include "net/nft.h"

enum {
	TRIES = 32,
	HASH = 24,	/* digits in a chain's name ... */
	HASH_DN = 21,	/* ... behind a longer prefix */
	HASH_NFT = 16,	/* digits in a comment */
	CHAINS_MAX = 2, /* of one attachment in one place */
};

#define PORTMAP "cni_hostport"

const struct upstream_place upstream_places[UPSTREAM_PLACES] = {
	{ "cni_plugins_masquerade", "masq_checks", UPSTREAM_MASQ, FW_PROTO_INET,
	  false },
	{ "nat", "POSTROUTING", UPSTREAM_MASQ, FW_PROTO_IPV4, true },
	{ "nat", "POSTROUTING", UPSTREAM_MASQ, FW_PROTO_IPV6, true },
	{ "nat", "PREROUTING", UPSTREAM_SPOOF, FW_PROTO_BRIDGE, true },
	{ "nat", "CNI-HOSTPORT-DNAT", UPSTREAM_FORWARDS, FW_PROTO_IPV4, true },
	{ "nat", "CNI-HOSTPORT-DNAT", UPSTREAM_FORWARDS, FW_PROTO_IPV6, true },
	{ PORTMAP, "hostports", UPSTREAM_FORWARDS, FW_PROTO_IPV4, false },
	{ PORTMAP, "hostip_hostports", UPSTREAM_FORWARDS, FW_PROTO_IPV4,
	  false },
	{ PORTMAP, "masquerading", UPSTREAM_FORWARDS, FW_PROTO_IPV4, false },
	{ PORTMAP, "hostports", UPSTREAM_FORWARDS, FW_PROTO_IPV6, false },
	{ PORTMAP, "hostip_hostports", UPSTREAM_FORWARDS, FW_PROTO_IPV6,
	  false },
	{ PORTMAP, "masquerading", UPSTREAM_FORWARDS, FW_PROTO_IPV6, false },
};

void upstream_found_free(struct upstream_found *f)
{
	free(f->handles.v);
	free(f->chains.v);
	*f = (struct upstream_found){ 0 };
}

static void hash(const char *a, const char *b, const char *c, size_t digits,
		 char *ret)
{
	const char *const parts[] = { a, b, c };

	sha512_hex(parts, 3, digits, ret);
}

bool upstream_name(const struct upstream_place *p, const struct upstream *u,
		   char ret[UPSTREAM_NAME_SIZE], bool *ret_whole)
{
	char a[HASH + 1], b[HASH_NFT + 1];
	int n;

	*ret_whole = p->by_jump || p->what == UPSTREAM_FORWARDS;
	if (p->what == UPSTREAM_SPOOF) {
		n = snprintf(ret, UPSTREAM_NAME_SIZE, "cni-br-iface-%s-%s",
			     u->container_id, u->ifname);
	} else if (!p->by_jump && p->what == UPSTREAM_FORWARDS) {
		n = snprintf(ret, UPSTREAM_NAME_SIZE, "%s", u->container_id);
	} else if (!p->by_jump) {
		hash(u->network, "", "", HASH_NFT, a);
		hash(u->ifname, ":", u->container_id, HASH_NFT, b);
		n = snprintf(ret, UPSTREAM_NAME_SIZE, "%s-%s,", a, b);
	} else {
		const bool masq = p->what == UPSTREAM_MASQ;

		hash(u->network, u->container_id, "", masq ? HASH : HASH_DN, a);
		n = snprintf(ret, UPSTREAM_NAME_SIZE, "CNI-%s%s",
			     masq ? "" : "DN-", a);
	}
	return n > 0 && n < UPSTREAM_NAME_SIZE;
}

static int read_table(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	const struct nfgenmsg *g = nlmsg_data(h);
	unsigned int *found = arg;

	if (!h) {
		*found = 0;
		return 0;
	}
	if (nlmsg_parse(h, sizeof(*g), tb, NFTA_TABLE_MAX, NULL) < 0 ||
	    !tb[NFTA_TABLE_NAME])
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a table");
	for (unsigned int i = 0; i < UPSTREAM_PLACES; i++)
		if (g->nfgen_family == upstream_places[i].family &&
		    !nla_strcmp(tb[NFTA_TABLE_NAME], upstream_places[i].table))
			*found |= 1U << i;
	return 0;
}

/* Tables are few: nobody has one for each guest. */
int upstream_tables(struct netlink *nl, unsigned int *ret, struct cni_err *err)
{
	struct netlink_req q = fw_req_of(NFT_MSG_GETTABLE, 0, 0);
	struct cni_err e = CNI_ERR_INIT;
	int r;

	*ret = 0;
	r = netlink_dump(nl, &q, read_table, ret, &e);
	if (netlink_is_missing(r))
		return 0;
	if (r < 0)
		*err = e;
	return r;
}

static struct netlink_req chain_req(int type, const struct upstream_place *p,
				    const char *chain)
{
	struct netlink_req q = fw_req_of(type, 0, p->family);

	netlink_put_str(&q, NFTA_CHAIN_TABLE, p->table);
	netlink_put_str(&q, NFTA_CHAIN_NAME, chain);
	return q;
}

static struct netlink_req rule_req(int type, const struct upstream_place *p,
				   const char *chain)
{
	struct netlink_req q = fw_req_of(type, 0, p->family);

	netlink_put_str(&q, NFTA_RULE_TABLE, p->table);
	netlink_put_str(&q, NFTA_RULE_CHAIN, chain);
	return q;
}

static int read_nothing(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	(void)h;
	(void)arg;
	(void)err;
	return 0;
}

int upstream_has_chain(struct netlink *nl, const struct upstream_place *p,
		       const char *chain, struct cni_err *err)
{
	struct netlink_req q = chain_req(NFT_MSG_GETCHAIN, p, chain);
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_get(nl, &q, read_nothing, NULL, &e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*err = e;
	return r < 0 ? r : 1;
}

static const struct nlattr *child(const struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

static bool is_called(const struct nlattr *expr, const char *name)
{
	const struct nlattr *a = child(expr, NFTA_EXPR_NAME);

	return a && !nla_strcmp(a, name);
}

/* iptables's comment is a match of xtables, whose text is all it carries. */
static void read_expr(const struct nlattr *expr, struct upstream_rule *ret)
{
	const struct nlattr *data = child(expr, NFTA_EXPR_DATA), *a;

	if (is_called(expr, "immediate")) {
		a = child(child(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
		a = child(a, NFTA_VERDICT_CHAIN);
		netlink_attr_str(a, ret->jump, sizeof(ret->jump));
	} else if (is_called(expr, "cmp") && !*ret->dev) {
		a = child(child(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
		netlink_attr_str(a, ret->dev, sizeof(ret->dev));
	} else if (is_called(expr, "match") && !*ret->comment) {
		a = child(data, NFTA_MATCH_NAME);
		if (a && !nla_strcmp(a, "comment"))
			netlink_attr_str(child(data, NFTA_MATCH_INFO),
					 ret->comment, sizeof(ret->comment));
	}
}

static void read_exprs(const struct nlattr *exprs, struct upstream_rule *ret)
{
	struct nlattr *expr;
	int left;

	nla_for_each_nested(expr, exprs, left)
	{
		read_expr(expr, ret);
	}
}

static int parse_rule(struct nlmsghdr *h, struct upstream_rule *ret,
		      struct cni_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];

	*ret = (struct upstream_rule){ 0 };
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) <
		    0 ||
	    !tb[NFTA_RULE_HANDLE] ||
	    nla_len(tb[NFTA_RULE_HANDLE]) != sizeof(ret->handle))
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a rule");
	memcpy(&ret->handle, nla_data(tb[NFTA_RULE_HANDLE]),
	       sizeof(ret->handle));
	fw_read_comment(tb[NFTA_RULE_USERDATA], ret->comment,
			sizeof(ret->comment));
	if (tb[NFTA_RULE_EXPRESSIONS])
		read_exprs(tb[NFTA_RULE_EXPRESSIONS], ret);
	return 0;
}

struct reading {
	const struct upstream_place *p;
	upstream_is_meant *is_meant;
	void *arg;
	struct upstream_found *ret;
};

static int add_chain(struct upstream_found *f, const char *name,
		     struct cni_err *err)
{
	char elem[UPSTREAM_NAME_SIZE] = "";
	const char *have = f->chains.v;

	for (size_t i = 0; i < f->chains.n; i++)
		if (!strcmp(have + i * UPSTREAM_NAME_SIZE, name))
			return 0;
	(void)snprintf(elem, sizeof(elem), "%s", name);
	return array_append(&f->chains, elem, sizeof(elem), err);
}

static int read_rule(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	const struct reading *x = arg;
	struct upstream_rule rule;
	int r;

	if (!h) {
		x->ret->handles.n = x->ret->chains.n = 0;
		return 0;
	}
	r = parse_rule(h, &rule, err);
	if (r < 0 || !x->is_meant(x->p, &rule, x->arg))
		return r;
	r = array_append(&x->ret->handles, &rule.handle, sizeof(rule.handle),
			 err);
	return !r && x->p->by_jump ? add_chain(x->ret, rule.jump, err) : r;
}

int upstream_read(struct netlink *nl, const struct upstream_place *p,
		  upstream_is_meant *is_meant, void *arg,
		  struct upstream_found *ret, struct cni_err *err)
{
	struct netlink_req q = rule_req(NFT_MSG_GETRULE, p, p->chain);
	struct reading x = { p, is_meant, arg, ret };
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_dump(nl, &q, read_rule, &x, &e);

	if (r == -ENOENT)
		return 0; /* no such chain */
	if (r < 0)
		*err = e;
	return r;
}

struct batch {
	struct netlink *nl;
	struct netlink_req q[NETLINK_BATCH_MAX];
	size_t n;
};

static int commit(struct batch *b, struct cni_err *err)
{
	const size_t n = b->n;

	b->n = 0;
	if (n == 1)
		netlink_req_free(&b->q[0]);
	if (n < 2)
		return 0;
	b->q[n] = fw_end();
	return netlink_do_batch(b->nl, b->q, n + 1, err);
}

/* Jumps go before the chain: cut anywhere, what is left can still be removed. */
static int put(struct batch *b, struct netlink_req q, struct cni_err *err)
{
	if (!b->n)
		b->q[b->n++] = fw_begin(0);
	b->q[b->n++] = q;
	return b->n + 1 < NETLINK_BATCH_MAX ? 0 : commit(b, err);
}

/* Return: how many of a chain and the one that it may lead to there are */
static int list_chains(struct netlink *nl, const struct upstream_place *p,
		       const char *chain,
		       char ret[CHAINS_MAX][UPSTREAM_NAME_SIZE],
		       struct cni_err *err)
{
	static const char *const suffix[] = { "", "-mac" };
	const size_t max = p->what == UPSTREAM_SPOOF ? CHAINS_MAX : 1;
	int n = 0, r = 0;

	for (size_t i = 0; r >= 0 && i < max; i++) {
		if (snprintf(ret[n], UPSTREAM_NAME_SIZE, "%s%s", chain,
			     suffix[i]) >= UPSTREAM_NAME_SIZE)
			break;
		r = upstream_has_chain(nl, p, ret[n], err);
		n += r > 0;
	}
	return r < 0 ? r : n;
}

static int delete_chains(struct batch *b, const struct upstream_place *p,
			 const char *chain, struct cni_err *err)
{
	char names[CHAINS_MAX][UPSTREAM_NAME_SIZE];
	const int n = list_chains(b->nl, p, chain, names, err);
	int r = n < 0 ? n : 0;

	for (int i = 0; !r && i < n; i++)
		r = put(b, rule_req(NFT_MSG_DELRULE, p, names[i]), err);
	for (int i = 0; !r && i < n; i++)
		r = put(b, chain_req(NFT_MSG_DELCHAIN, p, names[i]), err);
	return r;
}

int upstream_delete(struct netlink *nl, const struct upstream_place *p,
		    const struct upstream_found *f, struct cni_err *err)
{
	const uint64_t *handles = f->handles.v;
	const char *chains = f->chains.v;
	struct batch b = { .nl = nl };
	int r = 0;

	for (size_t i = 0; !r && i < f->handles.n; i++) {
		struct netlink_req q = rule_req(NFT_MSG_DELRULE, p, p->chain);

		netlink_put(&q, NFTA_RULE_HANDLE, &handles[i],
			    sizeof(handles[i]));
		r = put(&b, q, err);
	}
	for (size_t i = 0; !r && i < f->chains.n; i++)
		r = delete_chains(&b, p, chains + i * UPSTREAM_NAME_SIZE, err);
	if (!r)
		return commit(&b, err);
	for (size_t i = 0; i < b.n; i++)
		netlink_req_free(&b.q[i]);
	return r;
}

int upstream_persevere(int (*once)(struct netlink *nl, void *arg,
				   struct cni_err *err),
		       void *arg, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = -ENOENT;

	for (int i = 0; i < TRIES && (r == -ENOENT || r == -EBUSY); i++) {
		cleanup_netlink struct netlink *nl = NULL;

		r = netlink_open_nfnl(&nl, &e);
		if (!r)
			r = once(nl, arg, &e);
	}
	if (r >= 0 || r == -EPROTONOSUPPORT || r == -EOPNOTSUPP)
		return r < 0 ? 0 : r;
	*err = e;
	return r == -ENOENT
		       ? err_say(err, CNI_E_RETRY, EAGAIN,
				 "others keep changing the nf_tables ruleset")
		       : r;
}
