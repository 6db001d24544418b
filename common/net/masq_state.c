/* SPDX-License-Identifier: Apache-2.0 */
#include "net/masq_state.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "net/netlink.h"
#include "net/nft.h"

enum { SRCNAT = 100 /* NF_IP_PRI_NAT_SRC */, NAME_MAX_PLAIN = 100 };

static const char comment_prefix[] = "masquerade ";

void masq_chain_name(const char *network, char buf[MASQ_CHAIN_SIZE])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a 64 */

	if (strlen(network) <= NAME_MAX_PLAIN) {
		(void)snprintf(buf, MASQ_CHAIN_SIZE, "masq-%s", network);
		return;
	}
	for (; *network; network++)
		h = (h ^ (uint8_t)*network) * UINT64_C(0x100000001b3);
	(void)snprintf(buf, MASQ_CHAIN_SIZE, "masq-h%016llx",
		       (unsigned long long)h);
}

static void match_name(struct netlink_req *q, uint32_t key, uint32_t op,
		       const char *bridge)
{
	char name[IFNAMSIZ] = "";

	memcpy(name, bridge, strnlen(bridge, sizeof(name) - 1));
	fw_put_meta(q, key);
	fw_put_cmp(q, op, name, sizeof(name));
}

/* As nft(8) writes it, so that a ruleset saved and restored stays right: whole
 * bytes are compared without a mask. */
static void match_net(struct netlink_req *q, bool source, uint32_t op,
		      const struct ip_net *net)
{
	const struct ip_addr first = ip_net_first(net);
	const uint32_t size = (uint32_t)ip_len(&net->addr);
	const uint32_t saddr = net->addr.family == AF_INET ? 12 : 8;
	const bool whole = net->plen && net->plen % 8 == 0;
	const uint32_t len = whole ? net->plen / 8U : size;

	fw_put_payload(q, source ? saddr : saddr + size, len);
	if (!whole)
		fw_put_mask(q, net->plen, len);
	fw_put_cmp(q, op, first.b, len);
}

static void put_exprs(struct netlink_req *q, const char *bridge,
		      const struct ip_net *subnet)
{
	static const struct ip_net multicast4 = { { AF_INET, { 224 } }, 4 },
				   multicast6 = { { AF_INET6, { 0xff } }, 8 },
				   link_local6 = { { AF_INET6, { 0xfe, 0x80 } },
						   10 };
	const bool v4 = subnet->addr.family == AF_INET;
	const uint8_t proto = v4 ? FW_PROTO_IPV4 : FW_PROTO_IPV6;

	match_name(q, NFT_META_IIFNAME, NFT_CMP_EQ, bridge);
	match_name(q, NFT_META_OIFNAME, NFT_CMP_NEQ, bridge);
	fw_put_meta(q, NFT_META_NFPROTO);
	fw_put_cmp(q, NFT_CMP_EQ, &proto, sizeof(proto));
	match_net(q, true, NFT_CMP_EQ, subnet);
	match_net(q, false, NFT_CMP_NEQ, subnet);
	match_net(q, false, NFT_CMP_NEQ, v4 ? &multicast4 : &multicast6);
	if (!v4)
		match_net(q, false, NFT_CMP_NEQ, &link_local6);
	fw_put_plain(q, "masq");
}

