/* SPDX-License-Identifier: Apache-2.0 */
#include "net/addr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

#include "net/array.h"
#include "net/netlink.h"

enum { BROADCAST_BELOW = 31 };

struct list {
	uint32_t index;
	struct array addrs; /* struct ip_net */
};

static struct netlink_req addr_req(int type, int flags, uint32_t index,
				   const struct ip_net *addr)
{
	const struct ifaddrmsg ifa = { .ifa_family = addr->addr.family,
				       .ifa_prefixlen = addr->plen,
				       .ifa_index = index };
	struct netlink_req q = netlink_req(type, flags, &ifa, sizeof(ifa));

	netlink_put(&q, IFA_LOCAL, addr->addr.b, ip_len(&addr->addr));
	netlink_put(&q, IFA_ADDRESS, addr->addr.b, ip_len(&addr->addr));
	return q;
}

struct netlink_req addr_add_req(uint32_t index, const struct ip_net *addr,
				uint32_t flags)
{
	struct netlink_req q =
		addr_req(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, addr);
	const struct ip_addr last = ip_net_last(addr);

	if (addr->addr.family == AF_INET && addr->plen < BROADCAST_BELOW)
		netlink_put(&q, IFA_BROADCAST, last.b, ip_len(&last));
	if (flags)
		netlink_put_u32(&q, IFA_FLAGS, flags);
	return q;
}

int addr_explain(const struct ip_net *addr, int r, struct cni_err *err)
{
	char text[IP_NET_STR_SIZE];

	return err_ctx(err, r, "add address %s", ip_net_format(addr, text));
}

int addr_add(struct netlink *nl, uint32_t index, const struct ip_net *addr,
	     uint32_t flags, struct cni_err *err)
{
	struct netlink_req q = addr_add_req(index, addr, flags);
	int r = netlink_do(nl, &q, err);

	if (r >= 0)
		return 0;
	(void)addr_explain(addr, r, err);
	return err_ctx(err, r, "interface %u", index);
}

int addr_del(struct netlink *nl, uint32_t index, const struct ip_net *addr,
	     struct cni_err *err)
{
	struct netlink_req q = addr_req(RTM_DELADDR, 0, index, addr);
	char text[IP_NET_STR_SIZE];
	int r = netlink_do(nl, &q, err);

	return r < 0 ? err_ctx(err, r, "remove address %s from interface %u",
			       ip_net_format(addr, text), index)
		     : 0;
}

static int read_addr(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[IFA_MAX + 1], *a;
	const struct ifaddrmsg *ifa;
	struct ip_net addr = { 0 };
	struct list *l = arg;

	if (!h) {
		l->addrs.n = 0;
		return 0;
	}
	ifa = nlmsg_data(h);
	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read an address");

	addr.addr.family = ifa->ifa_family;
	addr.plen = ifa->ifa_prefixlen;
	/* IFA_ADDRESS is the other side's on a point-to-point link. */
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (ifa->ifa_index != l->index || !ip_len(&addr.addr) || !a ||
	    (size_t)nla_len(a) != ip_len(&addr.addr))
		return 0; /* a family that is not ours */
	memcpy(addr.addr.b, nla_data(a), ip_len(&addr.addr));
	return array_append(&l->addrs, &addr, sizeof(addr), err);
}

int addr_list_in(struct netlink *nl, int32_t netnsid, uint32_t index,
		 struct ip_net **ret, size_t *ret_n, struct cni_err *err)
{
	const struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC,
				       .ifa_index = index };
	struct netlink_req q = netlink_req(RTM_GETADDR, 0, &ifa, sizeof(ifa));
	struct list l = { .index = index };
	int r;

	if (netnsid >= 0)
		netlink_put_u32(&q, IFA_TARGET_NETNSID, (uint32_t)netnsid);
	r = netlink_dump(nl, &q, read_addr, &l, err);
	if (r < 0) {
		free(l.addrs.v);
		return err_ctx(err, r, "list addresses of interface %u", index);
	}
	*ret = l.addrs.v;
	*ret_n = l.addrs.n;
	return 0;
}

int addr_list(struct netlink *nl, uint32_t index, struct ip_net **ret,
	      size_t *ret_n, struct cni_err *err)
{
	return addr_list_in(nl, -1, index, ret, ret_n, err);
}
