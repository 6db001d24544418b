/* SPDX-License-Identifier: Apache-2.0 */
#include "libcni/runtime.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cni/args.h"
#include "cni/attachments.h"
#include "cni/exec.h"
#include "libcni/cache.h"

static const char *type_of(const cJSON *plugin)
{
	return cJSON_GetStringValue(json_get(plugin, "type"));
}

/* The capability arguments that this plugin declared it wants. */
static int add_runtime_config(cJSON *conf, const cJSON *plugin,
			      const cJSON *cap_args)
{
	const cJSON *caps = json_get(plugin, "capabilities"), *arg;
	cJSON *rc = NULL;
	int r = 0;

	cJSON_ArrayForEach(arg, cap_args)
	{
		if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(
			    caps, arg->string)))
			continue;
		if (!rc) {
			rc = cJSON_CreateObject();
			r |= json_add(conf, "runtimeConfig", rc);
		}
		if (!r)
			r |= json_add(rc, arg->string,
				      cJSON_Duplicate(arg, true));
	}
	return r;
}

static int set_key(cJSON *conf, const char *key, const cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(conf, key);
	return value ? json_add(conf, key, cJSON_Duplicate(value, true)) : 0;
}

/* One plugin's turn, and what the specification adds to its own object. */
struct turn {
	const struct runtime *rt;
	enum cni_command verb;
	const cJSON *plugin;
	const cJSON *prev;
	const struct cni_attachments *valid;
};

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
		r |= set_key(conf, "cni.dev/valid-attachments", t->valid->list);
	return r ? NULL : cJSON_PrintUnformatted(conf);
}

struct vars {
	char text[6][PATH_MAX];
	const char *list[7];
};

static void set_vars(const struct runtime *rt, enum cni_command verb,
		     struct vars *ret)
{
	const char *const values[][2] = {
		{ "CNI_COMMAND", cni_command_name(verb) },
		{ "CNI_CONTAINERID", rt->container_id },
		{ "CNI_NETNS", rt->netns },
		{ "CNI_IFNAME", rt->ifname },
		{ "CNI_ARGS", rt->args },
		{ "CNI_PATH", rt->plugin_path },
	};

	for (size_t i = 0; i < 6; i++) {
		(void)snprintf(ret->text[i], sizeof(ret->text[i]), "%s=%s",
			       values[i][0], values[i][1]);
		ret->list[i] = ret->text[i];
	}
	ret->list[6] = NULL;
}

static int run_plugin(const struct turn *t, struct cni_exec_result *ret,
		      struct cni_err *err)
{
	const char *type = type_of(t->plugin);
	cleanup_free char *text = request(t);
	cleanup_free struct vars *vars = malloc(sizeof(*vars));
	char program[PATH_MAX];
	int r;

	if (!text || !vars)
		return err_set(err, CNI_E_INTERNAL, ENOMEM, "plugin request");
	set_vars(t->rt, t->verb, vars);
	r = cni_exec_find(t->rt->plugin_path, type, program, sizeof(program),
			  err);
	if (!r)
		r = cni_exec(&(struct cni_exec){ .program = program,
						 .vars = vars->list,
						 .text = text,
						 .len = strlen(text) },
			     ret, err);
	if (!r && (ret->signal || ret->exit_status))
		r = cni_exec_error(type, ret, err);
	return r;
}

static int name_failure(const struct turn *t, int r, struct cni_err *err)
{
	static const char *const words[] = {
		[CNI_ADD] = "add",	 [CNI_DEL] = "delete",
		[CNI_CHECK] = "check",	 [CNI_GC] = "gc",
		[CNI_STATUS] = "status",
	};

	return err_ctx(err, r, "plugin type=\"%s\" name=\"%s\" failed (%s)",
		       type_of(t->plugin), t->rt->list->name, words[t->verb]);
}

