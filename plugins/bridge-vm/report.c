/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/report.h"

#include <errno.h>

#include "bridge-vm/job.h"

/* Segment, port, guest, a gateway's VLAN, where the guest's frames wait:
 * after what an earlier plugin of the chain reported. */
int job_report(const struct job *j, struct cni_result *ret, struct cni_err *err)
{
	const struct cni_interface made[] = {
		{ .name = j->conf.bridge, .mac = j->bridge_mac_text },
		{ .name = j->port_name, .mac = j->port_mac_text },
	};
	const struct cni_interface ifb = { .name = j->ifb_name,
					   .mac = j->ifb_mac_text };
	const struct cni_interface gateway = { .name = j->gateway_name,
					       .mac = j->gateway_mac_text };
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(made) / sizeof(made[0]); i++)
		r = cni_result_add_interface(ret, &made[i]);
	if (r < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "result");
	r = report_guest(j->call, j->guest_mac_text, &j->ipam, ret, err);
	if (r < 0)
		return r;
	if (job_has_gateway_vlan(j))
		r = cni_result_add_interface(ret, &gateway);
	if (!r && j->conf.bandwidth.from_guest.rate)
		r = cni_result_add_interface(ret, &ifb);
	return r < 0 ? err_set(err, CNI_E_INTERNAL, ENOMEM, "result") : 0;
}
