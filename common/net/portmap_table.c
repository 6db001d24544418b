/* SPDX-License-Identifier: Apache-2.0 */
#include "net/portmap_table.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "net/nft.h"
#include "net/portmap_rules.h"

/* What nft(8) calls the types of keys and data: six bits each. */
enum {
	IPADDR = 7,
	IP6ADDR = 8,
	PROTO = 12,
	SERVICE = 13,
	IFNAME = 41,
	BITS = 6,
};

#define PAIR(a, b) ((uint32_t)(a) << BITS | (uint32_t)(b))
#define TRIPLE(a, b, c) (PAIR(a, b) << BITS | (uint32_t)(c))
#define FOUR(a, b, c, d) (TRIPLE(a, b, c) << BITS | (uint32_t)(d))

#define TO4 PAIR(IPADDR, SERVICE), 8
#define TO6 PAIR(IP6ADDR, SERVICE), 20

const struct portmap_set_spec portmap_sets[PORTMAP_SETS] = {
	[PORTMAP_HOST4] = { "portmap4-host", TRIPLE(IPADDR, PROTO, SERVICE), 12,
			    TO4 },
	[PORTMAP_HOST6] = { "portmap6-host", TRIPLE(IP6ADDR, PROTO, SERVICE),
			    24, TO6 },
	[PORTMAP_ANY4] = { "portmap4", PAIR(PROTO, SERVICE), 8, TO4 },
	[PORTMAP_ANY6] = { "portmap6", PAIR(PROTO, SERVICE), 8, TO6 },
	[PORTMAP_SNAT4] = { "portmap4-snat",
			    FOUR(IFNAME, IPADDR, PROTO, SERVICE), 28, 0, 0 },
	[PORTMAP_SNAT6] = { "portmap6-snat",
			    FOUR(IFNAME, IP6ADDR, PROTO, SERVICE), 40, 0, 0 },
	[PORTMAP_SELF4] = { "portmap4-self",
			    FOUR(IPADDR, IPADDR, PROTO, SERVICE), 16, 0, 0 },
	[PORTMAP_SELF6] = { "portmap6-self",
			    FOUR(IP6ADDR, IP6ADDR, PROTO, SERVICE), 40, 0, 0 },
	[PORTMAP_MASQ4] = { "portmap4-masq", TRIPLE(IPADDR, PROTO, SERVICE), 12,
			    0, 0 },
	[PORTMAP_MASQ6] = { "portmap6-masq", TRIPLE(IP6ADDR, PROTO, SERVICE),
			    24, 0, 0 },
};

/* A chain's rules while they are being read. */
struct reading {
	const struct portmap_chain *chain;
	size_t n;
	bool right;
};

void portmap_batch_add(struct portmap_batch *b, struct netlink_req q)
{
	if (b->n < NETLINK_BATCH_MAX) {
		b->q[b->n++] = q;
		return;
	}
	netlink_req_free(&q);
	b->full = true;
}

static struct netlink_req name_req(int type, int table_attr, int name_attr,
				   const char *name)
{
	struct netlink_req q = fw_req(type, 0);

	netlink_put_str(&q, table_attr, FW_TABLE);
	if (name)
		netlink_put_str(&q, name_attr, name);
	return q;
}

static int read_table(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	struct portmap_table *t = arg;

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a table");
	t->has_table = true;
	t->dormant = netlink_attr_be32(tb[NFTA_TABLE_FLAGS], 0) &
		     NFT_TABLE_F_DORMANT;
	t->table_use = netlink_attr_be32(tb[NFTA_TABLE_USE], UINT32_MAX);
	return 0;
}

struct chain_state {
	const struct portmap_chain *want;
	bool right;
};

static int read_chain(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct chain_state *s = arg;
	char type[16];

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a chain");
	if (!s->want->type || !tb[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) <
		    0) {
		s->right = !s->want->type && !tb[NFTA_CHAIN_HOOK];
		return 0;
	}
	netlink_attr_str(tb[NFTA_CHAIN_TYPE], type, sizeof(type));
	s->right = !strcmp(type, s->want->type) &&
		   netlink_attr_be32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX) ==
			   s->want->hook &&
		   netlink_attr_be32(hook[NFTA_HOOK_PRIORITY], 0) ==
			   (uint32_t)s->want->priority &&
		   netlink_attr_be32(tb[NFTA_CHAIN_POLICY], 0) == FW_ACCEPT;
	return 0;
}

static int compare_rule(const struct reading *r, const struct nlattr *have,
			struct cni_err *err)
{
	struct netlink_req want;
	const struct nlattr *exprs;
	bool right;

