/* SPDX-License-Identifier: Apache-2.0 */
#include "policy-ebpf/conf.h"

#include "guest/per_attachment.h"

static int parse(const struct cni_call *call, struct guard_conf *ret,
		 struct cni_err *err)
{
	static const char *const left[] = { "labels", NULL };
	static const struct json_field fields[] = {
		{ .name = "perAttachment", .type = JSON_ARR },
		{ 0 },
	};
	const cJSON *list = NULL;
	int r = json_decode(call->conf.doc, fields, &list, err);

	if (!r)
		r = per_attachment_check(list, left, err);
	*ret = (struct guard_conf){ 0 };
	if (!r)
		r = policy_conf_parse(call, &ret->policy, err);
	return r;
}

int policy_ebpf_conf_parse(const struct cni_call *call, struct guard_conf *ret,
			   struct cni_err *err)
{
	const int r = parse(call, ret, err);

	return r < 0 ? err_ctx(err, r, "network \"%s\"", call->conf.name) : 0;
}
