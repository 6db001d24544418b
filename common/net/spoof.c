/* SPDX-License-Identifier: Apache-2.0 */
#include "net/spoof.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/array.h"
#include "net/netlink.h"
#include "net/nft.h"

_Static_assert(SPOOF_COMMENT_SIZE == FW_COMMENT_MAX + 1, "a whole comment");

enum {
	PRIORITY = -300, /* as the reference bridge's */
	TRIES = 16,	 /* ... against others who make or remove the table */
	ETHER = 1,	 /* ARPHRD_ETHER, linux/if_arp.h */
	SADDR = 6,	 /* offset in struct ethhdr */
};

static struct netlink_req req(int type, int flags)
{
	return fw_req_of(type, flags, FW_PROTO_NETDEV);
}

static struct netlink_req table_req(int type, int flags)
{
	struct netlink_req q = req(type, flags);

	netlink_put_str(&q, NFTA_TABLE_NAME, FW_TABLE);
	return q;
}

static struct netlink_req chain_name_req(int type, const char *chain)
{
	struct netlink_req q = req(type, 0);

	netlink_put_str(&q, NFTA_CHAIN_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_CHAIN_NAME, chain);
	return q;
}

static struct netlink_req chain_req(const struct spoof *s)
{
	struct netlink_req q = req(NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *hook;

	netlink_put_str(&q, NFTA_CHAIN_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_CHAIN_NAME, s->chain);
	hook = netlink_nest(&q, NFTA_CHAIN_HOOK);
	netlink_put_be32(&q, NFTA_HOOK_HOOKNUM, FW_INGRESS);
	netlink_put_be32(&q, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY);
	netlink_put_str(&q, NFTA_HOOK_DEV, s->port);
	netlink_nest_end(&q, hook);
	netlink_put_be32(&q, NFTA_CHAIN_POLICY, FW_DROP);
	netlink_put_str(&q, NFTA_CHAIN_TYPE, "filter");
	if (strlen(s->comment) <= FW_COMMENT_MAX)
		fw_put_comment(&q, NFTA_CHAIN_USERDATA, s->comment);
	return q;
}

/* The first two, without which nft(8) would not show the third as one on
 * Ethernet, are what it writes itself. */
static struct netlink_req rule_req(const struct spoof *s)
{
	struct netlink_req q =
		req(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	const uint16_t ether = ETHER;
	struct nlattr *exprs;

	netlink_put_str(&q, NFTA_RULE_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_RULE_CHAIN, s->chain);
	exprs = netlink_nest(&q, NFTA_RULE_EXPRESSIONS);
	fw_put_meta(&q, NFT_META_IIFTYPE);
	fw_put_cmp(&q, NFT_CMP_EQ, &ether, sizeof(ether));
	fw_put_payload_of(&q, NFT_PAYLOAD_LL_HEADER, SADDR, MAC_LEN);
	fw_put_cmp(&q, NFT_CMP_EQ, s->mac.b, MAC_LEN);
	fw_put_accept(&q);
	netlink_nest_end(&q, exprs);
	return q;
}

/* Not dormant, or its chains would not be asked. */
static struct netlink_req table_awake_req(void)
{
	struct netlink_req q = table_req(NFT_MSG_NEWTABLE, NLM_F_CREATE);

