/* SPDX-License-Identifier: Apache-2.0 */
#include "net/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "net/array.h"
#include "net/netlink.h"

struct list {
	uint8_t family;
	uint32_t oif;
	struct array routes; /* struct route */
	size_t start;	     /* where this family begins */
};

static void put_metrics(struct netlink_req *q, const struct route *route)
{
	struct nlattr *metrics;

	if (!route->mtu && !route->advmss)
		return;
	metrics = netlink_nest(q, RTA_METRICS);
	if (route->mtu)
		netlink_put_u32(q, RTAX_MTU, route->mtu);
	if (route->advmss)
		netlink_put_u32(q, RTAX_ADVMSS, route->advmss);
	netlink_nest_end(q, metrics);
}

static struct netlink_req change_req(int type, int flags,
				     const struct route *route)
{
	const uint32_t table = route->table ? route->table : RT_TABLE_MAIN;
	const struct rtmsg rtm = {
		.rtm_family = route->dst.addr.family,
		.rtm_dst_len = route->dst.plen,
		.rtm_table =
			(uint8_t)(table > UINT8_MAX ? RT_TABLE_UNSPEC : table),
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = (uint8_t)(route->scope < 0 ? RT_SCOPE_UNIVERSE
							: route->scope),
		.rtm_type = RTN_UNICAST,
	};
	struct netlink_req q = netlink_req(type, flags, &rtm, sizeof(rtm));

	if (route->dst.plen)
		netlink_put(&q, RTA_DST, route->dst.addr.b,
			    ip_len(&route->dst.addr));
	if (route->gw.family)
		netlink_put(&q, RTA_GATEWAY, route->gw.b, ip_len(&route->gw));
	if (route->src.family)
		netlink_put(&q, RTA_PREFSRC, route->src.b, ip_len(&route->src));
	if (route->oif)
		netlink_put_u32(&q, RTA_OIF, route->oif);
	if (route->priority)
		netlink_put_u32(&q, RTA_PRIORITY, route->priority);
	if (table > UINT8_MAX)
		netlink_put_u32(&q, RTA_TABLE, table);
	put_metrics(&q, route);
	return q;
}

struct netlink_req route_add_req(const struct route *route)
{
	return change_req(RTM_NEWROUTE, NLM_F_CREATE, route);
}

int route_check(const struct route *route, struct cni_err *err)
{
	char dst[IP_NET_STR_SIZE], gw[IP_STR_SIZE];

	if (route->gw.family && route->gw.family != route->dst.addr.family)
		return err_say(err, CNI_E_KERNEL, EAFNOSUPPORT,
			       "add route %s: gateway %s is of another family",
			       ip_net_format(&route->dst, dst),
			       ip_format(&route->gw, gw));
	return 0;
}

int route_explain(const struct route *route, int r, struct cni_err *err)
{
	char dst[IP_NET_STR_SIZE], gw[IP_STR_SIZE];

	return err_ctx(err, r, "add route %s%s%s by interface %u",
		       ip_net_format(&route->dst, dst),
		       route->gw.family ? " via " : "",
		       ip_format(&route->gw, gw), route->oif);
}

int route_add(struct netlink *nl, const struct route *route,
	      struct cni_err *err)
{
	struct netlink_req q;
	int r = route_check(route, err);

	if (r < 0)
		return r;
	q = route_add_req(route);
	r = netlink_do(nl, &q, err);
	return r < 0 ? route_explain(route, r, err) : 0;
}

int route_del(struct netlink *nl, const struct route *route,
	      struct cni_err *err)
{
	struct netlink_req q = change_req(RTM_DELROUTE, 0, route);
	char dst[IP_NET_STR_SIZE];
	const int r = netlink_do(nl, &q, err);

	return r < 0 ? err_ctx(err, r, "remove route %s by interface %u",
			       ip_net_format(&route->dst, dst), route->oif)
		     : 0;
}

static int append(struct list *l, const struct route *route,
		  struct cni_err *err)
{
	if (l->oif && route->oif != l->oif)
		return 0;
	return array_append(&l->routes, route, sizeof(*route), err);
}

static int read_paths(struct list *l, struct nlattr *paths, struct route *route,
		      struct cni_err *err)
{
	const struct rtnexthop *hop = nla_data(paths);
	int len = nla_len(paths), r = 0;

	while (r >= 0 && len >= (int)sizeof(*hop) &&
	       hop->rtnh_len >= sizeof(*hop) && hop->rtnh_len <= len) {
		struct nlattr *a = nla_find((void *)(hop + 1),
					    (int)(hop->rtnh_len - sizeof(*hop)),
					    RTA_GATEWAY);

		route->gw = (struct ip_addr){ 0 };
		netlink_attr_ip(a, route->dst.addr.family, &route->gw);
		route->oif = (uint32_t)hop->rtnh_ifindex;
		r = append(l, route, err);
		len -= (int)NLMSG_ALIGN(hop->rtnh_len);
		hop = (const void *)((const char *)hop +
				     NLMSG_ALIGN(hop->rtnh_len));
	}
	return r;
}

