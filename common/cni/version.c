/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/version.h"

#include <errno.h>
#include <string.h>

static const char *const names[CNI_V_MAX] = {
	[CNI_V0_1_0] = "0.1.0", [CNI_V0_2_0] = "0.2.0", [CNI_V0_3_0] = "0.3.0",
	[CNI_V0_3_1] = "0.3.1", [CNI_V0_4_0] = "0.4.0", [CNI_V1_0_0] = "1.0.0",
	[CNI_V1_1_0] = "1.1.0",
};

/* As Go prints a list of strings. */
#define SUPPORTED \
	"[\"0.1.0\" \"0.2.0\" \"0.3.0\" \"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]"

const char *cni_version_str(enum cni_version v)
{
	return names[v];
}

int cni_version_parse(const char *s, enum cni_version *ret, struct cni_err *err)
{
	if (!s || !*s)
		s = names[CNI_V0_1_0];
	for (int v = 0; v < CNI_V_MAX; v++) {
		if (!strcmp(s, names[v])) {
			*ret = (enum cni_version)v;
			return 0;
		}
	}

	(void)err_say(err, CNI_E_VERSION, EPROTONOSUPPORT,
		      "incompatible CNI versions");
	err_detail(err, NULL, "config is \"%s\", plugin supports " SUPPORTED,
		   s);
	return -EPROTONOSUPPORT;
}
