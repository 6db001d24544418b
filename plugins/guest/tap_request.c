/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/tap_request.h"

#include <errno.h>
#include <stddef.h>

#include "cni/args.h"

#define FIELD(key, kind, member, ...)                                       \
	{                                                                   \
		.name = (key), .type = (kind),                              \
		.offset = offsetof(struct tap_request, member), __VA_ARGS__ \
	}

static const struct json_field fields[] = {
	FIELD("name", JSON_STR, name),
	FIELD("owner", JSON_INT, owner, .min = 0, .max = UINT32_MAX - 1),
	FIELD("group", JSON_INT, group, .min = 0, .max = UINT32_MAX - 1),
	FIELD("queues", JSON_INT, queues, .min = 1,
	      .max = TAP_REQUEST_MAX_QUEUES),
	{ 0 },
};

int tap_request_decode(const cJSON *obj, struct tap_request *ret,
		       struct cni_err *err)
{
	struct cni_err bad = CNI_ERR_INIT;
	int r = json_decode(obj, fields, ret, err);

	if (r < 0)
		return err_ctx(err, r, "key \"tap\"");
	if (*ret->name && cni_ifname_check(ret->name, &bad) < 0)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "key \"tap\": key \"name\": \"%s\": %s",
			       ret->name, bad.msg);
	return 0;
}
