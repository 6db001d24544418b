/* SPDX-License-Identifier: Apache-2.0 */
#include "net/vlan.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "net/if_bridge.h"
#include "net/link.h"
#include "net/netlink.h"

enum {
	INFOS = 100, /* in one request, whose room is netlink_req()'s */
	REQUESTS = 64,
};

/* 4094 VLANs, every other one of them its own, and both lists. */
_Static_assert(2 * (VLAN_MAX / 2 / (INFOS - 1) + 1) <= REQUESTS &&
		       REQUESTS <= NETLINK_BATCH_MAX,
	       "any change fits into one send");

static bool test(const uint64_t *bits, uint16_t vid)
{
	return bits[vid / 64] >> vid % 64 & 1;
}

void vlan_set_add(struct vlan_set *set, uint16_t vid, enum vlan_as as)
{
	const uint64_t bit = UINT64_C(1) << vid % 64;

	set->member[vid / 64] |= bit;
	if (as == VLAN_TAGGED)
		set->untagged[vid / 64] &= ~bit;
	else
		set->untagged[vid / 64] |= bit;
	if (as == VLAN_ACCESS)
		set->pvid = vid;
	else if (set->pvid == vid)
		set->pvid = 0;
}

bool vlan_set_has(const struct vlan_set *set, uint16_t vid)
{
	return test(set->member, vid);
}

static uint16_t flags_of(const struct vlan_set *set, uint16_t vid)
{
	unsigned flags = 0;

	if (test(set->untagged, vid))
		flags |= BRIDGE_VLAN_INFO_UNTAGGED;
	if (set->pvid == vid)
		flags |= BRIDGE_VLAN_INFO_PVID;
	return (uint16_t)flags;
}

uint16_t vlan_set_difference(const struct vlan_set *have,
			     const struct vlan_set *want)
{
	for (uint16_t vid = 1; vid <= VLAN_MAX; vid++)
		if (test(have->member, vid) != test(want->member, vid) ||
		    flags_of(have, vid) != flags_of(want, vid))
			return vid;
	return 0;
}

const char *vlan_set_format(const struct vlan_set *set, uint16_t vid)
{
	if (!test(set->member, vid))
		return "absent";
	switch (flags_of(set, vid)) {
	case 0:
		return "tagged";
	case BRIDGE_VLAN_INFO_UNTAGGED:
		return "untagged";
	case BRIDGE_VLAN_INFO_PVID:
		return "PVID, tagged";
	default:
		return "PVID, untagged";
	}
}

static int read_entry(struct nlattr *entry, struct vlan_set *set)
{
	struct nlattr *tb[BRIDGE_VLANDB_ENTRY_MAX + 1];
	const struct bridge_vlan_info *info;
	uint16_t last;

	if (nla_parse_nested(tb, BRIDGE_VLANDB_ENTRY_MAX, entry, NULL) < 0 ||
	    !tb[BRIDGE_VLANDB_ENTRY_INFO] ||
	    nla_len(tb[BRIDGE_VLANDB_ENTRY_INFO]) < (int)sizeof(*info))
		return -EBADMSG;
	info = nla_data(tb[BRIDGE_VLANDB_ENTRY_INFO]);
	last = netlink_attr_u16(tb[BRIDGE_VLANDB_ENTRY_RANGE], info->vid);
	if (!info->vid || last > VLAN_MAX)
		return -EBADMSG;
	for (uint16_t vid = info->vid; vid <= last; vid++) {
		vlan_set_add(set, vid,
			     info->flags & BRIDGE_VLAN_INFO_UNTAGGED
				     ? VLAN_UNTAGGED
				     : VLAN_TAGGED);
		if (info->flags & BRIDGE_VLAN_INFO_PVID)
			set->pvid = vid;
	}
	return 0;
}

static int read_vlans(struct nlmsghdr *h, void *arg, struct cni_err *err)
{
	struct vlan_set *set = arg;
	struct nlattr *a;
	int left;

	if (!h) {
		*set = (struct vlan_set){ 0 };
		return 0;
	}
	if (h->nlmsg_type != RTM_NEWVLAN ||
	    !nlmsg_valid_hdr(h, sizeof(struct br_vlan_msg)))
		return err_set(err, CNI_E_KERNEL, EBADMSG, "read a VLAN");
	nlmsg_for_each_attr(a, h, sizeof(struct br_vlan_msg), left)
	{
		if (nla_type(a) == BRIDGE_VLANDB_ENTRY &&
		    read_entry(a, set) < 0)
			return err_set(err, CNI_E_KERNEL, EBADMSG,
				       "read a VLAN");
	}
	return 0;
}

