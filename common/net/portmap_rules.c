/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet for an address of the host, from outside (portmap-in) or from the
 * host itself (portmap-out), is looked up once for its own address and once for
 * any. What must come back this way is masqueraded on its way out
 * (portmap-snat). NAT chains see the first packet of a connection only.
 */
#include "net/portmap_rules.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "net/nft.h"

enum {
	AFTER_DSTNAT = -100 + 10, /* NF_IP_PRI_NAT_DST: foreign rules first */
	AFTER_SRCNAT = 100 + 10,  /* NF_IP_PRI_NAT_SRC */
	FILTER = 0,
	SADDR4 = 12,
	SADDR6 = 8,
	DADDR4 = 16,
	DADDR6 = 24,
	DPORT = 2,
	/* Bits of nft's "ct state" and of enum ip_conntrack_status. */
	CT_ESTABLISHED_RELATED = 2 | 4,
	CT_DNAT = 0x20,
};

static const char forward_chain[] = "portmap";

static void match_proto(struct netlink_req *q, bool v6)
{
	const uint8_t proto = v6 ? FW_PROTO_IPV6 : FW_PROTO_IPV4;

	fw_put_meta(q, NFT_META_NFPROTO);
	fw_put_cmp(q, NFT_CMP_EQ, &proto, sizeof(proto));
}

static void load_daddr(struct netlink_req *q, bool v6, uint32_t word)
{
	fw_put_load(q, NFT_PAYLOAD_NETWORK_HEADER, v6 ? DADDR6 : DADDR4,
		    v6 ? 16 : 4, FW_REG(word));
}

/* IPv4 to 127.0.0.0/8, or from there. */
static void match_loopback(struct netlink_req *q, uint32_t offset)
{
	const uint8_t net = IN_LOOPBACKNET;

	match_proto(q, false);
	fw_put_payload(q, offset, sizeof(net));
	fw_put_cmp(q, NFT_CMP_EQ, &net, sizeof(net));
}

static void match_bits(struct netlink_req *q, uint32_t key, uint32_t mask)
{
	const uint32_t none = 0;

	fw_put_ct(q, key);
	fw_put_and(q, mask);
	fw_put_cmp(q, NFT_CMP_EQ, &none, sizeof(none));
}

static void dnat(struct netlink_req *q, bool v6, bool has_address)
{
	const uint32_t word = !has_address ? 0 : v6 ? 4 : 1;
	const int set = (has_address ? PORTMAP_HOST4 : PORTMAP_ANY4) + v6;

	if (has_address) {
		match_proto(q, v6);
		load_daddr(q, v6, 0);
	}
	fw_put_meta_to(q, NFT_META_L4PROTO, FW_REG(word));
	fw_put_load(q, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT, 2,
		    FW_REG(word + 1));
	fw_put_lookup(q, portmap_sets[set].name, true);
	fw_put_dnat(q, v6 ? FW_PROTO_IPV6 : FW_PROTO_IPV4, FW_REG(v6 ? 4 : 1));
}

/* Nobody answers to ::1 from elsewhere: what is sent there must get its refusal
 * at once, as a client that then tries 127.0.0.1 expects. */
static void spare_loopback6(struct netlink_req *q)
{
	const struct in6_addr lo = IN6ADDR_LOOPBACK_INIT;

	match_proto(q, true);
	fw_put_payload(q, DADDR6, sizeof(lo));
	fw_put_cmp(q, NFT_CMP_EQ, &lo, sizeof(lo));
	fw_put_verdict(q, NFT_RETURN, NULL);
}

static void put_forward(struct netlink_req *q, size_t i)
{
	if (!i)
		spare_loopback6(q);
	else
		dnat(q, i > 2, i % 2);
}

static void put_enter(struct netlink_req *q, size_t i)
{
	const uint32_t local = RTN_LOCAL;

	(void)i;
	fw_put_daddr_type(q);
	fw_put_cmp(q, NFT_CMP_EQ, &local, sizeof(local));
	fw_put_verdict(q, NFT_JUMP, forward_chain);
}

/* What a set's key begins with. */
enum first { DADDR_ONLY, IIFNAME, OIFNAME, SADDR };