	if (!have || r->n >= r->chain->n_rules)
		return 0;
	want = portmap_rule_req(r->chain, r->n);
	if (!want.msg)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "compare a rule");
	exprs = nlmsg_find_attr(nlmsg_hdr(want.msg), sizeof(struct nfgenmsg),
				NFTA_RULE_EXPRESSIONS);
	right = exprs && fw_same_exprs(have, exprs);
	netlink_req_free(&want);
	return right;
}

static int read_rule(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct reading *r = arg;
	int same;

	if (!h) {
		r->n = 0;
		r->right = true;
		return 0;
	}
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a rule");
	same = compare_rule(r, tb[NFTA_RULE_EXPRESSIONS], err);
	if (same < 0)
		return same;
	r->right = r->right && same;
	r->n++;
	return 0;
}

static int read_set(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_SET_MAX + 1];
	struct portmap_table *t = arg;
	char name[64];

	if (!h) {
		memset(t->has_set, 0, sizeof(t->has_set));
		memset(t->set_right, 0, sizeof(t->set_right));
		return 0;
	}
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_SET_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a set");
	netlink_attr_str(tb[NFTA_SET_NAME], name, sizeof(name));
	for (size_t i = 0; i < PORTMAP_SETS; i++) {
		const struct portmap_set_spec *s = &portmap_sets[i];

		if (strcmp(name, s->name) != 0)
			continue;
		t->has_set[i] = true;
		t->set_right[i] = netlink_attr_be32(tb[NFTA_SET_KEY_LEN], 0) ==
					  s->key_len &&
				  netlink_attr_be32(tb[NFTA_SET_DATA_LEN], 0) ==
					  s->data_len &&
				  netlink_attr_be32(tb[NFTA_SET_FLAGS], 0) ==
					  (s->data_len ? NFT_SET_MAP : 0);
	}
	return 0;
}

/* What is not there is no failure. Return: 1, or 0 if it is not */
static int get(struct netlink *nl, struct netlink_req q, netlink_cb *cb,
	       void *arg, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_get(nl, &q, cb, arg, &e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*err = e;
	return r < 0 ? r : 1;
}

static int read_one_chain(struct netlink *nl, struct portmap_table *t, size_t i,
			  struct cni_err *err)
{
	struct chain_state s = { .want = &portmap_chains[i] };
	struct reading rules = { .chain = s.want, .right = true };
	struct netlink_req q = name_req(NFT_MSG_GETCHAIN, NFTA_CHAIN_TABLE,
					NFTA_CHAIN_NAME, s.want->name);
	int r = get(nl, q, read_chain, &s, err);

	if (r <= 0)
		return r;
	t->has_chain[i] = true;
	t->chain_right[i] = s.right;
	q = name_req(NFT_MSG_GETRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN,
		     s.want->name);
	r = netlink_dump(nl, &q, read_rule, &rules, err);
	t->rules_right[i] = rules.right && rules.n == s.want->n_rules;
	return r;
}

int portmap_table_read(struct netlink *nl, struct portmap_table *ret,
		       struct cni_err *err)
{
	struct netlink_req q;
	int r;

	*ret = (struct portmap_table){ 0 };
	r = fw_generation(nl, &ret->generation, err);
	if (r < 0)
		return r;
	q = name_req(NFT_MSG_GETTABLE, NFTA_TABLE_NAME, 0, NULL);
	r = get(nl, q, read_table, ret, err);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < PORTMAP_CHAINS; i++) {
		r = read_one_chain(nl, ret, i, err);
		if (r < 0)
			return r;
	}
	q = name_req(NFT_MSG_GETSET, NFTA_SET_TABLE, 0, NULL);
	r = netlink_dump(nl, &q, read_set, ret, err);
	return r == -ENOENT ? 0 : r;
}

bool portmap_table_is_right(const struct portmap_table *t)
{
	struct cni_err ignored = CNI_ERR_INIT;

	return !portmap_table_differs(t, &ignored);
}

static int chain_differs(const struct portmap_table *t, size_t i,
			 struct cni_err *err)
{
	const char *name = portmap_chains[i].name;

	if (!t->has_chain[i])
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables chain %s is missing", name);
	if (!t->chain_right[i])
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables chain %s has another type, hook, "
			       "priority or policy",
			       name);
	if (!t->rules_right[i])
		return err_say(
			err, CNI_E_CHECK, ENOENT,
			"nf_tables chain %s lacks a rule, or has foreign "
			"or changed ones",
			name);
	return 0;
}

