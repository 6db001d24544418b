/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/report.h"

#include <errno.h>

#include "guest/guest.h"

int report_check_version(const struct cni_call *call, struct cni_err *err)
{
	if (call->conf.version >= CNI_V0_3_0 || guest_is_l3(call))
		return 0;
	return err_say(
		err, CNI_E_VERSION, EINVAL,
		"network \"%s\": cannot convert: no valid IP addresses: a layer 2 network needs cniVersion 0.3.0, not %s",
		call->conf.name, cni_version_str(call->conf.version));
}

static int report_dns(const cJSON *own, const cJSON *ipam,
		      struct cni_result *ret)
{
	const cJSON *from = own ? own : ipam;

	if (!from)
		return 0;
	cJSON_Delete(ret->dns);
	ret->dns = cJSON_Duplicate(from, true);
	return ret->dns ? 0 : -ENOMEM;
}

int report_interface(const struct cni_call *call,
		     const struct cni_interface *guest,
		     const struct cni_result *ipam, struct cni_result *ret,
		     struct cni_err *err)
{
	int r = cni_result_add_interface(ret, guest);

	for (size_t i = 0; !r && i < ipam->n_ips; i++) {
		struct cni_ip ip = ipam->ips[i];

		ip.interface = (int)ret->n_interfaces - 1;
		r = cni_result_add_ip(ret, &ip);
	}
	for (size_t i = 0; !r && i < ipam->n_routes; i++)
		r = cni_result_add_route(ret, &ipam->routes[i]);
	if (!r)
		r = report_dns(call->conf.dns, ipam->dns, ret);
	return r ? err_set(err, CNI_E_INTERNAL, ENOMEM, "result") : 0;
}

int report_guest(const struct cni_call *call, const char *mac,
		 const struct cni_result *ipam, struct cni_result *ret,
		 struct cni_err *err)
{
	const struct cni_interface guest = { .name = call->args.ifname,
					     .mac = mac,
					     .sandbox = call->args.netns };

	return report_interface(call, &guest, ipam, ret, err);
}
