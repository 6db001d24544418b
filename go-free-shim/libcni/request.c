/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/request.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cni/exec.h"

enum { N_VARS = 6 };

const char *turn_type(const struct turn *t)
{
	return cJSON_GetStringValue(json_get(t->plugin, "type"));
}

static int set_key(cJSON *conf, const char *key, const cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(conf, key);
	return value ? json_add(conf, key, cJSON_Duplicate(value, true)) : 0;
}

/* The capability arguments that this plugin declared it wants. */
static int add_runtime_config(cJSON *conf, const cJSON *plugin,
			      const cJSON *cap_args)
{
	const cJSON *caps = json_get(plugin, "capabilities"), *arg;
	cleanup_json cJSON *rc = cJSON_CreateObject();
	int r = rc ? 0 : -ENOMEM;

	cJSON_ArrayForEach(arg, cap_args)
	{
		if (!r && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
				  caps, arg->string)))
			r = json_add(rc, arg->string,
				     cJSON_Duplicate(arg, true));
	}
	return !r && rc->child ? set_key(conf, "runtimeConfig", rc) : r;
}

static int add_valid(cJSON *conf, const struct cni_attachments *valid)
{
	/* The second key is libcni's older one. */
	return set_key(conf, "cni.dev/valid-attachments", valid->list) |
	       set_key(conf, "cni.dev/attachments", valid->list);
}

static char *request(const struct turn *t)
{
	const struct conflist *list = t->rt->list;
	cleanup_json cJSON *conf = cJSON_Duplicate(t->plugin, true);
	cleanup_json cJSON *name = cJSON_CreateString(list->name);
	cleanup_json cJSON *version =
		cJSON_CreateString(cni_version_str(list->version));
	int r;

	if (!conf || !name || !version)
		return NULL;
	r = set_key(conf, "name", name);
	r |= set_key(conf, "cniVersion", version);
	r |= set_key(conf, "prevResult", t->prev);
	r |= add_runtime_config(conf, t->plugin, t->rt->cap_args);
	if (t->valid)
		r |= add_valid(conf, t->valid);
	return r ? NULL : cJSON_PrintUnformatted(conf);
}

struct vars {
	char *list[N_VARS + 1];
};

static void vars_free(struct vars *v)
{
	for (size_t i = 0; i < N_VARS; i++)
		free(v->list[i]);
}

#define cleanup_vars CLEANUP(vars_free)

static int set_vars(const struct runtime *rt, enum cni_command verb,
		    struct vars *ret)
{
	/* Some plugins want all of them to be set, whatever is asked. */
	const bool version = verb == CNI_VERSION;
	const char *const values[N_VARS][2] = {
		{ "CNI_COMMAND", cni_command_name(verb) },
		{ "CNI_CONTAINERID", rt->container_id },
		{ "CNI_NETNS", version ? "dummy" : rt->netns },
		{ "CNI_IFNAME", version ? "dummy" : rt->ifname },
		{ "CNI_ARGS", rt->args },
		{ "CNI_PATH", rt->plugin_path },
	};

	for (size_t i = 0; i < N_VARS; i++)
		if (asprintf(&ret->list[i], "%s=%s", values[i][0],
			     values[i][1]) < 0) {
			ret->list[i] = NULL;
			return -ENOMEM;
		}
	return 0;
}

static int run(const struct turn *t, const char *text,
	       struct cni_exec_result *ret, struct cni_err *err)
{
	cleanup_vars struct vars vars = { 0 };
	char program[PATH_MAX];
	int r;

	if (!text || set_vars(t->rt, t->verb, &vars) < 0)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "plugin request");
	r = cni_exec_find(t->rt->plugin_path, turn_type(t), program,
			  sizeof(program), err);
	if (!r)
		r = cni_exec(
			&(struct cni_exec){
				.program = program,
				.vars = (const char *const *)vars.list,
				.text = text,
				.len = strlen(text) },
			ret, err);
	if (!r && (ret->signal || ret->exit_status))
		r = cni_exec_error(turn_type(t), ret, err);
	return r;
}