struct netlink_req masq_rule_req(const struct masq_state *s,
				 const struct ip_net *subnet)
{
	struct netlink_req q =
		fw_req(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	const struct ip_net net = ip_net_masked(subnet);
	char text[IP_NET_STR_SIZE], comment[FW_COMMENT_MAX];
	struct nlattr *exprs;

	(void)snprintf(comment, sizeof(comment), "%s%s", comment_prefix,
		       ip_net_format(&net, text));
	netlink_put_str(&q, NFTA_RULE_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_RULE_CHAIN, s->chain);
	exprs = netlink_nest(&q, NFTA_RULE_EXPRESSIONS);
	put_exprs(&q, s->m->bridge, &net);
	netlink_nest_end(&q, exprs);
	fw_put_comment(&q, NFTA_RULE_USERDATA, comment);
	return q;
}

struct netlink_req masq_chain_req(const struct masq_state *s)
{
	struct netlink_req q = fw_req(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *hook;

	netlink_put_str(&q, NFTA_CHAIN_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_CHAIN_NAME, s->chain);
	hook = netlink_nest(&q, NFTA_CHAIN_HOOK);
	netlink_put_be32(&q, NFTA_HOOK_HOOKNUM, FW_POST_ROUTING);
	netlink_put_be32(&q, NFTA_HOOK_PRIORITY, SRCNAT);
	netlink_nest_end(&q, hook);
	netlink_put_be32(&q, NFTA_CHAIN_POLICY, FW_ACCEPT);
	netlink_put_str(&q, NFTA_CHAIN_TYPE, "nat");
	fw_put_comment(&q, NFTA_CHAIN_USERDATA, s->m->network);
	return q;
}

struct netlink_req masq_name_req(int type, int flags, int table_attr,
				 int chain_attr, const char *chain)
{
	struct netlink_req q = fw_req(type, flags);

	netlink_put_str(&q, table_attr, FW_TABLE);
	if (chain_attr)
		netlink_put_str(&q, chain_attr, chain);
	return q;
}

static int read_table(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	struct masq_state *s = arg;

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a table");
	s->has_table = true;
	s->table_right = !(netlink_attr_be32(tb[NFTA_TABLE_FLAGS], 0) &
			   NFT_TABLE_F_DORMANT);
	s->table_use = netlink_attr_be32(tb[NFTA_TABLE_USE], UINT32_MAX);
	return 0;
}

static int read_chain(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct masq_state *s = arg;
	char type[16];

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a chain");
	s->has_chain = true;
	if (!tb[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) <
		    0)
		return 0;

	netlink_attr_str(tb[NFTA_CHAIN_TYPE], type, sizeof(type));
	s->chain_right =
		!strcmp(type, "nat") &&
		netlink_attr_be32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX) ==
			FW_POST_ROUTING &&
		netlink_attr_be32(hook[NFTA_HOOK_PRIORITY], 0) == SRCNAT &&
		netlink_attr_be32(tb[NFTA_CHAIN_POLICY], 0) == FW_ACCEPT;
	return 0;
}

bool masq_is_kept(const struct masq_state *s, const struct ip_net *subnet)
{
	const struct ip_net net = ip_net_masked(subnet);

	for (size_t i = 0; i < s->n_kept; i++)
		if (s->kept[i].plen == net.plen &&
		    ip_equal(&s->kept[i].addr, &net.addr))
			return true;
	return false;
}

/*
 * The comment says which subnet a rule claims to be for; then it must be what
 * we would write for it.
 *
 * Return: 1 or 0, or -ENOMEM
 */
static int is_right(const struct masq_state *s, struct nlattr *tb[],
		    struct ip_net *ret_subnet, struct cni_err *err)
{
	const size_t prefix = sizeof(comment_prefix) - 1;
	char comment[FW_COMMENT_MAX + 1];
	struct netlink_req want;
	const struct nlattr *exprs;
	bool right;

	fw_read_comment(tb[NFTA_RULE_USERDATA], comment, sizeof(comment));
	if (!tb[NFTA_RULE_EXPRESSIONS] ||
	    strncmp(comment, comment_prefix, prefix) != 0 ||
	    ip_net_parse(comment + prefix, ret_subnet) < 0)
		return 0;
	*ret_subnet = ip_net_masked(ret_subnet);
	if (masq_is_kept(s, ret_subnet))
		return 0;

	want = masq_rule_req(s, ret_subnet);
	if (!want.msg)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "compare a rule");
	exprs = nlmsg_find_attr(nlmsg_hdr(want.msg), sizeof(struct nfgenmsg),
				NFTA_RULE_EXPRESSIONS);
	right = exprs && fw_same_exprs(tb[NFTA_RULE_EXPRESSIONS], exprs);
	netlink_req_free(&want);
	return right;
}

static int read_rule(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct masq_state *s = arg;
	struct ip_net subnet;
	uint64_t handle = 0;
	int r;

	if (!h) {
		s->n_kept = s->n_strangers = 0;
		s->crowded = false;
		return 0;
	}
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) <
		    0 ||
	    !tb[NFTA_RULE_HANDLE] ||
	    nla_len(tb[NFTA_RULE_HANDLE]) != sizeof(handle))
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a rule");
	memcpy(&handle, nla_data(tb[NFTA_RULE_HANDLE]), sizeof(handle));

	r = is_right(s, tb, &subnet, err);
	if (r < 0)
		return r;
	if (r) {
		if (s->n_kept == MASQ_SUBNETS)
			return err_say(err, CNI_E_KERNEL, E2BIG,
				       "more than %d subnets", MASQ_SUBNETS);
		s->kept[s->n_kept++] = subnet;
	} else if (s->n_strangers < MASQ_STRANGERS) {
		s->strangers[s->n_strangers++] = handle;
	} else {
		s->crowded = true;
	}
	return 0;
}

/* What is not there is no failure. */
static int get(struct netlink *nl, struct netlink_req q, netlink_cb *cb,
	       struct masq_state *s, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT;
	int r = netlink_get(nl, &q, cb, s, &e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*err = e;
	return r;
}

int masq_read(struct netlink *nl, struct masq_state *s, struct cni_err *err)
{
	struct netlink_req q;
	int r = fw_generation(nl, &s->generation, err);

	if (r < 0)
		return r;
	q = masq_name_req(NFT_MSG_GETTABLE, 0, NFTA_TABLE_NAME, 0, NULL);
	r = get(nl, q, read_table, s, err);
	if (r < 0 || !s->has_table)
		return r;

	q = masq_name_req(NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_TABLE,
			  NFTA_CHAIN_NAME, s->chain);
	r = get(nl, q, read_chain, s, err);
	if (r < 0 || !s->has_chain)
		return r;

	q = masq_name_req(NFT_MSG_GETRULE, 0, NFTA_RULE_TABLE, NFTA_RULE_CHAIN,
			  s->chain);
	return netlink_dump(nl, &q, read_rule, s, err);
}
