/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cni/result.h"
#include "libcni/cache.h"
#include "libcni/request.h"

static int check_names(const struct runtime *rt, struct cni_err *err)
{
	if (cni_name_is_valid(rt->container_id))
		return cni_ifname_check(rt->ifname, err);
	(void)err_say(err, CNI_E_ENV, EINVAL,
		      *rt->container_id ? "invalid characters in containerID"
					: "missing containerID");
	err_detail(err, "CNI_CONTAINERID", "\"%s\"", rt->container_id);
	return -EINVAL;
}

/* A second ADD must leave the first one's work alone. */
static int check_new(const struct runtime *rt, struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };

	if (!cache_load(rt->cache_dir, rt->list->name, rt->container_id,
			rt->ifname, &e))
		return 0;
	return err_say(err, CNI_E_TAKEN, EEXIST,
		       "%s of \"%s\" %s to network \"%s\"%s, see %s",
		       rt->ifname, rt->container_id,
		       e.result ? "is attached" : "was being attached",
		       rt->list->name,
		       e.result ? " already" : ": it needs a del first",
		       rt->cache_dir);
}

/* Return: 0, -EEXIST if the first plugin saw that it is attached already, or
 * another negative errno */
static int add_all(const struct runtime *rt, cJSON **result,
		   struct cni_err *err)
{
	const cJSON *plugin;

	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_ADD, plugin, *result, NULL };
		cJSON *next = NULL;
		const int r = turn_add(&t, &next, err);

		if (r < 0)
			return !*result && err->code == CNI_E_TAKEN ? -EEXIST
								    : r;
		cJSON_Delete(*result);
		*result = next;
	}
	return 0;
}

int runtime_add(const struct runtime *rt, cJSON **ret, struct cni_err *err)
{
	struct cache_entry entry = {
		.container_id = rt->container_id,
		.ifname = rt->ifname,
		.network = rt->list->name,
		.netns = rt->netns,
		.args = rt->args,
		.cap_args = rt->cap_args,
	};
	cleanup_json cJSON *result = NULL;
	struct cni_err ignored = CNI_ERR_INIT;
	int r;

	r = check_names(rt, err);
	if (!r)
		r = check_new(rt, err);
	if (!r)
		r = cache_save(rt->cache_dir, rt->list, &entry, err);
	if (r < 0)
		return r;
	r = add_all(rt, &result, err);
	if (r == -EEXIST)
		(void)cache_remove(rt->cache_dir, rt->list->name,
				   rt->container_id, rt->ifname, &ignored);
	if (r < 0)
		return r;
	entry.result = result;
	r = cache_save(rt->cache_dir, rt->list, &entry, err);
	if (!r)
		*ret = TAKE_PTR(result);
	return r;
}

/* What is known from ADD fills what the caller does not say. */
static struct runtime recall(const struct runtime *rt, struct cache_entry *e)
{
	struct runtime full = *rt;

	if (!cache_load(rt->cache_dir, rt->list->name, rt->container_id,
			rt->ifname, e))
		return full;
	if (!*full.netns)
		full.netns = e->netns;
	if (!*full.args)
		full.args = e->args;
	if (!full.cap_args)
		full.cap_args = e->cap_args;
	return full;
}

/* The result in the list's version: the list may have changed since.
 * Return: 1, 0 without any, or a negative errno */
static int prev_result(const struct runtime *rt, const cJSON *cached,
		       cJSON **ret, struct cni_err *err)
{
	const char *version = cni_version_str(rt->list->version);
	const char *has = cJSON_GetStringValue(json_get(cached, "cniVersion"));
	cleanup_result struct cni_result r = { 0 };
	cleanup_free char *text = NULL;
	int rc;

	if (!cached)
		return 0;
	if (has && !strcmp(has, version)) {
		*ret = cJSON_Duplicate(cached, true);
		return *ret ? 1 : -ENOMEM;
	}
	rc = cni_result_parse(cached, rt->list->version, &r, err);
	if (!rc)
		rc = cni_result_print(&r, rt->list->version, &text, err);
	if (!rc)
		rc = json_parse(text, strlen(text), ret, err);
	return rc < 0 ? err_ctx(err, rc, "cached result") : 1;
}

static int del_all(const struct runtime *rt, const cJSON *prev,
		   struct cni_err *err)
{
	struct cni_err one = CNI_ERR_INIT;
	int acc = 0;

	for (int i = cJSON_GetArraySize(rt->list->plugins); i-- > 0;) {
		const struct turn t = {
			rt, CNI_DEL, cJSON_GetArrayItem(rt->list->plugins, i),
			prev, NULL
		};

		acc = err_keep_first(err, &one, turn_take(&t, &one), acc);
	}
	return acc;
}

int runtime_del(const struct runtime *rt, struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	const struct runtime full = recall(rt, &e);
	struct cni_err one = CNI_ERR_INIT;
	cleanup_json cJSON *prev = NULL;
	int r;

	r = check_names(rt, err);
	if (r < 0)
		return r;
	if (rt->list->version >= CNI_V0_4_0 &&
	    prev_result(&full, e.result, &prev, &one) < 0)
		log_warn("%s: DEL goes on without it", one.msg);
	r = del_all(&full, prev, err);
	return r < 0 ? r
		     : cache_remove(rt->cache_dir, rt->list->name,
				    rt->container_id, rt->ifname, err);
}

static int check_all(const struct runtime *rt, const cJSON *prev,
		     struct cni_err *err)
{
	const cJSON *plugin;

	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_CHECK, plugin, prev, NULL };
		const int r = turn_take(&t, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int runtime_check(const struct runtime *rt, struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	const struct runtime full = recall(rt, &e);
	cleanup_json cJSON *prev = NULL;
	int r;

	if (rt->list->version < CNI_V0_4_0)
		return err_say(
			err, CNI_E_VERSION, EPROTONOSUPPORT,
			"configuration version \"%s\" does not support the CHECK command",
			cni_version_str(rt->list->version));
	if (rt->list->disable_check)
		return 0;
	r = check_names(rt, err);
	if (!r)
		r = prev_result(&full, e.result, &prev, err);
	return r < 0 ? r : check_all(&full, prev, err);
}

int runtime_status(const struct runtime *rt, struct cni_err *err)
{
	const cJSON *plugin;

	if (rt->list->version < CNI_V1_1_0)
		return 0;
	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_STATUS, plugin, NULL, NULL };
		const int r = turn_take(&t, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int runtime_versions(const struct runtime *rt,
		     int (*fn)(const char *type, const cJSON *versions,
			       void *arg, struct cni_err *err),
		     void *arg, struct cni_err *err)
{
	const cJSON *plugin;

	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_VERSION, plugin, NULL, NULL };
		cleanup_json cJSON *list = NULL;
		int r = turn_versions(&t, &list, err);

		if (!r)
			r = fn(turn_type(&t), list, arg, err);
		if (r)
			return r;
	}
	return 0;
}
