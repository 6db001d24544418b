/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/netconf.h"

#include <errno.h>
#include <string.h>

#include "cni/args.h"
#include "cni/dns.h"

/* What is decoded here: the shared keys, and the two that become others. */
struct raw {
	struct cni_netconf c;
	const char *version;
	const cJSON *args;
	const cJSON *dns;
};

#define FIELD(key, kind, member)                        \
	{                                               \
		.name = (key), .type = (kind),          \
		.offset = offsetof(struct raw, member), \
	}

static const struct json_field fields[] = {
	FIELD("cniVersion", JSON_STR, version),
	FIELD("name", JSON_STR, c.name),
	FIELD("type", JSON_STR, c.type),
	FIELD("ipam", JSON_OBJ, c.ipam),
	FIELD("dns", JSON_OBJ, dns),
	FIELD("prevResult", JSON_OBJ, c.prev_result),
	FIELD("runtimeConfig", JSON_OBJ, c.runtime_config),
	FIELD("args", JSON_OBJ, args),
	FIELD("log", JSON_STR, c.log),
	FIELD("cni.dev/valid-attachments", JSON_ARR, c.attachments),
	{ 0 },
};

static const struct json_field ipam_fields[] = {
	FIELD("type", JSON_STR, c.ipam_type),
	{ 0 },
};

static const struct json_field args_fields[] = {
	FIELD("cni", JSON_OBJ, c.args_cni),
	{ 0 },
};

void cni_netconf_free(struct cni_netconf *c)
{
	cJSON_Delete(c->doc);
	cJSON_Delete(c->dns);
	free(c->text);
	*c = (struct cni_netconf){ 0 };
}

static int check_name(const char *name, struct cni_err *err)
{
	if (!name || !*name)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "missing network name");
	if (cni_name_is_valid(name))
		return 0;
	(void)err_say(err, CNI_E_CONFIG, EINVAL,
		      "invalid characters found in network name");
	err_detail(err, "name", "\"%s\"", name);
	return -EINVAL;
}

/* Versions first: which keys there are at all depends on them. */
static int decode(struct raw *raw, struct cni_err *err)
{
	int r;

	r = json_decode(raw->c.doc, fields, raw, err);
	if (r < 0)
		return r;
	r = check_name(raw->c.name, err);
	if (r < 0)
		return r;
	r = cni_version_parse(raw->version, &raw->c.version, err);
	if (r < 0)
		return r;

	r = json_decode(raw->c.ipam, ipam_fields, raw, err);
	if (r < 0)
		return err_ctx(err, r, "key \"ipam\"");
	r = json_decode(raw->args, args_fields, raw, err);
	if (r < 0)
		return err_ctx(err, r, "key \"args\"");
	return cni_dns_decode(raw->dns, &raw->c.dns, err);
}

int cni_netconf_parse(char *text, size_t len, struct cni_netconf *ret,
		      struct cni_err *err)
{
	struct raw raw = { .c = { .text = text,
				  .len = len,
				  .type = "",
				  .ipam_type = "",
				  .log = "" } };
	int r;

	r = json_parse(text, len, &raw.c.doc, err);
	if (!r && !cJSON_IsObject(raw.c.doc))
		r = json_expected(raw.c.doc, "an object", err);
	if (!r)
		r = decode(&raw, err);
	*ret = raw.c;
	return r < 0 && err->code == CNI_E_DECODE
		       ? err_ctx(err, r, "error unmarshall network config")
		       : r;
}
