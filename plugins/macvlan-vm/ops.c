/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/ops.h"

#include <errno.h>
#include <string.h>

#include "cni/delegate.h"
#include "guest/report.h"
#include "macvlan-vm/access.h"
#include "macvlan-vm/limits.h"
#include "macvlan-vm/macvlan_vm.h"
#include "macvlan-vm/tap.h"
#include "net/macvlan.h"

static int check_absent(const struct job *j, struct cni_err *err)
{
	struct link_info link;
	const int r = link_get(j->guest.nl, j->device, &link, err);

	if (r < 0)
		return r == -ENODEV ? tap_check_absent(j, err) : r;
	return err_say(err, CNI_E_TAKEN, EEXIST,
		       "interface %s already exists in %s", j->device,
		       j->call->args.netns);
}

static int find_parent(struct job *j, struct cni_err *err)
{
	const int r = parent_find(j->parents, &j->conf, &j->parent, err);

	return r ? r : parent_check_mtu(&j->conf, &j->parent, err);
}

static int undo_guest(void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *fresh = NULL;
	struct job *j = arg;
	const int acc = guarded_forget(&j->attachment, j->guest.index, err);
	struct cni_err e = CNI_ERR_INIT;
	int r = 0;

	if (netlink_is_broken(j->guest.nl))
		r = netlink_reopen(j->guest.nl, &fresh, &e);
	if (!r)
		r = link_delete(fresh ? fresh : j->guest.nl, j->guest.index,
				&e);
	if (r == -ENODEV)
		r = 0;
	j->lease.in_use = r < 0;
	return err_keep_first(err, &e, r, acc);
}

/* In passthru the guest has the parent's address; to give it another one is to
 * change the parent's, which the kernel changes back at the end. */
static int settle_mac(struct job *j, struct cni_err *err)
{
	int r = 0;

	if (!strcmp(j->conf.mode, "passthru")) {
		if (j->conf.has_mac)
			r = link_set_mac(j->guest.nl, j->guest.index, &j->mac,
					 err);
		else
			j->mac = j->parent.mac;
	}
	(void)mac_format(&j->mac, j->mac_text);
	return r;
}

static int create(struct job *j, struct cni_err *err)
{
	struct macvlan_opts opts = {
		.name = j->device,
		.parent = j->parent.index,
		.netns = j->conf.link_in_container ? -1 : j->guest.netns,
		.mode = macvlan_mode(j->conf.mode),
		.mtu = (uint32_t)j->conf.mtu,
		.index = cni_attachment_ifindex(&j->attachment),
		.bc_queue_len = (uint32_t)j->conf.bc_queue_len,
	};
	int r = guarded_begin(&j->attachment, &j->conf.guard, &j->loaded,
			      &opts.index, err);

	if (r < 0)
		return r;
	if (job_is_vm(j))
		opts.tap_queues = (uint32_t)j->conf.tap_queues;
	if (!strcmp(j->device, j->node)) {
		opts.netns = -1;
		opts.alias = j->alias;
	}
	if (strcmp(j->conf.mode, "passthru") != 0)
		opts.mac = j->mac;
	r = macvlan_create(j->parents, &opts, &j->guest.index, err);
	if (!r) {
		undo_push(&j->undo, undo_guest, j);
		r = settle_mac(j, err);
	}
	return r ? err_ctx(err, r, "on parent %s", j->parent.name) : 0;
}

static int finish(struct job *j, struct cni_err *err)
{
	const struct guarded g = job_guarded(j, &j->ipam);
	const int r = guarded_put(&g, err);

	if (r < 0)
		return r;
	return job_is_vm(j) ? tap_finish(j, err)
			    : guest_configure(&j->guest, &j->ipam, j->alias,
					      true, err);
}

static int report(const struct job *j, struct cni_result *ret,
		  struct cni_err *err)
{
	const struct cni_interface guest = {
		.name = j->attachment.ifname,
		.mac = j->mac_text,
		.sandbox = j->call->args.netns,
		.socket_path = job_is_vm(j) ? j->node_path : NULL,
	};

	return report_interface(j->call, &guest, &j->ipam, ret, err);
}

