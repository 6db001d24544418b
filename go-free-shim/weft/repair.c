/* SPDX-License-Identifier: Apache-2.0 */
/* weft repair: what the caches remember of port forwards, asked for again, and the
 * guard on the ports that there are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "libcni/cache.h"
#include "libcni/request.h"
#include "weft/repair_guard.h"
#include "weft/session.h"

#define PLUGIN "portmap-nft"

struct repair {
	const char *plugin_path;
	const char *dir;
	size_t repaired, failed;
};

static bool has_ports(const struct cache_entry *e)
{
	const cJSON *ports = json_get(e->cap_args, "portMappings");

	return cJSON_IsArray(ports) && ports->child;
}

static bool has_plugin(const struct conflist *list)
{
	const cJSON *p;

	cJSON_ArrayForEach(p, list->plugins)
	{
		const char *type = cJSON_GetStringValue(json_get(p, "type"));

		if (type && !strcmp(type, PLUGIN))
			return true;
	}
	return false;
}

/* With what it was attached; else with what is configured now: the reference
 * plugin may have forwarded before. */
static int find_list(const struct cache_entry *e, struct conflist *ret,
		     struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;

	if (!cache_config(e, ret, &ignored) && has_plugin(ret))
		return 0;
	conflist_free(ret);
	return conflist_load(weft_conf_dir(), e->network, ret, err);
}

/* An ADD that finds its own work done is content; this one may find half. */
static int ask_again(const struct repair *x, const struct cache_entry *e,
		     const struct conflist *list, struct cni_err *err)
{
	const struct runtime rt = {
		.list = list,
		.plugin_path = x->plugin_path,
		.cache_dir = x->dir,
		.container_id = e->container_id,
		.netns = e->netns,
		.ifname = e->ifname,
		.args = e->args,
		.cap_args = e->cap_args,
	};
	const cJSON *plugin;
	int r = 0;

	cJSON_ArrayForEach(plugin, list->plugins)
	{
		const struct turn t = { &rt, CNI_ADD, plugin, e->result, NULL };
		const char *type = turn_type(&t);
		cleanup_json cJSON *ignored = NULL;

		if (!r && type && !strcmp(type, PLUGIN))
			r = turn_add(&t, &ignored, err);
	}
	return r;
}

static int repair_entry(const struct repair *x, const struct cache_entry *e,
			struct cni_err *err)
{
	cleanup_conflist struct conflist list = { 0 };
	int r;

	if (!e->result)
		return err_say(err, CNI_E_CONFIG, ENODATA,
			       "it was never attached to the end");
	r = find_list(e, &list, err);
	if (!r && !has_plugin(&list))
		return err_say(err, CNI_E_CONFIG, ENOENT,
			       "network \"%s\" has no " PLUGIN, e->network);
	return r ? r : ask_again(x, e, &list, err);
}

/* What cannot be repaired is named, and the rest still is. */
static int repair_one(const char *file, const struct cache_entry *e, void *arg,
		      struct cni_err *err)
{
	struct cni_err mine = CNI_ERR_INIT;
	struct repair *x = arg;
	struct stat st;
	int r;

	(void)err;
	if (!e) {
		(void)fprintf(stderr, "weft: %s/%s: not readable\n", x->dir,
			      file);
		x->failed++;
		return 0;
	}
	if (!has_ports(e))
		return 0;
	if (*e->netns && stat(e->netns, &st) < 0) {
		(void)printf("%s %s %s: left out: %s is gone\n", e->network,
			     e->container_id, e->ifname, e->netns);
		return 0;
	}
	r = repair_entry(x, e, &mine);
	if (!r) {
		(void)printf("%s %s %s: forwarded\n", e->network,
			     e->container_id, e->ifname);
		x->repaired++;
		return 0;
	}
	(void)fprintf(stderr, "weft: %s %s %s: %s\n", e->network,
		      e->container_id, e->ifname, mine.msg);
	x->failed++;
	return 0;
}

static int renew_guard(const char *dir, struct cni_err *err)
{
	const char *const dirs[] = { dir, CACHE_DIR_LIBCNI };
	size_t ports;
	const int r =
		repair_guard(dirs, strcmp(dir, CACHE_DIR) ? 1 : 2, &ports, err);

	if (ports)
		(void)printf("guard: on %zu port%s\n", ports,
			     ports == 1 ? "" : "s");
	return r < 0 ? err_ctx(err, r, "repair the guard") : 0;
}

int weft_repair(const struct weft_args *a, struct cni_err *err)
{
	char path[PATH_MAX];
	struct repair x = { .plugin_path = weft_plugin_path(path),
			    .dir = a->cache_dir };
	int r = cache_walk(x.dir, repair_one, &x, err);

	if (!r && !strcmp(a->cache_dir, CACHE_DIR)) {
		x.dir = CACHE_DIR_LIBCNI;
		r = cache_walk(x.dir, repair_one, &x, err);
	}
	if (!r)
		r = renew_guard(a->cache_dir, err);
	if (!r && x.failed)
		r = err_say(err, CNI_E_IO, EIO,
			    "%zu of %zu attachments could not be repaired",
			    x.failed, x.failed + x.repaired);
	return r;
}