	netlink_put_be32(&q, NFTA_TABLE_FLAGS, 0);
	return q;
}

/* A transaction that fails costs its socket. */
static int guard_once(const struct spoof *s, bool replace, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct netlink_req q[6];
	size_t n = 0;
	int r = netlink_open_nfnl(&nl, err);

	if (r < 0)
		return r;
	q[n++] = fw_begin(0);
	q[n++] = table_awake_req();
	if (replace)
		q[n++] = chain_name_req(NFT_MSG_DELCHAIN, s->chain);
	q[n++] = chain_req(s);
	q[n++] = rule_req(s);
	q[n++] = fw_end();
	return netlink_do_batch(nl, q, n, err);
}

/* The kernel takes no base chain in the transaction that wakes the table. */
static int wake_table(struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct netlink_req q[3];
	int r = netlink_open_nfnl(&nl, err);

	if (r < 0)
		return r;
	q[0] = fw_begin(0);
	q[1] = table_awake_req();
	q[2] = fw_end();
	return netlink_do_batch(nl, q, 3, err);
}

/* What stays of an earlier port of that name is replaced; it may vanish while
 * we do that. */
int spoof_guard(const struct spoof *s, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	bool replace = false, woken = false;
	int r = -EEXIST;

	for (int i = 0; i < TRIES; i++) {
		r = guard_once(s, replace, &e);
		if (r == -EEXIST && !replace)
			replace = true;
		else if (r == -ENOENT && replace)
			replace = false;
		else if (r == -EINVAL && !woken && wake_table(&e) >= 0)
			woken = true;
		else if (r != -EAGAIN && r != -ERESTART)
			break;
	}
	if (r >= 0)
		return 0;
	*err = e;
	return err_ctx(err, r, "guard port %s by nf_tables", s->port);
}

/* What is there of a chain. */
struct state {
	const struct spoof *s;
	bool has_chain, chain_right;
	size_t rules, right_rules;
	uint32_t table_use;
	bool has_table, dormant;
};

static int parse(struct nlmsghdr *h, struct nlattr *tb[], int max,
		 struct cni_err *err)
{
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, max, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a ruleset");
	return 0;
}

static int read_table(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	struct state *st = arg;
	int r = parse(h, tb, NFTA_TABLE_MAX, err);

	if (r < 0)
		return r;
	st->has_table = true;
	st->table_use = netlink_attr_be32(tb[NFTA_TABLE_USE], UINT32_MAX);
	st->dormant = netlink_attr_be32(tb[NFTA_TABLE_FLAGS], 0) &
		      NFT_TABLE_F_DORMANT;
	return 0;
}

static int read_chain(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct state *st = arg;
	char type[16], dev[IFNAMSIZ];
	int r = parse(h, tb, NFTA_CHAIN_MAX, err);

	if (r < 0)
		return r;
	st->has_chain = true;
	if (!st->s || !tb[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) <
		    0)
		return 0;
	netlink_attr_str(tb[NFTA_CHAIN_TYPE], type, sizeof(type));
	netlink_attr_str(hook[NFTA_HOOK_DEV], dev, sizeof(dev));
	st->chain_right =
		!strcmp(type, "filter") && !strcmp(dev, st->s->port) &&
		netlink_attr_be32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX) ==
			FW_INGRESS &&
		netlink_attr_be32(tb[NFTA_CHAIN_POLICY], UINT32_MAX) == FW_DROP;
	return 0;
}

static int read_rule(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct state *st = arg;
	struct netlink_req want;
	const struct nlattr *exprs;
	int r;

	if (!h) {
		st->rules = st->right_rules = 0;
		return 0;
	}
	r = parse(h, tb, NFTA_RULE_MAX, err);
	if (r < 0)
		return r;
	want = rule_req(st->s);
	if (!want.msg)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "compare a rule");
	exprs = nlmsg_find_attr(nlmsg_hdr(want.msg), sizeof(struct nfgenmsg),
				NFTA_RULE_EXPRESSIONS);
	st->rules++;
	if (exprs && tb[NFTA_RULE_EXPRESSIONS] &&
	    fw_same_exprs(tb[NFTA_RULE_EXPRESSIONS], exprs))
		st->right_rules++;
	netlink_req_free(&want);
	return 0;
}

/* Was this refusal "there is no such thing here"? */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -EAFNOSUPPORT || netlink_is_missing(r);
}

static int get(struct netlink *nl, struct netlink_req q, netlink_cb *cb,
	       struct state *st, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_get(nl, &q, cb, st, &e);

	if (is_absent(r))
		return 0;
	if (r < 0)
		*err = e;
	return r;
}

static int read_rules(struct netlink *nl, struct state *st, struct cni_err *err)
{
	struct netlink_req q = req(NFT_MSG_GETRULE, 0);

	netlink_put_str(&q, NFTA_RULE_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_RULE_CHAIN, st->s->chain);
	return netlink_dump(nl, &q, read_rule, st, err);
}

static int open_nfnl(struct netlink **ret, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_open_nfnl(ret, &e);

	if (r < 0 && !is_absent(r))
		*err = e;
	return r;
}

int spoof_check(const struct spoof *s, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct state st = { .s = s };
	int r = open_nfnl(&nl, err);

	if (!r)
		r = get(nl, chain_name_req(NFT_MSG_GETCHAIN, s->chain),
			read_chain, &st, err);
	if (!r && st.has_chain)
		r = get(nl, table_req(NFT_MSG_GETTABLE, 0), read_table, &st,
			err);
	if (!r && st.has_chain)
		r = read_rules(nl, &st, err);
	if (r < 0 && !is_absent(r))
		return err_ctx(err, r, "spoof check of port %s", s->port);
	if (!st.has_chain)
		return err_say(
			err, CNI_E_CHECK, ENOENT,
			"spoof check of port %s: nf_tables chain netdev %s %s is missing",
			s->port, FW_TABLE, s->chain);
	if (st.dormant)
		return err_say(
			err, CNI_E_CHECK, ENOENT,
			"spoof check of port %s: nf_tables table netdev %s is dormant",
			s->port, FW_TABLE);
	if (!st.chain_right)
		return err_say(
			err, CNI_E_CHECK, ENOENT,
			"spoof check of port %s: nf_tables chain netdev %s %s has another device, hook or policy",
			s->port, FW_TABLE, s->chain);
	if (st.rules != 1 || st.right_rules != 1)
		return err_say(
			err, CNI_E_CHECK, ENOENT,
			"spoof check of port %s: nf_tables chain netdev %s %s has other rules",
			s->port, FW_TABLE, s->chain);
	return 0;
}

