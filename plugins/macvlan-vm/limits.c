/* SPDX-License-Identifier: Apache-2.0 */
/* On a macvtap the directions are the VMM's: what the guest sends goes out by it,
 * and what comes in by it is the guest's. */
#include "macvlan-vm/limits.h"

#include <errno.h>
#include <string.h>

#include "guest/check.h"
#include "net/shape.h"

enum { IFB_OCTET = 0xfa }; /* beside 02: and fe: */

static struct shape shape_of(const struct job *j, char name[CNI_LINK_NAME_SIZE])
{
	struct shape s = {
		.out = j->conf.bandwidth.from_guest,
		.in = j->conf.bandwidth.to_guest,
		.ifb = name,
		.alias = j->alias,
		.mtu = j->conf.mtu ? (uint32_t)j->conf.mtu : j->parent.mtu,
	};
	struct mac unused;

	cni_attachment_link_name(&j->attachment, "ifb", name);
	cni_attachment_macs(&j->attachment, &unused, &s.ifb_mac);
	s.ifb_mac.b[0] = IFB_OCTET;
	return s;
}

static int undo_ifb(void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *fresh = NULL;
	const struct job *j = arg;
	int r = 0;

	if (netlink_is_broken(j->guest.nl))
		r = netlink_reopen(j->guest.nl, &fresh, err);
	return r ? r
		 : tap_limits_delete(fresh ? fresh : j->guest.nl,
				     &j->attachment, LINK_WAIT_KERNEL, err);
}

int tap_limits_set(struct job *j, struct cni_err *err)
{
	char name[CNI_LINK_NAME_SIZE];
	const struct shape s = shape_of(j, name);

	if (s.in.rate)
		undo_push(&j->undo, undo_ifb, j);
	return shape_set(j->guest.nl, j->guest.index, &s, err);
}

int tap_limits_check(struct job *j, const struct link_info *link,
		     struct cni_err *err)
{
	char name[CNI_LINK_NAME_SIZE];
	struct shape s = shape_of(j, name);
	int r;

	s.mtu = link->mtu;
	r = shape_check(j->guest.nl, link->index, &s, err);
	return r < 0 ? err_ctx(err, r, "interface %s", link->name) : 0;
}

int tap_limits_delete(struct netlink *nl, const struct cni_attachment *a,
		      enum link_wait wait, struct cni_err *err)
{
	char name[CNI_LINK_NAME_SIZE], alias[CNI_LINK_ALIAS_SIZE];
	struct link_info link;
	int r;

	cni_attachment_link_name(a, "ifb", name);
	cni_attachment_alias(a, MACVLAN_VM_ROLE, alias);
	r = link_get(nl, name, &link, err);
	/* Of bridge-vm it has another alias, and the same name. */
	if (!r &&
	    (strcmp(link.kind, "ifb") != 0 || link.group != LINK_GROUP_WEFT ||
	     (*link.alias && strcmp(link.alias, alias) != 0)))
		return 0;
	if (!r)
		r = link_remove(nl, link.index, wait, err);
	return r == -ENODEV ? 0 : r;
}
