/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "bridge-vm/job.h"

/* The configuration's dns counts if it says anything at all. */
static int report_dns(const struct job *j, struct cni_result *ret)
{
	const cJSON *own = j->call->conf.dns, *from = own ? own : j->ipam.dns;

	if (!from)
		return 0;
	cJSON_Delete(ret->dns);
	ret->dns = cJSON_Duplicate(from, true);
	return ret->dns ? 0 : -ENOMEM;
}

/* Segment, port, guest, after what an earlier plugin of the chain reported. */
int job_report(const struct job *j, struct cni_result *ret, struct cni_err *err)
{
	const struct cni_interface made[] = {
		{ .name = j->conf.bridge, .mac = j->bridge_mac_text },
		{ .name = j->port_name, .mac = j->port_mac_text },
		{ .name = j->attachment.ifname,
		  .mac = j->guest_mac_text,
		  .sandbox = j->call->args.netns },
	};
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(made) / sizeof(made[0]); i++)
		r = cni_result_add_interface(ret, &made[i]);
	for (size_t i = 0; !r && i < j->ipam.n_ips; i++) {
		struct cni_ip ip = j->ipam.ips[i];

		ip.interface = (int)ret->n_interfaces - 1;
		r = cni_result_add_ip(ret, &ip);
	}
	for (size_t i = 0; !r && i < j->ipam.n_routes; i++)
		r = cni_result_add_route(ret, &j->ipam.routes[i]);
	if (!r)
		r = report_dns(j, ret);
	return r ? err_set(err, CNI_E_INTERNAL, ENOMEM, "result") : 0;
}
