/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge-vm/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bridge-vm/limits.h"
#include "bridge-vm/port.h"
#include "guest/report.h"
#include "net/netns.h"

static void derive_names(struct job *j)
{
	const bool is_named_tap = job_is_vm(j) && *j->conf.tap.name;

	cni_attachment_link_name(&j->attachment, job_is_vm(j) ? "tap" : "veth",
				 j->port_name);
	if (is_named_tap)
		(void)snprintf(j->port_name, sizeof(j->port_name), "%s",
			       j->conf.tap.name);
	cni_attachment_alias(&j->attachment, BRIDGE_VM_ROLE, j->alias);
	cni_attachment_macs(&j->attachment, &j->guest_mac, &j->port_mac);
	if (*j->conf.key.name)
		j->guest_mac = cni_key_mac(&j->conf.key, &j->attachment);
	if (j->conf.has_mac)
		j->guest_mac = j->conf.mac;
	port_guard_name(&j->attachment, j->guard);
	limits_names(j);
	(void)snprintf(j->gateway_name, sizeof(j->gateway_name), "%s.%lld",
		       j->conf.bridge, (long long)j->conf.vlan);
	(void)mac_format(&j->guest_mac, j->guest_mac_text);
	(void)mac_format(&j->port_mac, j->port_mac_text);
}

int job_open(const struct cni_call *call, struct job *ret, struct cni_err *err)
{
	int r;

	*ret = (struct job){
		.call = call,
		.attachment = cni_attachment_of(call),
		.netns = -1,
		.tap_fd = -1,
		.loaded = GUARD_NONE,
		.lease = { .call = call, .ipam = &ret->ipam },
		.undo = UNDO_INIT(err),
	};
	r = bridge_vm_conf_parse(call, &ret->conf, err);
	if (!r)
		r = report_check_version(call, err);
	if (!r && !job_is_vm(ret))
		r = cni_plugin_not_own_netns(&call->args, err);
	if (r < 0)
		return r;

	derive_names(ret);
	ret->index = cni_attachment_ifindex(&ret->attachment);
	r = netlink_open(&ret->host, err);
	if (!r && !job_is_vm(ret))
		r = netns_open(call->args.netns, &ret->netns, err);
	if (!r && !job_is_vm(ret))
		r = netlink_open_in(ret->netns, &ret->guest, err);
	return r;
}

void job_close(struct job *j)
{
	undo_run(&j->undo);
	closep(&j->tap_fd);
	closep(&j->netns);
	netlink_close(j->guest);
	netlink_close(j->host);
	guard_close(&j->loaded);
	cni_result_free(&j->ipam);
}
