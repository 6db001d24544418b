/* SPDX-License-Identifier: Apache-2.0 */
#include "macvlan-vm/job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "guest/report.h"
#include "net/netns.h"

static void derive_names(struct job *j)
{
	struct mac unused;

	cni_attachment_link_name(&j->attachment, NODE_PREFIX, j->node);
	(void)snprintf(j->node_path, sizeof(j->node_path), NODE_DIR "/%s",
		       j->node);
	cni_attachment_alias(&j->attachment, MACVLAN_VM_ROLE, j->alias);
	cni_attachment_macs(&j->attachment, &j->mac, &unused);
	if (*j->conf.key.name)
		j->mac = cni_key_mac(&j->conf.key, &j->attachment);
	if (j->conf.has_mac)
		j->mac = j->conf.mac;
}

/* A VM's may be in our own namespace, where CNI_IFNAME is the host's. */
static int name_device(struct job *j, struct cni_err *err)
{
	const int r = job_is_vm(j) ? netns_is_own(j->guest.netns, err) : 0;

	if (r < 0)
		return r;
	(void)snprintf(j->device, sizeof(j->device), "%s",
		       r ? j->node : j->attachment.ifname);
	return 0;
}

int macvlan_job_open(const struct cni_call *call, struct job *ret,
		     struct cni_err *err)
{
	int r;

	*ret = (struct job){
		.call = call,
		.attachment = cni_attachment_of(call),
		.guest = { .call = call, .netns = -1, .on_lan = true },
		.loaded = GUARD_NONE,
		.lease = { .call = call, .ipam = &ret->ipam },
		.undo = UNDO_INIT(err),
	};
	r = macvlan_vm_conf_parse(call, &ret->conf, err);
	if (!r)
		r = report_check_version(call, err);
	if (!r && !job_is_vm(ret))
		r = cni_plugin_not_own_netns(&call->args, err);
	if (r < 0)
		return r;

	derive_names(ret);
	r = netlink_open(&ret->host, err);
	if (!r)
		r = netns_open(call->args.netns, &ret->guest.netns, err);
	if (!r)
		r = name_device(ret, err);
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
	guard_close(&j->loaded);
	cni_result_free(&j->ipam);
}
