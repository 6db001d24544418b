/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "bpf/prog.h"
#include "guest/check.h"
#include "net/addr.h"
#include "net/netns.h"
#include "net/sysctl.h"
#include "net/tap.h"
#include "tap-vm/job.h"
#include "tap-vm/tap_vm.h"

/* A step before this one may have made the VM's device itself, on the host:
 * then there is nothing to splice. */
static int explain_absent(const struct job *j, const struct cni_result *prev,
			  struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err e = CNI_ERR_INIT;
	struct link_info link;
	int r = netlink_open(&host, &e);

	for (size_t i = 0; !r && i < prev->n_interfaces; i++) {
		const struct cni_interface *port = &prev->interfaces[i];

		if ((port->sandbox && *port->sandbox) ||
		    link_get(host, port->name, &link, &e) < 0 ||
		    strcmp(link.kind, "tun") != 0)
			continue;
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"network \"%s\": the step before has made tap %s for %s already",
			j->attachment.network, link.name, j->attachment.ifname);
	}
	return err_say(err, CNI_E_CONFIG, ENODEV,
		       "interface %s of prevResult: not found in %s",
		       j->attachment.ifname, j->call->args.netns);
}

static int find_iface(struct job *j, const struct cni_result *prev,
		      struct cni_err *err)
{
	const char *ifname = j->attachment.ifname;
	struct cni_err e = CNI_ERR_INIT;
	int r = link_get(j->guest.nl, ifname, &j->iface, &e);

	if (r == -ENODEV)
		return explain_absent(j, prev, err);
	if (r < 0) {
		*err = e;
		return r;
	}
	if (!strcmp(j->iface.kind, "tun") || !strcmp(j->iface.kind, "macvtap"))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"interface %s in %s: the step before has made it a %s, which a VMM opens itself",
			ifname, j->call->args.netns,
			*j->iface.kind == 't' ? "tap" : "macvtap");
	j->guest.index = j->iface.index;
	return 0;
}

static int check_absent(const struct job *j, struct cni_err *err)
{
	struct link_info link;
	int r = tap_vm_find(j->guest.nl, &j->attachment, &link, err);

	if (!r) {
		r = link_get(j->guest.nl, j->conf.name, &link, err);
		r = r == -ENODEV ? 0 : r ? r : 1;
	}
	if (r <= 0)
		return r;
	return err_say(err, CNI_E_TAKEN, EEXIST,
		       "tap %s: a %s of that name already exists in %s",
		       link.name, *link.kind ? link.kind : "device",
		       j->call->args.netns);
}

/* Persistent or not yet: what our own altname leads to. */
static int undo_tap(void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *fresh = NULL;
	struct job *j = arg;
	/* Not what the step before may have written for its own port. */
	const int acc = guarded_forget_port(&j->attachment, j->tap, err);
	struct cni_err e = CNI_ERR_INIT;
	struct link_info link = { 0 };
	int r = 0;

	closep(&j->tap_fd);
	j->tap_fd = -1;
	if (netlink_is_broken(j->guest.nl))
		r = netlink_reopen(j->guest.nl, &fresh, &e);
	if (!r)
		r = tap_vm_find(fresh ? fresh : j->guest.nl, &j->attachment,
				&link, &e);
	if (r > 0)
		r = link_delete(fresh ? fresh : j->guest.nl, link.index, &e);
	return r == -ENODEV ? acc : err_keep_first(err, &e, r, acc);
}

static uint32_t id_or_anyone(int64_t id)
{
	return id < 0 ? TAP_ANYONE : (uint32_t)id;
}

/* The namespace in which it is opened is its own. */
static int open_tap(struct job *j, uint32_t index, struct cni_err *err)
{
	const struct tap_opts opts = {
		.name = j->conf.name,
		.multi_queue = j->conf.tap.queues > 1,
		.owner = id_or_anyone(j->conf.tap.owner),
		.group = id_or_anyone(j->conf.tap.group),
		.index = index,
	};
	cleanup_netns_leave int home = -1;
	const int r = netns_enter(j->guest.netns, &home, err);

	return r ? r : tap_open(&opts, &j->tap_fd, &j->tap, err);
}

static int make_tap(struct job *j, struct cni_err *err)
{
	const struct tap_conf conf = { .mac = j->mac,
				       .mtu = j->iface.mtu,
				       .alias = j->alias };
	/* The interface itself may have the first one. */
	uint32_t index =
		link_next_index(cni_attachment_ifindex(&j->attachment));
	int r = guarded_begin(&j->attachment, &j->conf.guard, &j->loaded,
			      &index, err);

	if (!r)
		r = open_tap(j, index, err);
	if (r < 0)
		return r;
	undo_push(&j->undo, undo_tap, j);
	r = tap_configure(j->guest.nl, j->conf.name, &conf, err);
	return r ? r : link_add_altname(j->guest.nl, j->tap, j->altname, err);
}

static int splice(const struct job *j, uint32_t from, uint32_t to,
		  struct cni_err *err)
{
	const struct bpf_filter f = tap_vm_splice(from);
	cleanup_close int prog = -1;
	const int r = bpf_splice_load(to, &prog, err);

	return r ? r : bpf_filter_attach(j->guest.nl, &f, prog, err);
}

static int undo_splice(void *arg, struct cni_err *err)
{
	cleanup_netlink struct netlink *fresh = NULL;
	struct job *j = arg;
	const struct bpf_filter f = tap_vm_splice(j->iface.index);
	int r = 0;

	if (netlink_is_broken(j->guest.nl))
		r = netlink_reopen(j->guest.nl, &fresh, err);
	return r ? r : bpf_filter_detach(fresh ? fresh : j->guest.nl, &f, err);
}

