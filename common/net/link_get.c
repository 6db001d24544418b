/* SPDX-License-Identifier: Apache-2.0 */
/* link_get.c - the half of link.h that asks. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "net/array.h"
#include "net/link.h"
#include "net/netlink.h"

static void read_bridge(struct nlattr *data, struct link_info *l)
{
	struct nlattr *tb[IFLA_BR_MAX + 1];

	if (nla_parse_nested(tb, IFLA_BR_MAX, data, NULL) < 0)
		return;
	/* A kernel without it says that it is off, but knows no protocol. */
	if (tb[IFLA_BR_VLAN_PROTOCOL])
		l->vlan_filtering =
			(int8_t)netlink_attr_u8(tb[IFLA_BR_VLAN_FILTERING], 0);
	l->default_pvid = netlink_attr_u16(tb[IFLA_BR_VLAN_DEFAULT_PVID], 0);
}

enum { FORWARDING = 3 }; /* BR_STATE_FORWARDING, linux/if_bridge.h */

static void read_port(struct nlattr *data, struct link_info *l)
{
	struct nlattr *tb[IFLA_BRPORT_MAX + 1];

	if (nla_parse_nested(tb, IFLA_BRPORT_MAX, data, NULL) < 0)
		return;
	l->forwarding = netlink_attr_u8(tb[IFLA_BRPORT_STATE], 0) == FORWARDING;
	l->hairpin = netlink_attr_u8(tb[IFLA_BRPORT_MODE], 0);
	l->isolated = netlink_attr_u8(tb[IFLA_BRPORT_ISOLATED], 0);
}

static void read_vlan(struct nlattr *data, struct link_info *l)
{
	struct nlattr *tb[IFLA_VLAN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_VLAN_MAX, data, NULL) >= 0)
		l->vlan = netlink_attr_u16(tb[IFLA_VLAN_ID], 0);
}

static void read_kind(struct nlattr *info, struct link_info *l)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];
	char slave[sizeof(l->kind)];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	netlink_attr_str(tb[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	netlink_attr_str(tb[IFLA_INFO_SLAVE_KIND], slave, sizeof(slave));
	if (tb[IFLA_INFO_DATA] && !strcmp(l->kind, "bridge"))
		read_bridge(tb[IFLA_INFO_DATA], l);
	if (tb[IFLA_INFO_DATA] && !strcmp(l->kind, "vlan"))
		read_vlan(tb[IFLA_INFO_DATA], l);
	if (tb[IFLA_INFO_SLAVE_DATA] && !strcmp(slave, "bridge"))
		read_port(tb[IFLA_INFO_SLAVE_DATA], l);
}

/* DEVCONF_* of linux/ipv6.h, which cannot be had beside musl's netinet/in.h. */
enum { ACCEPT_RA = 3, DISABLE_IPV6 = 26 };

/* The sysctls of the interface come along: no need to open them. */
static void read_inet6(struct nlattr *spec, struct link_info *l)
{
	struct nlattr *inet6 =
		spec ? nla_find(nla_data(spec), nla_len(spec), AF_INET6) : NULL;
	struct nlattr *conf = inet6 ? nla_find(nla_data(inet6), nla_len(inet6),
					       IFLA_INET6_CONF)
				    : NULL;
	const int32_t *v = conf ? nla_data(conf) : NULL;
	const int n = conf ? nla_len(conf) / (int)sizeof(*v) : 0;

	l->accept_ra = n > ACCEPT_RA ? v[ACCEPT_RA] : -1;
	l->disable_ipv6 = n > DISABLE_IPV6 ? v[DISABLE_IPV6] : -1;
}

static int parse(struct nlmsghdr *h, struct link_info *ret, struct cni_err *err)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct link_info l = { .vlan_filtering = -1 };

	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a link");

	l.index = (uint32_t)ifi->ifi_index;
	l.flags = ifi->ifi_flags;
	l.master = netlink_attr_u32(tb[IFLA_MASTER], 0);
	l.peer = netlink_attr_u32(tb[IFLA_LINK], 0);
	l.mtu = netlink_attr_u32(tb[IFLA_MTU], 0);
	l.group = netlink_attr_u32(tb[IFLA_GROUP], 0);
	l.tx_queues = netlink_attr_u32(tb[IFLA_NUM_TX_QUEUES], 0);
	l.tx_queue_len = netlink_attr_u32(tb[IFLA_TXQLEN], 0);
	l.promiscuity = netlink_attr_u32(tb[IFLA_PROMISCUITY], 0);
	l.link_netnsid =
		(int32_t)netlink_attr_u32(tb[IFLA_LINK_NETNSID], (uint32_t)-1);
	l.operstate = netlink_attr_u8(tb[IFLA_OPERSTATE], 0);
	l.carrier = netlink_attr_u8(tb[IFLA_CARRIER], 0);
	netlink_attr_str(tb[IFLA_IFNAME], l.name, sizeof(l.name));
	netlink_attr_str(tb[IFLA_IFALIAS], l.alias, sizeof(l.alias));
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == MAC_LEN)
		memcpy(l.mac.b, nla_data(tb[IFLA_ADDRESS]), MAC_LEN);
	read_kind(tb[IFLA_LINKINFO], &l);
	read_inet6(tb[IFLA_AF_SPEC], &l);

	*ret = l;
	return 0;
}

