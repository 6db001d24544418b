/* SPDX-License-Identifier: Apache-2.0 */
#include "net/macvlan.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "net/link.h"
#include "net/netlink.h"

enum {
	INDEX_TRIES = 16,
	REQUESTS = 3,
	ADDRGEN = 2,
	TAP_QUEUE_LEN = 1000, /* of a queue; with 0 it would drop every frame */
};

static const struct {
	const char *name;
	uint32_t mode;
} modes[] = {
	{ "bridge", MACVLAN_MODE_BRIDGE },
	{ "private", MACVLAN_MODE_PRIVATE },
	{ "vepa", MACVLAN_MODE_VEPA },
	{ "passthru", MACVLAN_MODE_PASSTHRU },
};

#define N_MODES (sizeof(modes) / sizeof(modes[0]))

uint32_t macvlan_mode(const char *name)
{
	for (size_t i = 0; i < N_MODES; i++)
		if (!strcmp(modes[i].name, name))
			return modes[i].mode;
	return 0;
}

const char *macvlan_mode_name(uint32_t mode)
{
	for (size_t i = 0; i < N_MODES; i++)
		if (modes[i].mode == mode)
			return modes[i].name;
	return "?";
}

static const char *kind_of(const struct macvlan_opts *o)
{
	return o->tap_queues ? "macvtap" : "macvlan";
}

static struct netlink_req create_req(const struct macvlan_opts *o,
				     uint32_t index)
{
	const struct ifinfomsg ifi = { .ifi_index = (int)index };
	struct netlink_req q = netlink_req(
		RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	netlink_put_str(&q, IFLA_IFNAME, o->name);
	netlink_put_u32(&q, IFLA_GROUP, LINK_GROUP_WEFT);
	netlink_put_u32(&q, IFLA_LINK, o->parent);
	link_put_mac(&q, &o->mac);
	if (o->mtu)
		netlink_put_u32(&q, IFLA_MTU, o->mtu);
	if (o->netns >= 0)
		netlink_put_u32(&q, IFLA_NET_NS_FD, (uint32_t)o->netns);
	if (o->tap_queues) {
		netlink_put_u32(&q, IFLA_TXQLEN, TAP_QUEUE_LEN);
		netlink_put_u32(&q, IFLA_NUM_TX_QUEUES, o->tap_queues);
		netlink_put_u32(&q, IFLA_NUM_RX_QUEUES, o->tap_queues);
	}

	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, kind_of(o));
	data = netlink_nest(&q, IFLA_INFO_DATA);
	netlink_put_u32(&q, IFLA_MACVLAN_MODE, o->mode);
	if (o->bc_queue_len)
		netlink_put_u32(&q, IFLA_MACVLAN_BC_QUEUE_LEN, o->bc_queue_len);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, info);
	return q;
}

/* A socket that works, where the device appears. */
static int open_target(const struct netlink *nl, const struct macvlan_opts *o,
		       struct netlink **ret, struct cni_err *err)
{
	return o->netns >= 0 ? netlink_open_in(o->netns, ret, err)
			     : netlink_reopen(nl, ret, err);
}

/* Removes what a failed creation has left, or perhaps has left. */
static void discard(const struct netlink *nl, const struct macvlan_opts *o)
{
	const struct mac zero = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	cleanup_netlink struct netlink *target = NULL;
	struct link_info l;

	if (open_target(nl, o, &target, &ignored) < 0 ||
	    link_get(target, o->name, &l, &ignored) < 0)
		return; /* DEL finds it by its name */
	if (strcmp(l.name, o->name) != 0 || strcmp(l.kind, kind_of(o)) != 0 ||
	    l.group != LINK_GROUP_WEFT ||
	    (!mac_equal(&o->mac, &zero) && !mac_equal(&o->mac, &l.mac)))
		return;
	(void)link_delete(target, l.index, &ignored);
}

static int create_once(struct netlink *nl, const struct macvlan_opts *o,
		       uint32_t index, struct cni_err *err)
{
	struct netlink_req q[REQUESTS];
	int results[REQUESTS] = { 0 }, r;

	q[0] = create_req(o, index);
	if (o->alias)
		link_req_mark(o->name, o->alias, &q[1]);
	r = netlink_do_all(nl, q, o->alias ? REQUESTS : 1, results, err);
	if (r >= 0 ||
	    (!results[0] && !results[1] && results[ADDRGEN] == -EAFNOSUPPORT))
		return 0;
	if (!results[0] || netlink_is_broken(nl))
		discard(nl, o);
	return r;
}

/*
 * The kernel said EEXIST or EBUSY. A name that is taken is final; an ifindex
 * that is taken moves on; neither means the parent.
 *
 * Return: 0 to try again, or a negative errno
 */
static int explain_clash(const struct netlink *nl, const struct macvlan_opts *o,
			 int r, uint32_t *index, struct cni_err *err)
{
	cleanup_netlink struct netlink *here = NULL, *target = NULL;
	struct cni_err other = CNI_ERR_INIT;
	struct link_info l;

	if (netlink_reopen(nl, &here, &other) < 0 ||
	    open_target(nl, o, &target, &other) < 0)
		return r;
	if (link_get(target, o->name, &l, &other) >= 0)
		return err_say(err, CNI_E_TAKEN, EEXIST,
			       "interface %s exists already", o->name);
	if (link_get_index(target, *index, &l, &other) >= 0 ||
	    link_get_index(here, *index, &l, &other) >= 0) {
		*index = link_next_index(*index);
		return 0;
	}
	if (link_get_index(here, o->parent, &l, &other) >= 0 && l.master)
		return err_say(
			err, CNI_E_KERNEL, -r,
			"parent %s is a port of another device, which takes its frames",
			l.name);
	return r;
}

int macvlan_create(struct netlink *nl, const struct macvlan_opts *opts,
		   uint32_t *ret_index, struct cni_err *err)
{
	struct cni_err e = CNI_ERR_INIT; /* not every refusal is a failure */
	uint32_t index = opts->index;
	int r = link_check_name(opts->name, &e);

	for (int i = 0; r >= 0; i++) {
		r = create_once(nl, opts, index, &e);
		if ((r != -EEXIST && r != -EBUSY) || i == INDEX_TRIES)
			break;
		r = explain_clash(nl, opts, r, &index, &e);
	}
	if (r >= 0) {
		*ret_index = index;
		return 0;
	}
	*err = e;
	return err_ctx(err, r, "create %s %s", kind_of(opts), opts->name);
}

static int read_macvlan(struct nlattr *data, void *arg)
{
	struct nlattr *tb[IFLA_MACVLAN_MAX + 1];

	if (nla_parse_nested(tb, IFLA_MACVLAN_MAX, data, NULL) < 0)
		return -EBADMSG;
	*(struct macvlan_info *)arg = (struct macvlan_info){
		.mode = netlink_attr_u32(tb[IFLA_MACVLAN_MODE], 0),
		.bc_queue_len =
			netlink_attr_u32(tb[IFLA_MACVLAN_BC_QUEUE_LEN], 0),
	};
	return 0;
}

int macvlan_get(struct netlink *nl, const char *name, bool is_tap,
		struct macvlan_info *ret, struct cni_err *err)
{
	const char *kind = is_tap ? "macvtap" : "macvlan";
	const int r = link_get_data(nl, name, kind, read_macvlan, ret, err);

	return r < 0 ? err_ctx(err, r, "find %s %s", kind, name) : 0;
}