/* The interface comes last: from then on the frames are the VM's, and whatever
 * is left if we are killed here is found by the tap. It is the VM that joins
 * multicast groups, of which a macvlan, or a NIC, knows nothing: else nobody would
 * find the VM by IPv6. */
static int join(struct job *j, const struct cni_result *ips,
		struct cni_err *err)
{
	struct guarded g;
	int r = tap_vm_find_gateway(j, ips, err);

	g = tap_vm_guarded(j, ips,
			   check_find_entry(ips, j->attachment.ifname,
					    j->call->args.netns));
	if (!r)
		r = guarded_put(&g, err);
	if (!r)
		r = splice(j, j->tap, j->iface.index, err);
	if (!r)
		r = link_set_up(j->guest.nl, j->tap, true, err);
	if (!r)
		r = tap_persist(j->tap_fd, err);
	if (r < 0)
		return err_ctx(err, r, "tap %s", j->conf.name);
	undo_push(&j->undo, undo_splice, j);
	r = link_set_allmulti(j->guest.nl, j->iface.index, err);
	if (!r)
		r = splice(j, j->iface.index, j->tap, err);
	return r < 0 ? err_ctx(err, r, "interface %s", j->iface.name) : 0;
}

static int forbid_ipv6(const struct job *j, struct cni_err *err)
{
	cleanup_netns_leave int home = -1;
	int r = netns_enter(j->guest.netns, &home, err);

	if (!r)
		r = sysctl_set_net("ipv6/conf", j->iface.name, "disable_ipv6",
				   "1", err);
	return r == -ENOENT ? 0 : r; /* a kernel without IPv6 */
}

/* They are the VM's: the pod's own processes must neither answer for them nor
 * send from them. Of tc-redirect-tap's users some look for them there. */
static int take_addresses(const struct job *j, struct cni_err *err)
{
	cleanup_free struct ip_net *addrs = NULL;
	size_t n = 0;
	int r;

	if (j->conf.shape == TAP_VM_TC_REDIRECT)
		return 0;
	r = forbid_ipv6(j, err);
	if (!r)
		r = addr_list(j->guest.nl, j->iface.index, &addrs, &n, err);
	for (size_t i = 0; !r && i < n; i++) {
		r = addr_del(j->guest.nl, j->iface.index, &addrs[i], err);
		r = r == -EADDRNOTAVAIL ? 0 : r;
	}
	return r < 0 ? err_ctx(err, r, "%s in %s", j->iface.name,
			       j->call->args.netns)
		     : 0;
}

static int add_steps(struct job *j, struct cni_result *ret, struct cni_err *err)
{
	int r = find_iface(j, ret, err);

	if (!r)
		r = check_absent(j, err);
	if (!r)
		r = make_tap(j, err);
	if (!r)
		r = join(j, ret, err);
	if (!r)
		r = take_addresses(j, err);
	if (!r)
		r = tap_vm_report(j, ret, err);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *ret,
	       struct cni_err *err)
{
	cleanup_job struct job j = { .tap_fd = -1, .guest = { .netns = -1 } };
	int r = cni_result_prev(call->conf.prev_result, call->conf.version, ret,
				err);

	if (!r)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"network \"%s\": must be called as chained plugin",
			call->conf.name);
	if (r > 0)
		r = tap_vm_job_open(call, &j, err);
	if (!r)
		r = add_steps(&j, ret, err);
	if (!r)
		undo_disarm(&j.undo);
	return r;
}

static int detach(struct netlink *nl, const char *ifname, struct cni_err *err)
{
	struct link_info link;
	struct bpf_filter f;
	int r = link_get(nl, ifname, &link, err);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	f = tap_vm_splice(link.index);
	return bpf_filter_detach(nl, &f, err);
}

/* In our own namespace CNI_IFNAME is the host's, unless a tap of ours says that
 * it was spliced: CNI_NETNS_OVERRIDE. */
static int del(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	const bool own =
		*call->args.netns && cni_netns_is_own(call->args.netns);
	cleanup_netlink struct netlink *nl = NULL;
	struct cni_err e = CNI_ERR_INIT;
	struct link_info tap;
	int r, found, acc = 0;

	r = own ? netlink_open(&nl, err) : guest_reach(call, &nl, err);
	if (r < 0 || !nl)
		return r;
	found = tap_vm_find(nl, &a, &tap, err);
	if (found < 0)
		return found;
	if (found || !own)
		acc = detach(nl, a.ifname, err);
	r = guarded_forget(&a, found ? tap.index : 0, &e);
	acc = err_keep_first(err, &e, r, acc);
	if (found) {
		r = link_remove(nl, tap.index, guest_wait_asked(call), &e);
		acc = err_keep_first(err, &e, r == -ENODEV ? 0 : r, acc);
	}
	return acc;
}

/* Return: 0 where ADD would find what it needs. */
static int status(const struct cni_call *call, struct cni_err *err)
{
	cleanup_close int prog = -1;
	struct tap_vm_conf conf;
	int r = tap_vm_conf_parse(call, &conf, err);

	if (!r)
		r = tap_available(err);
	if (!r)
		r = guarded_status(&conf.guard, err);
	return r ? r : bpf_splice_load(1, &prog, err);
}

const struct cni_plugin tap_vm = {
	.name = "tap-vm",
	.add = add,
	.del = del,
	.check = tap_vm_check,
	.status = status,
};
