/* SPDX-License-Identifier: Apache-2.0 */
#include "net/forward.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "net/netlink.h"
#include "net/nft.h"

/* linux/netfilter.h, see nft.h. The bridge family's hook has the same number. */
enum { HOOK_FORWARD = 2, VERDICT_DROP = 0, PROTO_BRIDGE = 7 };

struct scan {
	struct forward_drop *v;
	size_t n;
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case FW_PROTO_INET:
		return "inet";
	case FW_PROTO_IPV4:
		return "ip";
	case FW_PROTO_IPV6:
		return "ip6";
	case PROTO_BRIDGE:
		return "bridge";
	default:
		return NULL;
	}
}

static uint8_t family_number(const char *name)
{
	for (unsigned int i = 0; i <= FW_PROTO_IPV6; i++)
		if (family_name((uint8_t)i) &&
		    !strcmp(family_name((uint8_t)i), name))
			return (uint8_t)i;
	return 0;
}

static struct netlink_req ask(int type, uint8_t family)
{
	const struct nfgenmsg g = { .nfgen_family = family,
				    .version = NFNETLINK_V0 };

	return netlink_req(NFNL_SUBSYS_NFTABLES << 8 | type, 0, &g, sizeof(g));
}

static int take_chain(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct scan *s = arg;
	struct forward_drop *f;

	if (!h) {
		s->n = 0;
		return 0;
	}
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a chain");
	if (s->n == FORWARD_MAX || !tb[NFTA_CHAIN_HOOK] ||
	    nla_parse_nested(hook, NFTA_HOOK_MAX, tb[NFTA_CHAIN_HOOK], NULL) <
		    0 ||
	    netlink_attr_be32(hook[NFTA_HOOK_HOOKNUM], ~0U) != HOOK_FORWARD ||
	    netlink_attr_be32(tb[NFTA_CHAIN_POLICY], ~0U) != VERDICT_DROP)
		return 0;

	f = &s->v[s->n];
	*f = (struct forward_drop){ 0 };
	f->family =
		family_name(((struct nfgenmsg *)nlmsg_data(h))->nfgen_family);
	netlink_attr_str(tb[NFTA_CHAIN_TABLE], f->table, sizeof(f->table));
	netlink_attr_str(tb[NFTA_CHAIN_NAME], f->chain, sizeof(f->chain));
	s->n += f->family != NULL;
	return 0;
}

struct rules {
	const char *table;
	const char *bridge;
	bool about, docker;
};

static int take_rule(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	struct rules *want = arg;
	char table[FORWARD_NAME], chain[FORWARD_NAME];

	if (!h)
		return 0;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a rule");
	netlink_attr_str(tb[NFTA_RULE_TABLE], table, sizeof(table));
	netlink_attr_str(tb[NFTA_RULE_CHAIN], chain, sizeof(chain));
	/* Some kernels ignore the filter of a dump. */
	if (strcmp(table, want->table) != 0)
		return 0;
	want->docker |= !strcmp(chain, "DOCKER-USER");
	/* A name stands in a comparison with its end, or as a set's element. */
	want->about |= tb[NFTA_RULE_EXPRESSIONS] && *want->bridge &&
		       memmem(nla_data(tb[NFTA_RULE_EXPRESSIONS]),
			      (size_t)nla_len(tb[NFTA_RULE_EXPRESSIONS]),
			      want->bridge, strlen(want->bridge) + 1);
	return 0;
}

/* Keeps the chains whose tables say nothing of the bridge. */
static int drop_answered(struct netlink *nl, struct scan *s, const char *bridge,
			 struct cni_err *err)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; !r && i < s->n; i++) {
		struct rules want = { .table = s->v[i].table,
				      .bridge = bridge };
		struct netlink_req q =
			ask(NFT_MSG_GETRULE, family_number(s->v[i].family));

		netlink_put_str(&q, NFTA_RULE_TABLE, s->v[i].table);
		r = netlink_dump(nl, &q, take_rule, &want, err);
		s->v[i].docker = want.docker;
		if (!want.about)
			s->v[kept++] = s->v[i];
	}
	s->n = kept;
	return r;
}

int forward_drops(const char *bridge, struct forward_drop ret[FORWARD_MAX],
		  size_t *ret_n, struct cni_err *err)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err none = CNI_ERR_INIT;
	struct scan s = { .v = ret };
	struct netlink_req q;
	int r = 0;

	/* A kernel without nf_tables has no such chains. */
	if (netlink_open_nfnl(&nl, &none) >= 0) {
		q = ask(NFT_MSG_GETCHAIN, AF_UNSPEC);
		if (netlink_dump(nl, &q, take_chain, &s, &none) < 0)
			s.n = 0;
		else
			r = drop_answered(nl, &s, bridge, err);
	}
	for (int v6 = 0; v6 < 2; v6++)
		if (s.n < FORWARD_MAX && forward_legacy(v6, bridge))
			ret[s.n++] = (struct forward_drop){
				.family = v6 ? "ip6" : "ip",
				.chain = "FORWARD",
			};
	*ret_n = s.n;
	return r;
}

static int take_table(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	struct rules *want = arg;
	char table[FORWARD_NAME];

	if (!h)
		return 0;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX, NULL) <
	    0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a table");
	netlink_attr_str(tb[NFTA_TABLE_NAME], table, sizeof(table));
	want->about |= !strcmp(table, want->table);
	return 0;
}

bool forward_nft_table(const char *name)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err none = CNI_ERR_INIT;
	struct rules want = { .table = name };
	struct netlink_req q;

	if (netlink_open_nfnl(&nl, &none) < 0)
		return false;
	q = ask(NFT_MSG_GETTABLE, AF_UNSPEC);
	return netlink_dump(nl, &q, take_table, &want, &none) >= 0 &&
	       want.about;
}
