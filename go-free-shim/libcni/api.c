/* SPDX-License-Identifier: Apache-2.0 */
/* api.c - the public header's functions, on those that the command uses too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/attachments.h"
#include "libcni/cache.h"
#include "libcni/runtime.h"
#include "libcni/weft-cni.h"

struct weft_cni {
	struct conflist list;
	char *plugin_path;
	char *cache_dir;
};

static int report(int r, const struct cni_err *e, struct weft_cni_error *ret)
{
	if (r >= 0 || !ret)
		return r;
	ret->code = (int)e->code;
	(void)snprintf(ret->msg, sizeof(ret->msg), "%s", e->msg);
	(void)snprintf(ret->details, sizeof(ret->details), "%s", e->details);
	return r;
}

static int no_memory(struct cni_err *err)
{
	return err_set(err, CNI_E_INTERNAL, ENOMEM, "network");
}

static int set_string(char **field, const char *s, const char *fallback)
{
	char *copy = strdup(s ? s : fallback);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int weft_cni_set_plugin_path(struct weft_cni *net, const char *path)
{
	return set_string(&net->plugin_path, path, WEFT_CNI_PLUGIN_PATH);
}

int weft_cni_set_cache_dir(struct weft_cni *net, const char *dir)
{
	return set_string(&net->cache_dir, dir, WEFT_CNI_CACHE_DIR);
}

void weft_cni_close(struct weft_cni *net)
{
	if (!net)
		return;
	conflist_free(&net->list);
	free(net->plugin_path);
	free(net->cache_dir);
	free(net);
}

DEFINE_CLEANUP(struct weft_cni *, weft_cni_close)

static int make(struct weft_cni **ret, struct cni_err *err)
{
	CLEANUP(weft_cni_closep) struct weft_cni *net = calloc(1, sizeof(*net));

	if (!net || weft_cni_set_plugin_path(net, NULL) < 0 ||
	    weft_cni_set_cache_dir(net, NULL) < 0)
		return no_memory(err);
	*ret = TAKE_PTR(net);
	return 0;
}

int weft_cni_open(const char *conf_dir, const char *network,
		  struct weft_cni **ret, struct weft_cni_error *err)
{
	CLEANUP(weft_cni_closep) struct weft_cni *net = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r = make(&net, &e);

	if (!r)
		r = conflist_load(conf_dir ? conf_dir : WEFT_CNI_CONF_DIR,
				  network, &net->list, &e);
	if (!r)
		*ret = TAKE_PTR(net);
	return report(r, &e, err);
}

static int parse_copy(const char *text, size_t len, struct conflist *ret,
		      struct cni_err *err)
{
	char *copy = malloc(len + 1);
	int r;

	if (!copy)
		return no_memory(err);
	memcpy(copy, text, len);
	copy[len] = '\0';
	r = conflist_parse(copy, len, false, ret, err);
	return r ? r : conflist_complete(ret, err);
}

int weft_cni_parse(const char *text, size_t len, struct weft_cni **ret,
		   struct weft_cni_error *err)
{
	CLEANUP(weft_cni_closep) struct weft_cni *net = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r = make(&net, &e);

	if (!r)
		r = parse_copy(text, len, &net->list, &e);
	if (!r)
		*ret = TAKE_PTR(net);
	return report(r, &e, err);
}

const char *weft_cni_name(const struct weft_cni *net)
{
	return net->list.name;
}

const char *weft_cni_version(const struct weft_cni *net)
{
	return cni_version_str(net->list.version);
}

static const char *or_else(const char *s, const char *fallback)
{
	return s ? s : fallback;
}

static struct runtime runtime_of(const struct weft_cni *net,
				 const struct weft_cni_guest *guest)
{
	return (struct runtime){
		.list = &net->list,
		.plugin_path = net->plugin_path,
		.cache_dir = net->cache_dir,
		.container_id = or_else(guest->container_id, ""),
		.netns = or_else(guest->netns, ""),
		.ifname = or_else(guest->ifname, "eth0"),
		.args = or_else(guest->args, ""),
	};
}

static int parse_caps(const char *text, cJSON **ret, struct cni_err *err)
{
	int r;

	if (!text || !*text)
		return 0;
	r = json_parse(text, strlen(text), ret, err);
	if (!r && !cJSON_IsObject(*ret))
		r = json_expected(*ret, "an object", err);
	return r < 0 ? err_ctx(err, r, "capability arguments") : 0;
}

static int print(const cJSON *result, char **ret, struct cni_err *err)
{
	*ret = json_print(result);
	return *ret ? 0 : no_memory(err);
}

int weft_cni_add(struct weft_cni *net, const struct weft_cni_guest *guest,
		 char **ret_result, struct weft_cni_error *err)
{
	struct runtime rt = runtime_of(net, guest);
	cleanup_json cJSON *caps = NULL, *result = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r = parse_caps(guest->capability_args, &caps, &e);

	rt.cap_args = caps;
	if (!r)
		r = runtime_add(&rt, &result, &e);
	if (!r && ret_result)
		r = print(result, ret_result, &e);
	return report(r, &e, err);
}

static int on_guest(struct weft_cni *net, const struct weft_cni_guest *guest,
		    int (*verb)(const struct runtime *rt, struct cni_err *e),
		    struct weft_cni_error *err)
{
	struct runtime rt = runtime_of(net, guest);
	cleanup_json cJSON *caps = NULL;
	struct cni_err e = CNI_ERR_INIT;
	int r = parse_caps(guest->capability_args, &caps, &e);

	rt.cap_args = caps;
	if (!r)
		r = verb(&rt, &e);
	return report(r, &e, err);
}

int weft_cni_check(struct weft_cni *net, const struct weft_cni_guest *guest,
		   struct weft_cni_error *err)
{
	return on_guest(net, guest, runtime_check, err);
}

int weft_cni_del(struct weft_cni *net, const struct weft_cni_guest *guest,
		 struct weft_cni_error *err)
{
	return on_guest(net, guest, runtime_del, err);
}

int weft_cni_status(struct weft_cni *net, struct weft_cni_error *err)
{
	return on_guest(net, &(struct weft_cni_guest){ 0 }, runtime_status,
			err);
}

int weft_cni_gc(struct weft_cni *net, const struct weft_cni_guest *valid,
		size_t n, struct weft_cni_error *err)
{
	const struct runtime rt =
		runtime_of(net, &(struct weft_cni_guest){ 0 });
	cleanup_attachments struct cni_attachments list = { 0 };
	cleanup_json cJSON *none = cJSON_CreateArray();
	struct cni_err e = CNI_ERR_INIT;
	int r = none ? cni_attachments_parse(none, &list, &e) : no_memory(&e);

	for (size_t i = 0; !r && i < n; i++)
		if (cni_attachments_add(&list,
					or_else(valid[i].container_id, ""),
					or_else(valid[i].ifname, "eth0")) < 0)
			r = no_memory(&e);
	if (!r)
		r = runtime_gc(&rt, &list, &e);
	return report(r, &e, err);
}

int weft_cni_result(const struct weft_cni *net,
		    const struct weft_cni_guest *guest, char **ret_result)
{
	const struct runtime rt = runtime_of(net, guest);
	cleanup_cache_entry struct cache_entry entry = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;

	if (!cache_load(rt.cache_dir, rt.list->name, rt.container_id, rt.ifname,
			&entry) ||
	    !entry.result)
		return -ENOENT;
	return print(entry.result, ret_result, &ignored);
}

struct each {
	int (*fn)(const struct weft_cni_guest *guest, void *arg);
	void *arg;
};

static int pass_on(const struct cache_entry *e, void *arg, struct cni_err *err)
{
	const struct each *each = arg;
	cleanup_free char *caps =
		e->cap_args ? cJSON_PrintUnformatted(e->cap_args) : NULL;
	const struct weft_cni_guest guest = {
		.container_id = e->container_id,
		.netns = e->netns,
		.ifname = e->ifname,
		.args = e->args,
		.capability_args = caps,
	};

	(void)err;
	return each->fn(&guest, each->arg);
}

int weft_cni_each(const struct weft_cni *net,
		  int (*fn)(const struct weft_cni_guest *guest, void *arg),
		  void *arg)
{
	struct each each = { fn, arg };
	struct cni_err ignored = CNI_ERR_INIT;

	return cache_each(net->cache_dir, net->list.name, pass_on, &each,
			  &ignored);
}
