/* SPDX-License-Identifier: Apache-2.0 */
/* nft.h - nf_tables messages: frames, expressions, comparison. */
#ifndef WEFT_NET_NFT_H
#define WEFT_NET_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/netlink.h"

/* The prefix is fw_: nft_ belongs to libnftables. */

#define FW_TABLE "weft"	   /* our table, one in each family */
#define FW_COMMENT_MAX 126 /* bytes of a rule's comment */

/* linux/netfilter.h, which cannot be included beside libc's netinet/in.h. */
enum {
	FW_PROTO_INET = 1,   /* NFPROTO_INET */
	FW_PROTO_IPV4 = 2,   /* NFPROTO_IPV4 */
	FW_PROTO_NETDEV = 5, /* NFPROTO_NETDEV */
	FW_PROTO_BRIDGE = 7, /* NFPROTO_BRIDGE */
	FW_PROTO_IPV6 = 10,  /* NFPROTO_IPV6 */
	FW_INGRESS = 0,	     /* NF_NETDEV_INGRESS */
	FW_PRE_ROUTING = 0,  /* NF_INET_PRE_ROUTING */
	FW_LOCAL_IN = 1,     /* NF_INET_LOCAL_IN */
	FW_LOCAL_OUT = 3,    /* NF_INET_LOCAL_OUT */
	FW_POST_ROUTING = 4, /* NF_INET_POST_ROUTING */
	FW_DROP = 0,	     /* NF_DROP */
	FW_ACCEPT = 1,	     /* NF_ACCEPT */
};

/* Registers of 4 bytes, as the kernel's dumps name them: a multiple of 16 bytes
 * is one of the old registers. */
#define FW_REG(word) ((word) % 4 ? 8U + (word) : 1U + (word) / 4)

/**
 * fw_req() - Begin an nf_tables request on family inet
 * @type:	NFT_MSG_*
 * @flags:	NLM_F_*
 */
struct netlink_req fw_req(int type, int flags);

/** fw_req_of() - The same on another family, FW_PROTO_* */
struct netlink_req fw_req_of(int type, int flags, uint8_t family);

/** fw_req_sized() - The same with room for @size bytes */
struct netlink_req fw_req_sized(int type, int flags, size_t size);

/**
 * fw_generation() - The ruleset's generation
 * @nl:		nfnetlink socket
 * @ret:	Changes with every transaction of anyone in the namespace
 * @err:	Filled on failure
 *
 * Return: 0, -EOPNOTSUPP without nf_tables, or another negative errno
 */
int fw_generation(struct netlink *nl, uint32_t *ret, struct cni_err *err);

/**
 * fw_begin() - The first request of a transaction
 * @generation:	Refuse the whole unless this is still the current one; 0: do
 *		not care
 */
struct netlink_req fw_begin(uint32_t generation);

/** fw_end() - The last request of a transaction, see netlink_do_batch() */
struct netlink_req fw_end(void);

/* Expressions, each one element of NFTA_RULE_EXPRESSIONS; all use one
 * register. Numbers from linux/netfilter/nf_tables.h. */

/** fw_expr() - Begin an expression: opens the element and its data in @nest */
void fw_expr(struct netlink_req *q, const char *name, struct nlattr *nest[2]);
/** fw_expr_end() - Ends what fw_expr() began */
void fw_expr_end(struct netlink_req *q, struct nlattr *nest[2]);

/** fw_put_meta() - Load @key, NFT_META_* */
void fw_put_meta(struct netlink_req *q, uint32_t key);

/** fw_put_payload() - Load @len bytes at @offset of the network header */
void fw_put_payload(struct netlink_req *q, uint32_t offset, uint32_t len);

/** fw_put_payload_of() - The same of another header, @base: NFT_PAYLOAD_* */
void fw_put_payload_of(struct netlink_req *q, uint32_t base, uint32_t offset,
		       uint32_t len);

/** fw_put_accept() - The packet may pass */
void fw_put_accept(struct netlink_req *q);

/** fw_put_mask() - Keep the first @plen bits of @len bytes, at most 16 */
void fw_put_mask(struct netlink_req *q, uint32_t plen, uint32_t len);

/** fw_put_cmp() - Go on only if NFT_CMP_EQ or NFT_CMP_NEQ @data */
void fw_put_cmp(struct netlink_req *q, uint32_t op, const void *data,
		size_t len);

/* The same with a place in the registers, for keys of several fields; @reg is a
 * FW_REG(). Kept in nft_expr.c. */

/** fw_put_meta_to() - Load @key, NFT_META_*, into @reg */
void fw_put_meta_to(struct netlink_req *q, uint32_t key, uint32_t reg);

/**
 * fw_put_load() - Load @len bytes of the packet into @reg
 * @base:	NFT_PAYLOAD_NETWORK_HEADER or NFT_PAYLOAD_TRANSPORT_HEADER
 */
void fw_put_load(struct netlink_req *q, uint32_t base, uint32_t offset,
		 uint32_t len, uint32_t reg);

/** fw_put_ct() - Load @key, NFT_CT_*, of the connection; into the register 1 */
void fw_put_ct(struct netlink_req *q, uint32_t key);

/** fw_put_and() - Keep the bits of @mask, in the host's byte order */
void fw_put_and(struct netlink_req *q, uint32_t mask);

/** fw_put_daddr_type() - Load what the destination is to this host, RTN_* */
void fw_put_daddr_type(struct netlink_req *q);

/**
 * fw_put_lookup() - Go on only if a set has the key in register 1
 * @set:	Its name
 * @is_map:	Load the element's data into register 1
 */
void fw_put_lookup(struct netlink_req *q, const char *set, bool is_map);

/**
 * fw_put_dnat() - Send the connection to the address in register 1
 * @proto:	FW_PROTO_IPV4 or FW_PROTO_IPV6; others it lets pass
 * @port_reg:	Where the port is
 */
void fw_put_dnat(struct netlink_req *q, uint32_t proto, uint32_t port_reg);

/**
 * fw_put_verdict() - End or leave the chain
 * @code:	FW_DROP, NFT_RETURN, NFT_JUMP, ...
 * @chain:	For NFT_JUMP, else NULL
 */
void fw_put_verdict(struct netlink_req *q, int code, const char *chain);

/** fw_put_plain() - An expression without attributes, such as "masq" */
void fw_put_plain(struct netlink_req *q, const char *name);

/**
 * fw_put_comment() - A comment as nft(8) shows it
 * @q:		Request
 * @attr:	NFTA_RULE_USERDATA or NFTA_CHAIN_USERDATA
 * @comment:	Cut after FW_COMMENT_MAX bytes
 */
void fw_put_comment(struct netlink_req *q, int attr, const char *comment);

/** fw_read_comment() - From NFTA_RULE_USERDATA; "" if there is none */
void fw_read_comment(const struct nlattr *userdata, char *buf, size_t size);

/** fw_covers() - Does @have hold every attribute of @want, byte for byte? */
bool fw_covers(const struct nlattr *have, const struct nlattr *want);

/**
 * fw_same_exprs() - Do two NFTA_RULE_EXPRESSIONS mean the same?
 * @have:	The kernel's; may say more about an expression than we did
 * @want:	Ours
 */
bool fw_same_exprs(const struct nlattr *have, const struct nlattr *want);

#endif
