/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - the part of runtime.h that looks at a whole network. */
#include <errno.h>
#include <sys/stat.h>

#include "libcni/cache.h"
#include "libcni/request.h"

struct gc {
	const struct runtime *rt;
	const struct cni_attachments *valid;
	int acc;
};

/* With what it was attached with. */
static int drop_stale(const struct cache_entry *e, void *arg,
		      struct cni_err *err)
{
	struct gc *gc = arg;
	struct cni_err one = CNI_ERR_INIT;
	struct runtime stale = *gc->rt;
	int r;

	if (cni_attachments_has(gc->valid, e->container_id, e->ifname))
		return 0;
	stale.container_id = e->container_id;
	stale.ifname = e->ifname;
	stale.netns = e->netns;
	stale.args = e->args;
	stale.cap_args = e->cap_args;
	r = runtime_del(&stale, &one);
	if (r < 0)
		(void)err_ctx(&one, r, "%s of \"%s\"", e->ifname,
			      e->container_id);
	gc->acc = err_keep_first(err, &one, r, gc->acc);
	return 0;
}

int runtime_gc(const struct runtime *rt, const struct cni_attachments *valid,
	       struct cni_err *err)
{
	struct gc gc = { .rt = rt, .valid = valid };
	struct cni_err one = CNI_ERR_INIT;
	const cJSON *plugin;
	int r;

	if (rt->list->disable_gc)
		return 0;
	r = cache_each(rt->cache_dir, rt->list->name, drop_stale, &gc, err);
	if (r < 0)
		return r;
	cJSON_ArrayForEach(plugin, rt->list->plugins)
	{
		const struct turn t = { rt, CNI_GC, plugin, NULL, valid };

		if (rt->list->version < CNI_V1_1_0)
			break;
		r = turn_take(&t, &one);
		gc.acc = err_keep_first(err, &one, r, gc.acc);
	}
	return gc.acc;
}

static int keep_alive(const struct cache_entry *e, void *arg,
		      struct cni_err *err)
{
	struct cni_attachments *valid = arg;
	struct stat st;

	if (!*e->netns || stat(e->netns, &st) < 0 ||
	    cni_attachments_has(valid, e->container_id, e->ifname))
		return 0;
	return cni_attachments_add(valid, e->container_id, e->ifname) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "GC")
		       : 0;
}

int runtime_alive(const struct runtime *rt, const char *cache_dir,
		  struct cni_attachments *ret, struct cni_err *err)
{
	return cache_each(cache_dir, rt->list->name, keep_alive, ret, err);
}
