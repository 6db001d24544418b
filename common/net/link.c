/* SPDX-License-Identifier: Apache-2.0 */
#include "net/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

struct netlink_req link_req(int type, int flags, uint32_t index,
			    const char *name)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				       .ifi_index = (int)index };
	struct netlink_req q = netlink_req(type, flags, &ifi, sizeof(ifi));

	if (!index)
		netlink_put_str(&q, IFLA_IFNAME, name);
	return q;
}

void link_put_mac(struct netlink_req *q, const struct mac *mac)
{
	const struct mac zero = { 0 };

	if (!mac_equal(mac, &zero))
		netlink_put(q, IFLA_ADDRESS, mac->b, MAC_LEN);
}

static void put_no_link_local(struct netlink_req *q)
{
	struct nlattr *spec = netlink_nest(q, IFLA_AF_SPEC);
	struct nlattr *inet6 = netlink_nest(q, AF_INET6);

	netlink_put_u8(q, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	netlink_nest_end(q, inet6);
	netlink_nest_end(q, spec);
}

void link_req_mark(const char *name, const char *alias, struct netlink_req q[2])
{
	q[0] = link_req(RTM_SETLINK, 0, 0, name);
	netlink_put(&q[0], IFLA_IFALIAS, alias, strlen(alias));

	q[1] = link_req(RTM_SETLINK, 0, 0, name);
	put_no_link_local(&q[1]);
}

/* Sends a change; only a failure costs the question for the name. */
static int change(struct netlink *nl, struct netlink_req *q, uint32_t index,
		  const char *what, struct cni_err *err)
{
	struct cni_err other = CNI_ERR_INIT;
	struct link_info l;
	int r = netlink_do(nl, q, err);

	if (r >= 0)
		return 0;
	if (link_get_index(nl, index, &l, &other) < 0)
		return err_ctx(err, r, "%s interface %u", what, index);
	return err_ctx(err, r, "%s interface %s", what, l.name);
}

struct netlink_req link_up_req(uint32_t index, bool up)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index,
				       .ifi_flags = up ? IFF_UP : 0,
				       .ifi_change = IFF_UP };

	return netlink_req(RTM_SETLINK, 0, &ifi, sizeof(ifi));
}

int link_set_up(struct netlink *nl, uint32_t index, bool up,
		struct cni_err *err)
{
	struct netlink_req q = link_up_req(index, up);

	return change(nl, &q, index, up ? "bring up" : "bring down", err);
}

/* To be asked is all that it is for. */
static struct netlink_req ask_req(uint32_t index)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index };

	return netlink_req(RTM_GETLINK, 0, &ifi, sizeof(ifi));
}

int link_raise(struct netlink *nl, uint32_t index, struct cni_err *err)
{
	struct netlink_req q[] = { link_up_req(index, true), ask_req(index) };

	return netlink_do_all(nl, q, 2, NULL, err);
}

int link_announce(struct netlink *nl, uint32_t index, const struct mac *mac,
		  struct cni_err *err)
{
	struct netlink_req q[] = { ask_req(index),
				   link_req(RTM_SETLINK, 0, index, "") };

	netlink_put(&q[1], IFLA_ADDRESS, mac->b, MAC_LEN);
	return netlink_do_all(nl, q, 2, NULL, err);
}

static int set_flag(struct netlink *nl, uint32_t index, unsigned int flag,
		    const char *what, struct cni_err *err)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index,
				       .ifi_flags = flag,
				       .ifi_change = flag };
	struct netlink_req q = netlink_req(RTM_SETLINK, 0, &ifi, sizeof(ifi));

	return change(nl, &q, index, what, err);
}

int link_set_promisc(struct netlink *nl, uint32_t index, struct cni_err *err)
{
	return set_flag(nl, index, IFF_PROMISC, "set promiscuous mode of", err);
}

int link_set_allmulti(struct netlink *nl, uint32_t index, struct cni_err *err)
{
	return set_flag(nl, index, IFF_ALLMULTI, "let all multicast into", err);
}

int link_forbid_link_local(struct netlink *nl, uint32_t index,
			   struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");
	struct cni_err e = CNI_ERR_INIT; /* not every refusal is a failure */
	int r;

	put_no_link_local(&q);
	r = change(nl, &q, index, "forbid link-local addresses on", &e);
	if (!r || r == -EAFNOSUPPORT)
		return 0;
	*err = e;
	return r;
}

int link_set_mtu(struct netlink *nl, uint32_t index, uint32_t mtu,
		 struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");
	char what[32];

	netlink_put_u32(&q, IFLA_MTU, mtu);
	(void)snprintf(what, sizeof(what), "set MTU %u on", mtu);
	return change(nl, &q, index, what, err);
}

int link_set_mac(struct netlink *nl, uint32_t index, const struct mac *mac,
		 struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");
	char text[MAC_STR_SIZE], what[40];

	netlink_put(&q, IFLA_ADDRESS, mac->b, MAC_LEN);
	(void)snprintf(what, sizeof(what), "set MAC %s on",
		       mac_format(mac, text));
	return change(nl, &q, index, what, err);
}

int link_set_alias(struct netlink *nl, uint32_t index, const char *alias,
		   struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");

	netlink_put(&q, IFLA_IFALIAS, alias, strlen(alias));
	return change(nl, &q, index, "set alias of", err);
}

int link_explain_full(struct netlink *nl, int r, uint32_t master,
		      struct cni_err *err)
{
	struct cni_err other = CNI_ERR_INIT;
	struct link_info l;

	if (r != -EXFULL || link_get_index(nl, master, &l, &other) < 0)
		return r;
	return err_say(err, CNI_E_KERNEL, EXFULL,
		       "bridge %s is full: the kernel allows %d ports", l.name,
		       LINK_BRIDGE_PORTS);
}

int link_set_master(struct netlink *nl, uint32_t index, uint32_t master,
		    struct cni_err *err)
{
	struct netlink_req q = link_req(RTM_SETLINK, 0, index, "");
	int r;

	netlink_put_u32(&q, IFLA_MASTER, master);
	r = change(nl, &q, index, master ? "attach" : "detach", err);
	return r < 0 ? link_explain_full(nl, r, master, err) : 0;
}

int link_add_altname(struct netlink *nl, uint32_t index, const char *altname,
		     struct cni_err *err)
{
	struct netlink_req q =
		link_req(RTM_NEWLINKPROP,
			 NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, index, "");
	struct nlattr *list = netlink_nest(&q, IFLA_PROP_LIST);

	netlink_put_str(&q, IFLA_ALT_IFNAME, altname);
	netlink_nest_end(&q, list);
	return change(nl, &q, index, "add an alternative name to", err);
}

int link_delete(struct netlink *nl, uint32_t index, struct cni_err *err)
{
	struct netlink_req q;

	if (!index)
		return err_set(err, CNI_E_INTERNAL, EINVAL,
			       "delete interface 0");
	q = link_req(RTM_DELLINK, 0, index, "");
	return change(nl, &q, index, "delete", err);
}

int link_check_name(const char *name, struct cni_err *err)
{
	const size_t len = strlen(name);

	if (!len || len >= IFNAMSIZ || !strcmp(name, ".") ||
	    !strcmp(name, "..") || strpbrk(name, "/:% \t\n\v\f\r"))
		return err_say(err, CNI_E_KERNEL, EINVAL,
			       "\"%s\" is not an interface name", name);
	return 0;
}

uint32_t link_next_index(uint32_t index)
{
	return index == INT32_MAX ? UINT32_C(1) << 30 : index + 1;
}
