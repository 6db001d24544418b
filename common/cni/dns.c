/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/dns.h"

#include <errno.h>

struct dns {
	const cJSON *nameservers;
	const char *domain;
	const cJSON *search;
	const cJSON *options;
};

#define FIELD(key, kind, member)                        \
	{                                               \
		.name = (key), .type = (kind),          \
		.offset = offsetof(struct dns, member), \
	}

static const struct json_field fields[] = {
	FIELD("nameservers", JSON_ARR, nameservers),
	FIELD("domain", JSON_STR, domain),
	FIELD("search", JSON_ARR, search),
	FIELD("options", JSON_ARR, options),
	{ 0 },
};

static int add_list(cJSON *dns, const char *key, const cJSON *list,
		    struct cni_err *err)
{
	const cJSON *v;

	if (!list || !list->child)
		return 0;
	cJSON_ArrayForEach(v, list)
	{
		if (!cJSON_IsString(v))
			return err_ctx(err, json_expected(v, "a string", err),
				       "key \"%s\"", key);
	}
	return json_add(dns, key, cJSON_Duplicate(list, true)) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "dns")
		       : 0;
}

int cni_dns_decode(const cJSON *obj, cJSON **ret, struct cni_err *err)
{
	cleanup_json cJSON *dns = cJSON_CreateObject();
	struct dns d = { 0 };
	int r = json_decode(obj, fields, &d, err);

	if (!r)
		r = add_list(dns, "nameservers", d.nameservers, err);
	if (!r && json_add_str(dns, "domain", d.domain) < 0)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "dns");
	if (!r)
		r = add_list(dns, "search", d.search, err);
	if (!r)
		r = add_list(dns, "options", d.options, err);
	if (r < 0)
		return err_ctx(err, r, "key \"dns\"");
	*ret = dns && dns->child ? TAKE_PTR(dns) : NULL;
	return 0;
}
