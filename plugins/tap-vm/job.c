/* SPDX-License-Identifier: Apache-2.0 */
#include "tap-vm/job.h"

#include <errno.h>
#include <string.h>

#include "net/netns.h"

int tap_vm_job_open(const struct cni_call *call, struct job *ret,
		    struct cni_err *err)
{
	struct mac unused;
	int r;

	*ret = (struct job){
		.call = call,
		.attachment = cni_attachment_of(call),
		.guest = { .call = call, .netns = -1 },
		.loaded = GUARD_NONE,
		.tap_fd = -1,
		.undo = UNDO_INIT(err),
	};
	r = tap_vm_conf_parse(call, &ret->conf, err);
	if (r < 0)
		return r;
	cni_attachment_alias(&ret->attachment, TAP_VM_ROLE, ret->alias);
	cni_attachment_altname(&ret->attachment, ret->altname);
	cni_attachment_macs(&ret->attachment, &unused, &ret->mac);

	r = netns_open(call->args.netns, &ret->guest.netns, err);
	if (!r)
		r = netlink_open_in(ret->guest.netns, &ret->guest.nl, err);
	return r;
}

void tap_vm_job_close(struct job *j)
{
	undo_run(&j->undo);
	closep(&j->tap_fd);
	guard_close(&j->loaded);
	closep(&j->guest.netns);
	netlink_close(j->guest.nl);
}

int tap_vm_find(struct netlink *nl, const struct cni_attachment *a,
		struct link_info *ret, struct cni_err *err)
{
	char altname[CNI_LINK_ALTNAME_SIZE], alias[CNI_LINK_ALIAS_SIZE];
	int r;

	cni_attachment_altname(a, altname);
	cni_attachment_alias(a, TAP_VM_ROLE, alias);
	r = link_get_altname(nl, altname, ret, err);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	return !strcmp(ret->alias, alias);
}
