/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/tap.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "guest/check.h"
#include "macvlan-vm/limits.h"
#include "net/macvtap.h"
#include "net/netns.h"
#include "net/sysctl.h"

bool tap_is_ours(const struct link_info *link, const struct cni_attachment *a)
{
	char alias[CNI_LINK_ALIAS_SIZE], name[CNI_LINK_NAME_SIZE];

	cni_attachment_alias(a, MACVLAN_VM_ROLE, alias);
	if (*link->alias)
		return !strcmp(link->alias, alias);
	cni_attachment_link_name(a, NODE_PREFIX, name);
	return link->group == LINK_GROUP_WEFT && !strcmp(link->name, name) &&
	       !strcmp(link->kind, "macvtap");
}

/* Only a network that takes VMs can have one there. */
int tap_check_absent(const struct job *j, struct cni_err *err)
{
	struct link_info link;
	int r;

	if (!j->conf.may_be_vm)
		return 0;
	r = link_get(j->host, j->node, &link, err);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	return err_say(err, CNI_E_TAKEN, EEXIST,
		       "interface %s already exists%s", j->node,
		       tap_is_ours(&link, &j->attachment)
			       ? ": this attachment has its device on the host"
			       : " and is not ours");
}

/* Inside the namespace: what is there to be read of it, and sysctls, are for
 * who is there. A host without IPv6 has none to turn off. */
static int look_inside(const struct job *j, dev_t *ret_number,
		       struct cni_err *err)
{
	cleanup_netns_leave int home = -1;
	int r = netns_enter(j->guest.netns, &home, err);

	if (!r)
		r = sysctl_set_net("ipv6/conf", j->device, "disable_ipv6", "1",
				   err);
	if (r == -ENOENT)
		r = 0;
	return r ? r
		 : macvtap_number(j->device, j->guest.index, ret_number, err);
}

static int undo_node(void *arg, struct cni_err *err)
{
	const struct job *j = arg;

	return node_remove(j->node, err);
}

static int make_node(struct job *j, struct cni_err *err)
{
	struct node n = {
		.name = j->node,
		.index = j->guest.index,
		.owner = (uid_t)j->conf.tap_owner,
		.group = (gid_t)j->conf.tap_group,
		.mode = j->conf.tap_mode,
	};
	int r = look_inside(j, &n.number, err);

	if (r < 0)
		return r;
	undo_push(&j->undo, undo_node, j);
	return node_make(&n, err);
}

int tap_finish(struct job *j, struct cni_err *err)
{
	int r = macvtap_quiet(j->guest.nl, j->guest.index, j->alias, err);

	if (!r)
		r = tap_limits_set(j, err);
	if (!r)
		r = make_node(j, err);
	if (!r)
		r = macvtap_raise(j->guest.nl, j->guest.index, err);
	return r < 0 ? err_ctx(err, r, "macvtap %s in %s", j->device,
			       j->call->args.netns)
		     : 0;
}

static int check_node(struct job *j, dev_t number, struct cni_err *err)
{
	const struct macvlan_vm_conf *c = &j->conf;
	struct node n;
	int r = node_get(j->node, &n, err);

	if (r == -ENOENT || r == -ENODEV)
		return damaged(err, "node %s: is missing", j->node_path);
	if (r < 0)
		return r;
	if (n.number != number)
		return damaged(
			err,
			"node %s: is device %u:%u, and the macvtap's is %u:%u",
			j->node_path, major(n.number), minor(n.number),
			major(number), minor(number));
	if (n.owner != c->tap_owner || n.group != c->tap_group ||
	    n.mode != c->tap_mode)
		return damaged(
			err,
			"node %s: is %u:%u's with mode %04o, not %lld:%lld's with %04o",
			j->node_path, n.owner, n.group, n.mode,
			(long long)c->tap_owner, (long long)c->tap_group,
			c->tap_mode);
	return 0;
}

int tap_check(struct job *j, const struct link_info *link, struct cni_err *err)
{
	dev_t number = 0;
	int r;

	if (link->tx_queues != j->conf.tap_queues)
		return damaged(err, "interface %s: has %u queues, not %lld",
			       link->name, link->tx_queues,
			       (long long)j->conf.tap_queues);
	if (!link->tx_queue_len)
		return damaged(
			err,
			"interface %s: its queues have length 0, and a VMM that opens it gets no frame",
			link->name);
	if (!(link->flags & IFF_ALLMULTI))
		return damaged(
			err,
			"interface %s: does not take all multicast, and nobody finds the VM by IPv6",
			link->name);
	r = look_inside(j, &number, err);
	if (!r)
		r = check_node(j, number, err);
	return r ? r : tap_limits_check(j, link, err);
}

int tap_delete(struct netlink *host, const struct cni_attachment *a,
	       enum link_wait wait, struct cni_err *err)
{
	char name[CNI_LINK_NAME_SIZE];
	struct cni_err e = CNI_ERR_INIT;
	struct link_info link;
	int r, acc;

	cni_attachment_link_name(a, NODE_PREFIX, name);
	acc = node_remove(name, err);
	r = link_get(host, name, &link, &e);
	if (!r && tap_is_ours(&link, a))
		r = link_remove(host, link.index, wait, &e);
	acc = r == -ENODEV ? acc : err_keep_first(err, &e, r, acc);
	r = tap_limits_delete(host, a, wait, &e);
	return err_keep_first(err, &e, r, acc);
}
