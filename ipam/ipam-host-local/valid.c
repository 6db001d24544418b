/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam-host-local/valid.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(key, member)                                         \
	{                                                          \
		.name = (key), .type = JSON_STR,                   \
		.offset = offsetof(struct cni_attachment, member), \
	}

static const struct json_field fields[] = {
	FIELD("containerID", container_id),
	FIELD("ifname", ifname),
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

int valid_parse(const cJSON *list, struct valid *ret, struct cni_err *err)
{
	const size_t size = (size_t)cJSON_GetArraySize(list);
	const cJSON *v;
	int r;

	if (!list)
		return err_say(
			err, CNI_E_CONFIG, EINVAL,
			"GC without \"cni.dev/valid-attachments\": which addresses are in use is not known");
	ret->v = calloc(size ? size : 1, sizeof(*ret->v));
	if (!ret->v)
		return err_set(err, CNI_E_INTERNAL, ENOMEM,
			       "read valid attachments");

	cJSON_ArrayForEach(v, list)
	{
		struct cni_attachment *a = &ret->v[ret->n++];

		*a = (struct cni_attachment){ "", "", "" };
		r = json_decode(v, fields, a, err);
		if (r < 0)
			return err_ctx(err, r, "cni.dev/valid-attachments");
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return 0;
}

void valid_free(struct valid *v)
{
	free(v->v);
	*v = (struct valid){ 0 };
}

bool valid_has(const struct valid *v, const struct cni_attachment *who)
{
	return bsearch(who, v->v, v->n, sizeof(*v->v), compare);
}

bool valid_has_container(const struct valid *v, const char *container_id)
{
	const struct cni_attachment key = { "", container_id, "" };

	return bsearch(&key, v->v, v->n, sizeof(*v->v), compare_container);
}