/* The word of the key where the destination begins. */
static uint32_t load_first(struct netlink_req *q, bool v6, enum first first)
{
	switch (first) {
	case IIFNAME:
	case OIFNAME:
		fw_put_meta_to(q,
			       first == IIFNAME ? NFT_META_IIFNAME
						: NFT_META_OIFNAME,
			       FW_REG(0));
		return IFNAMSIZ / 4;
	case SADDR:
		fw_put_load(q, NFT_PAYLOAD_NETWORK_HEADER, v6 ? SADDR6 : SADDR4,
			    v6 ? 16 : 4, FW_REG(0));
		return v6 ? 4 : 1;
	case DADDR_ONLY:
		break;
	}
	return 0;
}

static void masquerade(struct netlink_req *q, bool v6, enum first first)
{
	const uint32_t start = load_first(q, v6, first);
	const uint32_t word = start + (v6 ? 4 : 1);
	const int set = first == DADDR_ONLY ? PORTMAP_MASQ4
			: first == SADDR    ? PORTMAP_SELF4
					    : PORTMAP_SNAT4;

	load_daddr(q, v6, start);
	fw_put_meta_to(q, NFT_META_L4PROTO, FW_REG(word));
	fw_put_load(q, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT, 2,
		    FW_REG(word + 1));
	fw_put_lookup(q, portmap_sets[set + v6].name, false);
	fw_put_plain(q, "masq");
}

/* With br_netfilter a bridge translates frames that stay on it by itself, and
 * then nobody knows the device where a packet came in: neighbours need none,
 * but a guest that meets itself does. */
static void put_snat(struct netlink_req *q, size_t i)
{
	static const enum first firsts[] = { IIFNAME, SADDR, DADDR_ONLY };

	const bool v6 = i % 2;

	if (!i) {
		match_bits(q, NFT_CT_STATUS, CT_DNAT);
		fw_put_verdict(q, NFT_RETURN, NULL);
	} else if (i == 1) {
		match_loopback(q, SADDR4);
		masquerade(q, false, OIFNAME);
	} else {
		match_proto(q, v6);
		masquerade(q, v6, firsts[i / 2 - 1]);
	}
}

/* route_localnet lets guests reach what listens on the host's loopback. */
static void put_loopback(struct netlink_req *q, size_t i)
{
	const char lo[IFNAMSIZ] = "lo";

	(void)i;
	match_loopback(q, DADDR4);
	fw_put_meta(q, NFT_META_IIFNAME);
	fw_put_cmp(q, NFT_CMP_NEQ, lo, sizeof(lo));
	match_bits(q, NFT_CT_STATE, CT_ESTABLISHED_RELATED);
	match_bits(q, NFT_CT_STATUS, CT_DNAT);
	fw_put_verdict(q, FW_DROP, NULL);
}

/* The first is jumped to by others: it must be there before them. */
const struct portmap_chain portmap_chains[PORTMAP_CHAINS] = {
	{ forward_chain, NULL, 0, 0, 5, put_forward },
	{ "portmap-in", "nat", FW_PRE_ROUTING, AFTER_DSTNAT, 1, put_enter },
	{ "portmap-out", "nat", FW_LOCAL_OUT, AFTER_DSTNAT, 1, put_enter },
	{ "portmap-snat", "nat", FW_POST_ROUTING, AFTER_SRCNAT, 8, put_snat },
	{ "portmap-lo", "filter", FW_LOCAL_IN, FILTER, 1, put_loopback },
};

struct netlink_req portmap_chain_req(const struct portmap_chain *c)
{
	struct netlink_req q = fw_req(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	struct nlattr *hook;

	netlink_put_str(&q, NFTA_CHAIN_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_CHAIN_NAME, c->name);
	if (!c->type)
		return q;
	hook = netlink_nest(&q, NFTA_CHAIN_HOOK);
	netlink_put_be32(&q, NFTA_HOOK_HOOKNUM, c->hook);
	netlink_put_be32(&q, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	netlink_nest_end(&q, hook);
	netlink_put_be32(&q, NFTA_CHAIN_POLICY, FW_ACCEPT);
	netlink_put_str(&q, NFTA_CHAIN_TYPE, c->type);
	return q;
}

struct netlink_req portmap_rule_req(const struct portmap_chain *c, size_t i)
{
	struct netlink_req q =
		fw_req(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	struct nlattr *exprs;

	netlink_put_str(&q, NFTA_RULE_TABLE, FW_TABLE);
	netlink_put_str(&q, NFTA_RULE_CHAIN, c->name);
	exprs = netlink_nest(&q, NFTA_RULE_EXPRESSIONS);
	c->put(&q, i);
	netlink_nest_end(&q, exprs);
	return q;
}
