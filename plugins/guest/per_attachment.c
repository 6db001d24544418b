/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/per_attachment.h"

#include <errno.h>
#include <string.h>

static bool is_one_of(const char *key, const char *const *keys)
{
	while (*keys && strcmp(*keys, key) != 0)
		keys++;
	return *keys;
}

int per_attachment_check(const cJSON *list, const char *const *keys,
			 struct cni_err *err)
{
	const cJSON *v;
	char text[64];

	cJSON_ArrayForEach(v, list)
	{
		if (!cJSON_IsString(v))
			return err_ctx(err, json_expected(v, "a string", err),
				       "key \"perAttachment\"");
		if (!is_one_of(v->valuestring, keys))
			return err_say(
				err, CNI_E_FIELD, EOPNOTSUPP,
				"key \"perAttachment\": unsupported: value %s",
				json_text(v, text, sizeof(text)));
	}
	return 0;
}

bool per_attachment_has(const cJSON *list, const char *key)
{
	const cJSON *v = list ? list->child : NULL;

	while (v && (!cJSON_IsString(v) || strcmp(v->valuestring, key) != 0))
		v = v->next;
	return v;
}

int per_attachment_attach(const struct cni_call *call, const cJSON *list,
			  const char **attach, char buf[REQUEST_SIZE],
			  struct cni_err *err)
{
	const int r = request_read(call, "ATTACH", "attach", buf, err);

	if (r < 0 || !*buf)
		return r;
	if (!per_attachment_has(list, "attach"))
		return err_say(
			err, CNI_E_CONFIG, EPERM,
			"attach \"%s\" asked for by this attachment: network \"%s\" does not list \"attach\" in perAttachment",
			buf, call->conf.name);
	*attach = buf;
	return 0;
}
