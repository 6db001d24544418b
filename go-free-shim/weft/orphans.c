/* SPDX-License-Identifier: Apache-2.0 */
/* weft gc --orphans: attachments that no cache, namespace or VMM holds. */
#include "weft/orphans.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cni/dan.h"
#include "libcni/runtime.h"
#include "net/macvtap.h"
#include "net/node.h"
#include "net/tap.h"
#include "weft/run.h"
#include "weft/show.h"
#include "weft/table.h"

static void orphans_close(struct orphans *o)
{
	netlink_close(o->host);
	free(o->links);
	leases_free(&o->leases);
	cJSON_Delete(o->list);
}

bool orphan_is_asked(const struct orphans *o, const char *network)
{
	return !o->args->n || !strcmp(o->args->positional[0], network);
}

static bool is_of_a_vm(const struct link_info *link)
{
	return !strcmp(link->kind, "tun") || !strcmp(link->kind, "macvtap");
}

bool orphan_is_open(const struct orphans *o, const struct link_info *link)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct tap_info tap = { 0 };

	if (!strcmp(link->kind, "macvtap"))
		return macvtap_is_open(link->name, link->index, &ignored);
	if (tap_get(o->host, link->name, &tap, &ignored) < 0)
		return true; /* no tap, or one that changes as we look */
	return link->carrier || tap.queues;
}

/* --- who holds it --- */

/* By the file's name, and so also one that cannot be read. */
static bool has_file(const char *dir, const struct cni_attachment *a)
{
	char path[PATH_MAX];
	const int n = snprintf(path, sizeof(path), "%s/%s-%s-%s", dir,
			       a->network, a->container_id, a->ifname);

	return n < (int)sizeof(path) && !access(path, F_OK);
}

/* Any answer but that it is not there leaves the doubt. */
static bool namespace_lives(const char *netns)
{
	struct stat st;

	return !*netns || !stat(netns, &st) ||
	       (errno != ENOENT && errno != ENOTDIR);
}

static const char *holder_of_macvtap(const struct link_info *link)
{
	struct cni_err ignored = CNI_ERR_INIT;
	const int r = macvtap_is_open(link->name, link->index, &ignored);

	return r < 0 ? "unknown" : r ? "VMM" : NULL;
}

static const char *holder_of_link(const struct orphans *o,
				  const struct link_info *link)
{
	/* A veth goes with the namespace that its other end is in. */
	if (!strcmp(link->kind, "veth"))
		return "namespace";
	if (!strcmp(link->kind, "ifb"))
		return NULL; /* its port is gone, or treat_link() passes it by */
	if (!strcmp(link->kind, "macvtap"))
		return holder_of_macvtap(link);
	if (strcmp(link->kind, "tun") != 0)
		return "unknown";
	return orphan_is_open(o, link) ? "VMM" : NULL;
}

static const char *holder(struct orphans *o, const struct orphan *x)
{
	const char *held_by = NULL;

	if (!*x->of.network)
		return "unknown"; /* the alias was too long to name it */
	if (has_file(CACHE_DIR_LIBCNI, &x->of))
		return "cache";
	if (x->entry ? namespace_lives(x->entry->netns)
		     : has_file(x->cache_dir, &x->of))
		return x->entry ? "namespace" : "cache";
	if (x->link)
		held_by = holder_of_link(o, x->link);
	return !held_by && orphan_is_young(o, x->since) ? "age" : held_by;
}

/* --- the list --- */

int orphan_report(struct orphans *o, const struct orphan *x, int removed)
{
	const char *kind = x->link ? x->link->kind : NULL;
	cJSON *obj = cJSON_CreateObject();
	int r = json_add(o->list, NULL, obj);

	if (r < 0)
		return r;
	r = show_str(obj, "network", x->of.network);
	r |= show_str(obj, "containerID", x->of.container_id);
	r |= show_str(obj, "ifname", x->of.ifname);
	r |= show_str(obj, "kind", kind && !strcmp(kind, "tun") ? "tap" : kind);
	r |= show_str(obj, "device", x->link ? x->link->name : NULL);
	r |= x->since ? show_num(obj, "since", x->since)
		      : show_str(obj, "since", NULL);
	r |= show_str(obj, "heldBy", x->held_by);
	r |= show_bool(obj, "removed", removed > 0);
	return r ? -ENOMEM : 0;
}

void orphan_failed(struct orphans *o, const struct orphan *x,
		   const struct cni_err *why)
{
	(void)fprintf(stderr, "weft: %s %s %s: %s\n", x->of.network,
		      x->of.container_id, x->of.ifname, why->msg);
	o->failed++;
}

/* --- the end of one --- */