static int read_route(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[RTA_MAX + 1], *m[RTAX_MAX + 1];
	const struct rtmsg *rtm;
	struct route route;
	struct list *l = arg;

	if (!h) {
		l->routes.n = l->start;
		return 0;
	}
	rtm = nlmsg_data(h);
	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a route");
	if (rtm->rtm_family != l->family || rtm->rtm_flags & RTM_F_CLONED)
		return 0;

	route = (struct route){
		.dst.addr.family = l->family,
		.dst.plen = rtm->rtm_dst_len,
		.oif = netlink_attr_u32(tb[RTA_OIF], 0),
		.priority = netlink_attr_u32(tb[RTA_PRIORITY], 0),
		.table = netlink_attr_u32(tb[RTA_TABLE], rtm->rtm_table),
		.scope = rtm->rtm_scope,
	};
	netlink_attr_ip(tb[RTA_DST], l->family, &route.dst.addr);
	netlink_attr_ip(tb[RTA_GATEWAY], l->family, &route.gw);
	netlink_attr_ip(tb[RTA_PREFSRC], l->family, &route.src);
	if (tb[RTA_METRICS] &&
	    nla_parse_nested(m, RTAX_MAX, tb[RTA_METRICS], NULL) >= 0) {
		route.mtu = netlink_attr_u32(m[RTAX_MTU], 0);
		route.advmss = netlink_attr_u32(m[RTAX_ADVMSS], 0);
	}
	if (tb[RTA_MULTIPATH])
		return read_paths(l, tb[RTA_MULTIPATH], &route, err);
	return append(l, &route, err);
}

static int list_family(struct netlink *nl, struct list *l, uint8_t family,
		       struct cni_err *err)
{
	const struct rtmsg rtm = { .rtm_family = family,
				   .rtm_type = RTN_UNICAST };
	struct netlink_req q = netlink_req(RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	l->family = family;
	l->start = l->routes.n;
	if (l->oif)
		netlink_put_u32(&q, RTA_OIF, l->oif);
	return netlink_dump(nl, &q, read_route, l, err);
}

int route_list(struct netlink *nl, uint32_t oif, struct route **ret,
	       size_t *ret_n, struct cni_err *err)
{
	struct list l = { .oif = oif };
	int r = list_family(nl, &l, AF_INET, err);

	if (r >= 0)
		r = list_family(nl, &l, AF_INET6, err);
	if (r < 0) {
		free(l.routes.v);
		return err_ctx(err, r, "list routes");
	}
	*ret = l.routes.v;
	*ret_n = l.routes.n;
	return 0;
}

static int read_answer(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[RTA_MAX + 1];
	struct route_answer *ret = arg;

	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(struct rtmsg), tb, RTA_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a route");
	*ret = (struct route_answer){
		.oif = netlink_attr_u32(tb[RTA_OIF], 0),
		.is_local = ((const struct rtmsg *)nlmsg_data(h))->rtm_type ==
			    RTN_LOCAL,
		.has_gw = tb[RTA_GATEWAY] || tb[RTA_VIA],
	};
	return 0;
}

int route_get(struct netlink *nl, const struct ip_addr *dst,
	      struct route_answer *ret, struct cni_err *err)
{
	const struct rtmsg rtm = { .rtm_family = dst->family,
				   .rtm_dst_len = (uint8_t)(8 * ip_len(dst)) };
	struct netlink_req q = netlink_req(RTM_GETROUTE, 0, &rtm, sizeof(rtm));
	char text[IP_STR_SIZE];
	int r;

	netlink_put(&q, RTA_DST, dst->b, ip_len(dst));
	r = netlink_get(nl, &q, read_answer, ret, err);
	return r < 0 ? err_ctx(err, r, "route to %s", ip_format(dst, text)) : 0;
}

static bool is_default(const struct route *route)
{
	return !route->dst.plen && route->table == RT_TABLE_MAIN && route->oif;
}

/* Of 240.0.0.0/4, which is reserved. */
static int ask_default(struct netlink *nl, struct list *l, struct cni_err *err)
{
	static const uint8_t nobody[] = { 240, 0, 0, 1 };
	const struct rtmsg rtm = { .rtm_family = AF_INET,
				   .rtm_dst_len = 32,
				   .rtm_flags = RTM_F_FIB_MATCH };
	struct netlink_req q = netlink_req(RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	l->family = AF_INET;
	netlink_put(&q, RTA_DST, nobody, sizeof(nobody));
	return netlink_get(nl, &q, read_route, l, err);
}

static int find_default(struct netlink *nl, struct route *ret,
			struct cni_err *err)
{
	cleanup_free struct route *v = NULL;
	size_t n = 0, i = 0;
	int r = route_list(nl, 0, &v, &n, err);

	if (r < 0)
		return r;
	while (i < n && !is_default(&v[i]))
		i++;
	if (i == n)
		return err_set(err, CNI_E_KERNEL, ENETUNREACH,
			       "find a default route");
	*ret = v[i];
	return 0;
}

int route_get_default(struct netlink *nl, struct route *ret,
		      struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct list l = { 0 };
	const int r = ask_default(nl, &l, &ignored);
	const struct route *v = l.routes.v;
	const bool found = r >= 0 && l.routes.n && is_default(&v[0]);

	if (found)
		*ret = v[0];
	free(l.routes.v);
	return found ? 0 : find_default(nl, ret, err);
}
