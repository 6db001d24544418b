/* SPDX-License-Identifier: Apache-2.0 */
#include "net/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

enum {
	UDATA_COMMENT = 0, /* libnftnl's NFTNL_UDATA_{RULE,CHAIN}_COMMENT */
	UDATA_HEAD = 2,	   /* type and length, a byte each */
	MASK_MAX = 16,
};

static struct netlink_req nfnl_req(int type, int flags, uint8_t family,
				   uint16_t res_id)
{
	const struct nfgenmsg g = { .nfgen_family = family,
				    .version = NFNETLINK_V0,
				    .res_id = htons(res_id) };

	return netlink_req(type, flags, &g, sizeof(g));
}

struct netlink_req fw_req(int type, int flags)
{
	return fw_req_of(type, flags, FW_PROTO_INET);
}

struct netlink_req fw_req_of(int type, int flags, uint8_t family)
{
	return nfnl_req(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);
}

struct netlink_req fw_req_sized(int type, int flags, size_t size)
{
	const struct nfgenmsg g = { .nfgen_family = FW_PROTO_INET,
				    .version = NFNETLINK_V0 };

	return netlink_req_sized(NFNL_SUBSYS_NFTABLES << 8 | type, flags, &g,
				 sizeof(g), size);
}

struct netlink_req fw_begin(uint32_t generation)
{
	struct netlink_req q = nfnl_req(NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC,
					NFNL_SUBSYS_NFTABLES);

	if (generation)
		netlink_put_be32(&q, NFNL_BATCH_GENID, generation);
	return q;
}

