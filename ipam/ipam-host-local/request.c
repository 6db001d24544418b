/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/request.h"

#include <errno.h>

#define MAX_REQUESTED 1024

/* "10.1.0.5" or "10.1.0.5/16": the range says how long the prefix is. */
static int request(struct ip_list *l, const char *text, enum cni_code code,
		   struct cni_err *err)
{
	struct ip_net net;

	if (ip_parse(text, &net.addr) < 0 && ip_net_parse(text, &net) < 0)
		return err_say(err, code, EINVAL, "invalid IP address %s",
			       text);
	if (ip_list_has(l, &net.addr))
		return 0;
	if (l->n == MAX_REQUESTED)
		return err_say(err, code, E2BIG, "more than %d requested IPs",
			       MAX_REQUESTED);
	if (ip_list_add(l, &net.addr) < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "request %s", text);
	return 0;
}

static int request_list(struct ip_list *l, const cJSON *list,
			struct cni_err *err)
{
	const cJSON *v;
	int r;

	if (list && !cJSON_IsArray(list))
		return json_expected(list, "an array of strings", err);
	cJSON_ArrayForEach(v, list)
	{
		if (!cJSON_IsString(v))
			return json_expected(v, "a string", err);
		r = request(l, v->valuestring, CNI_E_CONFIG, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int request_parse(const struct cni_call *call, const cJSON *runtime_ips,
		  struct ip_list *ret, struct cni_err *err)
{
	char text[IP_NET_STR_SIZE + 1];
	int r;

	r = cni_args_get(&call->args, "IP", text, sizeof(text), err);
	if (r < 0)
		return r;
	r = *text ? request(ret, text, CNI_E_ENV, err) : 0;
	if (r < 0)
		return err_ctx(err, r, "CNI_ARGS: IP");
	r = request_list(ret, json_get(call->conf.args_cni, "ips"), err);
	if (r < 0)
		return err_ctx(err, r, "key \"args.cni.ips\"");
	r = request_list(ret, runtime_ips, err);
	if (r < 0)
		return err_ctx(err, r, "key \"runtimeConfig.ips\"");
	return 0;
}
