/* SPDX-License-Identifier: Apache-2.0 */
/* netconf.h - a call with a few keys in an otherwise complete configuration. */
#ifndef WEFT_TESTS_NETCONF_H
#define WEFT_TESTS_NETCONF_H

#include "check.h"
#include "cni/plugin.h"

/* Free @conf with cni_netconf_free(), once the call is not needed. */
static struct cni_call call_with(const char *keys, const char *cni_args,
				 struct cni_netconf *conf)
{
	struct cni_err err = CNI_ERR_INIT;
	char text[4096];

	(void)snprintf(text, sizeof(text),
		       "{\"cniVersion\":\"1.1.0\",\"name\":\"n\"%s%s}",
		       *keys ? "," : "", keys);
	assert_ok(cni_netconf_parse(dup_text(text), strlen(text), conf, &err),
		  &err);
	return (struct cni_call){ .args = { .args = cni_args }, .conf = *conf };
}

/* What a plugin says of its network "n". */
static inline void assert_refused(int r, const struct cni_err *err, int code,
				  const char *msg)
{
	char all[512];

	(void)snprintf(all, sizeof(all), "network \"n\": %s", msg);
	assert_error(r, err, code, all);
}

#endif
