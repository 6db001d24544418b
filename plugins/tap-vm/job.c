/* SPDX-License-Identifier: Apache-2.0 */
#include "tap-vm/job.h"

#include <errno.h>
#include <string.h>

#include "net/addr.h"
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

static bool is_gateway(const struct ip_net *have, size_t n,
		       const struct cni_result *prev)
{
	for (size_t i = 0; i < prev->n_ips; i++)
		for (size_t k = 0; k < n; k++)
			if (ip_equal(&have[k].addr, &prev->ips[i].gateway))
				return true;
	return false;
}

int tap_vm_find_gateway(struct job *j, const struct cni_result *prev,
			struct cni_err *err)
{
	cleanup_netlink struct netlink *host = NULL;
	int r = 0;

	if (j->conf.guard.addressing)
		r = netlink_open(&host, err);
	for (size_t i = 0; host && !r && i < prev->n_interfaces; i++) {
		const struct cni_interface *e = &prev->interfaces[i];
		cleanup_free struct ip_net *have = NULL;
		struct link_info link;
		size_t n = 0;

		if (e->sandbox && *e->sandbox)
			continue;
		r = link_get(host, e->name, &link, err);
		if (!r)
			r = addr_list(host, link.index, &have, &n, err);
		r = r == -ENODEV ? 0 : r;
		if (!r && is_gateway(have, n, prev)) {
			j->gateway = link.mac;
			break;
		}
	}
	return r;
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
