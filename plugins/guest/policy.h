/* SPDX-License-Identifier: Apache-2.0 */
/* policy.h - "policy" and "labels", and what holds for one attachment. */
#ifndef WEFT_GUEST_POLICY_H
#define WEFT_GUEST_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ip.h"
#include "bpf/guard.h"
#include "cni/attachment.h"

#define POLICY_SPACE_SIZE 64 /* a DNS label: RFC 1123 */
#define POLICY_NAME_SIZE 254 /* a pod's: a DNS subdomain */

/**
 * struct policy_conf - What a network says of who may talk to whom
 * @policy:	One NetworkPolicy or several; NULL: it says nothing
 * @labels:	Every guest's; NULL: none
 * @asked:	"args.cni"'s; NULL: none
 * @trusts:	perAttachment lists "labels"
 */
struct policy_conf {
	const cJSON *policy, *labels, *asked;
	bool trusts;
};

/**
 * policy_conf_parse() - Decode and check "policy", "labels", "args.cni.labels"
 * @call:	The configuration
 * @ret:	Filled on success
 * @err:	CNI_E_DECODE or CNI_E_CONFIG, naming the key and the value
 *
 * Return: 0 or a negative errno
 */
int policy_conf_parse(const struct cni_call *call, struct policy_conf *ret,
		      struct cni_err *err);

/**
 * struct policed - A guest whose port guard_admit() has an entry for
 * @guard:	The guard
 * @call:	The request
 * @conf:	What the network says
 * @attachment:	Whose
 * @ifindex:	Its port
 * @addrs:	Where it is, @n of them
 */
struct policed {
	const struct guard *guard;
	const struct cni_call *call;
	const struct policy_conf *conf;
	const struct cni_attachment *attachment;
	uint32_t ifindex;
	const struct ip_net *addrs;
	size_t n;
};

/**
 * policed_put() - Put in force what holds for it, and for others because of it
 * @p:		Whose port is down
 * @err:	CNI_E_CONFIG, CNI_E_UNAVAILABLE: it does not fit
 *
 * Return: 0 or a negative errno
 */
int policed_put(const struct policed *p, struct cni_err *err);

/**
 * policed_check() - Is it in force?
 *
 * Return: 0, -ESTALE with a sentence in @err, or another negative errno
 */
int policed_check(const struct policed *p, struct cni_err *err);

#endif
