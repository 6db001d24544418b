/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/job.h"

#include <errno.h>
#include <string.h>

#include "guest/report.h"
#include "net/netns.h"

int macvlan_job_open(const struct cni_call *call, struct job *ret,
		     struct cni_err *err)
{
	struct mac unused;
	int r;

	*ret = (struct job){
		.call = call,
		.attachment = cni_attachment_of(call),
		.guest = { .call = call, .netns = -1, .on_lan = true },
		.lease = { .call = call, .ipam = &ret->ipam },
		.undo = UNDO_INIT(err),
	};
	r = macvlan_vm_conf_parse(call, &ret->conf, err);
	if (!r)
		r = report_check_version(call, err);
	if (!r)
		r = cni_plugin_not_own_netns(&call->args, err);
	if (r < 0)
		return r;

	cni_attachment_alias(&ret->attachment, MACVLAN_VM_ROLE, ret->alias);
	cni_attachment_macs(&ret->attachment, &ret->mac, &unused);
	if (*ret->conf.key.name)
		ret->mac = cni_key_mac(&ret->conf.key, &ret->attachment);
	if (ret->conf.has_mac)
		ret->mac = ret->conf.mac;

	r = netlink_open(&ret->host, err);
	if (!r)
		r = netns_open(call->args.netns, &ret->guest.netns, err);
	if (!r)
		r = netlink_open_in(ret->guest.netns, &ret->guest.nl, err);
	ret->parents = ret->conf.link_in_container ? ret->guest.nl : ret->host;
	return r;
}

void macvlan_job_close(struct job *j)
{
	undo_run(&j->undo);
	closep(&j->guest.netns);
	netlink_close(j->guest.nl);
	netlink_close(j->host);
	cni_result_free(&j->ipam);
}
