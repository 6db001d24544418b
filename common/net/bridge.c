/* SPDX-License-Identifier: Apache-2.0 */
#include "net/bridge.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "net/link.h"
#include "net/netlink.h"

int bridge_create(struct netlink *nl, const char *name,
		  const struct bridge_opts *opts, uint32_t *ret_index,
		  struct cni_err *err)
{
	struct netlink_req q;
	struct link_info l;
	struct nlattr *info, *data;
	int r;

	r = link_check_name(name, err);
	if (r < 0)
		return err_ctx(err, r, "create bridge");

	q = link_req(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, name);
	netlink_put_u32(&q, IFLA_GROUP, LINK_GROUP_WEFT);
	link_put_mac(&q, &opts->mac);
	if (opts->mtu)
		netlink_put_u32(&q, IFLA_MTU, opts->mtu);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, "bridge");
	if (opts->vlan_filtering) {
		data = netlink_nest(&q, IFLA_INFO_DATA);
		netlink_put_u8(&q, IFLA_BR_VLAN_FILTERING, 1);
		netlink_nest_end(&q, data);
	}
	netlink_nest_end(&q, info);

	r = netlink_do(nl, &q, err);
	if (r == -EOPNOTSUPP && opts->vlan_filtering)
		r = err_ctx(err, r, "with VLAN filtering");
	if (r < 0)
		return err_ctx(err, r, "create bridge %s", name);

	r = link_get(nl, name, &l, err);
	if (r >= 0 && opts->alias)
		r = link_set_alias(nl, l.index, opts->alias, err);
	if (r < 0)
		return err_ctx(err, r, "create bridge %s", name);

	*ret_index = l.index;
	return 0;
}

int bridge_filter_vlans(struct netlink *nl, uint32_t index, struct cni_err *err)
{
	/* NEWLINK: SETLINK takes no IFLA_INFO_DATA. */
	struct netlink_req q = link_req(RTM_NEWLINK, 0, index, "");
	struct nlattr *info = netlink_nest(&q, IFLA_LINKINFO), *data;
	int r;

	netlink_put_str(&q, IFLA_INFO_KIND, "bridge");
	data = netlink_nest(&q, IFLA_INFO_DATA);
	netlink_put_u8(&q, IFLA_BR_VLAN_FILTERING, 1);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, info);
	r = netlink_do(nl, &q, err);
	return r < 0 ? err_ctx(err, r, "turn on VLAN filtering") : 0;
}

int bridge_port_set(struct netlink *nl, uint32_t index,
		    const struct bridge_port_opts *opts, struct cni_err *err)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE,
				       .ifi_index = (int)index };
	struct netlink_req q = netlink_req(RTM_SETLINK, 0, &ifi, sizeof(ifi));
	struct nlattr *flags = netlink_nest(&q, IFLA_PROTINFO);
	int r;

	if (opts->hairpin)
		netlink_put_u8(&q, IFLA_BRPORT_MODE, 1);
	if (opts->isolated)
		netlink_put_u8(&q, IFLA_BRPORT_ISOLATED, 1);
	netlink_nest_end(&q, flags);
	r = netlink_do(nl, &q, err);
	return r < 0 ? err_ctx(err, r, "set port flags of interface %u", index)
		     : 0;
}
