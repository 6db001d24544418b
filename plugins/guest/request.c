/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/request.h"

#include <errno.h>
#include <string.h>

int request_read(const struct cni_call *call, const char *env, const char *key,
		 char buf[REQUEST_SIZE], struct cni_err *err)
{
	const struct json_field wanted[] = {
		{ .name = key, .type = JSON_STR },
		{ 0 },
	};
	const char *args = "", *runtime = "", *last;
	int r = cni_args_get(&call->args, env, buf, REQUEST_SIZE, err);

	if (r < 0)
		return r;
	r = json_decode(call->conf.args_cni, wanted, &args, err);
	if (r < 0)
		return err_ctx(err, r, "args.cni");
	r = json_decode(call->conf.runtime_config, wanted, &runtime, err);
	if (r < 0)
		return err_ctx(err, r, "runtimeConfig");

	last = *runtime ? runtime : args;
	if (strlen(last) >= REQUEST_SIZE)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "requested %s \"%s\": too long", key, last);
	if (*last)
		memcpy(buf, last, strlen(last) + 1);
	return 0;
}

int request_mac(const struct cni_call *call, struct mac *ret,
		struct cni_err *err)
{
	char asked[REQUEST_SIZE];
	int r = request_read(call, "MAC", "mac", asked, err);

	if (r < 0 || !*asked)
		return r < 0 ? r : 0;
	if (mac_parse(asked, ret) < 0 || !mac_is_unicast(ret))
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"requested mac \"%s\": not a unicast Ethernet address",
			asked);
	return 1;
}

int request_key(const struct cni_call *call, struct cni_key *ret,
		struct cni_err *err)
{
	const int r = cni_key_parse(call, ret, err);

	if (r < 0 || !*ret->name ||
	    !strcmp(call->conf.ipam_type, "ipam-host-local"))
		return r;
	return err_say(
		err, CNI_E_CONFIG, EINVAL,
		"allocationKey \"%s\": needs \"ipam\" of type \"ipam-host-local\", not \"%s\"",
		ret->name, call->conf.ipam_type);
}
