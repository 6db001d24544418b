/* SPDX-License-Identifier: Apache-2.0 */
#include "net/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/ip.h"
#include "net/bridge.h"
#include "net/masq.h"
#include "net/netlink.h"
#include "net/netns.h"
#include "net/tap.h"

static const char veth[] = "probe-veth";

static bool has_link(struct netlink *nl, const char *name, const char *kind,
		     uint32_t parent)
{
	const struct ifinfomsg m = { .ifi_family = AF_UNSPEC };
	struct netlink_req q = netlink_req(
		RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m));
	struct cni_err ignored = CNI_ERR_INIT;
	struct nlattr *info;

	netlink_put_str(&q, IFLA_IFNAME, name);
	if (parent)
		netlink_put_u32(&q, IFLA_LINK, parent);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, kind);
	netlink_nest_end(&q, info);
	return netlink_do(nl, &q, &ignored) >= 0;
}

static bool has_clsact(struct netlink *nl)
{
	const struct tcmsg t = { .tcm_family = AF_UNSPEC,
				 .tcm_ifindex = (int)if_nametoindex("lo"),
				 .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				 .tcm_parent = TC_H_CLSACT };
	struct netlink_req q = netlink_req(
		RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &t, sizeof(t));
	struct cni_err ignored = CNI_ERR_INIT;

	netlink_put_str(&q, TCA_KIND, "clsact");
	return netlink_do(nl, &q, &ignored) >= 0;
}

static bool has_tap(void)
{
	const struct tap_opts opts = { .name = "probe-tap",
				       .owner = TAP_ANYONE,
				       .group = TAP_ANYONE };
	struct cni_err ignored = CNI_ERR_INIT;
	cleanup_close int fd = -1;
	uint32_t index = 0;

	return tap_open(&opts, &fd, &index, &ignored) >= 0;
}

static bool has_masquerade(void)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct ip_net net = { 0 };
	const struct masq m = { .network = "probe",
				.bridge = "probe-br",
				.subnets = &net,
				.n_subnets = 1 };

	return !ip_net_parse("192.0.2.0/24", &net) &&
	       masq_ensure(&m, &ignored) >= 0;
}

static int try_all(unsigned int *ret, struct cni_err *err)
{
	const struct bridge_opts plain = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	cleanup_netlink struct netlink *nl = NULL;
	unsigned int missing = 0;
	uint32_t index = 0;
	int r = netlink_open(&nl, err);

	if (r < 0)
		return r;
	if (!has_link(nl, veth, "veth", 0))
		missing |= PROBE_VETH;
	if (bridge_create(nl, "probe-br", &plain, &index, &ignored) < 0)
		missing |= PROBE_BRIDGE;
	if (if_nametoindex(veth))
		index = if_nametoindex(veth);
	/* Without a parent there is nothing to be said. */
	if (index && !has_link(nl, "probe-macvlan", "macvlan", index))
		missing |= PROBE_MACVLAN;
	else if (index && !has_link(nl, "probe-macvtap", "macvtap", index))
		missing |= PROBE_MACVTAP;
	if (!has_clsact(nl))
		missing |= PROBE_CLSACT;
	if (!has_tap())
		missing |= PROBE_TAP;
	if (!has_masquerade())
		missing |= PROBE_NFT;
	*ret = missing;
	return 0;
}

int probe_kernel(unsigned int *ret_missing, struct cni_err *err)
{
	cleanup_close int here =
		open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (here < 0)
		return err_set(err, CNI_E_NETNS, errno,
			       "open /proc/self/ns/net");
	if (unshare(CLONE_NEWNET) < 0)
		return err_set(err, CNI_E_NETNS, errno,
			       "a new network namespace");
	r = try_all(ret_missing, err);
	netns_leave(&here);
	return r;
}