static int read_link(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	return parse(h, arg, err);
}

int link_get(struct netlink *nl, const char *name, struct link_info *ret,
	     struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_GETLINK, 0, 0, name);
	int r;

	netlink_put_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_get(nl, &q, read_link, ret, err);
	return r < 0 ? err_ctx(err, r, "find interface %s", name) : 0;
}

int link_get_index(struct netlink *nl, uint32_t index, struct link_info *ret,
		   struct cni_err *err)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index };
	struct netlink_req q = netlink_req(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	int r;

	netlink_put_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_get(nl, &q, read_link, ret, err);
	return r < 0 ? err_ctx(err, r, "find interface %u", index) : 0;
}

struct wanted {
	const char *kind;
	int (*read)(struct nlattr *data, void *arg);
	void *arg;
};

static int read_data(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1] = { NULL };
	const struct wanted *w = arg;
	char kind[16];
	int r = 0;

	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(h, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0)
		r = -EBADMSG;
	if (!r && tb[IFLA_LINKINFO])
		r = nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO],
				     NULL) < 0
			    ? -EBADMSG
			    : 0;
	if (r < 0)
		return err_set(err, CNI_E_KERNEL, -r, "read a link");

	netlink_attr_str(info[IFLA_INFO_KIND], kind, sizeof(kind));
	if (strcmp(kind, w->kind) != 0 || !info[IFLA_INFO_DATA])
		return err_say(err, CNI_E_KERNEL, EMEDIUMTYPE,
			       "not a %s but %s%s", w->kind,
			       *kind ? "a " : "without a kind", kind);
	r = w->read(info[IFLA_INFO_DATA], w->arg);
	return r < 0 ? err_set(err, CNI_E_KERNEL, -r, "read a %s", w->kind) : 0;
}

int link_get_data(struct netlink *nl, const char *name, const char *kind,
		  int (*read)(struct nlattr *data, void *arg), void *arg,
		  struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_GETLINK, 0, 0, name);
	struct wanted w = { .kind = kind, .read = read, .arg = arg };

	netlink_put_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_get(nl, &q, read_data, &w, err);
}

int link_get_altname(struct netlink *nl, const char *altname,
		     struct link_info *ret, struct cni_err *err)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct netlink_req q = netlink_req(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	int r;

	netlink_put_str(&q, IFLA_ALT_IFNAME, altname);
	netlink_put_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_get(nl, &q, read_link, ret, err);
	return r < 0 ? err_ctx(err, r, "find interface %s", altname) : 0;
}

int link_get_peer(struct netlink *nl, const struct link_info *port,
		  struct link_info *ret, struct cni_err *err)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)port->peer };
	struct netlink_req q = netlink_req(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	int r;

	if (port->link_netnsid >= 0)
		netlink_put_u32(&q, IFLA_TARGET_NETNSID,
				(uint32_t)port->link_netnsid);
	netlink_put_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_get(nl, &q, read_link, ret, err);
	return r < 0 ? err_ctx(err, r, "find the other end of %s", port->name)
		     : 0;
}

struct list {
	uint32_t master;
	struct array links; /* struct link_info */
};

static int read_one_of(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct list *l = arg;
	struct link_info info = { 0 };
	int r;

	if (!h) {
		l->links.n = 0;
		return 0;
	}
	r = parse(h, &info, err);
	if (r < 0 || (l->master && info.master != l->master))
		return r;
	return array_append(&l->links, &info, sizeof(info), err);
}

int link_list(struct netlink *nl, uint32_t master, struct link_info **ret,
	      size_t *ret_n, struct cni_err *err)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct netlink_req q = netlink_req(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	struct list l = { .master = master };
	int r;

	if (master)
		netlink_put_u32(&q, IFLA_MASTER, master);
	netlink_put_u32(&q, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = netlink_dump(nl, &q, read_one_of, &l, err);
	if (r < 0) {
		free(l.links.v);
		return err_ctx(err, r, "list interfaces");
	}
	*ret = l.links.v;
	*ret_n = l.links.n;
	return 0;
}
