/* SPDX-License-Identifier: Apache-2.0 */
/* parent.c - the device that carries the network. */
#include <errno.h>

#include "macvlan-vm/job.h"
#include "net/route.h"

static int find_default(struct netlink *nl, struct link_info *ret,
			struct cni_err *err)
{
	struct route route;
	const int r = route_get_default(nl, &route, err);

	if (r == -ENETUNREACH)
		return err_say(
			err, CNI_E_CONFIG, ENODEV,
			"no default route interface found, and no \"master\" is configured");
	return r ? r : link_get_index(nl, route.oif, ret, err);
}

int parent_find(struct netlink *nl, const struct macvlan_vm_conf *conf,
		struct link_info *ret, struct cni_err *err)
{
	int r;

	if (!*conf->parent)
		return find_default(nl, ret, err);
	r = link_get(nl, conf->parent, ret, err);
	if (r == -ENODEV)
		return err_say(err, CNI_E_CONFIG, ENODEV,
			       "key \"master\": \"%s\": Link not found %s",
			       conf->parent,
			       conf->link_in_container ? "in the container"
						       : "on the host");
	return r;
}

int parent_check_mtu(const struct macvlan_vm_conf *conf,
		     const struct link_info *parent, struct cni_err *err)
{
	if (conf->mtu <= parent->mtu)
		return 0;
	return err_say(
		err, CNI_E_CONFIG, ERANGE,
		"key \"mtu\": invalid MTU %lld, must be [0, master MTU(%u)]: master is %s",
		(long long)conf->mtu, parent->mtu, parent->name);
}
