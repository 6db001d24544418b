/* SPDX-License-Identifier: Apache-2.0 */
/* conf_vlan.c - VLANs in the configuration and in what an attachment asks. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bridge-vm/conf.h"
#include "guest/request.h"

/* One entry of "vlanTrunk"; 0: not said. */
struct entry {
	int64_t id, min, max;
};

#define VLAN_FIELD(key, member)                                     \
	{                                                           \
		.name = (key), .type = JSON_INT,                    \
		.offset = offsetof(struct entry, member), .min = 1, \
		.max = VLAN_MAX,                                    \
	}

static const struct json_field entry_fields[] = {
	VLAN_FIELD("id", id),
	VLAN_FIELD("minID", min),
	VLAN_FIELD("maxID", max),
	{ 0 },
};

static int add_entry(const cJSON *v, struct vlan_set *set, struct cni_err *err)
{
	struct entry e = { 0 };
	char text[64];
	int r;

	if (!cJSON_IsObject(v))
		return json_expected(v, "an object", err);
	r = json_decode(v, entry_fields, &e, err);
	if (r < 0)
		return r;
	if (!e.min != !e.max)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"minID and maxID should be configured simultaneously, %s is missing: %s",
			e.min ? "maxID" : "minID",
			json_text(v, text, sizeof(text)));
	if (e.min > e.max)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "minID %lld is greater than maxID %lld",
			       (long long)e.min, (long long)e.max);
	if (e.id)
		vlan_set_add(set, (uint16_t)e.id, VLAN_TAGGED);
	for (int64_t vid = e.min; vid && vid <= e.max; vid++)
		vlan_set_add(set, (uint16_t)vid, VLAN_TAGGED);
	return 0;
}

int conf_trunk(const cJSON *list, struct vlan_set *ret, struct cni_err *err)
{
	const cJSON *v;
	int i = 0, r = 0;

	cJSON_ArrayForEach(v, list)
	{
		r = add_entry(v, ret, err);
		if (r < 0)
			return err_ctx(err, r, "key \"vlanTrunk\"[%d]", i);
		i++;
	}
	return 0;
}

static int refuse(const char *value, struct cni_err *err)
{
	return err_say(err, CNI_E_CONFIG, EINVAL,
		       "requested vlan %s: not a number between 0 and %d",
		       value, VLAN_MAX);
}

static int parse_vlan(const char *s, int64_t *ret, struct cni_err *err)
{
	const size_t len = strlen(s);

	if (!len || len > 4 || strspn(s, "0123456789") != len ||
	    strtol(s, NULL, 10) > VLAN_MAX)
		return refuse(s, err);
	*ret = strtol(s, NULL, 10);
	return 0;
}

/* A number, or one in quotes: what goes through labels is text. */
static int decode_vlan(const cJSON *v, void *field, struct cni_err *err)
{
	char text[64];

	if (cJSON_IsNumber(v))
		return parse_vlan(json_text(v, text, sizeof(text)), field, err);
	if (!cJSON_IsString(v))
		return json_expected(v, "a number", err);
	return *v->valuestring ? parse_vlan(v->valuestring, field, err) : 0;
}

int conf_asked_vlan(const struct cni_call *call, int64_t *ret,
		    struct cni_err *err)
{
	static const struct json_field wanted[] = {
		{ .name = "vlan", .type = JSON_FUNC, .decode = decode_vlan },
		{ 0 },
	};
	char env[REQUEST_SIZE];
	int r;

	*ret = -1;
	r = cni_args_get(&call->args, "VLAN", env, sizeof(env), err);
	if (r >= 0 && *env)
		r = parse_vlan(env, ret, err);
	if (r < 0)
		return r;
	r = json_decode(call->conf.args_cni, wanted, ret, err);
	if (r < 0)
		return err_ctx(err, r, "args.cni");
	r = json_decode(call->conf.runtime_config, wanted, ret, err);
	return r < 0 ? err_ctx(err, r, "runtimeConfig") : 0;
}
