/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge-vm/ops.h"

#include <errno.h>
#include <string.h>

#include "bridge-vm/bridge_vm.h"
#include "bridge-vm/kata.h"
#include "bridge-vm/l3.h"
#include "bridge-vm/port.h"
#include "cni/delegate.h"
#include "net/dad.h"
#include "net/linger.h"
#include "net/link.h"
#include "net/upstream.h"

static int take_lease(struct job *j, struct cni_err *err)
{
	const int r = lease_take(&j->lease, &j->undo, err);

	return r ? r : l3_complete(j, err);
}

static int configure_guest(const struct job *j, struct cni_err *err)
{
	const struct guest g = job_guest(j);

	return guest_configure(&g, &j->ipam, j->alias, !j->conf.disable_guest,
			       err);
}

static int announce(const struct job *j, struct cni_err *err)
{
	const struct guest g = job_guest(j);

	return guest_announce(&g, &j->guest_mac, err);
}

/* Who has the address can only object when frames pass: first the port, then
 * the addresses. */
static int configure_with_dad(struct job *j, struct cni_err *err)
{
	int r = link_set_up(j->guest, j->guest_link, true, err);

	if (!r)
		r = port_raise(j, err);
	if (!r)
		r = dad_wait_for_port(j->host, j->port, DAD_TIMEOUT_MS, err);
	if (!r)
		r = configure_guest(j, err);
	if (r < 0)
		return r;
	r = dad_wait(j->guest, j->guest_link, DAD_TIMEOUT_MS, err);
	return r < 0 ? err_ctx(err, r, "%s in %s", j->attachment.ifname,
			       j->call->args.netns)
		     : 0;
}

/* A VM does all of that itself. */
static int raise_guest(struct job *j, struct cni_err *err)
{
	int r = 0;

	if (!job_is_vm(j) && job_is_l3(j) && j->conf.dad)
		return configure_with_dad(j, err);
	if (!job_is_vm(j))
		r = configure_guest(j, err);
	if (!r)
		r = port_raise(j, err);
	return r || job_is_vm(j) || !job_is_l3(j) || j->conf.disable_guest
		       ? r
		       : announce(j, err);
}

/* In this order nothing is ever reachable before it is complete: the port is
 * made down and goes up last, and an address is leased before anyone has it. */
static int add_steps(struct job *j, struct cni_result *ret, struct cni_err *err)
{
	int r;

	r = cni_result_prev(j->call->conf.prev_result, j->call->conf.version,
			    ret, err);
	if (r >= 0)
		r = port_check_absent(j, err);
	if (!r)
		r = bridge_ensure(j, err);
	if (!r)
		r = take_lease(j, err);
	if (!r)
		r = port_create(j, err);
	if (!r && j->conf.is_gateway)
		r = l3_gateway(j, err);
	if (!r && j->conf.ip_masq)
		r = l3_masq(j->call, job_gateway_name(j), &j->ipam, masq_ensure,
			    err);
	if (!r)
		r = raise_guest(j, err);
	if (!r)
		r = job_report(j, ret, err);
	if (!r)
		r = kata_tell(j, ret, err);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *ret,
	       struct cni_err *err)
{
	cleanup_job struct job j;
	int r;

	r = job_open(call, &j, err);
	if (!r)
		r = add_steps(&j, ret, err);
	if (!r)
		undo_disarm(&j.undo);
	return r;
}

/* Only where no port of ours was found: nothing else needs to be asked for. */
static int delete_upstreams(const struct cni_call *call, enum link_wait wait,
			    struct cni_err *err)
{
	const struct upstream u = { call->conf.name, call->args.container_id,
				    call->args.ifname };
	int r = guest_delete(call, BRIDGE_VM_ROLE, wait, err);

	if (!r)
		r = upstream_remove(&u, UPSTREAM_MASQ | UPSTREAM_SPOOF, err);
	if (!r)
		upstream_warn_legacy(&u, UPSTREAM_MASQ);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	const struct cni_attachment a = cni_attachment_of(call);
	const enum link_wait wait = guest_wait_asked(call);
	cleanup_netlink struct netlink *host = NULL;
	struct cni_err e = CNI_ERR_INIT;
	unsigned int ports = 0;
	int r, acc;

	linger_begin();
	r = netlink_open(&host, err);
	if (!r)
		r = port_delete_all(host, &a, wait, &ports, err);
	linger_end(LINK_WAIT_KERNEL);
	if (!r && !ports)
		r = delete_upstreams(call, wait, err);
	acc = err_keep_first(err, &e, kata_forget(call, &e), r);
	/* An address whose guest lives on is not for the next one. */
	if (!r && *call->conf.ipam_type)
		r = cni_delegate(call, CNI_DEL, call->conf.ipam_type, &e);
	return err_keep_first(err, &e, r, acc);
}

/* Return: 0 where ADD would find a bridge that takes one port more. */
static int check_room(const struct bridge_vm_conf *conf, struct cni_err *err)
{
	const char *name = conf->bridge;
	cleanup_netlink struct netlink *host = NULL;
	cleanup_free struct link_info *ports = NULL;
	struct link_info bridge, uplink;
	size_t n = 0;
	int r;

	r = netlink_open(&host, err);
	if (!r)
		r = uplink_find(host, conf, &uplink, err);
	if (r < 0)
		return r;
	r = link_get(host, name, &bridge, err);
	if (r == -ENODEV)
		return 0; /* the first ADD makes it */
	if (!r && strcmp(bridge.kind, "bridge") != 0)
		r = err_say(err, CNI_E_UNAVAILABLE, EEXIST,
			    "\"%s\" already exists but is not a bridge", name);
	if (!r && bridge_vm_wants_vlans(conf) && bridge.vlan_filtering < 0)
		r = err_say(err, CNI_E_UNAVAILABLE, EOPNOTSUPP,
			    "bridge %s: this kernel has no VLAN filtering",
			    name);
	if (!r)
		r = link_list(host, bridge.index, &ports, &n, err);
	if (!r && n >= LINK_BRIDGE_PORTS)
		r = err_say(
			err, CNI_E_UNAVAILABLE, EXFULL,
			"bridge %s is full: it has %zu ports, and the kernel allows %d",
			name, n, LINK_BRIDGE_PORTS);
	return r;
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_vm_conf conf;
	int r;

	r = bridge_vm_conf_parse(call, &conf, err);
	if (!r && *call->conf.ipam_type)
		r = cni_delegate(call, CNI_STATUS, call->conf.ipam_type, err);
	if (!r)
		r = guarded_status(&conf.guard, err);
	if (!r)
		r = check_room(&conf, err);
	return r;
}

const struct cni_plugin bridge_vm = {
	.name = "bridge-vm",
	.add = add,
	.del = del,
	.check = bridge_vm_check,
	.gc = bridge_vm_gc,
	.status = status,
};