/* An address is leased before anyone has it, and the interface goes up when
 * everything else is there. */
static int add_steps(struct job *j, struct cni_result *ret, struct cni_err *err)
{
	int r;

	r = cni_result_prev(j->call->conf.prev_result, j->call->conf.version,
			    ret, err);
	if (r >= 0)
		r = check_absent(j, err);
	if (!r)
		r = find_parent(j, err);
	if (!r)
		r = lease_take(&j->lease, &j->undo, err);
	if (!r)
		r = create(j, err);
	if (!r)
		r = access_grant(j, err);
	if (!r)
		r = finish(j, err);
	if (!r)
		r = report(j, ret, err);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *ret,
	       struct cni_err *err)
{
	cleanup_job struct job j;
	int r;

	r = macvlan_job_open(call, &j, err);
	if (!r)
		r = add_steps(&j, ret, err);
	if (!r)
		undo_disarm(&j.undo);
	return r;
}

/* With CNI_NETNS_OVERRIDE it may be there: only what says that it is ours. */
static int delete_in_own_netns(struct netlink *host,
			       const struct cni_attachment *a,
			       enum link_wait wait, struct cni_err *err)
{
	char alias[CNI_LINK_ALIAS_SIZE];
	struct link_info link;
	int r = link_get(host, a->ifname, &link, err);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	cni_attachment_alias(a, MACVLAN_VM_ROLE, alias);
	if (strcmp(link.alias, alias) != 0)
		return 0;
	r = link_remove(host, link.index, wait, err);
	return r == -ENODEV ? 0 : r;
}

/* Beside the macvtap in its namespace, where that lives on. */
static int delete_limits(const struct cni_call *call,
			 const struct cni_attachment *a, enum link_wait wait,
			 struct cni_err *err)
{
	cleanup_netlink struct netlink *guest = NULL;
	const int r = guest_reach(call, &guest, err);

	return r || !guest ? r : tap_limits_delete(guest, a, wait, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	const enum link_wait wait = guest_wait_asked(call);
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r, acc;

	r = netlink_open(&host, err);
	if (r < 0)
		return r;
	acc = guarded_forget(&a, 0, err);
	r = guest_delete(call, MACVLAN_VM_ROLE, wait, &e);
	acc = err_keep_first(err, &e, r, acc);
	if (!acc && *call->args.netns && cni_netns_is_own(call->args.netns))
		acc = delete_in_own_netns(host, &a, wait, err);
	r = delete_limits(call, &a, wait, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = tap_delete(host, &a, wait, &e);
	acc = err_keep_first(err, &e, r, acc);
	r = access_revoke(host, &a, wait, &e);
	acc = err_keep_first(err, &e, r, acc);
	/* An address whose guest lives on is not for the next one. */
	if (!acc && *call->conf.ipam_type)
		acc = cni_delegate(call, CNI_DEL, call->conf.ipam_type, err);
	return acc;
}

/* Return: 0 where ADD would find a parent that takes a macvlan. */
static int check_room(const struct macvlan_vm_conf *conf, struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL;
	struct link_info parent;
	int r;

	if (conf->link_in_container)
		return 0;
	r = netlink_open(&host, err);
	if (!r)
		r = parent_find(host, conf, &parent, err);
	if (!r)
		r = parent_check_mtu(conf, &parent, err);
	if (!r && parent.master)
		r = err_say(
			err, CNI_E_UNAVAILABLE, EBUSY,
			"parent %s is a port of another device, which takes its frames",
			parent.name);
	return r;
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct macvlan_vm_conf conf;
	int r;

	r = macvlan_vm_conf_parse(call, &conf, err);
	if (!r && *call->conf.ipam_type)
		r = cni_delegate(call, CNI_STATUS, call->conf.ipam_type, err);
	if (!r)
		r = guarded_status(&conf.guard, err);
	if (!r)
		r = check_room(&conf, err);
	return r;
}

const struct cni_plugin macvlan_vm = {
	.name = "macvlan-vm",
	.add = add,
	.del = del,
	.check = macvlan_vm_check,
	.gc = macvlan_vm_gc,
	.status = status,
};
