/* SPDX-License-Identifier: Apache-2.0 */
/* nft_expr.c - expressions that look things up, translate and decide. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "net/nft.h"

void fw_put_meta_to(struct netlink_req *q, uint32_t key, uint32_t reg)
{
	struct nlattr *nest[2];

	fw_expr(q, "meta", nest);
	netlink_put_be32(q, NFTA_META_DREG, reg);
	netlink_put_be32(q, NFTA_META_KEY, key);
	fw_expr_end(q, nest);
}

void fw_put_load(struct netlink_req *q, uint32_t base, uint32_t offset,
		 uint32_t len, uint32_t reg)
{
	struct nlattr *nest[2];

	fw_expr(q, "payload", nest);
	netlink_put_be32(q, NFTA_PAYLOAD_DREG, reg);
	netlink_put_be32(q, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(q, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(q, NFTA_PAYLOAD_LEN, len);
	fw_expr_end(q, nest);
}

void fw_put_ct(struct netlink_req *q, uint32_t key)
{
	struct nlattr *nest[2];

	fw_expr(q, "ct", nest);
	netlink_put_be32(q, NFTA_CT_DREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_CT_KEY, key);
	fw_expr_end(q, nest);
}

static void put_word(struct netlink_req *q, int attr, uint32_t word)
{
	struct nlattr *nest = netlink_nest(q, attr);

	netlink_put_u32(q, NFTA_DATA_VALUE, word);
	netlink_nest_end(q, nest);
}

void fw_put_and(struct netlink_req *q, uint32_t mask)
{
	struct nlattr *nest[2];

	fw_expr(q, "bitwise", nest);
	netlink_put_be32(q, NFTA_BITWISE_SREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_BITWISE_DREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_BITWISE_LEN, sizeof(mask));
	put_word(q, NFTA_BITWISE_MASK, mask);
	put_word(q, NFTA_BITWISE_XOR, 0);
	fw_expr_end(q, nest);
}

void fw_put_daddr_type(struct netlink_req *q)
{
	struct nlattr *nest[2];

	fw_expr(q, "fib", nest);
	netlink_put_be32(q, NFTA_FIB_DREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	netlink_put_be32(q, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	fw_expr_end(q, nest);
}

void fw_put_lookup(struct netlink_req *q, const char *set, bool is_map)
{
	struct nlattr *nest[2];

	fw_expr(q, "lookup", nest);
	netlink_put_str(q, NFTA_LOOKUP_SET, set);
	netlink_put_be32(q, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (is_map)
		netlink_put_be32(q, NFTA_LOOKUP_DREG, NFT_REG_1);
	fw_expr_end(q, nest);
}

void fw_put_dnat(struct netlink_req *q, uint32_t proto, uint32_t port_reg)
{
	struct nlattr *nest[2];

	fw_expr(q, "nat", nest);
	netlink_put_be32(q, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	netlink_put_be32(q, NFTA_NAT_FAMILY, proto);
	netlink_put_be32(q, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	netlink_put_be32(q, NFTA_NAT_REG_PROTO_MIN, port_reg);
	fw_expr_end(q, nest);
}

void fw_put_verdict(struct netlink_req *q, int code, const char *chain)
{
	struct nlattr *nest[2], *data, *verdict = NULL;

	fw_expr(q, "immediate", nest);
	netlink_put_be32(q, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_nest(q, NFTA_IMMEDIATE_DATA);
	/* Without NLA_F_NESTED, as the kernel shows it: bytes are compared. */
	if (q->msg)
		verdict = nla_reserve(q->msg, NFTA_DATA_VERDICT, 0);
	if (!verdict)
		netlink_req_free(q);
	netlink_put_be32(q, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		netlink_put_str(q, NFTA_VERDICT_CHAIN, chain);
	netlink_nest_end(q, verdict);
	netlink_nest_end(q, data);
	fw_expr_end(q, nest);
}
