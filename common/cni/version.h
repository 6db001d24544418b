/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - the CNI versions that every plugin here speaks. */
#ifndef WEFT_CNI_VERSION_H
#define WEFT_CNI_VERSION_H

#include "base/err.h"

enum cni_version {
	CNI_V0_1_0,
	CNI_V0_2_0,
	CNI_V0_3_0, /* chaining, interfaces, several addresses */
	CNI_V0_3_1,
	CNI_V0_4_0, /* CHECK, prevResult on DEL */
	CNI_V1_0_0, /* no ips[].version */
	CNI_V1_1_0, /* GC, STATUS */
	CNI_V_MAX,
};

/** cni_version_str() - "1.1.0" */
const char *cni_version_str(enum cni_version v);

/**
 * cni_version_parse() - Find a version in the list
 * @s:		Exact string; NULL or empty means 0.1.0 (CNI spec)
 * @ret:	Unchanged on failure
 * @err:	CNI_E_VERSION in libcni's words
 *
 * Return: 0 or -EPROTONOSUPPORT
 */
int cni_version_parse(const char *s, enum cni_version *ret,
		      struct cni_err *err);

#endif
