/* SPDX-License-Identifier: Apache-2.0 */
/* What `weft run` left when it was killed: a directory that nobody locks. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cni/args.h"
#include "weft/orphans.h"
#include "weft/run.h"

#define NETWORKS_SIZE 1024

/* One of them. */
struct left {
	struct orphans *o;
	const struct run_space *space;
	const char *id;
	char networks[NETWORKS_SIZE];
	time_t since;
	bool is_open, is_asked;
};

static void name_network(struct left *l, const char *network)
{
	const size_t n = strlen(l->networks);

	(void)snprintf(l->networks + n, sizeof(l->networks) - n, "%s%s",
		       n ? "," : "", network);
}

/* Its device may be in the VM's namespace. */
static bool is_open(const struct cache_entry *e)
{
	cleanup_result struct cni_result result = { 0 };
	struct cni_err ignored = CNI_ERR_INIT;
	struct run_device d = { 0 };

	return e->result &&
	       cni_result_parse(e->result, CNI_V1_1_0, &result, &ignored) >=
		       0 &&
	       run_device_find(&result, e->netns, &d, &ignored) > 0 &&
	       d.is_open;
}

static int look_at(const char *file, const struct cache_entry *e, void *arg,
		   struct cni_err *err)
{
	struct left *l = arg;

	(void)file;
	(void)err;
	if (!e || strcmp(e->container_id, l->id) != 0 ||
	    strcmp(e->netns, l->space->netns) != 0)
		return 0;
	name_network(l, e->network);
	l->is_asked = l->is_asked || orphan_is_asked(l->o, e->network);
	l->is_open = l->is_open || is_open(e);
	l->since = e->saved > l->since ? e->saved : l->since;
	return 0;
}

static int look_at_all(struct left *l, struct cni_err *err)
{
	const char *dir = l->o->args->cache_dir;
	int r = cache_walk(dir, look_at, l, err);

	if (!r && strcmp(dir, CACHE_DIR) != 0)
		r = cache_walk(CACHE_DIR, look_at, l, err);
	return r;
}

static int end(const struct left *l, struct run_space *space,
	       struct cni_err *err)
{
	int r = run_space_clear(space, l->id, l->o->args->cache_dir, err);

	return r ? r : run_space_remove(space, err);
}

/* All of a VM's networks at once: it is one command's work. */
static int treat(struct left *l, struct run_space *space, bool runs,
		 struct cni_err *err)
{
	const struct link_info none = { .kind = "run" };
	struct cni_err why = CNI_ERR_INIT;
	struct orphan x = { .link = &none, .since = l->since };
	int removed = -1;

	x.of = (struct cni_attachment){ l->networks, l->id, "" };
	x.held_by = runs			      ? "run"
		    : l->is_open		      ? "VMM"
		    : orphan_is_young(l->o, l->since) ? "age"
						      : NULL;
	if (!x.held_by) {
		l->o->found++;
		if (l->o->args->yes)
			removed = !end(l, space, &why);
		if (!removed)
			orphan_failed(l->o, &x, &why);
	}
	return orphan_report(l->o, &x, removed) < 0
		       ? err_set(err, CNI_E_INTERNAL, ENOMEM, "list")
		       : 0;
}

static int treat_locked(struct left *l, struct run_space *space, bool runs,
			struct cni_err *err)
{
	struct cni_err ignored = CNI_ERR_INIT;
	struct stat st;
	int r;

	if (!lstat(space->path, &st))
		l->since = st.st_mtime;
	r = look_at_all(l, err);
	if (r < 0)
		return r;
	if (!runs && !*l->networks && lstat(space->netns, &st) < 0) {
		/* Killed, or ended, before it began. */
		(void)run_space_remove(space, &ignored);
		return 0;
	}
	return l->is_asked || !l->o->args->n ? treat(l, space, runs, err) : 0;
}

static int treat_run(struct orphans *o, const char *id, struct cni_err *err)
{
	struct cni_err busy = CNI_ERR_INIT;
	struct run_space space;
	struct left l = { .o = o, .space = &space, .id = id };
	int r = run_space_lock(&space, id, &busy);

	if (r < 0 && r != -EBUSY) {
		*err = busy;
		return r;
	}
	r = treat_locked(&l, &space, r == -EBUSY, err);
	run_space_close(&space);
	return r;
}

int orphans_of_runs(struct orphans *o, struct cni_err *err)
{
	cleanup_dir DIR *dir = opendir(RUN_DIR);
	const struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : err_set(err, CNI_E_IO, errno, "open " RUN_DIR);
	while (!r && (e = readdir(dir)))
		if (cni_name_is_valid(e->d_name))
			r = treat_run(o, e->d_name, err);
	return r;
}
