/* SPDX-License-Identifier: Apache-2.0 */
/* What the network's plugins speak. */
#include <stdio.h>

#include "weft/session.h"

static int print(const char *type, const cJSON *versions, void *arg,
		 struct cni_err *err)
{
	const cJSON *v;

	(void)arg;
	(void)err;
	(void)fputs(type, stdout);
	cJSON_ArrayForEach(v, versions)(void)
		printf(" %s", cJSON_IsString(v) ? v->valuestring : "?");
	(void)putchar('\n');
	return 0;
}

int weft_version(const struct weft_args *a, struct cni_err *err)
{
	cleanup_session struct session s = { 0 };
	int r;

	if (!a->n) {
		(void)puts("weft, CNI 0.1.0 to 1.1.0");
		return 0;
	}
	r = session_open(&s, a, err);
	return r ? r : runtime_versions(&s.rt, print, NULL, err);
}