static int load_config(const struct orphan *x, struct conflist *ret,
		       struct cni_err *err)
{
	if (x->entry && !cache_config(x->entry, ret, err))
		return 0;
	conflist_free(ret);
	return conflist_load(weft_conf_dir(), x->of.network, ret, err);
}

/* The plugins' own DEL: lease, rules and forwards go, too. */
static int detach(const struct orphan *x, const struct conflist *list,
		  struct cni_err *err)
{
	char path[WEFT_PATH_SIZE];
	const struct runtime rt = {
		.list = list,
		.plugin_path = weft_plugin_path(path),
		.cache_dir = x->cache_dir,
		.container_id = x->of.container_id,
		.netns = x->entry ? x->entry->netns : "",
		.ifname = x->of.ifname,
		.args = x->entry ? x->entry->args : "",
		.cap_args = x->entry ? x->entry->cap_args : NULL,
	};

	return runtime_del(&rt, err);
}

/* Return: 1 if it is still what it was, and nobody's; 0 if it is gone */
static int look_again(const struct orphans *o, const struct link_info *was,
		      struct cni_err *err)
{
	struct link_info is;
	int r = link_get_index(o->host, was->index, &is, err);

	if (r < 0)
		return r == -ENODEV ? 0 : r;
	if (strcmp(is.alias, was->alias) != 0 || is.group != was->group)
		return 0;
	return is_of_a_vm(&is) && orphan_is_open(o, &is)
		       ? err_say(err, CNI_E_TAKEN, EBUSY,
				 "%s: a VMM has opened it by now", is.name)
		       : 1;
}

static int remove_device(const struct orphans *o, const struct orphan *x,
			 const struct cni_err *why, struct cni_err *err)
{
	int r;

	if (!x->link)
		return err_say(err, CNI_E_CONFIG, ENOENT, "%s", why->msg);
	(void)fprintf(stderr,
		      "weft: %s %s %s: only %s is removed, and an address "
		      "stays held: %s\n",
		      x->of.network, x->of.container_id, x->of.ifname,
		      x->link->name, why->msg);
	r = link_delete(o->host, x->link->index, err);
	if (r < 0 && r != -ENODEV)
		return r;
	if (!strcmp(x->link->kind, "macvtap"))
		return node_collect(err);
	/* A tap of Kata's, where it is by default. */
	return dan_drop(DAN_DIR, x->of.container_id, x->link->alias, err);
}

static int remove_one(const struct orphans *o, const struct orphan *x,
		      struct cni_err *err)
{
	cleanup_conflist struct conflist list = { 0 };
	struct cni_err why = CNI_ERR_INIT;
	int r = x->link ? look_again(o, x->link, err) : 1;

	if (r <= 0)
		return r;
	if (load_config(x, &list, &why) < 0)
		return remove_device(o, x, &why, err);
	r = detach(x, &list, err);
	if (r < 0 || !x->link)
		return r;
	r = look_again(o, x->link, err);
	return r <= 0 ? r
		      : err_say(err, CNI_E_CONFIG, EBUSY,
				"%s is still there after DEL: the network's "
				"configuration is another one by now",
				x->link->name);
}

static int treat(struct orphans *o, struct orphan *x)
{
	struct cni_err err = CNI_ERR_INIT;
	int removed = -1;

	x->since = orphan_since(o, x);
	x->held_by = holder(o, x);
	if (!x->held_by) {
		o->found++;
		if (o->args->yes)
			removed = !remove_one(o, x, &err);
		if (!removed)
			orphan_failed(o, x, &err);
	}
	return orphan_report(o, x, removed);
}

/* --- the search --- */

static bool is_in_a_run(const struct cache_entry *e)
{
	return !strncmp(e->netns, RUN_DIR "/", sizeof(RUN_DIR)) &&
	       namespace_lives(e->netns);
}

static int recall(const struct orphans *o, const struct cni_attachment *a,
		  const char **ret_dir, struct cache_entry *ret)
{
	const char *const dirs[] = { o->args->cache_dir, CACHE_DIR };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		*ret_dir = dirs[i];
		if (cache_load(dirs[i], a->network, a->container_id, a->ifname,
			       ret))
			return 1;
	}
	*ret_dir = dirs[0];
	return 0;
}

/* What a port's rate is limited by goes with the port. */
static bool is_of_a_port(const struct orphans *o, const struct link_info *link)
{
	for (size_t i = 0; !strcmp(link->kind, "ifb") && i < o->n_links; i++)
		if (o->links[i].index != link->index &&
		    !strcmp(o->links[i].alias, link->alias))
			return true;
	return false;
}