int vlan_get(struct netlink *nl, uint32_t index, struct vlan_set *ret,
	     struct cni_err *err)
{
	const struct br_vlan_msg m = { .family = AF_BRIDGE, .ifindex = index };
	struct netlink_req q = netlink_req(RTM_GETVLAN, 0, &m, sizeof(m));
	struct vlan_set set = { 0 };
	int r = netlink_dump(nl, &q, read_vlans, &set, err);

	if (r < 0)
		return err_ctx(err, r, "read the VLANs of interface %u", index);
	*ret = set;
	return 0;
}

/* Requests being built: @n whole ones, and one that is open if @spec. */
struct batch {
	uint32_t index;
	bool bridge;
	struct netlink_req q[REQUESTS];
	size_t n, infos;
	struct nlattr *spec;
};

static void close_req(struct batch *b)
{
	if (!b->infos)
		return;
	netlink_nest_end(&b->q[b->n++], b->spec);
	b->infos = 0;
}

static void put_info(struct batch *b, int type, uint16_t vid, unsigned flags)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE,
				       .ifi_index = (int)b->index };
	const struct bridge_vlan_info info = { .flags = (uint16_t)flags,
					       .vid = vid };
	struct netlink_req *q = &b->q[b->n];

	if (!b->infos++) {
		*q = netlink_req(type, 0, &ifi, sizeof(ifi));
		b->spec = netlink_nest(q, IFLA_AF_SPEC);
		if (b->bridge)
			netlink_put_u16(q, IFLA_BRIDGE_FLAGS,
					BRIDGE_FLAGS_SELF);
	}
	netlink_put(q, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
}

/* In ranges, which must not hold a PVID nor be torn between two requests. */
static void put_set(struct batch *b, int type, const struct vlan_set *set)
{
	for (uint16_t vid = 1; set && vid <= VLAN_MAX; vid++) {
		const uint16_t flags = flags_of(set, vid);
		uint16_t last = vid;

		if (!test(set->member, vid))
			continue;
		while (set->pvid != vid && last < VLAN_MAX &&
		       test(set->member, last + 1) &&
		       flags_of(set, last + 1) == flags)
			last++;
		if (last == vid) {
			put_info(b, type, vid, flags);
		} else {
			put_info(b, type, vid,
				 flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
			put_info(b, type, last,
				 flags | BRIDGE_VLAN_INFO_RANGE_END);
		}
		if (b->infos >= INFOS - 1)
			close_req(b);
		vid = last;
	}
	close_req(b);
}

int vlan_change(struct netlink *nl, uint32_t index, const struct vlan_change *c,
		struct cni_err *err)
{
	struct batch b = { .index = index, .bridge = c->bridge };
	int r;

	put_set(&b, RTM_DELLINK, c->del);
	put_set(&b, RTM_SETLINK, c->add);
	if (!b.n)
		return 0;
	r = netlink_do_all(nl, b.q, b.n, NULL, err);
	return r < 0 ? err_ctx(err, r, "set the VLANs of interface %u", index)
		     : 0;
}

int vlan_create(struct netlink *nl, const char *name, uint32_t link,
		uint16_t vid, const char *alias, struct cni_err *err)
{
	struct netlink_req q;
	struct nlattr *info, *data;
	struct link_info l = { 0 };
	int r = link_check_name(name, err);

	if (r < 0)
		return err_ctx(err, r, "create VLAN device");
	q = link_req(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, name);
	netlink_put_u32(&q, IFLA_GROUP, LINK_GROUP_WEFT);
	netlink_put_u32(&q, IFLA_LINK, link);
	info = netlink_nest(&q, IFLA_LINKINFO);
	netlink_put_str(&q, IFLA_INFO_KIND, "vlan");
	data = netlink_nest(&q, IFLA_INFO_DATA);
	netlink_put_u16(&q, IFLA_VLAN_ID, vid);
	netlink_nest_end(&q, data);
	netlink_nest_end(&q, info);

	r = netlink_do(nl, &q, err);
	if (!r)
		r = link_get(nl, name, &l, err);
	if (!r)
		r = link_set_alias(nl, l.index, alias, err);
	return r < 0 ? err_ctx(err, r, "create VLAN device %s", name) : 0;
}
