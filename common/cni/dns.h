/* SPDX-License-Identifier: Apache-2.0 */
/* dns.h - the "dns" object of configurations and results. */
#ifndef WEFT_CNI_DNS_H
#define WEFT_CNI_DNS_H

#include "base/json.h"

/**
 * cni_dns_decode() - Take from an object what CNI knows of DNS
 * @obj:	{"nameservers", "domain", "search", "options"}; NULL: says nothing
 * @ret:	A copy with what is said and known, so that a runtime can decode
 *		it; NULL if that is nothing. Free with cJSON_Delete()
 * @err:	CNI_E_DECODE for a wrong type, naming the key
 *
 * Return: 0 or a negative errno
 */
int cni_dns_decode(const cJSON *obj, cJSON **ret, struct cni_err *err);

#endif