static int treat_link(struct orphans *o, const struct link_info *link)
{
	cleanup_cache_entry struct cache_entry e = { 0 };
	struct orphan x = { .link = link };
	struct cni_alias alias = { 0 };

	if (link->group != LINK_GROUP_WEFT ||
	    !cni_alias_parse(link->alias, &alias) || !*alias.of.container_id ||
	    !orphan_is_asked(o, alias.of.network) || is_of_a_port(o, link))
		return 0;
	x.of = alias.of;
	if (recall(o, &x.of, &x.cache_dir, &e)) {
		x.entry = &e;
		if (is_in_a_run(&e))
			return 0;
	}
	return treat(o, &x);
}

static bool has_link(const struct orphans *o, const struct cache_entry *e)
{
	const struct cni_attachment a = { e->network, e->container_id,
					  e->ifname };
	struct cni_alias alias = { 0 };

	for (size_t i = 0; i < o->n_links; i++)
		if (o->links[i].group == LINK_GROUP_WEFT &&
		    cni_alias_parse(o->links[i].alias, &alias) &&
		    !strcmp(alias.of.network, a.network) &&
		    !strcmp(alias.of.container_id, a.container_id) &&
		    !strcmp(alias.of.ifname, a.ifname))
			return true;
	return false;
}

struct walk {
	struct orphans *o;
	const char *dir;
};

/* What weft attached and has no device here: addresses, forwards. */
static int treat_entry(const char *file, const struct cache_entry *e, void *arg,
		       struct cni_err *err)
{
	const struct walk *w = arg;
	struct orphan x = { .cache_dir = w->dir, .entry = e };

	(void)file;
	if (!e || !orphan_is_asked(w->o, e->network) || is_in_a_run(e) ||
	    has_link(w->o, e))
		return 0;
	x.of = (struct cni_attachment){ e->network, e->container_id,
					e->ifname };
	return treat(w->o, &x) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "list")
		       : 0;
}

static int treat_entries(struct orphans *o, struct cni_err *err)
{
	struct walk w = { o, o->args->cache_dir };
	int r = cache_walk(w.dir, treat_entry, &w, err);

	if (r || !strcmp(w.dir, CACHE_DIR))
		return r;
	w.dir = CACHE_DIR;
	return cache_walk(w.dir, treat_entry, &w, err);
}

/* Half of an entry is nobody's attachment, and nothing to tell of. */
static void tidy_caches(const struct orphans *o)
{
	const time_t until = o->now - (time_t)o->args->min_age;

	if (!o->args->yes)
		return;
	cache_tidy(o->args->cache_dir, until);
	cache_tidy(CACHE_DIR, until);
}

static int search(struct orphans *o, struct cni_err *err)
{
	int r = netlink_open(&o->host, err);

	o->list = cJSON_CreateArray();
	if (!r && !o->list)
		r = err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
	/* Before the devices are listed: theirs go with them. */
	if (!r)
		r = orphans_of_runs(o, err);
	if (!r)
		r = link_list(o->host, 0, &o->links, &o->n_links, err);
	for (size_t i = 0; !r && i < o->n_links; i++)
		if (treat_link(o, &o->links[i]) < 0)
			r = err_set(err, CNI_E_INTERNAL, ENOMEM, "list");
	if (!r)
		r = treat_entries(o, err);
	tidy_caches(o);
	return r;
}

static int print(const struct orphans *o, struct cni_err *err)
{
	static const char *const head[] = { "NETWORK", "GUEST",	 "IFNAME",
					    "KIND",    "DEVICE", "AGE",
					    "WHAT" };
	cleanup_table struct table t = { .columns = sizeof(head) /
						    sizeof(head[0]) };
	const cJSON *x;

	for (size_t i = 0; i < t.columns; i++)
		table_cell(&t, head[i]);
	cJSON_ArrayForEach(x, o->list)
	{
		if (!cJSON_IsNull(cJSON_GetObjectItem(x, "heldBy")))
			continue;
		show_cell(&t, x, "network");
		show_cell(&t, x, "containerID");
		show_cell(&t, x, "ifname");
		show_cell(&t, x, "kind");
		show_cell(&t, x, "device");
		show_age_cell(&t, x, "since");
		table_cell(&t, !o->args->yes ? "orphan"
			       : cJSON_IsTrue(json_get(x, "removed"))
				       ? "removed"
				       : "failed");
	}
	return show_table(&t, err);
}

int weft_gc_orphans(const struct weft_args *a, struct cni_err *err)
{
	CLEANUP(orphans_close)
	struct orphans o = { .args = a, .now = time(NULL) };
	int r = search(&o, err);

	if (!r)
		r = a->json ? show_json(o.list, err) : print(&o, err);
	if (r < 0)
		return err_ctx(err, r, "orphans");
	if (!a->yes && o.found)
		(void)fprintf(stderr, "weft: --yes removes them\n");
	return o.failed ? err_say(err, CNI_E_IO, EIO,
				  "%zu of %zu orphans could not be removed",
				  o.failed, o.found)
			: 0;
}