/* Until Linux 6.16 the chain goes with its device, and leaves the table. */
static int read_table_and_chain(struct netlink *nl, const char *chain,
				struct state *st, struct cni_err *err)
{
	int r = get(nl, table_req(NFT_MSG_GETTABLE, 0), read_table, st, err);

	if (r < 0 || !st->has_table)
		return r;
	return get(nl, chain_name_req(NFT_MSG_GETCHAIN, chain), read_chain, st,
		   err);
}

int spoof_has(const char *chain, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct state st = { 0 };
	int r = open_nfnl(&nl, err);

	if (!r)
		r = read_table_and_chain(nl, chain, &st, err);
	if (r < 0)
		return is_absent(r) ? 0 : r;
	return st.has_chain || (st.has_table && !st.table_use);
}

static int remove_once(const char *chain, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	uint32_t generation = 0;
	struct state st = { 0 };
	struct netlink_req q[4];
	size_t n = 0;
	int r = open_nfnl(&nl, err);

	if (!r)
		r = read_table_and_chain(nl, chain, &st, err);
	if (r < 0 || !st.has_table)
		return is_absent(r) ? 0 : r;
	if (!st.has_chain && st.table_use)
		return 0;
	/* The table's last chain must still be that when it goes. */
	r = fw_generation(nl, &generation, err);
	st = (struct state){ 0 };
	if (!r)
		r = read_table_and_chain(nl, chain, &st, err);
	if (r < 0)
		return r;

	q[n++] = fw_begin(generation);
	if (st.has_chain)
		q[n++] = chain_name_req(NFT_MSG_DELCHAIN, chain);
	if (st.has_table && st.table_use <= (st.has_chain ? 1 : 0))
		q[n++] = table_req(NFT_MSG_DELTABLE, 0);
	q[n++] = fw_end();
	if (n == 2) {
		netlink_req_free(&q[0]);
		netlink_req_free(&q[1]);
		return 0;
	}
	r = netlink_do_batch(nl, q, n, err);
	return r == -ENOENT ? -EAGAIN : r;
}

int spoof_remove(const char *chain, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && (r == -EAGAIN || r == -ERESTART); i++)
		r = remove_once(chain, &e);
	if (r >= 0)
		return 0;
	*err = e;
	if (r == -EAGAIN || r == -ERESTART)
		r = err_say(err, CNI_E_RETRY, EAGAIN,
			    "others keep changing the nf_tables ruleset");
	return err_ctx(err, r, "remove nf_tables chain netdev %s %s", FW_TABLE,
		       chain);
}

int spoof_prune(struct cni_err *err)
{
	return spoof_remove("", err); /* no chain's name */
}

static int read_one_of(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	struct array *list = arg;
	struct spoof_chain c;
	int r;

	if (!h) {
		list->n = 0;
		return 0;
	}
	r = parse(h, tb, NFTA_CHAIN_MAX, err);
	if (r < 0 || !tb[NFTA_CHAIN_TABLE] ||
	    nla_strcmp(tb[NFTA_CHAIN_TABLE], FW_TABLE) != 0)
		return r;
	netlink_attr_str(tb[NFTA_CHAIN_NAME], c.name, sizeof(c.name));
	fw_read_comment(tb[NFTA_CHAIN_USERDATA], c.comment, sizeof(c.comment));
	return array_append(list, &c, sizeof(c), err);
}

int spoof_list(struct spoof_chain **ret, size_t *ret_n, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct array list = { 0 };
	struct netlink_req q;
	int r = open_nfnl(&nl, err);

	if (!r) {
		q = req(NFT_MSG_GETCHAIN, 0);
		r = netlink_dump(nl, &q, read_one_of, &list, err);
	}
	if (r < 0 && !is_absent(r)) {
		free(list.v);
		return err_ctx(err, r, "list nf_tables chains");
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}
