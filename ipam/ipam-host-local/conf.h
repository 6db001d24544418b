/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - the "ipam" object, and what a runtime adds to it; pure. */
#ifndef WEFT_IPAM_HOST_LOCAL_CONF_H
#define WEFT_IPAM_HOST_LOCAL_CONF_H

#include "cni/plugin.h"
#include "ipam-host-local/ip_list.h"
#include "ipam-host-local/range.h"

#define IPAM_DATA_DIR "/var/lib/cni/networks"

/* Every range is compared with every other. */
#define IPAM_MAX_RANGES 1024 /* and sets */

/**
 * struct ipam_conf - host-local's configuration, complete and checked
 * @data_dir:	Holds a directory per network
 * @resolv_conf: Where dns comes from, "" for nowhere
 * @sets:	runtimeConfig.ipRanges, then the single range of old, then
 *		"ranges"
 * @n_sets:	At least one
 * @ranges:	Of all sets
 * @requested:	From CNI_ARGS, args.cni.ips, runtimeConfig.ips, in that order,
 *		each once
 * @routes:	As configured
 * @n_routes:	Their number
 */
struct ipam_conf {
	const char *data_dir;
	const char *resolv_conf;
	struct range_set *sets;
	size_t n_sets;
	struct range *ranges;
	struct ip_list requested;
	struct cni_route *routes;
	size_t n_routes;
};

/**
 * ipam_conf_parse() - Decode and check everything
 * @call:	Its configuration and CNI_ARGS; what is returned points into it
 * @ret:	Free with ipam_conf_free(), also after a failure
 * @err:	CNI_E_DECODE, CNI_E_CONFIG or CNI_E_ENV in host-local's words
 *
 * Source: containernetworking-plugins 1.9.1, host-local.
 *
 * Return: 0, -ENODATA if there are no ranges at all, or another negative errno
 */
int ipam_conf_parse(const struct cni_call *call, struct ipam_conf *ret,
		    struct cni_err *err);

void ipam_conf_free(struct ipam_conf *c);

#define cleanup_ipam_conf CLEANUP(ipam_conf_free)

/**
 * ipam_conf_data_dir() - The one key that DEL and GC need
 * @err:	CNI_E_CONFIG without "ipam", CNI_E_DECODE for a wrong type
 *
 * What is wrong with the ranges must not keep addresses from being released.
 *
 * Return: 0 or -EINVAL
 */
int ipam_conf_data_dir(const struct cni_netconf *c, const char **ret,
		       struct cni_err *err);

#endif