/* A verb that answers by its exit status alone. */
static int take_turn(const struct turn *t, struct cni_err *err)
{
	cleanup_exec_result struct cni_exec_result x = { 0 };
	const int r = run_plugin(t, &x, err);

	return r < 0 ? name_failure(t, r, err) : 0;
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
	const cJSON *plugin;
	int r;

	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_ADD, plugin, result, NULL };
		cleanup_exec_result struct cni_exec_result x = { 0 };
		cJSON *next = NULL;

		r = run_plugin(&t, &x, err);
		if (!r)
			r = json_parse(x.out ? x.out : "", x.len, &next, err);
		if (r < 0)
			return name_failure(&t, r, err);
		cJSON_Delete(result);
		result = next;
	}
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

int runtime_del(const struct runtime *rt, struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	const struct runtime full = recall(rt, &e);
	const cJSON *prev = rt->list->version >= CNI_V0_4_0 ? e.result : NULL;
	struct cni_err one = CNI_ERR_INIT;
	int acc = 0;

	for (int i = cJSON_GetArraySize(rt->list->plugins); i-- > 0;) {
		const struct turn t = {
			&full, CNI_DEL,
			cJSON_GetArrayItem(rt->list->plugins, i), prev, NULL
		};

		acc = err_keep_first(err, &one, take_turn(&t, &one), acc);
	}
	return acc < 0 ? acc
		       : cache_remove(rt->cache_dir, rt->list->name,
				      rt->container_id, rt->ifname, err);
}

int runtime_check(const struct runtime *rt, struct cni_err *err)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	const struct runtime full = recall(rt, &e);
	const cJSON *plugin;
	int r;

	if (rt->list->version < CNI_V0_4_0)
		return err_say(
			err, CNI_E_VERSION, EPROTONOSUPPORT,
			"configuration version \"%s\" does not support the CHECK command",
			cni_version_str(rt->list->version));
	if (rt->list->disable_check)
		return 0;
	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { &full, CNI_CHECK, plugin, e.result,
					NULL };

		r = take_turn(&t, err);
		if (r < 0)
			return r;
	}
	return 0;
}

struct gc {
	const struct runtime *rt;
	struct cni_attachments valid;
	struct cni_err *err;
	int acc;
};

static int sort_entry(const struct cache_entry *e, void *arg,
		      struct cni_err *err)
{
	struct gc *gc = arg;
	struct cni_err one = CNI_ERR_INIT;
	struct runtime stale = *gc->rt;
	struct stat st;

	if (!stat(e->netns, &st))
		return cni_attachments_add(&gc->valid, e->container_id,
					   e->ifname) < 0
			       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "GC")
			       : 0;
	stale.container_id = e->container_id;
	stale.ifname = e->ifname;
	stale.netns = e->netns;
	gc->acc = err_keep_first(gc->err, &one, runtime_del(&stale, &one),
				 gc->acc);
	return 0;
}

int runtime_gc(const struct runtime *rt, struct cni_err *err)
{
	cleanup_json cJSON *none = cJSON_CreateArray();
	struct gc gc = { .rt = rt, .err = err };
	struct cni_err one = CNI_ERR_INIT;
	const cJSON *plugin;
	int r;

	if (rt->list->disable_gc)
		return 0;
	r = cni_attachments_parse(none, &gc.valid, err);
	if (!r)
		r = cache_each(rt->cache_dir, rt->list->name, sort_entry, &gc,
			       err);
	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_GC, plugin, NULL, &gc.valid };

		if (r < 0 || rt->list->version < CNI_V1_1_0)
			break;
		r = take_turn(&t, &one);
		gc.acc = err_keep_first(err, &one, r, gc.acc);
		r = 0;
	}
	cni_attachments_free(&gc.valid);
	return r < 0 ? r : gc.acc;
}

int runtime_status(const struct runtime *rt, struct cni_err *err)
{
	const cJSON *plugin;
	int r = 0;

	if (rt->list->version < CNI_V1_1_0)
		return 0;
	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_STATUS, plugin, NULL, NULL };

		r = take_turn(&t, err);
		if (r < 0)
			break;
	}
	return r;
}
