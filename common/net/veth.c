/* SPDX-License-Identifier: Apache-2.0 */
#include "net/veth.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>

#include "net/link.h"
#include "net/netlink.h"

enum {
	INDEX_TRIES = 16,
	CREATE = 0,
	ALIAS = 1,
	ADDRGEN = 2,
	REQUESTS = 3,
};

static void put_end(struct netlink_req *q, const struct veth_opts *o,
		    const struct mac *mac)
{
	const uint32_t queues = o->queues ? o->queues : 1;

	link_put_mac(q, mac);
	netlink_put_u32(q, IFLA_GROUP, LINK_GROUP_WEFT);
	netlink_put_u32(q, IFLA_NUM_TX_QUEUES, queues);
	netlink_put_u32(q, IFLA_NUM_RX_QUEUES, queues);
	if (o->mtu)
		netlink_put_u32(q, IFLA_MTU, o->mtu);
}

static void put_peer(struct netlink_req *q, const struct veth_opts *o,
		     uint32_t index)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index };
	struct nlattr *peer = netlink_nest(q, VETH_INFO_PEER);

	if (q->msg &&
	    nlmsg_append(q->msg, (void *)&ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0)
		netlink_req_free(q);
	netlink_put_str(q, IFLA_IFNAME, o->guest_name);
	netlink_put_u32(q, IFLA_NET_NS_FD, (uint32_t)o->netns);
	put_end(q, o, &o->guest_mac);
	netlink_nest_end(q, peer);
}

static struct netlink_req create_req(const struct veth_opts *o,
				     const struct veth *want)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)want->host_index };
	struct netlink_req q = netlink_req(
		RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	netlink_put_str(&q, IFLA_IFNAME, o->host_name);
	put_end(&q, o, &o->host_mac);
	if (o->master)
		netlink_put_u32(&q, IFLA_MASTER, o->master);

	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&q, IFLA_INFO_DATA);
	put_peer(&q, o, want->guest_index);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, info);
	return q;
}

/* Removes what a failed creation has left, or perhaps has left. */
static void discard(struct netlink *nl, const struct veth_opts *o)
{
	const struct mac zero = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	cleanup_netlink struct netlink *fresh = NULL;
	struct link_info l;

	if (netlink_is_broken(nl)) {
		if (netlink_reopen(nl, &fresh, &ignored) < 0)
			return; /* DEL finds it by its name */
		nl = fresh;
	}
	if (link_get(nl, o->host_name, &l, &ignored) < 0 ||
	    strcmp(l.name, o->host_name) != 0 || strcmp(l.kind, "veth") != 0 ||
	    l.group != LINK_GROUP_WEFT ||
	    (!mac_equal(&o->host_mac, &zero) &&
	     !mac_equal(&o->host_mac, &l.mac)))
		return;
	(void)link_delete(nl, l.index, &ignored);
}

static int create_once(struct netlink *nl, const struct veth_opts *o,
		       const struct veth *want, struct cni_err *err)
{
	struct netlink_req q[REQUESTS];
	int results[REQUESTS], r;

	q[CREATE] = create_req(o, want);
	link_req_mark(o->host_name, o->alias, &q[ALIAS]);
	r = netlink_do_all(nl, q, REQUESTS, results, err);
	if (r >= 0)
		return 0;
	if (!results[CREATE] && !results[ALIAS] &&
	    results[ADDRGEN] == -EAFNOSUPPORT)
		return 0;

	if (!results[CREATE] || netlink_is_broken(nl))
		discard(nl, o);
	return r;
}

/* Is it the guest end's name? Asked only after a refusal. */
static bool guest_has(const struct veth_opts *o, const char *name)
{
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	struct link_info l;

	return netlink_open_in(o->netns, &nl, &ignored) >= 0 &&
	       link_get(nl, name, &l, &ignored) >= 0;
}

/*
 * The kernel said EEXIST or EBUSY. A name that is taken is final; an ifindex
 * that is taken moves on in @want.
 *
 * Return: 0 to try again, or a negative errno
 */
static int explain_clash(struct netlink *nl, const struct veth_opts *o, int r,
			 struct veth *want, struct cni_err *err)
{
	struct cni_err other = CNI_ERR_INIT;
	struct link_info l;

	if (link_get(nl, o->host_name, &l, &other) >= 0)
		return err_say(err, CNI_E_TAKEN, EEXIST,
			       "interface %s exists already", o->host_name);
	if (guest_has(o, o->guest_name))
		return err_say(err, CNI_E_TAKEN, EEXIST,
			       "interface %s exists already in the guest's "
			       "namespace",
			       o->guest_name);
	if (!want->host_index)
		return r;

	if (link_get_index(nl, want->host_index, &l, &other) >= 0)
		want->host_index = link_next_index(want->host_index);
	else if (want->guest_index)
		want->guest_index = link_next_index(want->guest_index);
	return 0;
}

/* What the kernel chose: the host end knows its peer's ifindex. */
static int read_back(struct netlink *nl, const struct veth_opts *o,
		     struct veth *ret, struct cni_err *err)
{
	struct link_info l;
	int r = link_get(nl, o->host_name, &l, err);

	if (r < 0) {
		discard(nl, o);
		return r;
	}
	*ret = (struct veth){ .host_index = l.index, .guest_index = l.peer };
	return 0;
}

/* Until names are found to be taken, or ifindexes that are not. */
static int create(struct netlink *nl, const struct veth_opts *o,
		  struct veth *want, struct cni_err *err)
{
	for (int i = 1;; i++) {
		int clash, r = create_once(nl, o, want, err);

		if (r != -EEXIST && r != -EBUSY)
			return r;
		clash = r;
		r = explain_clash(nl, o, r, want, err);
		if (r < 0)
			return r;
		if (i == INDEX_TRIES)
			return clash;
	}
}

int veth_create(struct netlink *nl, const struct veth_opts *opts,
		struct veth *ret, struct cni_err *err)
{
	struct veth want = { .host_index = opts->host_index };
	struct cni_err e = CNI_ERR_INIT; /* not every refusal is a failure */
	int r;

	if (opts->host_index)
		want.guest_index = opts->guest_index;
	r = link_check_name(opts->host_name, &e);
	if (r >= 0)
		r = link_check_name(opts->guest_name, &e);
	if (r >= 0)
		r = create(nl, opts, &want, &e);
	if (r >= 0 && !(want.host_index && want.guest_index))
		r = read_back(nl, opts, &want, &e);
	if (r >= 0) {
		*ret = want;
		return 0;
	}

	*err = e;
	r = link_explain_full(nl, r, opts->master, err);
	return err_ctx(err, r, "create veth %s", opts->host_name);
}
