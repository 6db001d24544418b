/* SPDX-License-Identifier: Apache-2.0 */
/* netlink_req.c - build requests, read attributes; pure. */
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "net/netlink.h"

/* Room for the largest link, address or route; a nf_tables set's elements need
 * more. libnl's own 4 KiB cost a page fault for each request. */
enum { ROUTE_SIZE = 1000, NFNL_SIZE = 4096 };

void netlink_req_free(struct netlink_req *q)
{
	nlmsg_free(q->msg);
	q->msg = NULL;
}

struct netlink_req netlink_req(int type, int flags, const void *hdr, size_t len)
{
	const size_t size = NFNL_SUBSYS_ID(type) ? NFNL_SIZE : ROUTE_SIZE;
	struct netlink_req q = { .msg = nlmsg_alloc_size(size) };

	if (q.msg && !nlmsg_put(q.msg, 0, 0, type, 0, flags))
		netlink_req_free(&q);
	if (q.msg && nlmsg_append(q.msg, (void *)hdr, len, NLMSG_ALIGNTO) < 0)
		netlink_req_free(&q);
	return q;
}

struct netlink_req netlink_req_sized(int type, int flags, const void *hdr,
				     size_t len, size_t size)
{
	struct netlink_req q = { .msg = nlmsg_alloc_size(size) };

	if (q.msg &&
	    (!nlmsg_put(q.msg, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, flags) ||
	     nlmsg_append(q.msg, (void *)hdr, len, NLMSG_ALIGNTO) < 0))
		netlink_req_free(&q);
	return q;
}

void netlink_put(struct netlink_req *q, int attr, const void *data, size_t len)
{
	if (q->msg && nla_put(q->msg, attr, (int)len, data) < 0)
		netlink_req_free(q);
}

void netlink_put_str(struct netlink_req *q, int attr, const char *s)
{
	netlink_put(q, attr, s, strlen(s) + 1);
}

void netlink_put_u8(struct netlink_req *q, int attr, uint8_t v)
{
	netlink_put(q, attr, &v, sizeof(v));
}

void netlink_put_u16(struct netlink_req *q, int attr, uint16_t v)
{
	netlink_put(q, attr, &v, sizeof(v));
}

void netlink_put_u32(struct netlink_req *q, int attr, uint32_t v)
{
	netlink_put(q, attr, &v, sizeof(v));
}

void netlink_put_be32(struct netlink_req *q, int attr, uint32_t v)
{
	netlink_put_u32(q, attr, htonl(v));
}

struct nlattr *netlink_nest(struct netlink_req *q, int attr)
{
	struct nlattr *n = NULL;

	if (q->msg)
		n = nla_nest_start(
			q->msg, (int)((unsigned)attr | (unsigned)NLA_F_NESTED));
	if (!n)
		netlink_req_free(q);
	return n;
}

void netlink_nest_end(struct netlink_req *q, struct nlattr *nest)
{
	if (q->msg && nest)
		(void)nla_nest_end(q->msg, nest);
}

uint8_t netlink_attr_u8(const struct nlattr *a, uint8_t absent)
{
	return a && nla_len(a) >= 1 ? *(const uint8_t *)nla_data(a) : absent;
}

uint16_t netlink_attr_u16(const struct nlattr *a, uint16_t absent)
{
	uint16_t v = absent;

	if (a && nla_len(a) >= (int)sizeof(v))
		memcpy(&v, nla_data(a), sizeof(v));
	return v;
}

uint32_t netlink_attr_u32(const struct nlattr *a, uint32_t absent)
{
	uint32_t v = absent;

	if (a && nla_len(a) >= (int)sizeof(v))
		memcpy(&v, nla_data(a), sizeof(v));
	return v;
}

uint32_t netlink_attr_be32(const struct nlattr *a, uint32_t absent)
{
	return ntohl(netlink_attr_u32(a, htonl(absent)));
}

void netlink_attr_ip(const struct nlattr *a, uint8_t family,
		     struct ip_addr *ret)
{
	const struct ip_addr some = { .family = family };

	if (!a || (size_t)nla_len(a) != ip_len(&some))
		return;
	*ret = some;
	memcpy(ret->b, nla_data(a), ip_len(ret));
}

void netlink_attr_str(const struct nlattr *a, char *buf, size_t size)
{
	size_t len = a ? strnlen(nla_data(a), (size_t)nla_len(a)) : 0;

	if (len >= size)
		len = size - 1;
	if (len)
		memcpy(buf, nla_data(a), len);
	buf[len] = '\0';
}