struct netlink_req fw_end(void)
{
	return nfnl_req(NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

static int read_generation(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[NFTA_GEN_MAX + 1];

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_GEN_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a generation");
	*(uint32_t *)arg = netlink_attr_be32(tb[NFTA_GEN_ID], 0);
	return 0;
}

int fw_generation(struct netlink *nl, uint32_t *ret, struct cni_err *err)
{
	struct netlink_req q = fw_req(NFT_MSG_GETGEN, 0);
	int r = netlink_get(nl, &q, read_generation, ret, err);

	if (netlink_is_missing(r))
		return err_say(err, CNI_E_KERNEL, EOPNOTSUPP,
			       "this kernel has no nf_tables");
	return r < 0 ? err_ctx(err, r, "read the nf_tables generation") : 0;
}

void fw_expr(struct netlink_req *q, const char *name, struct nlattr *nest[2])
{
	nest[0] = netlink_nest(q, NFTA_LIST_ELEM);
	netlink_put_str(q, NFTA_EXPR_NAME, name);
	nest[1] = netlink_nest(q, NFTA_EXPR_DATA);
}

void fw_expr_end(struct netlink_req *q, struct nlattr *nest[2])
{
	netlink_nest_end(q, nest[1]);
	netlink_nest_end(q, nest[0]);
}

static void put_data(struct netlink_req *q, int attr, const void *data,
		     size_t len)
{
	struct nlattr *nest = netlink_nest(q, attr);

	netlink_put(q, NFTA_DATA_VALUE, data, len);
	netlink_nest_end(q, nest);
}

void fw_put_meta(struct netlink_req *q, uint32_t key)
{
	struct nlattr *nest[2];

	fw_expr(q, "meta", nest);
	netlink_put_be32(q, NFTA_META_DREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_META_KEY, key);
	fw_expr_end(q, nest);
}

void fw_put_payload(struct netlink_req *q, uint32_t offset, uint32_t len)
{
	fw_put_payload_of(q, NFT_PAYLOAD_NETWORK_HEADER, offset, len);
}

void fw_put_accept(struct netlink_req *q)
{
	struct nlattr *nest[2], *data, *verdict;

	fw_expr(q, "immediate", nest);
	netlink_put_be32(q, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_nest(q, NFTA_IMMEDIATE_DATA);
	verdict = netlink_nest(q, NFTA_DATA_VERDICT);
	/* As the kernel writes it: fw_same_exprs() compares bytes. */
	if (verdict)
		verdict->nla_type = NFTA_DATA_VERDICT;
	netlink_put_be32(q, NFTA_VERDICT_CODE, FW_ACCEPT);
	netlink_nest_end(q, verdict);
	netlink_nest_end(q, data);
	fw_expr_end(q, nest);
}

void fw_put_payload_of(struct netlink_req *q, uint32_t base, uint32_t offset,
		       uint32_t len)
{
	struct nlattr *nest[2];

	fw_expr(q, "payload", nest);
	netlink_put_be32(q, NFTA_PAYLOAD_DREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_PAYLOAD_BASE, base);
	netlink_put_be32(q, NFTA_PAYLOAD_OFFSET, offset);
	netlink_put_be32(q, NFTA_PAYLOAD_LEN, len);
	fw_expr_end(q, nest);
}

void fw_put_mask(struct netlink_req *q, uint32_t plen, uint32_t len)
{
	uint8_t mask[MASK_MAX] = { 0 };
	const uint8_t none[MASK_MAX] = { 0 };
	struct nlattr *nest[2];

	for (uint32_t bit = 0; bit < plen && bit < 8 * MASK_MAX; bit++)
		mask[bit / 8] = (uint8_t)(mask[bit / 8] | 0x80U >> bit % 8);

	fw_expr(q, "bitwise", nest);
	netlink_put_be32(q, NFTA_BITWISE_SREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_BITWISE_DREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_BITWISE_LEN, len);
	put_data(q, NFTA_BITWISE_MASK, mask, len);
	put_data(q, NFTA_BITWISE_XOR, none, len);
	fw_expr_end(q, nest);
}

void fw_put_cmp(struct netlink_req *q, uint32_t op, const void *data,
		size_t len)
{
	struct nlattr *nest[2];

	fw_expr(q, "cmp", nest);
	netlink_put_be32(q, NFTA_CMP_SREG, NFT_REG_1);
	netlink_put_be32(q, NFTA_CMP_OP, op);
	put_data(q, NFTA_CMP_DATA, data, len);
	fw_expr_end(q, nest);
}

void fw_put_plain(struct netlink_req *q, const char *name)
{
	struct nlattr *elem = netlink_nest(q, NFTA_LIST_ELEM);

	netlink_put_str(q, NFTA_EXPR_NAME, name);
	netlink_nest_end(q, elem);
}

void fw_put_comment(struct netlink_req *q, int attr, const char *comment)
{
	const size_t len = strnlen(comment, FW_COMMENT_MAX);
	uint8_t tlv[UDATA_HEAD + FW_COMMENT_MAX + 1] = { UDATA_COMMENT,
							 (uint8_t)(len + 1) };

	memcpy(tlv + UDATA_HEAD, comment, len);
	netlink_put(q, attr, tlv, UDATA_HEAD + len + 1);
}

void fw_read_comment(const struct nlattr *userdata, char *buf, size_t size)
{
	const uint8_t *p = userdata ? nla_data(userdata) : NULL;
	size_t left = userdata ? (size_t)nla_len(userdata) : 0;

	buf[0] = '\0';
	while (left >= UDATA_HEAD && left >= UDATA_HEAD + (size_t)p[1]) {
		const size_t len = strnlen((const char *)p + UDATA_HEAD, p[1]);

		if (p[0] == UDATA_COMMENT && len < size) {
			memcpy(buf, p + UDATA_HEAD, len);
			buf[len] = '\0';
			return;
		}
		left -= UDATA_HEAD + (size_t)p[1];
		p += UDATA_HEAD + p[1];
	}
}

bool fw_covers(const struct nlattr *have, const struct nlattr *want)
{
	struct nlattr *w, *h;
	int left;

	nla_for_each_nested(w, want, left)
	{
		h = nla_find(nla_data(have), nla_len(have), nla_type(w));
		if (!h || nla_len(h) != nla_len(w) ||
		    memcmp(nla_data(h), nla_data(w), (size_t)nla_len(w)) != 0)
			return false;
	}
	return true;
}

static struct nlattr *child(const struct nlattr *nest, int type)
{
	return nla_find(nla_data(nest), nla_len(nest), type);
}

static bool same_expr(const struct nlattr *have, const struct nlattr *want)
{
	const struct nlattr *hn = child(have, NFTA_EXPR_NAME);
	const struct nlattr *wn = child(want, NFTA_EXPR_NAME);
	const struct nlattr *hd = child(have, NFTA_EXPR_DATA);
	const struct nlattr *wd = child(want, NFTA_EXPR_DATA);

	if (!hn || nla_strcmp(hn, nla_data(wn)) != 0)
		return false;
	return !wd || (hd && fw_covers(hd, wd));
}

bool fw_same_exprs(const struct nlattr *have, const struct nlattr *want)
{
	const struct nlattr *h = nla_data(have), *w = nla_data(want);
	int hl = nla_len(have), wl = nla_len(want);

	while (nla_ok(h, hl) && nla_ok(w, wl)) {
		if (!same_expr(h, w))
			return false;
		h = nla_next(h, &hl);
		w = nla_next(w, &wl);
	}
	return !nla_ok(h, hl) && !nla_ok(w, wl);
}
