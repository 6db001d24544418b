/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tap-vm/job.h"

/* Firecracker's SDK takes one address, and an IPv4 one where there is a choice:
 * it passes it on by the kernel's "ip=". */
static const struct cni_ip *choose(const struct cni_result *r, int iface)
{
	const struct cni_ip *first = NULL;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ip *ip = &r->ips[i];

		if (ip->interface >= 0 && ip->interface != iface)
			continue;
		if (ip->address.addr.family == AF_INET)
			return ip;
		if (!first)
			first = ip;
	}
	return first;
}

static int index_of(const struct cni_result *r, const struct cni_call *call)
{
	for (size_t i = 0; i < r->n_interfaces; i++) {
		const struct cni_interface *e = &r->interfaces[i];

		if (!strcmp(e->name, call->args.ifname) && e->sandbox &&
		    !strcmp(e->sandbox, call->args.netns))
			return (int)i;
	}
	return -1;
}

/* tc-redirect-tap's: an interface of the tap's name in a sandbox of the
 * container's name stands for the VM. */
static int report_vm(const struct job *j, struct cni_result *ret)
{
	const struct cni_ip *ip = choose(ret, index_of(ret, j->call));
	char mac[MAC_STR_SIZE];
	const struct cni_interface vm = {
		.name = j->conf.name,
		.mac = mac_format(&j->iface.mac, mac),
		.sandbox = j->attachment.container_id,
	};
	struct cni_ip copy;
	int r = cni_result_add_interface(ret, &vm);

	if (r < 0 || !ip)
		return r;
	copy = *ip;
	copy.interface = (int)ret->n_interfaces - 1;
	return cni_result_add_ip(ret, &copy);
}

int tap_vm_report(const struct job *j, struct cni_result *ret,
		  struct cni_err *err)
{
	const bool is_tc = j->conf.shape == TAP_VM_TC_REDIRECT;
	char mac[MAC_STR_SIZE];
	const struct cni_interface tap = {
		.name = j->conf.name,
		.mac = mac_format(&j->mac, mac),
		.sandbox = j->call->args.netns,
		.mtu = is_tc ? 0 : j->iface.mtu,
	};
	int r = cni_result_add_interface(ret, &tap);

	if (!r && is_tc)
		r = report_vm(j, ret);
	return r ? err_set(err, CNI_E_INTERNAL, ENOMEM, "result") : 0;
}
