/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/attachments.h"

#include <errno.h>
#include <string.h>

#define KEY "cni.dev/valid-attachments"

struct entry {
	const char *container_id;
	const char *ifname;
};

static const struct json_field fields[] = {
	{ .name = "containerID",
	  .type = JSON_STR,
	  .offset = offsetof(struct entry, container_id) },
	{ .name = "ifname",
	  .type = JSON_STR,
	  .offset = offsetof(struct entry, ifname) },
	{ 0 },
};

static int parse_entry(const cJSON *obj, struct cni_attachments *ret,
		       struct cni_err *err)
{
	struct entry e = { "", "" };
	int r;

	if (!cJSON_IsObject(obj))
		return json_expected(obj, "an object", err);
	r = json_decode(obj, fields, &e, err);
	if (r < 0)
		return r;
	if (!*e.container_id || !*e.ifname)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "an attachment without \"%s\"",
			       *e.container_id ? "ifname" : "containerID");
	return cni_attachments_add(ret, e.container_id, e.ifname) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "list")
		       : 0;
}

int cni_attachments_parse(const cJSON *array, struct cni_attachments *ret,
			  struct cni_err *err)
{
	const cJSON *obj;
	int r;

	if (!array)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"key \"" KEY
			"\" is missing: without it nothing can be told stale");
	ret->list = cJSON_CreateArray();
	if (!ret->list)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
	cJSON_ArrayForEach(obj, array)
	{
		r = parse_entry(obj, ret, err);
		if (r < 0)
			return err_ctx(err, r, "key \"" KEY "\"");
	}
	return 0;
}

void cni_attachments_free(struct cni_attachments *a)
{
	cJSON_Delete(a->list);
	a->list = NULL;
}

bool cni_attachments_has(const struct cni_attachments *a,
			 const char *container_id, const char *ifname)
{
	const cJSON *obj;

	cJSON_ArrayForEach(obj, a->list)
	{
		const cJSON *id = obj->child;

		if (!strcmp(id->valuestring, container_id) &&
		    (!ifname || !strcmp(id->next->valuestring, ifname)))
			return true;
	}
	return false;
}

int cni_attachments_add(struct cni_attachments *a, const char *container_id,
			const char *ifname)
{
	cJSON *obj = cJSON_CreateObject();
	int r;

	/* In this order, and whole: cni_attachments_has() counts on it. */
	r = json_add(obj, "containerID", cJSON_CreateString(container_id));
	if (!r)
		r = json_add(obj, "ifname", cJSON_CreateString(ifname));
	if (!r)
		return json_add(a->list, NULL, obj);
	cJSON_Delete(obj);
	return r;
}

int cni_attachments_replace(const struct cni_netconf *conf,
			    const struct cni_attachments *a,
			    struct cni_netconf *ret, struct cni_err *err)
{
	cleanup_json cJSON *doc = cJSON_Duplicate(conf->doc, true);
	char *text = NULL;

	/* Every spelling of the key that the decoder would take for it. */
	while (doc && cJSON_HasObjectItem(doc, KEY))
		cJSON_DeleteItemFromObject(doc, KEY);
	if (!json_add(doc, KEY, cJSON_Duplicate(a->list, true)))
		text = cJSON_PrintUnformatted(doc);
	if (!text)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "GC list");
	return cni_netconf_parse(text, strlen(text), ret, err);
}