static int name_failure(const struct turn *t, int r, struct cni_err *err)
{
	static const char *const words[] = {
		[CNI_ADD] = "add",	 [CNI_DEL] = "delete",
		[CNI_CHECK] = "check",	 [CNI_GC] = "gc",
		[CNI_STATUS] = "status", [CNI_VERSION] = "version",
	};

	return err_ctx(err, r, "plugin type=\"%s\" name=\"%s\" failed (%s)",
		       turn_type(t), t->rt->list->name, words[t->verb]);
}

int turn_take(const struct turn *t, struct cni_err *err)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	cleanup_free char *text = request(t);
	const int r = run(t, text, &x, err);

	return r < 0 ? name_failure(t, r, err) : 0;
}

/* A result without a version is in the list's; one of null, which libcni takes,
 * says no more than that. */
static int complete(const struct turn *t, cJSON **result, struct cni_err *err)
{
	if (cJSON_IsNull(*result)) {
		cJSON_Delete(*result);
		*result = cJSON_CreateObject();
		if (!*result)
			return err_set(err, CNI_E_INTERNAL, ENOMEM, "result");
	}
	if (!cJSON_IsObject(*result))
		return err_ctx(err, json_expected(*result, "an object", err),
			       "result");
	return json_get(*result, "cniVersion") ||
			       !json_add_str(
				       *result, "cniVersion",
				       cni_version_str(t->rt->list->version))
		       ? 0
		       : err_set(err, CNI_E_INTERNAL, ENOMEM, "result");
}

int turn_add(const struct turn *t, cJSON **ret, struct cni_err *err)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	cleanup_free char *text = request(t);
	cleanup_json cJSON *result = NULL;
	int r = run(t, text, &x, err);

	if (!r) {
		r = json_parse(x.out ? x.out : "", x.len, &result, err);
		if (!r)
			r = complete(t, &result, err);
		if (r < 0)
			(void)err_ctx(err, r, "its result");
	}
	if (r < 0)
		return name_failure(t, r, err);
	*ret = TAKE_PTR(result);
	return 0;
}

static cJSON *strings(const char *const list[], int n)
{
	return cJSON_CreateStringArray(list, n);
}

/* What the first plugins, which knew no VERSION, and those of 0.2.0, which knew
 * no list, are understood to speak. */
static cJSON *read_versions(const cJSON *doc)
{
	static const char *const oldest[] = { "0.1.0", "0.2.0" };
	const char *version = cJSON_GetStringValue(json_get(doc, "cniVersion"));
	const cJSON *list = json_get(doc, "supportedVersions");

	if (!version)
		return NULL;
	if (cJSON_IsArray(list) && list->child)
		return cJSON_Duplicate(list, true);
	return strcmp(version, "0.2.0") ? NULL : strings(oldest, 2);
}

int turn_versions(const struct turn *t, cJSON **ret, struct cni_err *err)
{
	static const char text[] = "{\"cniVersion\":\"1.1.0\"}";
	static const char *const first = "0.1.0";
	cleanup_exec_result struct cni_exec_result x = { 0 };
	const struct turn asked = { t->rt, CNI_VERSION, t->plugin, NULL, NULL };
	cleanup_json cJSON *doc = NULL;
	int r = run(&asked, text, &x, err);

	if (r < 0 && !strcmp(err->msg, "unknown CNI_COMMAND: VERSION")) {
		*ret = strings(&first, 1);
	} else if (r < 0 ||
		   (r = json_parse(x.out ? x.out : "", x.len, &doc, err)) < 0) {
		return name_failure(&asked, r, err);
	} else {
		*ret = read_versions(doc);
	}
	if (*ret)
		return 0;
	r = err_say(err, CNI_E_DECODE, EINVAL, "it names no version");
	return name_failure(&asked, r, err);
}
