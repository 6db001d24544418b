/* SPDX-License-Identifier: Apache-2.0 */
#include "net/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "net/array.h"
#include "net/netlink.h"
#include "net/route.h"

enum {
	TUPLE_MAX = 128,
	/* Bits of CTA_FILTER_ORIG_FLAGS, which no header has:
	 * net/netfilter/nf_conntrack_netlink.c, CTA_FILTER_F_*. */
	FILTER_PROTO = 1 << 3,
	FILTER_DST_PORT = 1 << 5,
};

/* One direction of a connection. */
struct tuple {
	struct ip_addr src, dst;
	uint8_t proto;
	uint16_t src_port, dst_port;
};

/* What identifies a connection to the kernel, as it came. */
struct entry {
	uint8_t tuple[TUPLE_MAX];
	size_t len;
	uint32_t id;
	bool has_zone;
	uint16_t zone;
};

struct flush {
	const struct conntrack_match *v;
	size_t n;
	uint8_t family;
	struct netlink *routes;
	struct ip_addr asked; /* the last address that was looked up */
	bool asked_is_local;
	struct array found; /* struct entry */
};

static struct netlink_req ct_req(int type, uint8_t family)
{
	const struct nfgenmsg g = { .nfgen_family = family,
				    .version = NFNETLINK_V0 };

	return netlink_req(NFNL_SUBSYS_CTNETLINK << 8 | type, 0, &g, sizeof(g));
}

static uint16_t read_be16(const struct nlattr *a)
{
	uint16_t v = 0;

	if (a && nla_len(a) >= (int)sizeof(v))
		memcpy(&v, nla_data(a), sizeof(v));
	return ntohs(v);
}

static struct tuple read_tuple(struct nlattr *a, uint8_t family)
{
	struct nlattr *tb[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1],
		*p[CTA_PROTO_MAX + 1];
	const bool v6 = family == AF_INET6;
	struct tuple t = { 0 };

	if (!a || nla_parse_nested(tb, CTA_TUPLE_MAX, a, NULL) < 0 ||
	    !tb[CTA_TUPLE_IP] || !tb[CTA_TUPLE_PROTO] ||
	    nla_parse_nested(ip, CTA_IP_MAX, tb[CTA_TUPLE_IP], NULL) < 0 ||
	    nla_parse_nested(p, CTA_PROTO_MAX, tb[CTA_TUPLE_PROTO], NULL) < 0)
		return t;
	netlink_attr_ip(ip[v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC], family, &t.src);
	netlink_attr_ip(ip[v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST], family, &t.dst);
	t.proto = netlink_attr_u8(p[CTA_PROTO_NUM], 0);
	t.src_port = read_be16(p[CTA_PROTO_SRC_PORT]);
	t.dst_port = read_be16(p[CTA_PROTO_DST_PORT]);
	return t;
}

/* Return: 1 or 0, or a negative errno */
static int is_local(struct flush *f, const struct ip_addr *ip,
		    struct cni_err *err)
{
	struct route_answer answer = { 0 };
	int r;

	if (ip_equal(&f->asked, ip))
		return f->asked_is_local;
	if (!f->routes) {
		r = netlink_open(&f->routes, err);
		if (r < 0)
			return r;
	}
	/* An address to which there is no way is not our own either. */
	r = route_get(f->routes, ip, &answer, err);
	if (r < 0 && netlink_is_broken(f->routes))
		return r;
	f->asked = *ip;
	f->asked_is_local = answer.is_local;
	return f->asked_is_local;
}

/* Return: 1 or 0, or a negative errno */
static int is_meant(struct flush *f, const struct conntrack_match *m,
		    const struct tuple *orig, const struct tuple *reply,
		    struct cni_err *err)
{
	const bool led =
		ip_equal(&reply->src, &m->to) && reply->src_port == m->to_port;

	if (orig->proto != m->proto || orig->dst_port != m->port ||
	    m->dst.family != f->family || led == m->is_other)
		return 0;
	if (!ip_is_unspecified(&m->dst))
		return ip_equal(&orig->dst, &m->dst);
	return is_local(f, &orig->dst, err);
}

