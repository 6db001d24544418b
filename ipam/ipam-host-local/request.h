/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - the addresses that somebody asked for; pure. */
#ifndef WEFT_IPAM_HOST_LOCAL_REQUEST_H
#define WEFT_IPAM_HOST_LOCAL_REQUEST_H

#include "cni/plugin.h"
#include "ipam-host-local/ip_list.h"

/**
 * request_parse() - Collect the requested addresses
 * @call:	CNI_ARGS IP= comes first, then args.cni.ips
 * @runtime_ips: runtimeConfig.ips, last; NULL without
 * @ret:	Each once, in that order; free it also after a failure
 * @err:	CNI_E_ENV, CNI_E_DECODE or CNI_E_CONFIG
 *
 * "10.1.0.5" or "10.1.0.5/16": the length is not looked at, as host-local has
 * it, for the range knows it.
 *
 * Return: 0 or a negative errno
 */
int request_parse(const struct cni_call *call, const cJSON *runtime_ips,
		  struct ip_list *ret, struct cni_err *err);

#endif
