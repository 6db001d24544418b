/* SPDX-License-Identifier: Apache-2.0 */
#include "net/bridge.h"

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "net/link.h"
#include "net/netlink.h"

int bridge_create(struct netlink *nl, const char *name,
		  const struct bridge_opts *opts, uint32_t *ret_index,
		  struct cni_err *err)
{
	struct netlink_req q;
	struct link_info l;
	struct nlattr *info;
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
	netlink_nest_end(&q, info);

	r = netlink_do(nl, &q, err);
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
