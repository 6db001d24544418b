/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/attachments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cni/attachment.h"

#define KEY "cni.dev/valid-attachments"

static const struct json_field fields[] = {
	{ .name = "containerID",
	  .type = JSON_STR,
	  .offset = offsetof(struct cni_attachment, container_id) },
	{ .name = "ifname",
	  .type = JSON_STR,
	  .offset = offsetof(struct cni_attachment, ifname) },
	{ 0 },
};

static int compare_container(const void *a, const void *b)
{
	const struct cni_attachment *x = a, *y = b;

	return strcmp(x->container_id, y->container_id);
}

static int compare(const void *a, const void *b)
{
	const struct cni_attachment *x = a, *y = b;
	const int c = compare_container(x, y);

	return c ? c : strcmp(x->ifname, y->ifname);
}

static int decode(const cJSON *obj, struct cni_attachment *ret,
		  struct cni_err *err)
{
	int r;

	*ret = (struct cni_attachment){ "", "", "" };
	if (!cJSON_IsObject(obj))
		return json_expected(obj, "an object", err);
	r = json_decode(obj, fields, ret, err);
	if (r < 0)
		return r;
	if (!*ret->container_id || !*ret->ifname)
		return err_say(err, CNI_E_CONFIG, EINVAL,
			       "an attachment without \"%s\"",
			       *ret->container_id ? "ifname" : "containerID");
	return 0;
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
	ret->list = cJSON_Duplicate(array, true);
	ret->v = calloc((size_t)cJSON_GetArraySize(array) + 1, sizeof(*ret->v));
	if (!ret->list || !ret->v)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
	cJSON_ArrayForEach(obj, ret->list)
	{
		r = decode(obj, &ret->v[ret->n++], err);
		if (r < 0)
			return err_ctx(err, r, "key \"" KEY "\"");
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return 0;
}

void cni_attachments_free(struct cni_attachments *a)
{
	cJSON_Delete(a->list);
	free(a->v);
	*a = (struct cni_attachments){ 0 };
}

bool cni_attachments_has(const struct cni_attachments *a,
			 const char *container_id, const char *ifname)
{
	const struct cni_attachment key = { "", container_id,
					    ifname ? ifname : "" };

	return a->n && bsearch(&key, a->v, a->n, sizeof(*a->v),
			       ifname ? compare : compare_container);
}

int cni_attachments_add(struct cni_attachments *a, const char *container_id,
			const char *ifname)
{
	struct cni_attachment *more =
		reallocarray(a->v, a->n + 1, sizeof(*more));
	cJSON *obj = cJSON_CreateObject();
	int r;

	if (more)
		a->v = more;
	r = json_add(a->list, NULL, obj);
	if (!r)
		r = json_add(obj, "containerID",
			     cJSON_CreateString(container_id));
	if (!r)
		r = json_add(obj, "ifname", cJSON_CreateString(ifname));
	if (r < 0 || !more)
		return -ENOMEM;

	a->v[a->n++] = (struct cni_attachment){ "", obj->child->valuestring,
						obj->child->next->valuestring };
	qsort(a->v, a->n, sizeof(*a->v), compare);
	return 0;
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