static int note(struct flush *f, struct nlattr *tb[], struct cni_err *err)
{
	const struct nlattr *t = tb[CTA_TUPLE_ORIG];
	struct entry e = { .len = (size_t)nla_len(t),
			   .id = netlink_attr_u32(tb[CTA_ID], 0),
			   .has_zone = tb[CTA_ZONE] != NULL,
			   .zone = read_be16(tb[CTA_ZONE]) };

	if (e.len > sizeof(e.tuple))
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a connection");
	memcpy(e.tuple, nla_data(t), e.len);
	return array_append(&f->found, &e, sizeof(e), err);
}

static int read_connection(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[CTA_MAX + 1];
	struct tuple orig, reply;
	struct flush *f = arg;
	int r = 0;

	if (!h) {
		f->found.n = 0;
		return 0;
	}
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, CTA_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a connection");
	orig = read_tuple(tb[CTA_TUPLE_ORIG], f->family);
	reply = read_tuple(tb[CTA_TUPLE_REPLY], f->family);
	for (size_t i = 0; !r && i < f->n; i++)
		r = is_meant(f, &f->v[i], &orig, &reply, err);
	return r > 0 ? note(f, tb, err) : r;
}

static struct netlink_req dump_req(const struct flush *f)
{
	const struct conntrack_match *m = &f->v[0];
	struct netlink_req q = ct_req(IPCTNL_MSG_CT_GET, f->family);
	const uint16_t port = htons(m->port);
	struct nlattr *tuple, *proto, *filter;

	tuple = netlink_nest(&q, CTA_TUPLE_ORIG);
	proto = netlink_nest(&q, CTA_TUPLE_PROTO);
	netlink_put_u8(&q, CTA_PROTO_NUM, m->proto);
	if (f->n == 1)
		netlink_put(&q, CTA_PROTO_DST_PORT, &port, sizeof(port));
	netlink_nest_end(&q, proto);
	netlink_nest_end(&q, tuple);
	filter = netlink_nest(&q, CTA_FILTER);
	netlink_put_u32(&q, CTA_FILTER_ORIG_FLAGS,
			FILTER_PROTO | (f->n == 1 ? FILTER_DST_PORT : 0));
	netlink_nest_end(&q, filter);
	return q;
}

static int delete_entry(struct netlink *nl, uint8_t family,
			const struct entry *e, struct cni_err *err)
{
	struct netlink_req q = ct_req(IPCTNL_MSG_CT_DELETE, family);
	const uint16_t zone = htons(e->zone);
	struct cni_err mine = CNI_ERR_INIT;
	int r;

	netlink_put(&q, CTA_TUPLE_ORIG | NLA_F_NESTED, e->tuple, e->len);
	netlink_put_u32(&q, CTA_ID, e->id);
	if (e->has_zone)
		netlink_put(&q, CTA_ZONE, &zone, sizeof(zone));
	r = netlink_do(nl, &q, &mine);
	if (r == -ENOENT)
		return 0; /* it ended by itself */
	if (r < 0)
		*err = mine;
	return r;
}

static int flush_family(struct netlink *nl, struct flush *f,
			struct cni_err *err)
{
	const struct entry *found;
	struct netlink_req q = dump_req(f);
	int r = netlink_dump(nl, &q, read_connection, f, err);

	found = f->found.v;
	for (size_t i = 0; r >= 0 && i < f->found.n; i++)
		r = delete_entry(nl, f->family, &found[i], err);
	return r;
}

static bool has_family(const struct conntrack_match *v, size_t n,
		       uint8_t family)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].dst.family == family)
			return true;
	return false;
}

int conntrack_flush(const struct conntrack_match *v, size_t n,
		    struct cni_err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r = n ? netlink_open_nfnl(&nl, &e) : 0;

	for (size_t i = 0; nl && r >= 0 && i < 2; i++) {
		struct flush f = { .v = v, .n = n, .family = families[i] };

		if (!has_family(v, n, families[i]))
			continue;
		r = flush_family(nl, &f, &e);
		netlink_close(f.routes);
		free(f.found.v);
	}
	if (r >= 0 || netlink_is_missing(r))
		return 0;
	*err = e;
	return err_ctx(err, r, "flush connections to %u", v[0].port);
}