int portmap_table_differs(const struct portmap_table *t, struct cni_err *err)
{
	int r = 0;

	if (!t->has_table)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables table inet %s is missing", FW_TABLE);
	if (t->dormant)
		return err_say(err, CNI_E_CHECK, ENOENT,
			       "nf_tables table inet %s is dormant", FW_TABLE);
	for (size_t i = 0; !r && i < PORTMAP_CHAINS; i++)
		r = chain_differs(t, i, err);
	for (size_t i = 0; !r && i < PORTMAP_SETS; i++)
		if (!t->set_right[i])
			r = err_say(err, CNI_E_CHECK, ENOENT,
				    "nf_tables set %s %s", portmap_sets[i].name,
				    t->has_set[i] ? "has another key or data"
						  : "is missing");
	return r;
}

static struct netlink_req set_req(enum portmap_set i)
{
	const struct portmap_set_spec *s = &portmap_sets[i];
	struct netlink_req q = fw_req(NFT_MSG_NEWSET, NLM_F_CREATE);

	netlink_put_str(&q, NFTA_SET_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_SET_NAME, s->name);
	netlink_put_be32(&q, NFTA_SET_FLAGS, s->data_len ? NFT_SET_MAP : 0);
	netlink_put_be32(&q, NFTA_SET_KEY_TYPE, s->key_type);
	netlink_put_be32(&q, NFTA_SET_KEY_LEN, s->key_len);
	if (s->data_len) {
		netlink_put_be32(&q, NFTA_SET_DATA_TYPE, s->data_type);
		netlink_put_be32(&q, NFTA_SET_DATA_LEN, s->data_len);
	}
	netlink_put_be32(&q, NFTA_SET_ID, (uint32_t)i + 1);
	return q;
}

/* First everything that refers to something else, then the rest. */
static void empty_chains(const struct portmap_table *t, struct portmap_batch *b)
{
	for (size_t i = 0; i < PORTMAP_CHAINS; i++)
		if (t->has_chain[i])
			portmap_batch_add(b, name_req(NFT_MSG_DELRULE,
						      NFTA_RULE_TABLE,
						      NFTA_RULE_CHAIN,
						      portmap_chains[i].name));
}

static void delete_chain(struct portmap_batch *b, size_t i)
{
	portmap_batch_add(b, name_req(NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE,
				      NFTA_CHAIN_NAME, portmap_chains[i].name));
}

static void delete_set(struct portmap_batch *b, size_t i)
{
	portmap_batch_add(b, name_req(NFT_MSG_DELSET, NFTA_SET_TABLE,
				      NFTA_SET_NAME, portmap_sets[i].name));
}

struct netlink_req portmap_wake(void)
{
	struct netlink_req q = fw_req(NFT_MSG_NEWTABLE, NLM_F_CREATE);

	netlink_put_str(&q, NFTA_TABLE_NAME, FW_TABLE);
	netlink_put_be32(&q, NFTA_TABLE_FLAGS, 0);
	return q;
}

void portmap_table_repair(const struct portmap_table *t,
			  struct portmap_batch *b)
{
	if (portmap_table_is_right(t))
		return;
	portmap_batch_add(b, portmap_wake());
	empty_chains(t, b);
	for (size_t i = 0; i < PORTMAP_CHAINS; i++)
		if (t->has_chain[i] && !t->chain_right[i])
			delete_chain(b, i);
	for (size_t i = 0; i < PORTMAP_SETS; i++) {
		if (t->set_right[i])
			continue;
		if (t->has_set[i])
			delete_set(b, i);
		portmap_batch_add(b, set_req((enum portmap_set)i));
	}
	for (size_t i = 0; i < PORTMAP_CHAINS; i++)
		if (!t->has_chain[i] || !t->chain_right[i])
			portmap_batch_add(
				b, portmap_chain_req(&portmap_chains[i]));
	for (size_t i = 0; i < PORTMAP_CHAINS; i++)
		for (size_t k = 0; k < portmap_chains[i].n_rules; k++)
			portmap_batch_add(
				b, portmap_rule_req(&portmap_chains[i], k));
}

void portmap_table_delete(const struct portmap_table *t,
			  struct portmap_batch *b)
{
	uint32_t gone = 0;

	empty_chains(t, b);
	for (size_t i = 0; i < PORTMAP_CHAINS; i++) {
		if (!t->has_chain[i])
			continue;
		delete_chain(b, i);
		gone++;
	}
	for (size_t i = 0; i < PORTMAP_SETS; i++) {
		if (!t->has_set[i])
			continue;
		delete_set(b, i);
		gone++;
	}
	if (gone == t->table_use)
		portmap_batch_add(b, name_req(NFT_MSG_DELTABLE, NFTA_TABLE_NAME,
					      0, NULL));
}

struct netlink_req portmap_elem_req(int type, int flags, enum portmap_set set,
				    size_t size)
{
	struct netlink_req q = fw_req_sized(type, flags, size);

	netlink_put_str(&q, NFTA_SET_ELEM_LIST_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_SET_ELEM_LIST_SET, portmap_sets[set].name);
	return q;
}
