/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - policy-ebpf's configuration. */
#ifndef WEFT_POLICY_EBPF_CONF_H
#define WEFT_POLICY_EBPF_CONF_H

#include "guest/guard.h"

/**
 * policy_ebpf_conf_parse() - Decode and check
 * @call:	The configuration
 * @ret:	Its policy and labels; of a guard it wants nothing else
 * @err:	CNI_E_DECODE or CNI_E_CONFIG, naming the key and the value
 *
 * Return: 0 or a negative errno
 */
int policy_ebpf_conf_parse(const struct cni_call *call, struct guard_conf *ret,
			   struct cni_err *err);

#endif
